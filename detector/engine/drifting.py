"""The live configuration of agents against the manifest: what an inventory or a change shows to be otherwise.

Each observation is judged by what it states itself: what it does not state is not known, and never a deviation. The
owners, sponsors and state of an agent are compared with its own entry of the manifest only, for those of its blueprint
are the blueprint's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detector.domain.alerts import Subject
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal
from detector.features import environments
from detector.features.changes import abouts
from detector.features.pipelines import provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from detector.domain.events import Change, Event, InventoryObject
    from detector.domain.quarantine import FilterReason
    from detector.engine.journal import Journal
    from detector.engine.recognising import Recognised
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.declarations import Declarations, Declared, Environment

    Reader = Callable[[InventoryObject], FilterReason | None]

_SPELLINGS: Final[dict[str, frozenset[str]]] = {
    "secret": frozenset({"clientSecret"}),
    "certificate": frozenset({"certificate", "clientAssertion"}),
    "federated": frozenset({"federatedIdentityCredential", "managedIdentity", "clientAssertion"}),
}
"""Kind of credential that an object holds, and how sign-in logs may call it."""

_ADDED: Final = {"Password": "secret", "Symmetric": "secret", "AsymmetricX509Cert": "certificate"}
"""Type of a key in an audit record, and the kind of credential that it is."""

_SHOWN: Final = 10
"""Values of one member that a signal carries."""

_GUID: Final = 36


class Drifting:
    """Live configuration against the manifest."""

    def __init__(
        self, settings: EngineSettings, declarations: Declarations, state: State, saying: Saying, journal: Journal
    ) -> None:
        self.settings = settings
        self.declarations = declarations
        self.state = state
        self.saying = saying
        self.journal = journal

    # ----------------------------------------------------------------------------------------------- inventory

    def behind(self, other: Reader) -> Reader:
        """A reader that takes an object in after another reader did, whose reason to leave it out stands."""

        def both(event: InventoryObject) -> FilterReason | None:
            reason = other(event)
            if reason is None:
                self.observe(event)
            return reason

        return both

    def observe(self, event: InventoryObject) -> None:
        """Takes in one object as an inventory saw it, of a tenant that memory is kept of."""
        shown = self.declarations.environment_of(None, event.attributes)
        if shown is not None:
            self._remember(event, shown)
        identifier = event.app_id or event.id
        declared = self.declarations.of(identifier, event.blueprint_id, event.id)
        if declared is None:
            return
        own = declared.id in (identifier, event.id)
        key = Key("blueprint" if event.type in {"blueprint", "blueprint_principal"} else "agent", identifier)
        subject = Subject(key.kind, key.id, event.name, blueprint=event.blueprint_id, tenant=event.tenant_id)
        for member, extra, missing in _differences(event, declared, own=own):
            self._tell(event, key, subject, member, extra, missing, declared)
        if shown is not None and declared.environment not in (None, shown):
            self._tell(event, key, subject, "environment", (shown,), (str(declared.environment),), declared)

    def _remember(self, event: InventoryObject, shown: Environment) -> None:
        table = self.state.tenants[event.tenant_id].environments
        identifier = event.app_id or event.id
        if identifier not in table and len(table) >= self.settings.max_identities:
            self.state.counters["environments_dropped"] += 1
            return
        environments.note(table.setdefault(identifier, []), event.time, shown)
        self.journal.touch("environment", event.tenant_id, identifier)

    # ------------------------------------------------------------------------------------------------- changes

    def changed(self, kind: str, change: Change, recognised: Recognised) -> None:
        """Somebody changed a declared member outside every pipeline: told at once, as the next inventory would."""
        if not change.succeeded or provenance(self.settings.pipelines, change.actor, change.time).deviation is None:
            return
        identifier, blueprint = recognised.key.id, recognised.subject.blueprint
        declared = self.declarations.of(identifier, blueprint)
        if declared is None:
            return
        for member, extra in _introduced(kind, change, identifier, declared):
            self._tell(change, recognised.key, recognised.subject, member, (extra,), (), declared)

    # ------------------------------------------------------------------------------------------------- telling

    def _tell(
        self,
        event: Event,
        key: Key,
        subject: Subject,
        member: str,
        extra: tuple[str, ...],
        missing: tuple[str, ...],
        declared: Declared,
    ) -> None:
        facts: dict[str, Fact] = {
            "issue": "drift",
            "member": member,
            "target_name": subject.name or declared.name or key.id,
            "extra": extra[:_SHOWN],
            "extra_number": len(extra),
            "missing": missing[:_SHOWN],
            "missing_number": len(missing),
            "environment": declared.environment,
        }
        signal = Signal(
            kind="declaration",
            key=key,
            time=event.time,
            window=(event.time, event.time),
            occasion=":".join([member, *(f"+{each}" for each in extra), *(f"-{each}" for each in missing)]),
            value=len(extra) + len(missing),
            usual=0,
            unit="differences",
            p_value=1.0,
            seen=0,
            event=event,
            facts={name: fact for name, fact in facts.items() if fact is not None and fact != ()},
        )
        self.saying.tell(signal, subject.tenant or "", subject)


Difference = tuple[str, tuple[str, ...], tuple[str, ...]]
"""Member, what is there and not declared, what is declared and not there."""


def _differences(event: InventoryObject, declared: Declared, *, own: bool) -> Iterator[Difference]:
    """In which members an object differs from what is declared."""
    for member, wanted, live, exact in _compared(event, declared, own=own):
        extra, missing = tuple(sorted(live - wanted)), tuple(sorted(wanted - live)) if exact else ()
        if extra or missing:
            yield member, extra, missing
    if own and event.deleted:
        yield "state", ("deleted",), ()
    elif own and event.enabled is False:
        yield "state", ("disabled",), ()


def _compared(
    event: InventoryObject, declared: Declared, *, own: bool
) -> Iterator[tuple[str, frozenset[str], frozenset[str], bool]]:
    """Members that are both declared and known: name, declared, live, whether what lacks counts too."""
    if declared.permissions is not None and event.grants is not None and "app_role" in event.grants_told:
        roles = [grant.permission.casefold() for grant in event.grants if grant.kind == "app_role"]
        named = frozenset(role for role in roles if not _is_guid(role))
        yield "permissions", declared.permissions, named, own and len(named) == len(set(roles))
    if declared.credential_types is not None and event.credentials is not None:
        held = frozenset(each.kind for each in event.credentials if _SPELLINGS[each.kind] & declared.credential_types)
        live = frozenset(each.kind for each in event.credentials)
        yield "credentials", held, live, False
    for member, wanted, people in (
        ("owners", declared.owners, event.owners),
        ("sponsors", declared.sponsors, event.sponsors),
    ):
        if own and wanted is not None and people is not None:
            yield member, wanted, frozenset(person.id for person in people), True


def _introduced(kind: str, change: Change, identifier: str, declared: Declared) -> Iterator[tuple[str, str]]:
    """What a change brings in that is not declared: member and value."""
    if kind == "app_role_granted" and declared.permissions is not None and change.permission is not None:
        yield from _beyond("permissions", [change.permission.casefold()], declared.permissions)
    elif kind == "credential_added" and declared.credential_types is not None:
        kinds = {_ADDED[key.type] for key in change.keys_added if key.type in _ADDED}
        allowed = frozenset(each for each in kinds if _SPELLINGS[each] & declared.credential_types)
        yield from _beyond("credentials", kinds, allowed)
    elif kind in {"owner_added", "sponsor_added"} and declared.id == identifier:
        people = declared.owners if kind == "owner_added" else declared.sponsors
        if people is not None:
            yield from _beyond(kind.replace("_added", "s"), filter(None, abouts(kind, change, identifier)), people)


def _beyond(member: str, values: Iterable[str], allowed: frozenset[str]) -> Iterator[tuple[str, str]]:
    return ((member, value) for value in sorted(set(values) - allowed))


def _is_guid(value: str) -> bool:
    """Whether a permission is an id whose name is not known: it can be compared with nothing."""
    return len(value) == _GUID and value.count("-") == 4
