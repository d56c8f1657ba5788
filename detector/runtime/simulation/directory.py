"""The directory through time: what each object holds at a moment, so that an inventory can show it.

An object is an entry with the edits made to it; benign life and attacks both edit the one directory, and whoever looks
sees all that was done until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from detector.runtime.simulation.catalogue import Permission
from detector.runtime.simulation.tenant import Resource

ObjectType = Literal[
    "agentIdentity",
    "agentIdentityBlueprint",
    "agentIdentityBlueprintPrincipal",
    "agentUser",
    "servicePrincipal",
    "user",
]


@dataclass(frozen=True, slots=True)
class Held:
    """A secret or certificate with its life (ticks), never what it is."""

    id: str
    name: str
    start: int
    end: int
    thumbprint: str = ""
    """Of a certificate, upper-case hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Trust:
    """A federated credential."""

    id: str
    name: str
    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class Granted:
    """An app role that an object holds."""

    resource: Resource
    permission: Permission
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One object of the directory at one moment."""

    type: ObjectType
    id: str
    """Object id."""
    name: str
    since: int
    """When it came to be there (ticks)."""
    created: int | None = None
    """When it was created, where that was before: what was restored or moved here is older."""
    app_id: str | None = None
    description: str | None = None
    created_by: str | None = None
    """Application id of what created it."""
    blueprint: str | None = None
    """Application id of the blueprint of an agent."""
    parent: str | None = None
    """Object id of the agent that an agent user belongs to."""
    enabled: bool = True
    deleted: bool = False
    owners: tuple[str, ...] | None = None
    sponsors: tuple[str, ...] | None = None
    """Object ids of people; `None` for objects that have none."""
    secrets: tuple[Held, ...] = ()
    certificates: tuple[Held, ...] = ()
    trusts: tuple[Trust, ...] = ()
    roles: tuple[Granted, ...] = ()
    scopes: tuple[tuple[Resource, str], ...] = ()
    """Delegated permissions: resource, and scopes separated by spaces."""
    inheritable: tuple[tuple[Resource, tuple[str, ...]], ...] = ()
    """What agents inherit from a blueprint: resource and scopes."""
    stage: str | None = None
    """Custom security attribute `Agents.Stage`."""
    tags: tuple[str, ...] = ()


Edit = Callable[[Entry], Entry]


@dataclass(slots=True)
class _Life:
    """An object and what was done to it."""

    born: Entry
    edits: list[tuple[int, int, Edit]] = field(default_factory=list)
    """Moment, order of entry, what was done."""


class Directory:
    """All objects of a tenant."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lives: dict[str, _Life] = {}
        self._edits = 0
        self.stewards: dict[str, Stewards] = {}
        """Who answers for each blueprint and its agents, by application id of the blueprint."""

    def add(self, entry: Entry) -> None:
        """Add an object, which exists from `entry.since` on."""
        self._lives[entry.id] = _Life(entry)

    def edit(self, at: int, object_id: str, edit: Edit) -> None:
        """Change an object from a moment on; one that does not exist is let be."""
        life = self._lives.get(object_id)
        if life is not None:
            self._edits += 1
            life.edits.append((at, self._edits, edit))
            life.edits.sort(key=lambda each: each[:2])

    def at(self, moment: int, object_id: str) -> Entry:
        """Give an object as it is at a moment."""
        life = self._lives[object_id]
        entry = life.born
        for at, _, edit in life.edits:
            if at <= moment:
                entry = edit(entry)
        return entry

    def existing(self, moment: int) -> Iterator[Entry]:
        """Give all objects that exist at a moment, in the order in which they were added."""
        for object_id, life in self._lives.items():
            if life.born.since <= moment:
                entry = self.at(moment, object_id)
                if not entry.deleted:
                    yield entry

    def enabled(self, moment: int, person_id: str) -> bool | None:
        """Say whether the account of an owner or sponsor is enabled; `None` when there is none."""
        if person_id not in self._lives:
            return None
        person = self.at(moment, person_id)
        return person.enabled and not person.deleted


@dataclass(frozen=True, slots=True)
class Stewards:
    """The people who answer for a blueprint and its agents."""

    main: str
    """Sponsor of nearly all agents."""
    deputy: str
    """Owner of all agents, and co-sponsor of the blueprint."""
    third: str
    """Co-sponsor of the blueprint, nothing else."""
    single: str
    """Only sponsor of the last agent of the blueprint."""

    @property
    def owners(self) -> tuple[str, ...]:
        """Owners of the blueprint."""
        return (self.deputy, self.main)

    @property
    def sponsors(self) -> tuple[str, ...]:
        """Sponsors of the blueprint."""
        return (self.main, self.deputy, self.third)


STAGES: Final = {"production": "Production", "non_production": "Development"}
"""Values of the custom security attribute by environment."""


def without(key_id: str) -> Edit:
    """Take a secret or certificate away."""

    def edit(entry: Entry) -> Entry:
        return replace(
            entry,
            secrets=tuple(held for held in entry.secrets if held.id != key_id),
            certificates=tuple(held for held in entry.certificates if held.id != key_id),
        )

    return edit


def with_credential(held: Held) -> Edit:
    """Add a secret, or a certificate where it has a thumbprint."""

    def edit(entry: Entry) -> Entry:
        if held.thumbprint:
            return replace(entry, certificates=(*entry.certificates, held))
        return replace(entry, secrets=(*entry.secrets, held))

    return edit


def with_role(granted: Granted) -> Edit:
    """Grant an app role."""
    return lambda entry: replace(entry, roles=(*entry.roles, granted))


def with_people(*, owners: tuple[str, ...] | None = None, sponsors: tuple[str, ...] | None = None) -> Edit:
    """Set owners or sponsors; `None` leaves them."""

    def edit(entry: Entry) -> Entry:
        return replace(
            entry,
            owners=entry.owners if owners is None else owners,
            sponsors=entry.sponsors if sponsors is None else sponsors,
        )

    return edit


def disabled(entry: Entry) -> Entry:
    """Switch an object off."""
    return replace(entry, enabled=False)


def enabled(entry: Entry) -> Entry:
    """Switch an object on."""
    return replace(entry, enabled=True)


def deleted(entry: Entry) -> Entry:
    """Delete an object."""
    return replace(entry, deleted=True)
