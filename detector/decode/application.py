"""What an audit record changes of an application or service principal, read from both sides of modified properties.

Only what is public by its nature is read, and only from the properties named here: whether the account is enabled, whom
federated credentials trust, scopes, redirect hosts, identifier URIs, the audience. Sources: the attributes of `Update
application` in Microsoft's reference of audit schemas, and recorded audit events. A side that is null is unknown, and
the text of an empty list is known to be empty; against an unknown old side everything new counts as added.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

import orjson

from detector.decode.texts import ident, text
from detector.domain.events import FederatedTrust, FieldChange

Thing = TypeVar("Thing")

Sides = Callable[[str], tuple[str | None, str | None]]
"""The old and the new value of a modified property, by folded name; both `None` when the record does not list it."""

FEDERATED: Final = ("federatedidentitycredentials", "federatedidentitycredential")

_MAX_LISTED = 64
"""How many changed credentials or values of one field are kept; both sides are compared as a whole."""

_MAX_SCOPES = 8_192
"""How many characters of scopes are kept: Microsoft Graph stores 3,850 of a grant."""

_SCOPES = re.compile(r"\bScope: *([^,\]]*)")
_CONSENTED = re.compile(r"\bConsentType: *([^,\]]*)")
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})

_SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    "redirect_uris": ("appaddress", "replyurls", "redirecturis"),
    "identifier_uris": ("appidentifieruri", "identifieruris"),
    "sign_in_audience": ("availabletoothertenants", "signinaudience"),
    "instance_lock": ("serviceprincipallockconfiguration",),
    "exposed_scopes": ("entitlement", "oauth2permissions", "oauth2permissionscopes"),
    "requested_permissions": ("requiredresourceaccess",),
    "public_client": ("publicclient", "isfallbackpublicclient"),
}
"""Field to the folded names of its property; the lock and the names of Microsoft Graph are not yet seen in records."""


_GRANTS: Final = (
    "delegatedpermissiongrant.scope",
    "delegatedpermissiongrant.consenttype",
    "consentcontext.onbehalfofall",
    "consentaction.permissions",
)

_READ: Final = frozenset({"accountenabled", "isdisabled", *FEDERATED, *_GRANTS}.union(*_SPELLINGS.values()))
"""Folded names of all properties that are read here."""


class Edits(NamedTuple):
    """What a record changes of an application or service principal; see the fields of `Change`."""

    enabled: bool | None = None
    federated_added: tuple[FederatedTrust, ...] = ()
    federated_removed: tuple[FederatedTrust, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    scopes: tuple[str, ...] = ()
    for_everybody: bool | None = None


_NOTHING: Final = Edits()


def edits(named: Iterable[str], sides: Sides) -> Edits:
    """Everything that is read here, of a record that lists these properties; most list none of interest."""
    if _READ.isdisjoint(named):
        return _NOTHING
    return Edits(enabled(sides), *federated(sides), fields(sides), scopes(sides), for_everybody(sides))


def enabled(sides: Sides) -> bool | None:
    """The new `AccountEnabled` (of an application: not `IsDisabled`); `None` when the record does not change it."""
    for name, turned in (("accountenabled", False), ("isdisabled", True)):
        old, new = (_flag(side) for side in sides(name))
        if new is not None and new != old:
            return new != turned
    return None


def federated(sides: Sides) -> tuple[tuple[FederatedTrust, ...], tuple[FederatedTrust, ...]]:
    """Federated credentials added and removed; one that was edited is both."""
    for name in FEDERATED:
        old, new = (_trusts(side) for side in sides(name))
        if old or new:
            return _differences(old, new)
    return (), ()


def fields(sides: Sides) -> tuple[FieldChange, ...]:
    """What was changed of the fields in `_SPELLINGS`."""
    changed: list[FieldChange] = []
    for field, names in _SPELLINGS.items():
        for name in names:
            old, new = sides(name)
            if old != new:
                added, removed = _differences(_values(field, old), _values(field, new))
                changed.append(FieldChange(field, added, removed))
                break
    return tuple(changed)


def scopes(sides: Sides) -> tuple[str, ...]:
    """The scopes that a delegated grant or a consent adds; the new side of either repeats what was granted before."""
    old, new = sides("delegatedpermissiongrant.scope")
    if old is None and new is None:
        before, _, after = (sides("consentaction.permissions")[1] or "").rpartition("=>")
        old, new = (" ".join(_SCOPES.findall(side)) for side in (before, after))
    return _differences(_words(old), _words(new), _MAX_SCOPES)[0]


def for_everybody(sides: Sides) -> bool | None:
    """Whether a grant holds for all users of the tenant; `None` when the record does not say.

    Not `ConsentContext.IsAdminConsent`: it says that an administrator consented, if only for themselves.
    """
    for name in ("delegatedpermissiongrant.consenttype", "consentcontext.onbehalfofall"):
        said = plain(sides(name)[1])
        if said is not None:
            return said.casefold() in {"allprincipals", *_TRUE}
    types = _CONSENTED.findall((sides("consentaction.permissions")[1] or "").rpartition("=>")[2])
    return None if not types else any(each.strip().casefold() == "allprincipals" for each in types)


def plain(value: str | None) -> str | None:
    """Text out of JSON text: a string, or a list of one, is what it holds; anything else is itself."""
    if value is None:
        return None
    try:
        inner = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    if isinstance(inner, list) and len(inner) == 1:
        inner = inner[0]
    if isinstance(inner, str):
        return inner
    return None if inner is None or inner == [] else value


def _flag(value: str | None) -> bool | None:
    said = (plain(value) or "").strip("[]").casefold()
    return True if said in _TRUE else False if said in _FALSE else None


def _words(value: str | None) -> Iterator[str]:
    left = _MAX_SCOPES
    for word in (plain(value) or "").split():
        scope = text(word)
        if scope is not None and left >= len(scope):
            left -= len(scope)
            yield scope


def _differences(
    old: Iterable[Thing], new: Iterable[Thing], most: int = _MAX_LISTED
) -> tuple[tuple[Thing, ...], tuple[Thing, ...]]:
    """What is only on the new side and what is only on the old one."""
    before, after = dict.fromkeys(old), dict.fromkeys(new)
    added = (each for each in after if each not in before)
    removed = (each for each in before if each not in after)
    return tuple(islice(added, most)), tuple(islice(removed, most))


def _entries(value: str | None) -> list[Any]:
    """The entries of a list that is JSON text; a lone value is a list of one."""
    try:
        listed = orjson.loads(value or "[]")
    except orjson.JSONDecodeError:
        listed = value
    return listed if isinstance(listed, list) else [listed]


def _member(entry: object, *names: str) -> str | None:
    """The first of these members of an object that is text; names are folded."""
    if not isinstance(entry, dict):
        return None
    folded = {name.casefold(): value for name, value in entry.items()}
    return next((text(folded[name]) for name in names if isinstance(folded.get(name), str)), None)


def _trusts(value: str | None) -> list[FederatedTrust]:
    return [
        FederatedTrust(
            _member(entry, "name"),
            _member(entry, "issuer"),
            _member(entry, "subject", "claimsmatchingexpressionvalue"),
            ident(_member(entry, "id")),
        )
        for entry in _entries(value)
        if isinstance(entry, dict)
    ]


def _values(field: str, value: str | None) -> Iterator[str]:
    """The values of one side of a field as they are shown, each as text."""
    for entry in _entries(value):
        for shown in _shown(field, entry):
            if (kept := text(shown)) is not None:
                yield kept


def _shown(field: str, entry: Any) -> Iterator[str]:  # noqa: ANN401 -- parsed JSON
    if isinstance(entry, bool):
        yield _AUDIENCES[entry] if field == "sign_in_audience" else str(entry).lower()
    elif field == "redirect_uris":
        yield _host(_member(entry, "address") or entry)
    elif field == "requested_permissions":
        yield from _permissions(entry)
    elif field == "instance_lock" and isinstance(entry, dict):
        yield from (f"{name}: {str(said).lower()}" for name, said in entry.items() if isinstance(said, bool))
    elif isinstance(entry, str):
        yield entry
    else:
        yield _member(entry, "value", "entitlementvalue", "name", "entitlementid", "id") or ""


_AUDIENCES: Final = {True: "several tenants", False: "this tenant"}


def _host(address: object) -> str:
    """Where a redirect URI leads: its host, with the scheme when that is not https. Never path or query."""
    if not isinstance(address, str):
        return ""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return "an address that cannot be read"
    return host if parts.scheme == "https" else f"{parts.scheme}://{host}"


def _permissions(entry: object) -> Iterator[str]:
    """Resource and permission of each entry of a `RequiredResourceAccess`."""
    resource = ident(_member(entry, "resourceappid"))
    folded = {name.casefold(): value for name, value in entry.items()} if isinstance(entry, dict) else {}
    listed = folded.get("requiredapppermissions") or folded.get("resourceaccess")
    for permission in listed if isinstance(listed, list) else []:
        yield f"{resource}/{_member(permission, 'entitlementid', 'id')}"
