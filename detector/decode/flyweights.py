"""The recurring parts of sign-ins, each built once: see `Access` and `Origin`.

Two tables stand behind each. The decoder's loop asks the first, by the 64-bit hash of what the record says, and
holds the answer against the record's own caller or address: comparing the whole spelling each time would cost more
than all the rest, because the parts of a thousand keys lie scattered in memory. Python salts its string hashes, so
that nobody can choose two spellings that meet; by chance two spellings of one caller do in 10^-12 of all tables. (Of
the numbers that a record may have, -1 and -2 share a hash: no error code below zero enters the first table.) The
second table is exact, by the spelling itself. All are emptied when one is full: an attacker who invents identities
costs time, not memory.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, get_args

from detector.decode.addresses import network
from detector.decode.fields import NO_TENANT
from detector.decode.problems import Unusable
from detector.decode.roles import fold_role
from detector.decode.signin import Agent
from detector.decode.texts import MAX_CHARS, ident, text
from detector.domain.events import Access, Origin, SignInKind

_MAX_ASN = 2**32 - 1
_KINDS: Final[tuple[SignInKind, ...]] = get_args(SignInKind)

AccessKey = tuple[
    str,  # tenantId
    str,  # appId
    str | None,  # servicePrincipalId
    str | None,  # name
    int,  # errorCode
    Agent[Any] | None,
    str | None,  # resourceId
    str | None,  # resourceDisplayName
    str | None,  # clientCredentialType
    str | None,  # servicePrincipalCredentialKeyId
    str | None,  # federatedCredentialId
    str | None,  # conditionalAccessStatus
    str | None,  # clientAppUsed
]
"""What a record says, as spelled, in the order of `Flyweights.access`."""

OriginKey = tuple[str | None, int | str | None, str | None]
"""Address, autonomous system number, country: as spelled."""


class Flyweights:
    """Interned `Access` and `Origin` instances, at most `limit` of each."""

    def __init__(self, limit: int) -> None:
        self._limit: Final = limit
        self.by_kind: Final[dict[SignInKind, dict[int, Access]]] = {kind: {} for kind in _KINDS}
        """By the hash of an `AccessKey`; to be held against `agent_id`."""
        self.origins: Final[dict[int, Origin]] = {}
        """By the hash of an `OriginKey`; to be held against `ip`."""
        self.odd: Final[dict[Access, tuple[str, ...]]] = {}
        """Spellings never seen before, by the access that has them; nearly always empty."""
        self._accesses: Final[dict[tuple[SignInKind, AccessKey], Access]] = {}
        self._origins: Final[dict[OriginKey, Origin]] = {}

    def access(self, kind: SignInKind, key: AccessKey) -> Access:
        """The instance for a key that the first table does not know; raises `Unusable`."""
        exact = (kind, key)
        access = self._accesses.get(exact)
        if access is None:
            if len(self._accesses) >= self._limit:
                self.clear()
            access = self._accesses[exact] = self._made(kind, key)
        if access.error_code >= 0:
            self.by_kind[kind][hash(key)] = access
        return access

    def _made(self, kind: SignInKind, key: AccessKey) -> Access:
        (
            tenant,
            app,
            principal,
            name,
            error,
            agent,
            resource,
            resource_name,
            credential,
            key_id,
            federated,
            ca,
            client,
        ) = key
        role, odd_role = fold_role(agent.agent_type if agent else None)
        subject_role, odd_subject = fold_role(agent.agent_subject_type if agent else None)
        caller = ident(app)
        principal = caller if principal == app else ident(principal)
        caller = caller or principal
        if caller is None:
            raise Unusable("missing_id", "properties.appId and properties.servicePrincipalId are both missing")
        access = Access(
            tenant_id=ident(tenant) or NO_TENANT,
            kind=kind,
            role=role,
            subject_role=subject_role,
            agent_id=caller,
            agent_name=text(name),
            service_principal_id=principal,
            blueprint_id=ident(agent.parent_app_id) if agent else None,
            parent_id=ident(agent.agent_subject_parent_id) if agent else None,
            resource_id=ident(resource),
            resource_name=text(resource_name),
            credential_type=_stated(credential),
            credential_key_id=ident(key_id) or ident(federated),
            client_app=_stated(client),
            error_code=error,
            ca_status=_stated(ca),
        )
        if odd_role or odd_subject:
            self.odd[access] = tuple(f"agentType:{spelling}" for spelling in (odd_role, odd_subject) if spelling)
        return access

    def origin(self, key: OriginKey) -> Origin:
        """The instance for a key that the first table does not know."""
        origin = self._origins.get(key)
        if origin is None:
            if len(self._origins) >= self._limit:
                self.origins.clear()
                self._origins.clear()
            ip, prefix = network(key[0])
            country = text(key[2])
            country = None if country is None else country.upper()[:MAX_CHARS]
            origin = self._origins[key] = Origin(ip=ip, prefix=prefix, asn=_number(key[1]), country=country)
        self.origins[hash(key)] = origin
        return origin

    def clear(self) -> None:
        """Forgets every access; events that hold one keep it."""
        for each in self.by_kind.values():
            each.clear()
        self._accesses.clear()
        self.odd.clear()


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
