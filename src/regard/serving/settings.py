"""Settings: the only reader of environment variables and regard.toml."""

from __future__ import annotations

import os
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from regard.data.translations import LANGUAGES
from regard.domain.errors import InvalidInput

TOML = "regard.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs from machine to machine.

    folder: releases, caches and the embedded server's data. database_url: your own PostgreSQL, else the embedded one.
    language: of everything that is said to people. threads: for BLAS and faiss; 0 leaves them alone. data: a folder of
    real data sets for tests and benchmarks. recipes: the decoded regard.toml. encoder_key: of a text encoder that
    stands behind an endpoint. Of a server: tenants that one process serves (default: `tenant` alone), origins of pages
    that may ask it, the requests a second that one key may make of a process (0: any number), the seconds that a
    request waits for a store that answers nobody (patience) and a list for one source (budget), and threads that help
    with the sources (helpers). With a page_secret the page of `/` needs no key. traces: what OpenTelemetry exports.
    figures: the folder where several processes of one server write theirs for Prometheus.
    """

    folder: Path
    database_url: str | None = None
    tenant: str = "regard"
    language: str = "en"
    threads: int = 0
    data: Path | None = None
    recipes: Mapping[str, Any] = field(default_factory=dict)
    encoder_key: str = field(default="", repr=False)
    tenants: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    rate: float = 0.0
    patience: float = 1.0
    budget: float = 0.1
    helpers: int = 0
    page_secret: str = field(default="", repr=False)
    traces: str = ""
    figures: str = ""

    @property
    def store(self) -> str | Path:
        """Where the store is: the URL, or the folder of the embedded server."""
        return self.database_url or self.folder / "store"


def read_settings(folder: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from REGARD_* variables and, where there is one, `regard.toml` in the folder or the working directory.

    Variables: REGARD_FOLDER, REGARD_DATABASE_URL, REGARD_TENANT, REGARD_LANGUAGE, REGARD_THREADS, REGARD_DATA,
    REGARD_ENCODER_KEY, REGARD_TENANTS, REGARD_ORIGINS (both parted by commas), REGARD_RATE, REGARD_PATIENCE,
    REGARD_BUDGET, REGARD_HELPERS, REGARD_PAGE_SECRET; PROMETHEUS_MULTIPROC_DIR; of OpenTelemetry those that switch
    it on (see `_traces`), the others are read by its SDK.
    """
    env = os.environ if environment is None else environment
    home = folder or Path(env.get("REGARD_FOLDER") or platformdirs.user_data_path("regard"))
    return Settings(
        folder=home.expanduser().resolve(),
        database_url=env.get("REGARD_DATABASE_URL") or None,
        tenant=env.get("REGARD_TENANT", "regard"),
        language=_language(env),
        threads=_whole("REGARD_THREADS", env, "0 for no limit"),
        data=Path(env["REGARD_DATA"]) if env.get("REGARD_DATA") else None,
        recipes=_toml(toml) if (toml := toml_of(home)) else {},
        encoder_key=env.get("REGARD_ENCODER_KEY", ""),
        tenants=_several(env.get("REGARD_TENANTS", "")),
        origins=_several(env.get("REGARD_ORIGINS", "")),
        page_secret=env.get("REGARD_PAGE_SECRET", ""),
        rate=_number("REGARD_RATE", env.get("REGARD_RATE", "0"), "requests a second, 0 for any number"),
        patience=_number("REGARD_PATIENCE", env.get("REGARD_PATIENCE", "1"), "seconds, .001 or more", 1e-3),
        budget=_number("REGARD_BUDGET", env.get("REGARD_BUDGET", "0.1"), "seconds, .001 or more", 1e-3),
        helpers=_whole("REGARD_HELPERS", env, "0 for none"),
        traces=_traces(env),
        figures=env.get("PROMETHEUS_MULTIPROC_DIR", ""),
    )


def toml_of(folder: Path) -> Path | None:
    """The `regard.toml` that counts: the folder's, else the working directory's; None where neither says anything."""
    return next((path for path in (folder / TOML, Path(TOML)) if _toml(path)), None)


def spoken_language(environment: Mapping[str, str] | None = None) -> str:
    """The reader's language where the rest of the settings may still be wrong; English unless said otherwise."""
    try:
        return _language(os.environ if environment is None else environment)
    except InvalidInput:
        return LANGUAGES[0]


def now() -> float:
    """The clock, in unix seconds; nothing below `serving` reads it."""
    return time.time()


def _language(env: Mapping[str, str]) -> str:
    asked = env.get("REGARD_LANGUAGE")
    if asked and asked not in LANGUAGES:
        raise InvalidInput("REGARD_LANGUAGE", f"one of {', '.join(LANGUAGES)}", repr(asked))
    spoken = asked or env.get("LC_ALL") or env.get("LANG") or "en"
    return next((language for language in LANGUAGES if spoken.startswith(language)), "en")


def _whole(name: str, env: Mapping[str, str], zero: str) -> int:
    text = env.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise InvalidInput(name, f"a whole number, {zero}", repr(text))
    return int(text)


def _several(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _traces(env: Mapping[str, str]) -> str:
    """What OTEL_TRACES_EXPORTER names, else otlp where an endpoint for it is set; nothing where the SDK is disabled."""
    there = env.get("OTEL_EXPORTER_OTLP_ENDPOINT") or env.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    exporter = env.get("OTEL_TRACES_EXPORTER") or ("otlp" if there else "none")
    if exporter == "none" or env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ""
    spoken = env.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or env.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    return f"otlp by {spoken}" if exporter == "otlp" and spoken not in (None, "", "http/protobuf") else exporter


def _number(name: str, text: str, expected: str, least: float = 0.0) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number < float("inf"):
        raise InvalidInput(name, expected, repr(text))
    return number


def _toml(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as cause:
        raise InvalidInput(str(path), "TOML in UTF-8", str(cause)) from cause
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise InvalidInput(f"{path} {name}", f"a table: [{name}] or [{name}.NAME]", repr(table))
    return tables
