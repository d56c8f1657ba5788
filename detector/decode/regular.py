"""The way of regular sign-ins: a body of them is scanned, not decoded (see `scanning.pyx`).

The scanner finds who asked for what by a hash over the bytes. What it meets for the first time, and what it finds odd
(a refusal, a null where none belongs), is decoded the usual way, and so is the whole body at its first doubt. What
becomes of a record is the same on either way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from detector.decode.decoded import Decoded
from detector.decode.flows import category_of, flow_of_sign_ins, flow_of_tenant
from detector.decode.flyweights import Told, origin_of, told_by
from detector.decode.signin import SIGN_INS, AccessStatus, AgentType, CredentialType, SignInEnvelope
from detector.decode.texts import ident, text
from detector.decode.times import EARLIEST
from detector.domain.events import Access, Origin, SignIn, SignInKind

if TYPE_CHECKING:
    from detector.decode.flyweights import Flyweights
    from detector.decode.scanning import Scanner

_READ: Final[dict[str, tuple[SignInKind, msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]]] = {
    category_of(kind): (
        name,
        msgspec.json.Decoder(kind[AgentType, CredentialType, AccessStatus]),  # type: ignore[index]
        msgspec.json.Decoder(kind[str, str, str]),  # type: ignore[index]
    )
    for kind, name in SIGN_INS.items()
    if issubclass(kind, SignInEnvelope)
}
"""Categories that the scanner reads: what events call them, and who decodes a record of them (see `signin`)."""


_OF_ACCESS: Final = 15
"""How many of the fields that the scanner tells are of the access; the others are of the origin."""


class Regular:
    """Scans bodies.

    Args:
        flyweights: Where accesses and origins come from.
        scanner: The compiled part; `None` where there is none.
        usually: Decodes an array of records the usual way, if they are fit for it.
        latest: The latest event time that needs no further look, given one and when it was exported.
        report: Counts the spellings never seen before.
    """

    def __init__(
        self,
        flyweights: Flyweights,
        scanner: Scanner | None,
        usually: Callable[[bytes], Decoded | None],
        latest: Callable[[float, str], float],
        report: Callable[[Decoded], None],
    ) -> None:
        self._flyweights: Final = flyweights
        self._usually: Final = usually
        self._latest: Final = latest
        self._report: Final = report
        self._scanner: Final = scanner

    def read(self, data: bytes) -> Decoded | None:
        """A body or lines of sign-ins of one category of services; `None` for all else.

        Raises:
            Unusable, msgspec.DecodeError: There is more to say of some record: it must be told from the others.
        """
        scanner, flyweights = self._scanner, self._flyweights
        if scanner is None:
            return None
        found = scanner.scan(data, flyweights.scanned, flyweights.scanned_origins)
        if found is None:
            return None
        category, ids, times, accesses, origins, users, clients, low, high, exported, odd, together = found
        if len(odd) < len(ids) and (low < EARLIEST or high > self._latest(high, exported)):
            return None
        asking = flyweights.asking
        if asking and not asking.isdisjoint(accesses):  # of these more is read than the scanner knows
            odd += (number for number, access in enumerate(accesses) if access in asking)
        missing = scanner.missing(accesses, origins)
        if missing:
            self._meet(data, category, accesses, origins, odd, missing)
        odd.sort()
        columns: list[list[Any]] = [ids, times, accesses, origins]
        if users is not None and clients is not None:
            columns += [list(map(ident, users)), list(map(text, clients))]
        others = None
        if odd:
            others = self._usually(b"[" + b",".join([scanner.record(data, number) for number in odd]) + b"]")
            if others is None:
                return None
            _without(columns, odd)
        result = Decoded(list(map(SignIn, *columns)))
        if together and not odd:
            flow_of_tenant(result.flows, columns[2][0].tenant_id, category, columns[1], low, high)
        elif result.events:
            flow_of_sign_ins(result.flows, category, columns[1], columns[2])
        if flyweights.odd:
            self._report(result)
        return result if others is None else _together(result, odd, others)

    def _meet(
        self,
        data: bytes,
        category: str,
        accesses: list[Access | None],
        origins: list[Origin | None],
        odd: list[int],
        missing: list[int],
    ) -> None:
        """Makes the flyweights that are missing. Sign-ins of which more is read than the scanner knows become odd."""
        scanner, flyweights, apart = self._scanner, self._flyweights, set(odd)
        assert scanner is not None
        kind, strict, loose = _READ[category]
        for number in missing:
            if number in apart:
                continue
            access, origin = accesses[number], origins[number]
            fields = scanner.fields(data, number)
            if fields is not None:
                told, place = Told(*fields[:_OF_ACCESS]), fields[_OF_ACCESS:]
            else:
                record_bytes = scanner.record(data, number)
                try:
                    record = strict.decode(record_bytes)
                except msgspec.ValidationError:
                    record = loose.decode(record_bytes)
                told, place = told_by(record.tenant_id, record.properties), origin_of(record.properties)
            if access is None:
                made = accesses[number] = flyweights.meet(kind, told, scanner.access_key(number))
                if made in flyweights.asking:
                    odd.append(number)
            if origin is None:
                origins[number] = flyweights.meet_origin(place, scanner.origin_key(number))


def _together(scanned: Decoded, odd: Sequence[int], others: Decoded) -> Decoded:
    """What was scanned, with the other records of the body in their places."""
    for number, event in zip(odd, others.events, strict=True):
        scanned.events.insert(number, event)
    others.events = scanned.events
    for key, buckets in scanned.flows.items():
        others.flows.setdefault(key, set()).update(buckets)
    others.unknown.update(scanned.unknown)
    return others


def _without(columns: Iterable[list[Any]], places: list[int]) -> None:
    for column in columns:
        for place in reversed(places):
            del column[place]
