"""Keys: the names under which all memory hangs.

Keys of different partitions never meet: what is remembered under one key depends only on the events routed to
it. That law is the licence to shard by `partition` and to run the same features on another engine.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

KeyKind = Literal["agent", "blueprint", "credential", "network", "actor", "tenant"]


class Key(NamedTuple):
    """The subject of memory, signals, findings and alerts."""

    kind: KeyKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"
