"""A whole store as a folder of plain files, and back; counts and checksums say whether all came over."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.data.impression_log import make_months
from regard.domain.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from regard.data.postgres import Store
    from regard.data.store.database import Connection

MANIFEST = "regard-export.json"
LEFT = "job_progress"  # stays behind, as jobs do; exports of before hold it
TABLES = """SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relname NOT IN ('versions', 'job_progress') AND c.relname NOT LIKE 'procrastinate%'
GROUP BY c.relname ORDER BY c.relname"""
SEQUENCES = """SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND a.attidentity <> ''"""


def export_store(store: Store, folder: Path, files: Sequence[Path] = ()) -> dict[str, Any]:
    """Every table as `TABLE.csv.gz` and a manifest, as of one moment, and `files` beside them, by their names.

    InvalidInput unless `folder` is new or empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InvalidInput("export", "a new or empty folder", str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, Any] = {}
    with store.transaction() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for name, columns in connection.execute(TABLES.encode()).fetchall():
            path = folder / f"{name}.csv.gz"
            rows = _write(connection, name, columns, path)
            tables[name] = {"rows": rows, "columns": columns, "sha256": _sha256(path)}
        version = _version(connection)
    beside = {path.name: {"sha256": _sha256(Path(shutil.copyfile(path, folder / path.name)))} for path in files}
    manifest = {"regard": "export", "version": version, "tables": tables, "files": beside}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")
    return manifest


def is_export(folder: Path) -> bool:
    """Whether this is the folder of an export."""
    return (folder / MANIFEST).is_file()


def import_store(store: Store, folder: Path) -> dict[str, int]:
    """An export into a store that is still empty, in one transaction; how many rows of each table.

    Errors: InvalidInput for a file that is not as the manifest says, Conflict where the store holds something or is of
    another version.
    """
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    tables = {name: said for name, said in manifest["tables"].items() if name != LEFT}
    written = {f"{name}.csv.gz": said for name, said in tables.items()} | manifest.get("files", {})
    for name, said in written.items():
        path = folder / name
        if not path.is_file() or _sha256(path) != said["sha256"]:
            raise InvalidInput(str(path), "the file that was exported", "a missing or changed one", "Export again.")
    with store.transaction() as connection:
        _check_empty(connection, manifest["version"])
        known = dict(connection.execute(TABLES.encode()).fetchall())
        for name, said in tables.items():
            if sorted(known.get(name, [])) != sorted(said["columns"]):
                raise Conflict(f"table {name}", f"the columns {known.get(name)}", f"{said['columns']}")
            _read(connection, name, said["columns"], folder / f"{name}.csv.gz")
        for name, column in connection.execute(SEQUENCES.encode()).fetchall():
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{name}', '{column}'), max({column})) FROM {name} "  # noqa: S608
                f"HAVING max({column}) IS NOT NULL".encode()
            )
    return {name: said["rows"] for name, said in tables.items()}


def _write(connection: Connection, name: str, columns: list[str], path: Path) -> int:
    query = f'COPY (SELECT {_names(columns)} FROM "{name}") TO STDOUT (FORMAT csv)'  # noqa: S608 names of our tables
    with gzip.open(path, "wb", 6) as file, connection.cursor() as cursor:
        with cursor.copy(query.encode()) as copy:
            for block in copy:
                file.write(block)
        return cursor.rowcount


def _read(connection: Connection, name: str, columns: list[str], path: Path) -> None:
    connection.execute(f'ALTER TABLE "{name}" DISABLE TRIGGER USER'.encode())
    connection.execute(f'DELETE FROM "{name}"'.encode())  # noqa: S608 what a fresh store begins with
    if name == "impressions":
        make_months(connection, (float(at) for at in _column(path, columns.index("at"))))
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{name}" ({_names(columns)}) FROM STDIN (FORMAT csv)'.encode()) as copy,
        gzip.open(path, "rb") as file,
    ):
        while block := file.read(1 << 20):
            copy.write(block)
    connection.execute(f'ALTER TABLE "{name}" ENABLE TRIGGER USER'.encode())


def _column(path: Path, place: int) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        csv.field_size_limit(1 << 30)
        for row in csv.reader(file):
            yield row[place]


def _check_empty(connection: Connection, version: int) -> None:
    stands = _version(connection)
    if stands != version:
        raise Conflict("the store", f"version {version}, as exported", f"version {stands}", "Use that Regard.")
    found = connection.execute("SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM items)").fetchone()
    if found is None or found[0]:
        raise Conflict("the store", "an empty one", "one that holds people or items", "Give another folder or tenant.")


def _version(connection: Connection) -> int:
    found = connection.execute("SELECT max(version) FROM versions").fetchone()
    return int(found[0]) if found else 0


def _names(columns: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
