"""What the endpoint for evidence tells whoever counts and logs, and why it takes something or does not.

Told on the event loop; must return at once. Every argument but a number is of a small closed set.
"""

from __future__ import annotations

from typing import Final, Literal, Protocol

Sender = Literal["github", "azure_devops", "records"]

RefusalReason = Literal[
    "unproved",
    "wrong_proof",
    "secret_unreadable",
    "too_large",
    "too_slow",
    "broken_off",
    "encoded",
    "not_json",
    "unsupported_shape",
    "undecodable",
    "busy",
    "full",
    "not_kept",
    "not_committed",
    "stopping",
]
"""Why a delivery was not taken."""

IgnoredReason = Literal["other_event", "no_deployment", "undeclared", "fork"]
"""Why a delivery was taken note of and nothing more: it is another event, it says nothing of a deployment, its run
belongs to no declared pipeline, or the run is one of a fork."""

STATUS: Final[dict[RefusalReason, int]] = {
    "unproved": 401,
    "wrong_proof": 401,
    "secret_unreadable": 503,
    "too_large": 413,
    "too_slow": 408,
    "broken_off": 400,
    "encoded": 415,
    "not_json": 400,
    "unsupported_shape": 422,
    "undecodable": 422,
    "busy": 503,
    "full": 503,
    "not_kept": 503,
    "not_committed": 503,
    "stopping": 503,
}
"""What HTTP answers with (RFC 9110)."""


class EvidenceFacts(Protocol):
    """Told by the endpoint."""

    def evidence_opened(self, port: int) -> None:
        """Deliveries are taken at a port."""

    def evidence_accepted(self, sender: Sender, records: int) -> None:
        """A delivery is in the store, as so many records."""

    def evidence_ignored(self, sender: Sender, reason: IgnoredReason) -> None:
        """A delivery is genuine and says nothing that counts."""

    def evidence_refused(self, sender: Sender, reason: RefusalReason) -> None:
        """A delivery was not taken."""


class Silent:
    """Tells nobody."""

    def evidence_opened(self, port: int) -> None:
        """Says nothing."""

    def evidence_accepted(self, sender: Sender, records: int) -> None:
        """Says nothing."""

    def evidence_ignored(self, sender: Sender, reason: IgnoredReason) -> None:
        """Says nothing."""

    def evidence_refused(self, sender: Sender, reason: RefusalReason) -> None:
        """Says nothing."""


class Refused(Exception):  # noqa: N818 -- it names a fate of a delivery, not a fault of the program
    """A delivery is not taken; the message is a sentence for its sender, without anything that it sent."""

    def __init__(self, reason: RefusalReason, message: str) -> None:
        super().__init__(message)
        self.reason: Final[RefusalReason] = reason


class Ignored(Exception):  # noqa: N818 -- it names a fate of a delivery, not a fault of the program
    """A delivery is genuine and says nothing that counts."""

    def __init__(self, reason: IgnoredReason) -> None:
        super().__init__(reason)
        self.reason: Final[IgnoredReason] = reason
