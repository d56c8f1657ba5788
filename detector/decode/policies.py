"""Conditional Access policies and named locations in audit records.

The sides of the modified property are the Graph resource (`conditionalAccessPolicy`, `ipNamedLocation`,
`countryNamedLocation`; learn.microsoft.com/graph/api/resources) as JSON text, once or twice inside a string. The name
of the property is not relied on: what matters is that a side reads as such a resource. Only ids and words of the
policy language are taken, and no more than `MAX_LISTED` of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import orjson

from detector.decode.texts import ident, text
from detector.domain.events import Identity, PolicyChange, PolicyTerms

MAX_LISTED: Final = 64
"""Ids, controls or networks of one list that are kept."""

_MAX_JSON: Final = 256 * 2**10
"""Longest side that is parsed."""

_DEEDS: Final[dict[str, Literal["added", "changed", "deleted"]]] = {
    "add": "added",
    "update": "changed",
    "delete": "deleted",
}
_MARKS: Final = {
    "policy": frozenset({"state", "conditions", "grantControls"}),
    "location": frozenset({"ipRanges", "countriesAndRegions", "isTrusted"}),
}
"""Members one of which a resource of each kind has."""

_EVERY_AGENT: Final = "allagentid"
"""What words like `AllAgentIdUsers` and `AllAgentIdResources` begin with, case-folded."""


def policy_change(
    activity: str, sides: Iterable[tuple[str | None, str | None]], targets: tuple[Identity, ...]
) -> PolicyChange | None:
    """What a change of this folded activity did to a policy or location; `None` for every other activity.

    `sides` are the old and new values of its modified properties.
    """
    verb, _, thing = activity.partition(" ")
    deed = _DEEDS.get(verb)
    kind: Literal["policy", "location"]
    if deed is None or thing not in ("conditional access policy", "named location"):
        return None
    kind = "policy" if thing == "conditional access policy" else "location"
    before, after = _resources(sides, _MARKS[kind])
    read = _policy if kind == "policy" else _location
    named = after or before or {}
    target = targets[0] if targets else None
    return PolicyChange(
        kind,
        deed,
        (target.id if target is not None else None) or _id(named.get("id")),
        (target.name if target is not None else None) or _word(named.get("displayName")),
        None if before is None else read(before),
        None if after is None else read(after),
    )


def _resources(
    sides: Iterable[tuple[str | None, str | None]], marks: frozenset[str]
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The first property of which a side reads as a resource with one of these members."""
    for old, new in sides:
        before, after = _resource(old, marks), _resource(new, marks)
        if before is not None or after is not None:
            return before, after
    return None, None


def _resource(value: str | None, marks: frozenset[str]) -> dict[str, Any] | None:
    inner: object = value
    for _ in range(2):
        if isinstance(inner, str) and len(inner) <= _MAX_JSON:
            try:
                inner = orjson.loads(inner)
            except orjson.JSONDecodeError:
                return None
        if isinstance(inner, list) and len(inner) == 1:
            inner = inner[0]
    return inner if isinstance(inner, dict) and marks & inner.keys() else None


def _policy(said: dict[str, Any]) -> PolicyTerms:
    conditions, grant = _object(said.get("conditions")), _object(said.get("grantControls"))
    clients, users = _object(conditions.get("clientApplications")), _object(conditions.get("users"))
    applications, places = _object(conditions.get("applications")), _object(conditions.get("locations"))
    included = _ids(clients, "includeServicePrincipals", "includeAgentIdServicePrincipals")
    people = _ids(users, "includeUsers", "includeGroups", "includeRoles")
    resources = _ids(applications, "includeApplications")
    levels = _ids(conditions, "agentIdRiskLevels", "servicePrincipalRiskLevels")
    filters = (_object(clients.get(name)) for name in ("agentIdServicePrincipalFilter", "servicePrincipalFilter"))
    rules = [rule for rule in (_word(each.get("rule")) for each in filters) if rule is not None]
    strength = _id(_object(grant.get("authenticationStrength")).get("id"))
    state = _word(said.get("state"))
    return PolicyTerms(
        state=None if state is None else state.casefold(),
        controls=(*_ids(grant, "builtInControls", "customAuthenticationFactors", "termsOfUse"),)
        + ((strength,) if strength is not None else ()),
        included=tuple(each for each in (*included, *people) if each != "none"),
        excluded=(
            *_ids(clients, "excludeServicePrincipals", "excludeAgentIdServicePrincipals"),
            *_ids(users, "excludeUsers", "excludeGroups", "excludeRoles"),
        ),
        resources=tuple(each for each in resources if each != "none"),
        resources_excluded=_ids(applications, "excludeApplications"),
        risk_levels=levels,
        places_included=_ids(places, "includeLocations"),
        places_excluded=_ids(places, "excludeLocations"),
        rule=" | ".join(rules) or None,
        workloads=bool(levels or rules or any(each != "none" for each in included))
        or any(each.startswith(_EVERY_AGENT) for each in (*people, *resources)),
    )


def _location(said: dict[str, Any]) -> PolicyTerms:
    ranges = said.get("ipRanges")
    networks = [_object(each).get("cidrAddress") for each in ranges[:MAX_LISTED]] if isinstance(ranges, list) else []
    trusted = said.get("isTrusted")
    return PolicyTerms(
        networks=(*_listed(networks), *_ids(said, "countriesAndRegions")),
        trusted=trusted if isinstance(trusted, bool) else None,
    )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _ids(said: dict[str, Any], *names: str) -> tuple[str, ...]:
    """The ids or words under these names, folded: a list, or one text with commas as flags are written."""
    found: list[str] = []
    for name in names:
        value = said.get(name)
        listed: list[object] = (
            [*value.split(",")] if isinstance(value, str) else value if isinstance(value, list) else []
        )
        found += _listed(listed)
    return tuple(found)


def _listed(values: list[object]) -> Iterator[str]:
    for value in values[:MAX_LISTED]:
        folded = _id(value)
        if folded is not None:
            yield folded


def _id(value: object) -> str | None:
    return ident(value) if isinstance(value, str) else None


def _word(value: object) -> str | None:
    return text(value) if isinstance(value, str) else None
