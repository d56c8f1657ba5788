"""Switches for what can go wrong, to be thrown from any thread while the server runs.

A switch is either an event (it happens now, once, and has happened when the call returns) or a state (it lasts until it
is switched off, or until `clear`). The connection and link code asks the states; the events are commands to the server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from tests.hub.refusal import BUSY, DETACH_FORCED, STOLEN, RefusedError

SILENT: Literal["silent"] = "silent"
"""In place of a status: the request is taken and never answered."""

Status = int | Literal["silent"]

Garbage = Literal["frame-type", "performative", "endless"]


class Commands(Protocol):
    """What a server does when told; each returns when it is done."""

    def abort_connections(self, *, reset: bool) -> None:
        """End every connection at once, with a reset or without."""

    def detach_receivers(self, refusal: RefusedError, partition: str | None) -> None:
        """Detach receivers with an error, of one partition or all."""

    def rewind(self, partition: str, events: int) -> None:
        """Have the receivers of a partition get their last events again."""

    def write_raw(self, octets: bytes) -> None:
        """Write octets on every connection between two frames."""

    def detach_cbs(self) -> None:
        """Detach the links of the token node with an error."""

    def shorten_grants(self, seconds: float) -> None:
        """Have every right end in so many seconds."""

    def revise(self) -> None:
        """Look at the switches again."""


class Idle:
    """Commands before a server runs and after it has stopped: nothing there to be hurt."""

    def abort_connections(self, *, reset: bool) -> None: ...

    def detach_receivers(self, refusal: RefusedError, partition: str | None) -> None: ...

    def rewind(self, partition: str, events: int) -> None: ...

    def write_raw(self, octets: bytes) -> None: ...

    def detach_cbs(self) -> None: ...

    def shorten_grants(self, seconds: float) -> None: ...

    def revise(self) -> None: ...


class _Limited(NamedTuple):
    status: Status
    times: int | None


_GARBAGE: dict[Garbage, bytes] = {
    # A frame of a type that does not exist: the client raises ValueError, which it takes for a timeout.
    "frame-type": bytes.fromhex("0000000c02070000deadbeef"),
    # A list of one field where an open frame should be: the client indexes past its end.
    "performative": bytes.fromhex("0000000f02000000005310c00201") + b"\x40",
    # The head announces a body of 16 MiB that never comes: everything after it is taken for that body.
    "endless": bytes.fromhex("00ffffff02000000"),
}


class Faults:
    """The switches of one server."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """All off.

        Args:
            monotonic: Clock in seconds, for throttling.
        """
        self.commands: Commands = Idle()
        self._monotonic = monotonic
        self._reset()

    def _reset(self) -> None:
        self.refusing_connections = False
        self.dark = False
        self.frozen = False
        self.bytes_per_second: float | None = None
        self.token_lifetime: float | None = None
        self.doubled = False
        self.invalid_offsets: frozenset[str] = frozenset()
        self.withheld: frozenset[str] = frozenset()
        self._refusal: RefusedError | None = None
        self._stolen: frozenset[str] = frozenset()
        self._cbs: _Limited | None = None
        self._management: _Limited | None = None
        self._throttled_until = float("-inf")

    def clear(self) -> None:
        """Switch every lasting fault off."""
        self._reset()
        self.commands.revise()

    # ------------------------------------------------------------------------------------- network

    def drop_connections(self, *, reset: bool = True, until_cleared: bool = False) -> None:
        """End every connection now; and refuse new ones if it is to last.

        With a reset, as when a gateway forgets a flow; without, as when the process at the other end dies. The client
        leaves its socket open in the second case.
        """
        self.refusing_connections = self.refusing_connections or until_cleared
        self.commands.abort_connections(reset=reset)

    def refuse_connections(self, on: bool = True) -> None:
        """Reset new connections as soon as they are accepted; open ones go on."""
        self.refusing_connections = on

    def black_hole(self, on: bool = True) -> None:
        """Accept and read, but answer nothing.

        A connection that lost anything to it stays dead after the fault is off, until an end closes it: as behind a
        firewall that has forgotten the flow. New connections work again.
        """
        self.dark = on
        self.commands.revise()

    def half_open(self, on: bool = True) -> None:
        """Stop reading and writing but keep the sockets: the peer sees neither an end nor an answer.

        Nothing is lost; everything goes on where it stood when the fault is off.
        """
        self.frozen = on
        self.commands.revise()

    def slow(self, bytes_per_second: float | None) -> None:
        """Write no more than so many octets a second on each connection; None for no limit."""
        self.bytes_per_second = bytes_per_second
        self.commands.revise()

    def garbage_frame(self, kind: Garbage = "frame-type") -> None:
        """Write octets that make the client raise, on every connection, now."""
        self.commands.write_raw(_GARBAGE[kind])

    # --------------------------------------------------------------------------------------- links

    def detach_receivers(
        self,
        condition: str = DETACH_FORCED,
        description: str = "The link was detached by the test.",
        *,
        partition: str | int | None = None,
        until_cleared: bool = False,
    ) -> None:
        """Detach receivers with an error now; and refuse new ones with the same if it is to last."""
        refusal = RefusedError(condition, description)
        if until_cleared:
            self._refusal = refusal
        self.commands.detach_receivers(refusal, None if partition is None else str(partition))

    def refuse_receivers(self, condition: str | None, description: str = "Refused by the test.") -> None:
        """Refuse every new receiver with this condition; None to take them again."""
        self._refusal = None if condition is None else RefusedError(condition, description)

    def steal(self, partition: str | int, *, until_cleared: bool = False) -> None:
        """A receiver with a higher epoch takes the partition; and keeps it if it is to last."""
        if until_cleared:
            self._stolen |= {str(partition)}
        self.commands.detach_receivers(_stolen(str(partition)), str(partition))

    def withhold(self, partition: str | int, on: bool = True) -> None:
        """Deliver nothing of a partition although links are open and events are there: the silent stall."""
        self.withheld = self.withheld | {str(partition)} if on else self.withheld - {str(partition)}
        self.commands.revise()

    def duplicate_next(self, partition: str | int, n: int = 1) -> None:
        """Deliver the last `n` events of a partition again, before anything new."""
        self.commands.rewind(str(partition), n)

    def duplicate_all(self, on: bool = True) -> None:
        """Deliver every event twice."""
        self.doubled = on

    def invalid_offset(self, partition: str | int, on: bool = True) -> None:
        """Refuse every start position that came from an event, as after the hub was created anew."""
        name = str(partition)
        self.invalid_offsets = self.invalid_offsets | {name} if on else self.invalid_offsets - {name}

    def throttle(self, seconds: float) -> None:
        """Too busy for so long: receivers are detached, and links, sends and reads refused, with server-busy."""
        self._throttled_until = self._monotonic() + seconds
        self.commands.detach_receivers(_busy(), None)

    # --------------------------------------------------------------------------- tokens, management

    def fail_cbs(self, status: Status | None = 401, *, times: int | None = None) -> None:
        """Answer tokens with this status, or never; so many times, or until None is given."""
        self._cbs = None if status is None else _Limited(status, times)

    def break_cbs(self) -> None:
        """Detach the links of the token node with an error; data links stay."""
        self.commands.detach_cbs()

    def fail_management(self, status: Status | None = 500, *, times: int | None = None) -> None:
        """Answer management requests with this status, or never; so many times, or until None is given."""
        self._management = None if status is None else _Limited(status, times)

    def expire_tokens_after(self, seconds: float | None) -> None:
        """Let rights end so many seconds after the token was put, whatever the token says; None for what it says."""
        self.token_lifetime = seconds
        if seconds is not None:
            self.commands.shorten_grants(seconds)

    # -------------------------------------------------------------------------- what the server asks

    @property
    def throttled(self) -> RefusedError | None:
        """The refusal of a busy server, if it is busy."""
        return _busy() if self._monotonic() < self._throttled_until else None

    def receiver_refusal(self, partition: str) -> RefusedError | None:
        """Why a new receiver of this partition is refused, if it is."""
        if partition in self._stolen:
            return _stolen(partition)
        return self._refusal or self.throttled

    def next_cbs(self) -> Status | None:
        """Status for the next token, if it is to fail."""
        self._cbs, status = _taken(self._cbs)
        return status

    def next_management(self) -> Status | None:
        """Status for the next management request, if it is to fail."""
        self._management, status = _taken(self._management)
        return status or (503 if self.throttled else None)


def _taken(limited: _Limited | None) -> tuple[_Limited | None, Status | None]:
    if limited is None or limited.times == 0:
        return None, None
    left = None if limited.times is None else limited.times - 1
    return limited._replace(times=left), limited.status


def _stolen(partition: str) -> RefusedError:
    return RefusedError(
        STOLEN,
        f"New receiver with higher epoch is created hence current receiver of partition '{partition}' is getting "
        "disconnected.",
    )


def _busy() -> RefusedError:
    return RefusedError(BUSY, "The request was terminated because the entity is being throttled.")
