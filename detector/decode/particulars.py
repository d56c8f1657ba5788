"""Particulars: what is read of a few sign-ins only, in a second reading of the bytes they came in.

The policies that refused a token, and the methods by which a person proved who they are, are long lists that nearly
every record carries and hardly any reader asks for. So the first reading skips them, and a message is read again when
it holds a sign-in of an access that asks for more (`asks_for_more`). Whatever is wrong with these lists costs the
particulars, never the sign-in.

Source of the forms: `appliedConditionalAccessPolicies` and `authenticationDetails` of the Microsoft Graph beta `signIn`
resource; `ConditionalAccessPolicies` and `AuthenticationDetails` in the tables of Log Analytics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple, TypeVar

import msgspec
import orjson

from detector.decode.fitting import unpacked
from detector.decode.texts import ident, text
from detector.domain.events import Access, Policy

_MAX_LISTED: Final = 256
"""Entries of a list that are looked at."""

_MAX_POLICIES: Final = 32
_MAX_METHODS: Final = 8

_RESULTS: Final = {"failure": "failure", "reportonlyfailure": "reportOnlyFailure"}
"""Results of a policy that are kept, and their documented spelling."""

_REFUSED_BY_POLICY: Final = frozenset(
    {50005, 50097, 50131, 53000, 53001, 53002, 53003, 53004, 53011, 530032, 530034, 530035}
)
"""Error codes of Conditional Access, for records whose `conditionalAccessStatus` does not say so.

Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""


class Particulars(NamedTuple):
    """What a second reading found."""

    policies: tuple[Policy, ...] = ()
    """Conditional Access policies that refused the token, or would have in report-only; those that refused first."""
    methods: tuple[str, ...] = ()
    """Methods that succeeded, as logged."""


NOTHING: Final = Particulars()

Reread = Callable[[Iterable[str]], Mapping[str, Particulars]]
"""Record ids to particulars of those of them that were found."""


T = TypeVar("T")


_NULL: Final = msgspec.Raw(b"null")


class _Lists(msgspec.Struct, gc=False, rename="camel"):
    """The lists of a sign-in, not looked into."""

    id: str = ""
    applied_conditional_access_policies: msgspec.Raw = _NULL
    authentication_details: msgspec.Raw = _NULL


class _Record(msgspec.Struct, gc=False):
    properties: _Lists | None = None


class _Body(msgspec.Struct, gc=False):
    records: list[_Record | None] = []


def _folded(name: str) -> str:
    return name.replace("_", "")


class _Applied(msgspec.Struct, gc=False, rename=_folded):
    """One entry of `appliedConditionalAccessPolicies`, names in lower case."""

    id: str | None = None
    display_name: str | None = None
    result: str | None = None


class _Step(msgspec.Struct, gc=False, rename=_folded):
    """One entry of `authenticationDetails`, names in lower case."""

    authentication_method: str | None = None
    succeeded: bool | None = None


_FAULTS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BODY: Final = msgspec.json.Decoder(_Body)
_ARRAY: Final = msgspec.json.Decoder(list[_Record | None])
_RECORD: Final = msgspec.json.Decoder(_Record)
_COLUMNS: Final = {
    "appliedconditionalaccesspolicies": ("conditionalaccesspolicies",),
    "authenticationdetails": (),
}
"""Names in lower case, and what else the same list is called."""


def asks_for_more(access: Access) -> bool:
    """Whether the particulars of such sign-ins are wanted.

    Refusals by Conditional Access, of people only where the record names an agent; and agents' user accounts that
    sign in interactively.
    """
    agentic = access.role != "none" or access.subject_role != "none" or access.blueprint_id is not None
    by_user = access.kind in {"interactive_user", "non_interactive_user"}
    if access.error_code and (agentic or not by_user):
        return (access.ca_status or "").casefold() == "failure" or access.error_code in _REFUSED_BY_POLICY
    return access.kind == "interactive_user" and "agent_user" in {access.role, access.subject_role}


def of_message(data: bytes, ids: Iterable[str]) -> dict[str, Particulars]:
    """Particulars of the records `ids` of a body that the first reading took as a whole."""
    with suppress(*_FAULTS):
        records = _ARRAY.decode(data) if data.startswith(b"[") else _BODY.decode(data).records
        return _among(records, set(ids))
    return {}


def of_record(data: bytes, ids: Iterable[str]) -> dict[str, Particulars]:
    """The same of a single record."""
    with suppress(*_FAULTS):
        return _among([_RECORD.decode(data)], set(ids))
    return {}


def of_lines(data: bytes, ids: Iterable[str]) -> dict[str, Particulars]:
    """The same of JSON lines: only the lines that hold one of the ids are read again."""
    wanted, lines = set(ids), set[tuple[int, int]]()
    for identifier in wanted:
        needle, place = orjson.dumps(identifier), 0
        while (place := data.find(needle, place)) >= 0:
            start, end = data.rfind(b"\n", 0, place) + 1, data.find(b"\n", place)
            end = len(data) if end < 0 else end
            lines.add((start, end))
            place = end
    records: list[_Record | None] = []
    for start, end in sorted(lines):
        with suppress(*_FAULTS):
            records.append(_RECORD.decode(data[start:end]))
    return _among(records, wanted)


def of_members(members: object, ids: Iterable[str]) -> dict[str, Particulars]:
    """The same of the properties of an irregular record, by name in lower case."""
    if not isinstance(members, dict):
        return {}
    lists = [
        next((members[each] for each in (name, *others) if members.get(each)), None)
        for name, others in _COLUMNS.items()
    ]
    found = Particulars(_policies(unpacked(lists[0])), _methods(unpacked(lists[1])))
    return dict.fromkeys(ids, found)


def _among(records: Iterable[_Record | None], ids: set[str]) -> dict[str, Particulars]:
    found: dict[str, Particulars] = {}
    for record in records:
        said = record.properties if record is not None else None
        if said is not None and said.id in ids:
            policies = _policies(_listed(said.applied_conditional_access_policies))
            methods = _methods(_listed(said.authentication_details))
            known = found.get(said.id, NOTHING)
            found[said.id] = Particulars(_ranked((*known.policies, *policies)), known.methods or methods)
    return found


def _listed(raw: msgspec.Raw) -> object:
    with suppress(orjson.JSONDecodeError):
        return unpacked(orjson.loads(bytes(raw)))
    return None  # bytes that the first reading skipped


def _elements(kind: type[T], listed: object) -> list[T]:
    """The elements of a list that are what they should be."""
    found: list[T] = []
    for element in listed[:_MAX_LISTED] if isinstance(listed, list) else ():
        if isinstance(element, dict):
            with suppress(msgspec.ValidationError):
                found.append(msgspec.convert({name.casefold(): value for name, value in element.items()}, kind))
    return found


def _policies(listed: object) -> tuple[Policy, ...]:
    found: list[Policy] = []
    for said in _elements(_Applied, listed):
        identifier, result = ident(said.id), _RESULTS.get((said.result or "").casefold())
        if identifier is not None and result is not None:
            found.append(Policy(identifier, text(said.display_name), result))
    return _ranked(found)


def _ranked(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """Each policy once, those that refused before those that only would have."""
    unique = {policy.id: policy for policy in sorted(policies, key=_rank, reverse=True)}
    return tuple(sorted(unique.values(), key=_rank)[:_MAX_POLICIES])


def _rank(policy: Policy) -> tuple[bool, str, str]:
    return policy.result != "failure", policy.id, policy.name or ""


def _methods(listed: object) -> tuple[str, ...]:
    steps = (step for step in _elements(_Step, listed) if step.succeeded)
    methods = {method for step in steps if (method := text(step.authentication_method)) is not None}
    return tuple(sorted(methods)[:_MAX_METHODS])
