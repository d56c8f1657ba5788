"""The recurring parts of sign-ins, each built once: see `Access` and `Origin`.

Two tables stand behind each: one by the raw spelling of the record, which the decoder's loop asks, and one by the
normalised values, so that two spellings of the same facts share one instance. All are emptied when one is full:
an attacker who invents identities costs time, not memory.
"""

from __future__ import annotations

from typing import Any, Final, TypedDict

from detector.decode.addresses import network
from detector.decode.fields import NO_TENANT
from detector.decode.problems import Unusable
from detector.decode.roles import fold_role
from detector.decode.signin import Agent
from detector.decode.texts import ident, text
from detector.domain.events import Access, AgentRole, Origin, SignInKind

_MAX_ASN = 2**32 - 1

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


class _AccessValues(TypedDict):
    """The arguments of `Access`."""

    tenant_id: str
    kind: SignInKind
    role: AgentRole
    subject_role: AgentRole
    agent_id: str
    agent_name: str | None
    service_principal_id: str | None
    blueprint_id: str | None
    parent_id: str | None
    resource_id: str | None
    resource_name: str | None
    credential_type: str | None
    credential_key_id: str | None
    client_app: str | None
    error_code: int
    ca_status: str | None


class Flyweights:
    """Interned `Access` and `Origin` instances, at most `limit` of each."""

    def __init__(self, limit: int) -> None:
        self._limit: Final = limit
        self.by_kind: Final[dict[SignInKind, dict[AccessKey, Access]]] = {
            "service_principal": {},
            "managed_identity": {},
            "microsoft": {},
            "non_interactive_user": {},
            "interactive_user": {},
        }
        self.origins: Final[dict[OriginKey, Origin]] = {}
        self.odd: Final[dict[Access, tuple[str, ...]]] = {}
        """Spellings never seen before, by the access that has them; nearly always empty."""
        self._accesses: Final[dict[tuple[object, ...], Access]] = {}
        self._origins: Final[dict[tuple[object, ...], Origin]] = {}
        self._strings: Final[dict[str, str]] = {}

    def access(self, kind: SignInKind, key: AccessKey) -> Access:
        """The instance for a key that the table of this kind does not hold yet; raises `Unusable`."""
        table = self.by_kind[kind]
        if len(table) >= self._limit or len(self._accesses) >= self._limit:
            self.clear()
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
        agent = agent or Agent[Any]()
        role, odd_role = fold_role(agent.agent_type)
        subject_role, odd_subject = fold_role(agent.agent_subject_type)
        principal = ident(principal)
        caller = ident(app) or principal
        if caller is None:
            raise Unusable("missing_id", "properties.appId and properties.servicePrincipalId are both missing")
        values: _AccessValues = {
            "tenant_id": ident(tenant) or NO_TENANT,
            "kind": kind,
            "role": role,
            "subject_role": subject_role,
            "agent_id": caller,
            "agent_name": text(name),
            "service_principal_id": principal,
            "blueprint_id": ident(agent.parent_app_id),
            "parent_id": ident(agent.agent_subject_parent_id),
            "resource_id": ident(resource),
            "resource_name": text(resource_name),
            "credential_type": _stated(credential),
            "credential_key_id": ident(key_id) or ident(federated),
            "client_app": _stated(client),
            "error_code": error,
            "ca_status": _stated(ca),
        }
        facts = tuple(values.values())
        access = self._accesses.get(facts)
        if access is None:
            access = self._accesses[facts] = Access(**values)
        odd = tuple(f"agentType:{spelling}" for spelling in (odd_role, odd_subject) if spelling)
        if odd:
            self.odd[access] = odd
        table[self._shared(key)] = access
        return access

    def origin(self, key: OriginKey) -> Origin:
        """The instance for a key that `origins` does not hold yet."""
        if len(self.origins) >= self._limit or len(self._origins) >= self._limit:
            self.origins.clear()
            self._origins.clear()
        ip, prefix = network(key[0])
        country = text(key[2])
        values = (ip, prefix, _number(key[1]), None if country is None else country.upper())
        origin = self._origins.get(values)
        if origin is None:
            origin = self._origins[values] = Origin(ip=ip, prefix=prefix, asn=values[2], country=values[3])
        self.origins[key] = origin
        return origin

    def clear(self) -> None:
        """Forgets every access; events that hold one keep it."""
        for each in self.by_kind.values():
            each.clear()
        self._accesses.clear()
        self._strings.clear()
        self.odd.clear()

    def _shared(self, key: AccessKey) -> AccessKey:
        """The key with one object for each string: less memory, and fewer cache lines to compare."""
        share = self._strings.setdefault
        return tuple(share(part, part) if type(part) is str else part for part in key)  # type: ignore[return-value]


def _stated(value: str | None) -> str | None:
    """A member of an enumeration; "none" and "Unknown" state nothing."""
    kept = text(value)
    return None if kept is None or kept.casefold() in ("none", "unknown") else kept


def _number(value: int | str | None) -> int | None:
    """An autonomous system number; 0 and what cannot be one state nothing."""
    if isinstance(value, str):
        kept = value.strip().upper().removeprefix("AS")
        value = int(kept) if kept.isascii() and kept.isdecimal() and len(kept) <= 10 else 0
    return value if value is not None and 0 < value <= _MAX_ASN else None
