"""The written list of damaged inputs: what each one is, how to make it, and what Regard says or does."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import polars as pl

HEAD = "user,item,rating,timestamp\n"
GOOD = "u1,i1,4,1600000000\nu2,i2,5,1600000100\n"  # in each file of rows: both must be imported
EVENT = {"user": "u", "item": "i", "time": 1600000000}
Make: TypeAlias = Callable[[Path], list[Path]]


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged input. Either the error says `error`, or `kept` events enter and the fields of `bad` do not."""

    what: str
    make: Make
    error: str = ""
    kept: int = 0
    bad: tuple[str, ...] = ()
    as_root: bool = True  # False: root may do what this forbids

    @property
    def outcome(self) -> str:
        """For the table in docs/damaged-inputs.md."""
        if self.error:
            return f"one error that says “{self.error}”; nothing is imported"
        refused = f"; {len(self.bad)} in quarantine ({', '.join(sorted(set(self.bad)))})" if self.bad else ""
        return f"{self.kept} rows imported{refused}"


def raw(name: str, content: bytes | str) -> Make:
    """A file with this content."""

    def make(folder: Path) -> list[Path]:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return [folder / name]

    return make


def rows(*lines: str, head: str = HEAD) -> Make:
    """A CSV with two good rows and these."""
    return raw("events.csv", head + GOOD + "".join(line + "\n" for line in lines))


def objects(*lines: object) -> Make:
    """A JSONL file of two good events and these; texts stand as they are."""
    good = [{**EVENT, "item": "a"}, {**EVENT, "item": "b"}]
    return raw(
        "events.jsonl", "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in [*good, *lines])
    )


def huge_line(folder: Path) -> list[Path]:
    """A sparse file: two good rows, then 2 GB without a line end."""
    with (folder / "events.csv").open("wb") as file:
        file.write((HEAD + GOOD).encode())
        file.seek(2 << 30)
        file.write(b"\n")
    return [folder / "events.csv"]


def bomb(folder: Path) -> list[Path]:
    """Gzip that grows about 1000-fold."""
    with gzip.open(folder / "events.csv.gz", "wb") as file:
        file.write((HEAD + GOOD).encode())
        for _ in range(24):
            file.write(b"u1,i1,4,16000000\n" * 61_681)  # 1 MB
    return [folder / "events.csv.gz"]


def truncated_parquet(folder: Path) -> list[Path]:
    """A Parquet file without its end."""
    pl.DataFrame({"user": ["u"] * 1000, "item": ["i"] * 1000}).write_parquet(folder / "events.parquet")
    whole = (folder / "events.parquet").read_bytes()
    return raw("events.parquet", whole[: len(whole) // 2])(folder)


def broken_gzip(folder: Path) -> list[Path]:
    """Gzip with a flipped byte in the middle."""
    text = "".join(f"u{n},i{n * 7919 % 997},{n % 5},{1600000000 + n * n}\n" for n in range(20_000))
    whole = bytearray(gzip.compress((HEAD + text).encode()))
    whole[len(whole) // 2 : len(whole) // 2 + 8] = b"\xff" * 8
    return raw("events.csv.gz", bytes(whole))(folder)


def loop(folder: Path) -> list[Path]:
    """A link to itself."""
    (folder / "events.csv").symlink_to(folder / "events.csv")
    return [folder / "events.csv"]


def forbidden(folder: Path) -> list[Path]:
    """A file without the right to read it."""
    paths = rows()(folder)
    paths[0].chmod(0)
    return paths


def nothing(name: str) -> Make:
    """A path where nothing is."""
    return lambda folder: [folder / name]


def folder_of(**files: str) -> Make:
    """A folder with these files; `__` in a name stands for a dot."""

    def make(folder: Path) -> list[Path]:
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text)
        return [folder]

    return make


def items(*lines: str, head: str) -> Make:
    """An items CSV of one good row and these, beside two good events."""

    def make(folder: Path) -> list[Path]:
        (folder / "items.csv").write_text(head + "\n" + "".join(line + "\n" for line in lines))
        return [*rows()(folder), folder / "items.csv"]

    return make


def trio(labels: str) -> Make:
    """The classic trio with these labels beside three rows of features."""
    return folder_of(
        user_data__csv="age\n1\n2\n3\n", content_data__csv="size\n4\n5\n6\n", labels__csv="label\n" + labels
    )


GZ = gzip.compress((HEAD + GOOD * 1000).encode())
DAMAGES = (
    # encodings
    Damage("latin-1 text", raw("events.csv", (HEAD + GOOD + "é,i,1,1600000000\n").encode("latin-1")), kept=3),
    Damage("UTF-16 with a byte order mark", raw("events.csv", (HEAD + GOOD).encode("utf-16")), kept=2),
    Damage("UTF-16 without a mark", raw("events.csv", (HEAD + GOOD).encode("utf-16-le")), "without its mark"),
    Damage("a UTF-8 byte order mark", raw("events.csv", b"\xef\xbb\xbf" + (HEAD + GOOD).encode()), kept=2),
    Damage("another encoding (Shift-JIS)", raw("events.csv", (HEAD + "日本,映画,1,1\n").encode("shift-jis")), "iconv"),
    Damage("one line of other bytes in UTF-8 text",
        raw("events.csv", (HEAD + GOOD + "é,i,1,1600000000\n").encode() + b"\xff\xfe,i,1,1600000000\n"),
        "", 3, ("line",)),
    Damage("NUL bytes in a line", raw("events.csv", (HEAD + GOOD + "u\0,i,1,1600000000\n").encode()), "", 2, ("line",)),
    # shapes of files
    Damage("an empty file", raw("events.csv", ""), "an empty file"),
    Damage("a header without rows", raw("events.csv", HEAD), "at least one row"),
    Damage("blank lines only", raw("events.csv", "\n\n\n"), "only blank lines"),
    Damage("a line of 2 GB", huge_line, "without a line end"),
    Damage("a gzip bomb", bomb, "grows at most"),
    Damage("gzip that ends too early", raw("events.csv.gz", GZ[:-20]), "complete gzip"),
    Damage("gzip with a broken middle", broken_gzip, "sound gzip"),
    Damage("Parquet that ends too early", truncated_parquet, "sound Parquet"),
    Damage("binary junk", raw("events.csv", bytes(range(256)) * 40), "binary data"),
    Damage("a zip archive or spreadsheet", raw("events.xlsx", b"PK\x03\x04" + b"x" * 100), "Unpack it"),
    Damage("a JSON list instead of lines", raw("events.json", json.dumps([EVENT])), "jq"),
    Damage("an unknown layout", raw("things.csv", "alpha,beta\nx,y\n"), "the columns alpha, beta"),
    Damage("a path where nothing is", nothing("nowhere.csv"), "No such file"),
    Damage("a folder without data", folder_of(README="hello"), "none of these: README"),
    Damage("an empty folder", folder_of(), "a folder with files"),
    Damage("a link to itself", loop, "symbolic links"),
    Damage("a file that may not be read", forbidden, "Permission denied", as_root=False),
    Damage("Windows line ends", raw("events.csv", (HEAD + GOOD).replace("\n", "\r\n")), kept=2),
    Damage("old Macintosh line ends", raw("events.csv", (HEAD + GOOD).replace("\n", "\r")), kept=2),
    Damage("semicolons instead of commas", raw("events.csv", (HEAD + GOOD).replace(",", ";")), kept=2),
    # columns
    Damage("a missing column", raw("events.csv", "user,rating,timestamp\nu,1,1600000000\n"), "no column 'item'"),
    Damage("a column that stands twice", raw("events.csv", "user,item,rating,rating\nu,i,1,2\n"), "twice"),
    Damage("a row with too few fields", rows("u3,i3"), "", 2, ("line",)),
    Damage("a row with too many fields", rows("u3,i3,1,1600000000,9"), "", 2, ("line",)),
    Damage("a quote that is never closed", rows('"u3,i3,1,1600000000'), "", 2, ("line",)),
    # numbers and times
    Damage("text in a number", rows("u3,i3,good,1600000000"), "", 2, ("value",)),
    Damage("thousands separators", rows('u3,i3,"1,234.5",1600000000'), "", 2, ("value",)),
    Damage("NaN", rows("u3,i3,NaN,1600000000"), "", 2, ("value",)),
    Damage("infinity", rows("u3,i3,inf,1600000000"), "", 2, ("value",)),
    Damage("a number beyond all bounds", rows("u3,i3,1e300,1600000000"), "", 2, ("value",)),
    Damage("a rating without a value", rows("u3,i3,,1600000000"), "", 2, ("value",)),
    Damage("a time in the future", rows("u3,i3,1,1900000000"), "", 2, ("time",)),
    Damage("a time before 1970", rows("u3,i3,1,-5"), "", 2, ("time",)),
    Damage("a missing time", rows("u3,i3,1,"), "", 2, ("time",)),
    Damage("a time in words", rows("u3,i3,1,yesterday"), "", 2, ("time",)),
    Damage("times in milliseconds", rows("u3,i3,1,1600000000000"), kept=3),
    Damage("ISO times with a zone", rows("u3,i3,1,2020-09-13T14:26:40+02:00"), kept=3),
    Damage("a negative position", objects({**EVENT, "position": -1}), "", 2, ("position",)),
    # ids
    Damage("an empty user id", rows(",i3,1,1600000000"), "", 2, ("user",)),
    Damage("an item id of spaces", rows("u3,   ,1,1600000000"), "", 2, ("item",)),
    Damage("spaces around an id", rows(" u3 ,i3,1,1600000000"), kept=3),
    Damage("a line end inside an id", rows('"u\n3",i3,1,1600000000'), "", 2, ("user",)),
    Damage("an id of 10,000 letters", rows("u" * 10_000 + ",i3,1,1600000000"), "", 2, ("user",)),
    Damage("ids that are steps of a path", rows("..,i3,1,1600000000", "u3,.,1,1600000000"), "", 2, ("item", "user")),
    Damage("one event id for two events",
        raw("events.csv", "id,user,item\na,u,i\nb,u,j\nb,u,k\n"), "", 2, ("id",)),
    Damage("an item without an id", items(",One", head="id,title"), "", 2, ("id",)),
    Damage("an id in two rows of items", items("i1,One", "i1,Uno", head="id,title"), kept=2),
    Damage("hidden: perhaps", items("i1,perhaps", head="id,hidden"), "", 2, ("hidden",)),
    # JSON
    Damage("a broken JSON line", objects('{"user": "u", "item'), "", 2, ("line",)),
    Damage("JSON that is no object", objects("[1, 2]"), "", 2, ("line",)),
    Damage("JSON nested 100,000 deep", objects("[" * 100_000), "", 2, ("line",)),
    Damage("numbers and texts as ids", objects({**EVENT, "user": 5}, {**EVENT, "user": "5", "item": "c"}), kept=4),
    Damage("a list as an id", objects({**EVENT, "user": ["u"]}), "", 2, ("line",)),
    Damage("NaN in JSON", objects('{"user": "u", "item": "i", "time": NaN}'), "", 2, ("time",)),
    Damage("NUL in a JSON text", objects({**EVENT, "user": "u\0"}), "", 2, ("line",)),
    Damage("half a surrogate pair", objects('{"user": "\\ud800", "item": "i", "time": 1}'), "", 2, ("line",)),
    Damage("context that is no object", objects({**EVENT, "context": [1]}), "", 2, ("context",)),
    # the trio
    Damage("labels that are neither 0 nor 1", trio("1\n0\n2\n"), "", 2, ("value",)),
    Damage("three files of different lengths", trio("1\n0\n"), "3 users, 3 items, 2 labels"),
)  # fmt: skip
ROOT = os.geteuid() == 0 if hasattr(os, "geteuid") else False


def document() -> str:
    """The table of docs/damaged-inputs.md."""
    lines = [
        "# Damaged inputs",
        "",
        "What `regard import` does with them. Each row is a test (`tests/data/test_damaged_inputs.py`), and this page",
        "is written from the same list (`tests/data/damaged.py`). In each file good rows stand beside the damage: they",
        "are imported, or the one error says why nothing is.",
        "",
        "| # | input | what happens |",
        "|---:|---|---|",
        *(f"| {n} | {damage.what} | {damage.outcome} |" for n, damage in enumerate(DAMAGES, 1)),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path("docs/damaged-inputs.md").write_text(document(), encoding="utf-8")
