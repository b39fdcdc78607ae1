"""Vocabulary: names and set phrases of reports, which are English in JSON, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from regard.data.translations import Translate


def vocabulary(_: Translate) -> Mapping[str, str]:
    """English name or phrase -> what a person reads."""
    counts = _counts(_) | _segments(_) | _checks(_) | _findings(_) | _done(_)
    return counts | _fits(_) | _states(_) | _conditions(_) | _parts(_)


def _counts(_: Translate) -> dict[str, str]:
    return {
        "users": _("people"),
        "items": _("items"),
        "lists": _("logged lists"),
        "quarantine": _("rows that could not be read"),
        "item versions": _("former versions of items"),
        "weight versions": _("former tables of weights"),
        "policies": _("what policies knew"),
        "hidden_items": _("hidden items"),
        "events": _("events"),
        "first_time": _("first event (UTC)"),
        "last_time": _("last event (UTC)"),
        "quarantined": _("rows in quarantine"),
        "table": _("table"),
        "version": _("version of the schema"),
        "bytes": _("bytes"),
        "releases": _("releases"),
        "live": _("live release"),
        "popularity": _("popularity"),
        "popular lately": _("popular lately"),
        "people who answered alike": _("people who answered alike"),
        "event_types": _("events of type"),
    }


def _states(_: Translate) -> dict[str, str]:
    return {
        "candidate": _("candidate"),
        "refused": _("refused"),
        "canary": _("canary"),
        "retired": _("retired"),
        "todo": _("waiting"),
        "doing": _("at work"),
        "succeeded": _("done"),
        "cancelled": _("cancelled"),
        "aborted": _("stopped"),
        "aborting": _("stopping"),
        "stalled": _("its process is gone"),
    }


def _conditions(_: Translate) -> dict[str, str]:
    return {
        "damaged files": _("damaged files"),
        "people to judge by": _("people to judge by"),
        "accuracy, everybody": _("accuracy, everybody"),
        "rewards, by the log": _("rewards, by the log"),
        "accuracy, new people": _("accuracy, new people"),
        "accuracy, known people": _("accuracy, known people"),
        "accuracy, occasional visitors": _("accuracy, occasional visitors"),
        "accuracy, frequent visitors": _("accuracy, frequent visitors"),
        "accuracy, rare items": _("accuracy, rare items"),
        "accuracy, new items": _("accuracy, new items"),
        "accuracy, known items": _("accuracy, known items"),
        "change of diversity": _("change of diversity"),
        "change of novelty": _("change of novelty"),
        "change of calibration": _("change of calibration"),
        "change of coverage": _("change of coverage"),
        "change of gini": _("change of concentration"),
        "milliseconds a list": _("milliseconds a list"),
        "megabytes": _("megabytes"),
        "full lists": _("full lists"),
        "lists to tune by": _("lists to tune by"),
    }


def _segments(_: Translate) -> dict[str, str]:
    return {
        "cold": _("no history"),
        "light": _("short history"),
        "medium": _("medium history"),
        "heavy": _("long history"),
        "warm": _("any history"),
        "long tail": _("long tail"),
        "cold items": _("new items"),
        "warm items": _("known items"),
    }


def _checks(_: Translate) -> dict[str, str]:
    return {
        "packages": _("packages"),
        "disk": _("disk"),
        "folder": _("folder"),
        "threads": _("threads"),
        "text encoder": _("text encoder"),
        "store": _("store"),
        "release": _("release"),
        "extra deep": _("extra deep"),
        "extra demo": _("extra demo"),
        "extra search": _("extra search"),
    }


def _findings(_: Translate) -> dict[str, str]:
    return {
        "duplicates": _("duplicates"),
        "bad times": _("bad times"),
        "impossible values": _("impossible values"),
        "impossible positions": _("impossible positions"),
        "broken lines": _("broken lines"),
        "missing or broken ids": _("missing or broken ids"),
        "missing, broken or repeated ids": _("missing, broken or repeated ids"),
        "values that do not fit": _("values that do not fit"),
        "unknown user ids": _("unknown user ids"),
        "unknown item ids": _("unknown item ids"),
        "robots and bursts": _("robots and bursts"),
        "missing values": _("missing values"),
        "constant columns": _("constant columns"),
        "columns of mixed types": _("columns of mixed types"),
        "times in milliseconds or finer": _("times in milliseconds or finer"),
        "ISO 8601 times": _("ISO 8601 times"),
    }


def _done(_: Translate) -> dict[str, str]:
    apart = "equal events stay apart (two equal invoice lines are two); rows about one id are merged by field"
    return {
        apart: _("equal events stay apart (two equal invoice lines are two); rows about one id are merged by field"),
        "put into quarantine": _("put into quarantine"),
        "kept; the users have rows without attributes": _("kept; the users have rows without attributes"),
        "kept; the items have rows without attributes": _("kept; the items have rows without attributes"),
        "kept and flagged": _("kept and flagged"),
        "left empty (a default where the field has one)": _("left empty (a default where the field has one)"),
        "kept; they tell nobody apart": _("kept; they tell nobody apart"),
        "those rows keep their text": _("those rows keep their text"),
        "read as unix seconds": _("read as unix seconds"),
    }


def _parts(_: Translate) -> dict[str, str]:
    return {
        "more like this": _("more like this"),
        "less like this": _("less like this"),
        "one maker": _("one maker"),
    }


def _fits(_: Translate) -> dict[str, str]:
    return {
        "epoch": _("epoch"),
        "loss": _("loss"),
        "rate": _("learning rate"),
        "figure": _("figure"),
        "trial": _("trial"),
        "accuracy": _("accuracy"),
        "variety": _("variety"),
        "latency": _("latency"),
        "coverage": _("coverage"),
        "diversity": _("diversity"),
        "done": _("done"),
        "pruned": _("pruned"),
        "failed": _("failed"),
    }
