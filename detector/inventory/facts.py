"""What the poller tells whoever counts and logs: one method a fact, named in the past tense.

Facts are told on the event loop and must return at once. Every argument but a number is of a small closed set; nothing
of an object is ever an argument.
"""

from __future__ import annotations

from typing import Final, Literal, Protocol

Reason = Literal[
    "connection_lost",
    "credential_failed",
    "forbidden",
    "gone",
    "left_origin",
    "malformed",
    "not_found",
    "redirected",
    "rejected",
    "throttled",
    "timed_out",
    "too_large",
    "too_many_pages",
    "unauthorized",
    "unavailable",
]
"""Why a request, or what depends on it, came to nothing."""

LASTING: Final[frozenset[Reason]] = frozenset({"forbidden", "left_origin", "redirected", "rejected", "too_large"})
"""Reasons that another try soon will not mend: a person has to."""

Part = Literal[
    "agents",
    "agent_users",
    "app_roles",
    "attributes",
    "blueprints",
    "changes",
    "deletions",
    "delegated_grants",
    "federated_credentials",
    "inheritable_permissions",
    "owners",
    "people",
    "principals",
    "resources",
    "sponsors",
]
"""What is read."""

Round = Literal["full", "delta"]
"""Everything, or what has changed."""


class InventoryFacts(Protocol):
    """Told by the poller."""

    def round_finished(self, kind: Round, seconds: float, requests: int, *, told: int, deleted: int) -> None:
        """A round has ended; `told` objects were told, `deleted` of them as deleted."""

    def round_failed(self, kind: Round, error: str) -> None:
        """A round ended by a fault of the program; `error` is the name of its class."""

    def part_failed(self, part: Part, reason: Reason) -> None:
        """Something could not be read, or not to its end: what it would have shown is not known."""

    def object_unreadable(self, part: Part) -> None:
        """One object of a page could not be understood; the others were."""

    def request_retried(self, reason: Reason, seconds: float) -> None:
        """A request came to nothing and is made again after so many seconds."""

    def delta_refused(self) -> None:
        """Graph no longer knows what was read when; everything is read anew."""

    def deletions_unconfirmed(self, objects: int) -> None:
        """Objects were missing from a complete list, and yet Graph does not say that they are gone: nothing is told."""


class Silent:
    """Tells nobody."""

    def round_finished(self, kind: Round, seconds: float, requests: int, *, told: int, deleted: int) -> None:
        """Not told."""

    def round_failed(self, kind: Round, error: str) -> None:
        """Not told."""

    def part_failed(self, part: Part, reason: Reason) -> None:
        """Not told."""

    def object_unreadable(self, part: Part) -> None:
        """Not told."""

    def request_retried(self, reason: Reason, seconds: float) -> None:
        """Not told."""

    def delta_refused(self) -> None:
        """Not told."""

    def deletions_unconfirmed(self, objects: int) -> None:
        """Not told."""


class Noting:
    """Tells somebody else, and notes what could not be read."""

    def __init__(self, facts: InventoryFacts) -> None:
        self._facts: Final = facts
        self.failures = 0
        """Parts that could not be read, or not to their end."""
        self.passing = False
        """Whether another try soon may do better."""

    def start(self) -> None:
        """Notes anew."""
        self.failures, self.passing = 0, False

    def part_failed(self, part: Part, reason: Reason) -> None:
        """Is noted and told."""
        self.failures += 1
        self.passing = self.passing or reason not in LASTING
        self._facts.part_failed(part, reason)

    def object_unreadable(self, part: Part) -> None:
        """Is noted and told."""
        self.failures += 1
        self._facts.object_unreadable(part)

    def round_finished(self, kind: Round, seconds: float, requests: int, *, told: int, deleted: int) -> None:
        """Is told, as all that follows."""
        self._facts.round_finished(kind, seconds, requests, told=told, deleted=deleted)

    def round_failed(self, kind: Round, error: str) -> None:
        """Is told."""
        self._facts.round_failed(kind, error)

    def request_retried(self, reason: Reason, seconds: float) -> None:
        """Is told."""
        self._facts.request_retried(reason, seconds)

    def delta_refused(self) -> None:
        """Is told."""
        self._facts.delta_refused()

    def deletions_unconfirmed(self, objects: int) -> None:
        """Is told."""
        self._facts.deletions_unconfirmed(objects)
