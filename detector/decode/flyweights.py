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
from typing import Any, Final, get_args

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
        access = self._made(kind, tenant, said)
        if access.error_code >= 0:
            self.by_kind[kind][key] = access
            if asks_for_more(access):
                self.asking.add(access)
        return access

    def meet(self, kind: SignInKind, tenant: str, said: AnyProperties, key: int) -> Access:
        """The instance for a scanned record; kept unless more is read of its sign-ins. Raises `Unusable`."""
        known = self.scanned.get(key)
        if known is not None:
            return known
        if self._made_since_clear >= self._limit:
            self.clear()
        self._made_since_clear += 1
        access = self._made(kind, tenant, said)
        if not asks_for_more(access):
            self.scanned[key] = access
        return access

    def meet_origin(self, said: AnyProperties, key: int) -> Origin:
        """The instance for the place of a scanned record."""
        known = self.scanned_origins.get(key)
        if known is not None:
            return known
        if len(self.scanned_origins) >= self._limit:
            self.scanned_origins.clear()
        country = None if said.location is None else said.location.country_or_region
        origin = self.origin((said.ip_address, said.autonomous_system_number, country))
        self.scanned_origins[key] = origin
        return origin

    def _made(self, kind: SignInKind, tenant: str, said: AnyProperties) -> Access:
        agent = said.agent or NO_AGENT
        role, odd_role = fold_role(agent.agent_type)
        subject_role, odd_subject = fold_role(agent.agent_subject_type)
        app, principal = said.app_id, said.service_principal_id
        caller = ident(app)
        principal = caller if principal == app else ident(principal)
        caller = caller or principal
        if caller is None:
            raise Unusable("missing_id", "properties.appId and properties.servicePrincipalId are both missing")
        access = Access(
            ident(tenant) or NO_TENANT,
            kind,
            role,
            subject_role,
            caller,
            text(said.caller_name),
            principal,
            ident(agent.parent_app_id),
            ident(agent.agent_subject_parent_id),
            ident(said.resource_id),
            text(said.resource_display_name),
            _stated(said.client_credential_type),
            ident(said.service_principal_credential_key_id) or ident(said.federated_credential_id),
            _stated(said.client_app_used),
            said.status.error_code,
            _stated(said.conditional_access_status),
            _stated(said.authentication_protocol),
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
    return _member(text(value))


@lru_cache(maxsize=1_024)
def _member(kept: str | None) -> str | None:
    return None if kept is None or kept.casefold() in ("none", "unknown") else kept


def _number(value: int | str | None) -> int | None:
    """An autonomous system number; 0 and what cannot be one state nothing."""
    if isinstance(value, str):
        kept = value.strip().upper().removeprefix("AS")
        value = int(kept) if kept.isascii() and kept.isdecimal() and len(kept) <= 10 else 0
    return value if value is not None and 0 < value <= _MAX_ASN else None
