"""The door of this room: bytes in, events and an exact account out.

A body takes the fast path as a whole: one typed decode, one loop. When anything in it is irregular (an unknown
category, a null where none belongs, a time in US format, broken JSON), it is cut into its records, and each goes
its own way: the same typed decode again, and failing that a repair of its shape into the very same structures.
So what becomes of a record never depends on its neighbours (for the shortcut in that, see `Decoder._latest`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import Any, Final

import msgspec
import orjson

from detector.decode import audit, compiled, deployment, inventory, particulars, risk
from detector.decode.categories import BY_NAME, LOOSE, STRICT
from detector.decode.decoded import Decoded
from detector.decode.fitting import Fit, converted, fitter
from detector.decode.flows import Flows, category_of, flow_of_others, flow_of_sign_ins
from detector.decode.flyweights import Flyweights, origin_of
from detector.decode.graph import GraphRequest, graph_activity
from detector.decode.particulars import NOTHING, Reread
from detector.decode.pieces import Message, depth_of, endings, ends, is_json, looks_like_lines, repair, salvage, seams
from detector.decode.problems import Unusable, explain, quarantine
from detector.decode.regular import Regular
from detector.decode.shapes import LeftOut, regular
from detector.decode.signin import NO_AGENT, SIGN_INS, UserSignInEnvelope
from detector.decode.texts import ident, text
from detector.decode.times import CLOCK_SKEW, EARLIEST, LATEST, Received
from detector.domain.events import Event, SignIn
from detector.domain.quarantine import Reason

_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_MAX_UNKNOWN: Final = 64
_NOTHING: Final = type(None)
_FAULTS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError, Unusable)
"""What a regular decode can end with; every other exception is a fault of this program."""

Handler = Callable[[Any, float | None, list[str]], Event]


def _body_of(record: Any) -> type[msgspec.Struct]:  # noqa: ANN401 -- a type form
    return msgspec.defstruct("Body", [("records", list[record])], gc=False, module=__name__)


_BODIES: Final = [msgspec.json.Decoder(_body_of(kind)) for kind in (STRICT, LOOSE)]
_ARRAYS: Final = [msgspec.json.Decoder(list[kind]) for kind in (STRICT, LOOSE)]  # type: ignore[valid-type]
_SINGLE: Final = [msgspec.json.Decoder(kind) for kind in (STRICT, LOOSE)]
_MESSAGE: Final = msgspec.json.Decoder(Message)
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_FITS: Final[dict[str, Fit]] = {name: fitter(kind) for name, kind in BY_NAME.values()}
"""How the properties of each category are made to fit; all these hold types only, no state."""


class Decoder:
    """Decodes messages; keeps only bounded tables of what recurs in them."""

    def __init__(
        self,
        *,
        max_body_bytes: int = 32 * 2**20,
        max_record_bytes: int = 256 * 2**10,
        max_depth: int = 32,
        max_interned: int = 200_000,
        environment_attribute: str | None = None,
        not_after: float = LATEST,
        scan: bool = True,
    ) -> None:
        """`not_after` is a moment (seconds since the epoch) by which every record had happened; the driver knows one.

        `environment_attribute` is the custom security attribute whose values are read, `Set.Name`.

        `max_depth` holds for records off the fast path; a regular one is read without looking at depth. Without `scan`
        the compiled way is not taken; the events are the same.
        """
        self._max_body: Final = max_body_bytes
        self._max_record: Final = max_record_bytes
        self._quick: Final = min(max_body_bytes, max_record_bytes)
        """Up to this length nothing in a message can be over a limit."""
        self._max_depth: Final = max_depth
        self.not_after = not_after
        """Moment by which every record had happened; a driver may move it before each message."""
        self._flyweights: Final = Flyweights(max_interned)
        self._received: Final = Received()
        self._regular: Final = Regular(
            self._flyweights,
            compiled.scanner() if scan else None,
            usually=self._whole,
            latest=self._latest,
            report=partial(self._report, odd=()),
        )
        self._handlers: Final[dict[type, Handler]] = self._registry(environment_attribute)
        """By the structure of every other record."""

    # The three doors

    def body(self, data: bytes, place: str = "") -> Decoded:
        """One message in any form: `{"records": [...]}`, an array, a page of Graph, one record, JSON lines, nothing."""
        if len(data) <= self._quick:
            done = self._scanned(data) or self._whole(data)
            if done is not None:
                return done
        result = Decoded([])
        if self._opened(data, place, result):
            self._document(data.removeprefix(_BOM).strip(), place, result, lines=True)
        return result

    def lines(self, data: bytes, place: str = "") -> Decoded:
        """A chunk of whole JSON lines, each a record or a message; blank lines are not counted."""
        result = Decoded([])
        if not self._opened(data, place, result):
            return result
        data = data.removeprefix(_BOM)
        if len(data) <= self._max_record or max(map(len, data.split(b"\n"))) <= self._max_record:
            done = self._scanned(data)
            if done is not None:
                return done
            for decoder in _SINGLE:
                with suppress(*_FAULTS):
                    return self._events(decoder.decode_lines(data), partial(particulars.of_lines, data))
        self._lines(data, place, result)
        return result

    def rows(self, rows: Sequence[Mapping[str, str]], place: str = "") -> Decoded:
        """Rows of a CSV file from Log Analytics, as `csv.DictReader` gives them.

        The bytes of a row that is quarantined are those of its JSON form: the reader keeps no others.
        """
        result = Decoded([])
        for row in rows:
            said = {_sound(name): _sound(value) for name, value in row.items() if name and value}
            data = orjson.dumps(said)
            if not said:
                result.filtered["empty"] += 1
            elif len(data) > self._max_record:
                self._refuse(data, "too_large", "the row is longer than the limit", place, result)
            else:
                self._guarded(data, place, result, partial(self._irregular, said))
        return result

    # Messages to records

    def _opened(self, data: bytes, place: str, result: Decoded) -> bool:
        """Whether there is something to read; if not, it is accounted for."""
        if len(data) > self._max_body:
            self._refuse(data, "too_large", "the message is longer than the limit", place, result)
        elif data.startswith(_UTF16):
            self._refuse(data, "not_utf8", "the message is UTF-16", place, result)
        elif not data.removeprefix(_BOM).strip():
            result.filtered["empty"] += 1
        else:
            return True
        return False

    def _document(self, data: bytes, place: str, result: Decoded, *, lines: bool) -> None:
        """One JSON text, or several lines of them; `data` has no space around it."""
        is_array = data.startswith(b"[")
        done = self._whole(data) if len(data) <= self._max_record or self._slim(data) else None
        if done is not None:
            _merge(result, done)
            return
        try:
            elements = self._split(data, is_array)
        except _FAULTS:
            if lines and looks_like_lines(data):
                self._lines(data, place, result)
            else:
                self._salvage(data, place, result)
            return
        if elements is None:
            self._salvage(data, place, result)
            return
        if not elements:
            result.filtered["empty"] += 1
        for element in elements:
            self._record(bytes(element), place, result)

    def _scanned(self, data: bytes) -> Decoded | None:
        """The fastest path: sign-ins of services that are regular through and through, or `None`."""
        with suppress(*_FAULTS):
            return self._regular.read(data)
        return None

    def _whole(self, data: bytes) -> Decoded | None:
        """The fast path: all records of a regular message at once, or `None`."""
        is_array = data.startswith(b"[")
        for decoder in _ARRAYS if is_array else _BODIES:
            try:
                decoded: Any = decoder.decode(data)
                records = decoded if is_array else decoded.records
                if records:
                    return self._events(records, partial(particulars.of_message, data))
            except Exception:  # noqa: BLE001, S112 -- whatever it is, the slow path finds the record at fault
                continue
        return None

    def _slim(self, data: bytes) -> bool:
        """Whether no record of a long message is over the limit."""
        try:
            elements = self._split(data, data.startswith(b"["))
        except _FAULTS:
            return False
        return elements is not None and all(len(bytes(each)) <= self._max_record for each in elements)

    def _split(self, data: bytes, is_array: bool) -> list[msgspec.Raw] | None:
        """The exact bytes of the elements of a well-formed message; `None` when it is one record itself."""
        if is_array:
            return _ELEMENTS.decode(data)
        if not data.startswith(b"{"):
            return None
        message = _MESSAGE.decode(data)
        elements = message.value if message.records is msgspec.UNSET else message.records
        return None if elements is msgspec.UNSET else elements or []

    def _lines(self, data: bytes, place: str, result: Decoded) -> None:
        for number, line in enumerate(data.split(b"\n"), 1):
            inner = line.strip()
            if inner:
                self._document(inner, f"{place}:{number}" if place else "", result, lines=False)

    def _salvage(self, data: bytes, place: str, result: Decoded) -> None:
        """The records of a message in broken or unusual spelling, as far as they can be told apart."""
        salvaged = salvage(data)
        if salvaged is None:
            self._record(data, place, result)
            return
        for piece, cut in salvaged.pieces:
            parts = seams(piece)
            if len(parts) == 1 or is_json(piece):
                self._record(piece, place, result, cut=cut)
                continue
            for part in parts[:-1]:
                self._record(part, place, result)
            last = next((each for each in endings(parts[-1]) if is_json(each)), parts[-1])
            self._record(last, place, result, cut=cut)
        if not ends(salvaged.rest):
            self._refuse(salvaged.rest, "malformed_json", "something follows the end of the message", place, result)
        elif not salvaged.pieces:
            result.filtered["empty"] += 1

    # Records to events

    def _record(self, data: bytes, place: str, result: Decoded, *, cut: bool = False) -> None:
        """One record on its own: the fast path for it alone, then the slow one."""
        if len(data) > self._max_record:
            self._refuse(data, "too_large", "the record is longer than the limit", place, result)
            return
        self._guarded(data, place, result, partial(self._alone, data, cut))

    def _alone(self, data: bytes, cut: bool) -> Decoded:
        for decoder in _SINGLE:
            with suppress(*_FAULTS):
                return self._events([decoder.decode(data)], partial(particulars.of_record, data))
        return self._irregular(self._loaded(data, cut))

    def _guarded(self, data: bytes, place: str, result: Decoded, work: Callable[[], Decoded]) -> None:
        """The boundary of one record: whatever goes wrong behind it costs this record only."""
        try:
            done = work()
        except Unusable as fate:
            self._refuse(data, fate.reason, fate.detail, place, result)
        except msgspec.ValidationError as error:
            cause = explain(error)
            self._refuse(data, cause.reason, cause.detail, place, result)
        except LeftOut as left:
            result.filtered["category_not_read" if left.known else "unknown_category"] += 1
            if not left.known:
                _count(result.unknown, f"category:{left.category}")
        except Exception:  # noqa: BLE001 -- a record no one foresaw must not stop those behind it
            self._refuse(data, "wrong_type", "the record could not be read", place, result)
        else:
            _merge(result, done)

    def _loaded(self, data: bytes, cut: bool) -> object:
        """The JSON value of a record, mended once if need be; raises `Unusable`."""
        if data.count(b"{") + data.count(b"[") > self._max_depth and depth_of(data) > self._max_depth:
            raise Unusable("too_deep", "the record nests deeper than the limit")
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            message = str(error)
            try:
                value = orjson.loads(repair(data))
            except orjson.JSONDecodeError:
                raise _broken(data, message, cut) from None
        if cut and not isinstance(value, dict):
            raise Unusable("truncated", "the message ends inside the record")
        return value

    def _irregular(self, record: object) -> Decoded:
        """One record of any shape; raises `Unusable`, `LeftOut` or `msgspec.ValidationError`."""
        if record is None or record == {}:
            return Decoded([], filtered=Counter(empty=1))
        if not isinstance(record, dict):
            raise Unusable("not_an_object", "the record is not an object")
        shaped = regular(record)
        name = str(shaped["category"])
        fitted = _FITS[name](shaped, "")
        record = converted(BY_NAME[name.casefold()][1], fitted)
        return self._events([record], partial(particulars.of_members, shaped["properties"]))

    def _events(self, records: Sequence[Any], reread: Reread) -> Decoded:
        """The events of decoded records, run by run of one category; `reread` reads more of the same bytes."""
        result = Decoded([])
        odd: list[str] = []
        kinds = set(map(type, records))
        runs = ((kind, records) for kind in kinds) if len(kinds) == 1 else groupby(records, type)
        latest = 0.0
        for kind, run in runs:
            if kind in SIGN_INS:
                told = list(run) if len(kinds) > 1 else records
                latest = self._sign_ins(kind, told, latest, result.events, reread, result.flows)
            elif kind in self._handlers:
                before = len(result.events)
                latest = self._others(self._handlers[kind], run, latest, result.events, odd)
                flow_of_others(result.flows, category_of(kind), result.events[before:])
            else:
                result.filtered["empty" if kind is _NOTHING else "category_not_read"] += sum(1 for _ in run)
        if odd or self._flyweights.odd:
            self._report(result, odd)
        return result

    def _sign_ins(
        self, kind: type, records: Sequence[Any], latest: float, events: list[Event], reread: Reread, flows: Flows
    ) -> float:
        """The loop that the speed of the whole program hangs on; the latest event time that needs no further look.

        Column by column: what memory holds of one record is fetched while that of the next is being asked for.
        """
        ids, times, keys, whences, users, clients = [], [], [], [], [], []
        by_user = issubclass(kind, UserSignInEnvelope)
        for record in records:
            said = record.properties
            agent, place = said.agent or NO_AGENT, said.location
            keys.append(
                hash(
                    (
                        said.app_id,
                        said.resource_id,
                        agent.parent_app_id,
                        said.status.error_code,
                        said.caller_name,
                        said.service_principal_id,
                        said.resource_display_name,
                        said.client_credential_type,
                        said.service_principal_credential_key_id,
                        said.federated_credential_id,
                        said.conditional_access_status,
                        (said.client_app_used, said.authentication_protocol) if by_user else None,
                        agent.agent_type,
                        agent.agent_subject_type,
                        agent.agent_subject_parent_id,
                        record.tenant_id,
                    )
                )
            )
            whences.append(hash((said.ip_address, said.autonomous_system_number, place and place.country_or_region)))
            time = said.created_date_time.timestamp()
            if not EARLIEST <= time <= latest:
                latest = self._latest(time, record.time)
            ids.append(said.id)
            times.append(time)
            users.append(said.user_id)
            clients.append(said.user_agent)
        flyweights = self._flyweights
        name = SIGN_INS[kind]
        accesses: list[Any] = list(map(flyweights.by_kind[name].get, keys))
        origins: list[Any] = list(map(flyweights.origins.get, whences))
        asking, more = flyweights.asking, list[int]()
        if asking and not asking.isdisjoint(accesses):
            more = [index for index, access in enumerate(accesses) if access in asking]
        for index in [index for index, access in enumerate(accesses) if access is None]:
            record = records[index]
            access = accesses[index] = flyweights.access(name, record.tenant_id, record.properties, keys[index])
            if access in asking:
                more.append(index)
        for index in [index for index, origin in enumerate(origins) if origin is None]:
            origins[index] = flyweights.origin(origin_of(records[index].properties))
        if any(users) or any(clients):
            events.extend(map(SignIn, ids, times, accesses, origins, map(ident, users), map(text, clients)))
        else:
            events.extend(map(SignIn, ids, times, accesses, origins))
        flow_of_sign_ins(flows, category_of(kind), times, accesses)
        if more:
            start = len(events) - len(ids)
            _complete(events, [start + index for index in more], reread)
        return latest

    def _others(
        self, handler: Handler, records: Iterable[Any], latest: float, events: list[Event], odd: list[str]
    ) -> float:
        for record in records:
            event = handler(record, self._received.get(record.time), odd)
            if not EARLIEST <= event.time <= latest:
                latest = self._latest(event.time, record.time)
            events.append(event)
        return latest

    def _latest(self, time: float, exported: str) -> float:
        """The latest event time that needs no further look, given an event time that did; raises `Unusable`.

        An event cannot be later than its export, nor (with `not_after`) than the moment it was read; five minutes
        are allowed for clocks that disagree. The records of a body are exported together, so the export of the
        first serves the others, and those later than it are looked at on their own. The five minutes are not
        lent: what becomes of a record is its own affair unless it was exported that much before a neighbour.
        """
        if not EARLIEST <= time <= LATEST:
            raise Unusable("bad_time", "the event time is not between the years 2000 and 2050")
        received = self._received.get(exported)
        limit = self.not_after
        if received is not None and received + 1.0 < limit:
            limit = received + 1.0
        if time > limit + CLOCK_SKEW:
            raise Unusable("future_time", "the event time is later than the time of export")
        return 0.0 if received is None else min(LATEST, limit)

    def _report(self, result: Decoded, odd: Iterable[str]) -> None:
        """Counts the spellings never seen before, once for each record that has them."""
        for spelling in odd:
            _count(result.unknown, spelling)
        for event in result.events:
            if type(event) is SignIn:
                for spelling in self._flyweights.odd.get(event.access, ()):
                    _count(result.unknown, spelling)

    def _registry(self, environment: str | None) -> dict[type, Handler]:
        handlers: dict[type, Handler] = {}
        handlers.update(dict.fromkeys(audit.CATEGORIES, partial(audit.change, environment=environment)))
        handlers.update(dict.fromkeys(risk.CATEGORIES, risk.risk))
        handlers[inventory.InventoryRecord] = inventory.inventory_object
        handlers[deployment.DeploymentRecord] = deployment.deployment
        handlers[GraphRequest] = lambda record, received, _: graph_activity(record, received, self._flyweights)
        return handlers

    def _refuse(self, data: bytes, reason: Reason, detail: str, place: str, result: Decoded) -> None:
        result.quarantined.append(quarantine(data, reason, detail, place))


def _complete(events: list[Event], places: Iterable[int], reread: Reread) -> None:
    """Adds the particulars of the sign-ins at these places."""
    few = [(place, event) for place in places if isinstance(event := events[place], SignIn)]
    found = reread(event.record_id for _, event in few)
    for place, event in few:
        policies, methods = found.get(event.record_id, NOTHING)
        if policies or methods:
            events[place] = msgspec.structs.replace(event, policies=policies, methods=methods)


def _merge(into: Decoded, other: Decoded) -> None:
    into.events.extend(other.events)
    into.quarantined.extend(other.quarantined)
    into.filtered.update(other.filtered)
    for place, buckets in other.flows.items():
        into.flows.setdefault(place, set()).update(buckets)
    for spelling, times in other.unknown.items():
        _count(into.unknown, spelling, times)


def _count(counter: Counter[str], spelling: str, times: int = 1) -> None:
    """Counts a spelling, cut short; when there are too many different ones, the rest are one."""
    name = (text(spelling) or "")[:96]
    if name not in counter and len(counter) >= _MAX_UNKNOWN:
        name = "other"
    counter[name] += times


def _broken(data: bytes, message: str, cut: bool) -> Unusable:
    """The reason for a record that is no JSON; `message` is orjson's and names no value."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return Unusable("not_utf8", "the record is not UTF-8")
    if "infinity" in message:
        return Unusable("number_out_of_range", "the record has a number beyond the range of a double")
    if cut or "unexpected end of data" in message:
        return Unusable("truncated", "the record ends before its last bracket")
    return Unusable("malformed_json", f"the record is not JSON: {message.partition(':')[0]}")


def _sound(value: object) -> str:
    """Text that UTF-8 can carry; a reader of CSV may hand over halves of characters, and a list of surplus cells."""
    return str(value).encode("utf-8", "replace").decode()
