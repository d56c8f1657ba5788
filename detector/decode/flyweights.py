"""The recurring parts of sign-ins, each built once: see `Access` and `Origin`.

The decoder's loop asks a table by the 64-bit hash of all that the record says, and nothing else is compared: holding
the answer against the record would mean to fetch another piece of scattered memory for each. Python salts its string
hashes (unless `PYTHONHASHSEED` is set, which must not be done in operation), so that nobody can choose two spellings
that meet; by chance two do in one of 10^9 full tables. Of the numbers that a record may have, -1 and -2 share a hash:
an access with an error code below zero is not kept. Tables are emptied when they are full: an attacker who invents
identities costs time, not memory.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple, get_args

from detector.decode.addresses import network
from detector.decode.fields import NO_TENANT
from detector.decode.particulars import asks_for_more
from detector.decode.problems import Unusable
from detector.decode.roles import fold_role
from detector.decode.signin import NO_AGENT, ServiceProperties, UserProperties
from detector.decode.texts import MAX_CHARS, ident, text
from detector.domain.events import Access, Origin, SignInKind

_MAX_ASN = 2**32 - 1
_KINDS: Final[tuple[SignInKind, ...]] = get_args(SignInKind)

AnyProperties = ServiceProperties[Any, Any, Any] | UserProperties[Any, Any, Any]

OriginKey = tuple[str | None, int | str | None, str | None]
"""Address, autonomous system number, country: as spelled."""


class Told(NamedTuple):
    """What a sign-in says of who asked for what, as spelled; in the order of `scanning.Scanner.fields`."""

    app_id: str | None
    resource_id: str | None
    resource_name: str | None
    principal_id: str | None
    name: str | None
    credential_type: str | None
    key_id: str | None
    federated_id: str | None
    access_status: str | None
    agent_type: str | None
    subject_type: str | None
    parent_id: str | None
    subject_parent_id: str | None
    tenant_id: str
    error_code: int
    client_app: str | None = None
    protocol: str | None = None


def told_by(tenant: str, said: AnyProperties) -> Told:
    """What a decoded record says."""
    agent = said.agent or NO_AGENT
    return Told(
        said.app_id,
        said.resource_id,
        said.resource_display_name,
        said.service_principal_id,
        said.caller_name,
        said.client_credential_type,
        said.service_principal_credential_key_id,
        said.federated_credential_id,
        said.conditional_access_status,
        agent.agent_type,
        agent.agent_subject_type,
        agent.parent_app_id,
        agent.agent_subject_parent_id,
        tenant,
        said.status.error_code,
        said.client_app_used,
        said.authentication_protocol,
    )


def origin_of(said: AnyProperties) -> OriginKey:
    """Where a decoded record says that it came from."""
    country = None if said.location is None else said.location.country_or_region
    return said.ip_address, said.autonomous_system_number, country


class Flyweights:
    """Interned `Access` and `Origin` instances, at most `limit` of each."""

    def __init__(self, limit: int) -> None:
        self._limit: Final = limit
        self._made_since_clear = 0
        self.by_kind: Final[dict[SignInKind, dict[int, Access]]] = {kind: {} for kind in _KINDS}
        """By the hash of what a record says."""
        self.origins: Final[dict[int, Origin]] = {}
        """By the hash of an `OriginKey`."""
        self.scanned: Final[dict[int, Access]] = {}
        """By the hash that the scanner makes of the bytes of a record; see `regular`."""
        self.scanned_origins: Final[dict[int, Origin]] = {}
        """The same of places."""
        self.asking: Final[set[Access]] = set()
        """Those whose sign-ins are worth a second reading; see `particulars`. Nearly always empty."""
        self.odd: Final[dict[Access, tuple[str, ...]]] = {}
        """Spellings never seen before, by the access that has them; nearly always empty."""

    def access(self, kind: SignInKind, tenant: str, said: AnyProperties, key: int) -> Access:
        """The instance for a record under the hash of what it says; raises `Unusable`."""
        known = self.by_kind[kind].get(key)
        if known is not None:
            return known
        if self._made_since_clear >= self._limit:
            self.clear()
        self._made_since_clear += 1
        access = self._made(kind, told_by(tenant, said))
        if access.error_code >= 0:
            self.by_kind[kind][key] = access
            if asks_for_more(access):
                self.asking.add(access)
        return access

    def meet(self, kind: SignInKind, told: Told, key: int) -> Access:
        """The instance for a scanned record; raises `Unusable`."""
        known = self.scanned.get(key)
        if known is not None:
            return known
        if self._made_since_clear >= self._limit:
            self.clear()
        self._made_since_clear += 1
        access = self.scanned[key] = self._made(kind, told)
        if asks_for_more(access):
            self.asking.add(access)
        return access

    def meet_origin(self, place: OriginKey, key: int) -> Origin:
        """The instance for the place of a scanned record."""
        known = self.scanned_origins.get(key)
        if known is not None:
            return known
        if len(self.scanned_origins) >= self._limit:
            self.scanned_origins.clear()
        origin = self.scanned_origins[key] = self.origin(place)
        return origin

    def _made(self, kind: SignInKind, told: Told) -> Access:
        role, odd_role = fold_role(told.agent_type)
        subject_role, odd_subject = fold_role(told.subject_type)
        app, principal = told.app_id, told.principal_id
        caller = ident(app)
        principal = caller if principal == app else ident(principal)
        caller = caller or principal
        if caller is None:
            raise Unusable("missing_id", "properties.appId and properties.servicePrincipalId are both missing")
        access = Access(
            ident(told.tenant_id) or NO_TENANT,
            kind,
            role,
            subject_role,
            caller,
            text(told.name),
            principal,
            ident(told.parent_id),
            ident(told.subject_parent_id),
            ident(told.resource_id),
            text(told.resource_name),
            _stated(told.credential_type),
            ident(told.key_id) or ident(told.federated_id),
            _stated(told.client_app),
            told.error_code,
            _stated(told.access_status),
            _stated(told.protocol),
        )
        if odd_role or odd_subject:
            self.odd[access] = tuple(f"agentType:{spelling}" for spelling in (odd_role, odd_subject) if spelling)
        return access

    def origin(self, key: OriginKey) -> Origin:
        """The instance for a key."""
        number = hash(key)
        known = self.origins.get(number)
        if known is not None:
            return known
        if len(self.origins) >= self._limit:
            self.origins.clear()
        ip, prefix = network(key[0])
        country = text(key[2])
        country = None if country is None else country.upper()[:MAX_CHARS]
        origin = self.origins[number] = Origin(ip, prefix, _number(key[1]), country)
        return origin

    def clear(self) -> None:
        """Forgets every access; events that hold one keep it."""
        for each in self.by_kind.values():
            each.clear()
        self.scanned.clear()
        self.odd.clear()
        self.asking.clear()
        self._made_since_clear = 0


def _stated(value: str | None) -> str | None:
    """A member of an enumeration; "none" and "Unknown" state nothing."""
    return None if value is None else _member(text(value))


@lru_cache(maxsize=1_024)
def _member(kept: str | None) -> str | None:
    return None if kept is None or kept.casefold() in ("none", "unknown") else kept


def _number(value: int | str | None) -> int | None:
    """An autonomous system number; 0 and what cannot be one state nothing."""
    if isinstance(value, str):
        kept = value.strip().upper().removeprefix("AS")
        value = int(kept) if kept.isascii() and kept.isdecimal() and len(kept) <= 10 else 0
    return value if value is not None and 0 < value <= _MAX_ASN else None
