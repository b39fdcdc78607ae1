"""Approvals: who let a release through, bound by a signature to its very files and to the table that they saw."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import replace
from pathlib import Path

from regard.data.release_rows import Row
from regard.domain.errors import InvalidInput


def key_of(folder: Path) -> bytes:
    """The installation's own key, made at the first call; only this user may read it."""
    path = folder / "approvals.key"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(opened, "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()


def approve(row: Row, who: str, at: float, key: bytes) -> Row:
    """`row` with the approval of `who`; InvalidInput without a name."""
    if not who.strip():
        raise InvalidInput("approver", "the name of who decides", repr(who))
    approved = replace(row, approver=who, approved=float(at))
    return replace(approved, signature=_signature(approved, key))


def is_approved(row: Row, key: bytes) -> bool:
    """Whether somebody let through exactly this release with exactly this table."""
    return row.signature is not None and hmac.compare_digest(row.signature, _signature(row, key))


def _signature(row: Row, key: bytes) -> str:
    told = [row.name, dict(row.about), [dict(line) for line in row.gate], row.approver, row.approved]
    said = json.dumps(told, sort_keys=True, default=dict)
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()
