"""B5: Amazon Sports 5-core, the last product of each person, lists of 10 over all products; as B4."""

from __future__ import annotations

from benchmarks.protocols.b4 import next_product

PARTS = {"Sports": next_product("Amazon Sports and Outdoors", "amazon-sports-5core")}
