"""The one store: people, items and events in PostgreSQL, embedded by default or any server by URL."""

from __future__ import annotations

from regard.data.database import Database


class Store(Database):
    """What we know, durably. `Store.open(folder_or_url, tenant)`; see `Database` for opening, closing, transactions."""
