"""The way of regular sign-ins: a body of them is scanned, not decoded (see `scanning.pyx`).

The scanner finds who asked for what by a hash over the bytes. What it meets for the first time, and what it finds odd
(a refusal, a null where none belongs), is decoded the usual way, and so is the whole body at its first doubt. What
becomes of a record is the same on either way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from detector.decode.decoded import Decoded
from detector.decode.flows import category_of, flow_of_sign_ins
from detector.decode.particulars import asks_for_more
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
        category, ids, times, accesses, origins, users, clients, low, high, exported, odd = found
        if len(odd) < len(ids) and (low < EARLIEST or high > self._latest(high, exported)):
            return None
        if None in accesses or None in origins:
            self._meet(data, category, accesses, origins, odd)
        others = Decoded([])
        if odd:
            read = self._usually(b"[" + b",".join([scanner.record(data, number) for number in odd]) + b"]")
            if read is None:
                return None
            others = read
        columns: list[list[Any]] = [ids, times, accesses, origins]
        if users is not None and clients is not None:
            columns += [list(map(ident, users)), list(map(text, clients))]
        _without(columns, odd)
        result = Decoded(list(map(SignIn, *columns)))
        if result.events:
            flow_of_sign_ins(result.flows, category, columns[1], columns[2])
        if flyweights.odd:
            self._report(result)
        for number, event in zip(odd, others.events, strict=True):
            result.events.insert(number, event)
        others.events = result.events
        for key, buckets in result.flows.items():
            others.flows.setdefault(key, set()).update(buckets)
        others.unknown.update(result.unknown)
        return others

    def _meet(
        self,
        data: bytes,
        category: str,
        accesses: list[Access | None],
        origins: list[Origin | None],
        odd: list[int],
    ) -> None:
        """Makes the flyweights that are missing. Sign-ins of which more is read than the scanner knows become odd."""
        scanner, flyweights, apart = self._scanner, self._flyweights, set(odd)
        assert scanner is not None
        kind, strict, loose = _READ[category]
        for number, (access, origin) in enumerate(zip(accesses, origins, strict=True)):
            if (access is not None and origin is not None) or number in apart:
                continue
            record_bytes = scanner.record(data, number)
            try:
                record = strict.decode(record_bytes)
            except msgspec.ValidationError:
                record = loose.decode(record_bytes)
            if access is None:
                made = flyweights.meet(kind, record.tenant_id, record.properties, scanner.access_key(number))
                if asks_for_more(made):
                    odd.append(number)
                    continue
                accesses[number] = made
            if origin is None:
                origins[number] = flyweights.meet_origin(record.properties, scanner.origin_key(number))
        odd.sort()


def _without(columns: Iterable[list[Any]], places: list[int]) -> None:
    for column in columns:
        for place in reversed(places):
            del column[place]
