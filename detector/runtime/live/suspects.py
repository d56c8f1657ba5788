"""Messages that the process died on: judged alone, and refused when they kill it again and again.

A record that raises is quarantined by the decoder. One that ends the process itself (a fault in a C library, memory
running out) leaves no trace but the mark in the store that it was in work. Those marks are what this goes by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final

from detector.decode.decoded import Decoded
from detector.domain.delivery import Delivery
from detector.domain.quarantine import MAX_BYTES, Quarantined
from detector.stores.records import Inflight

APART_AFTER: Final = 2
"""Deaths on a range after which its messages are judged one by one."""
REFUSED_AFTER: Final = 3
"""Deaths on one message alone after which it is not judged any more."""


class Suspects:
    """The suspected ranges of a store, by partition."""

    def __init__(self, inflight: Mapping[str, Inflight]) -> None:
        self._ranges: Final = dict(inflight)

    def parts(self, batch: Sequence[Delivery]) -> Iterator[Sequence[Delivery]]:
        """The batch cut into what is judged and committed together; suspected messages stand alone."""
        together: list[Delivery] = []
        for delivery in batch:
            if not self._apart(delivery):
                together.append(delivery)
                continue
            if together:
                yield together
                together = []
            yield [delivery]
        if together:
            yield together

    def refusal(self, delivery: Delivery) -> Decoded | None:
        """What a message that killed the process too often decodes to: nothing, and one quarantined whole."""
        found = self._ranges.get(delivery.partition)
        if found is None or found.alone < REFUSED_AFTER or delivery.position.sequence != found.first:
            return None
        body = delivery.body
        detail = f"the process ended {found.alone} times while this message alone was in work"
        return Decoded(
            [],
            quarantined=[
                Quarantined(
                    reason="kills_the_process",
                    detail=detail,
                    data=body[:MAX_BYTES],
                    size=len(body),
                    sha256=sha256(body).hexdigest(),
                )
            ],
        )

    def _apart(self, delivery: Delivery) -> bool:
        found = self._ranges.get(delivery.partition)
        return (
            found is not None
            and found.crashes >= APART_AFTER
            and found.first <= delivery.position.sequence <= found.last
        )
