"""What is in the messages that were looked at: which categories, and whether any of it concerns an agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from detector.config.build import decoder_settings
from detector.decode.decoder import Decoder
from detector.domain.events import (
    Change,
    Deployment,
    Event,
    GraphActivity,
    InventoryObject,
    Risk,
    SignIn,
    SignInKind,
)
from detector.runtime.doctor.results import Result, ago, unchecked

if TYPE_CHECKING:
    from detector.config.settings import Settings
    from detector.decode.decoded import Decoded

_SIGN_INS: Final[dict[SignInKind, str]] = {
    "service_principal": "ServicePrincipalSignInLogs",
    "managed_identity": "ManagedIdentitySignInLogs",
    "microsoft": "MicrosoftServicePrincipalSignInLogs",
    "non_interactive_user": "NonInteractiveUserSignInLogs",
    "interactive_user": "SignInLogs",
}
BLIND: Final[dict[str, str]] = {
    "ServicePrincipalSignInLogs": "what agents and blueprints do as themselves: token spikes, new APIs and networks, "
    "failures, misused credentials",
    "NonInteractiveUserSignInLogs": "what agents do for people and through their own user accounts",
    "AuditLogs": "credentials added, permissions and roles granted, changes outside the pipeline",
}
"""Categories that the detectors cannot do without, and what is not seen without each."""
ALSO_READ: Final = frozenset({"ManagedIdentitySignInLogs", "SignInLogs", "CustomSecurityAttributeAuditLogs"})
"""Categories that are judged too, but that a tenant may well have nothing in."""
_AGENTS: Final = frozenset({"agent", "agent_user", "blueprint", "blueprint_principal"})
_EXPORT: Final = (
    "In the Entra admin center, under Monitoring, Diagnostic settings, export it to here as well. A category in which "
    "nothing happens sends nothing, so give it a day."
)


class Contents:
    """Collects what messages hold.

    Args:
        settings: How records are read, and who is an agent whatever the records say.
    """

    def __init__(self, settings: Settings) -> None:
        self._decoder: Final = Decoder(**decoder_settings(settings))
        self._identities: Final = settings.identities
        self._canary: Final = settings.canary
        self.categories: Final[Counter[str]] = Counter()
        self.messages = 0
        self.agents = 0
        """Records that concern an agent, the canary apart."""
        self.canaries = 0
        self.unusable: Final[Counter[str]] = Counter()
        """By the reason for which they would be quarantined."""
        self.left_out: Final[Counter[str]] = Counter()
        self.newest: float | None = None
        """Event time of the newest record."""

    def add(self, body: bytes, *, lines: bool = False) -> None:
        """Takes one message, or a chunk of JSON lines."""
        decoded: Decoded = self._decoder.lines(body) if lines else self._decoder.body(body)
        self.messages += 1
        self.left_out.update(decoded.filtered)
        self.unusable.update(each.reason for each in decoded.quarantined)
        for event in decoded.events:
            self._take(event)

    @property
    def records(self) -> int:
        """Records of any kind."""
        return self.categories.total() + self.unusable.total() + self.left_out.total()

    def _take(self, event: Event) -> None:
        self.categories[_category(event)] += 1
        self.newest = event.time if self.newest is None else max(self.newest, event.time)
        if isinstance(event, SignIn) and event.access.agent_id == self._canary:
            self.canaries += 1
        else:
            self.agents += self._concerns_agent(event)

    def _concerns_agent(self, event: Event) -> bool:
        match event:
            case SignIn(access=access):
                roles = {access.role, access.subject_role}
                ids = {access.agent_id, access.service_principal_id}
            case Change(actor=actor, targets=targets):
                roles = {actor.role, *(target.role for target in targets)}
                ids = {actor.id, *(target.id for target in targets)}
            case Risk(identity=identity):
                roles, ids = {identity.role}, {identity.id}
            case InventoryObject():
                return event.type in _AGENTS
            case Deployment():
                return event.agents is not None
            case _:
                roles, ids = set(), {event.app_id, event.service_principal_id}
        return bool(roles - {"none"}) or not self._identities.isdisjoint(each for each in ids if each is not None)


def _category(event: Event) -> str:
    if isinstance(event, SignIn):
        return _SIGN_INS[event.access.kind]
    match event:
        case GraphActivity():
            return "MicrosoftGraphActivityLogs"
        case InventoryObject():
            return "AgentInventory"
        case Deployment():
            return "DeploymentRecords"
        case _:
            return event.category


def judged(prefix: str, contents: Contents, now: float, why_nothing: str) -> Iterator[Result]:
    """What the records say: about their categories, and about agents.

    Args:
        prefix: Of the names of the checks.
        contents: What was looked at.
        now: Wall clock, seconds since the epoch.
        why_nothing: What to say when there was nothing to look at.
    """
    if not contents.messages or not contents.records:
        yield unchecked(f"{prefix}.categories", why_nothing)
        yield unchecked(f"{prefix}.agents", why_nothing)
        return
    if not contents.categories and contents.unusable:
        yield _unusable(prefix, contents)
        yield unchecked(f"{prefix}.agents", "No record could be read.")
        return
    yield _categories(prefix, contents, now)
    yield _agents(prefix, contents)


def _sample(prefix: str, contents: Contents) -> str:
    records, parts = contents.records, contents.messages
    what = "file" if prefix == "files" else "message"
    return f"{records:,} record{'' if records == 1 else 's'} in the newest {parts:,} {what}{'' if parts == 1 else 's'}"


def _unusable(prefix: str, contents: Contents) -> Result:
    return Result(
        check=f"{prefix}.categories",
        verdict="failed",
        found=f"None of {_sample(prefix, contents)} can be read ({', '.join(contents.unusable)}).",
        meaning="Something else than Entra's diagnostic settings writes here; all of it would be quarantined.",
        advice="Check the name of the hub, and what else sends to it.",
        details={"unusable": dict(contents.unusable)},
    )


def _categories(prefix: str, contents: Contents, now: float) -> Result:
    missing = [name for name in BLIND if name not in contents.categories]
    details = {
        "categories": dict(contents.categories),
        "missing": missing,
        "left_out": dict(contents.left_out),
        "unusable": dict(contents.unusable),
        "newest_record": contents.newest,
    }
    came = ", ".join(f"{name} {count:,}" for name, count in contents.categories.most_common()) or "none that is read"
    age = "" if contents.newest is None else f" The newest is {ago(now - contents.newest)} old."
    found = f"{_sample(prefix, contents)}: {came}.{age}"
    if contents.unusable:
        found += f" {contents.unusable.total():,} cannot be read ({', '.join(contents.unusable)})."
    if not missing:
        return Result(check=f"{prefix}.categories", verdict="ok", found=found, details=details)
    return Result(
        check=f"{prefix}.categories",
        verdict="warning",
        found=found,
        meaning="Not among them: "
        + "; ".join(f"{name} (without it nothing is seen of {BLIND[name]})" for name in missing)
        + ".",
        advice=_EXPORT,
        details=details,
    )


def _agents(prefix: str, contents: Contents) -> Result:
    canaries = f" {contents.canaries:,} are the canary's." if contents.canaries else ""
    details = {"agents": contents.agents, "canaries": contents.canaries}
    if contents.agents:
        found = f"{contents.agents:,} of the records concern an agent.{canaries}"
        return Result(check=f"{prefix}.agents", verdict="ok", found=found, details=details)
    return Result(
        check=f"{prefix}.agents",
        verdict="warning",
        found=f"None of the records concerns an agent.{canaries}",
        meaning="Of these records alone nobody would be watched. It was a small sample: agents may be quiet now.",
        advice="If it stays so, list agents that Entra does not mark as such under `identities`, or set `scope`.",
        details=details,
    )
