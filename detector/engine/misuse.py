"""An agent's user account that is used like a person's: interactively, or with a password.

An agent gets tokens for its user account without anybody signing in (`user_fic` grant), and the account has no
password that anybody should know. So every such sign-in is told, granted or refused. Whether a sign-in is of one of
these accounts is what the record says (`agentSubjectType` or `agentType` is an agent's user).

Source: https://learn.microsoft.com/entra/agent-id/identity-platform/agent-users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detector.domain.alerts import Entity
from detector.domain.keys import Key
from detector.domain.signals import Fact, occurrence
from detector.engine.habits import ALWAYS
from detector.engine.routing import Route, key_of, subject_of
from detector.features.timeline import DAY, HOUR, NEVER

if TYPE_CHECKING:
    from detector.domain.events import Access, SignIn
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State

_PASSWORD_GRANTS: Final = frozenset({"ropc"})
"""`authenticationProtocol` of the resource owner password credentials grant."""

_PASSWORD_CLASSES: Final = frozenset({"user_credential"})
"""Classes of errors that only somebody meets who tries a password."""


class Misuse:
    """Sign-ins of agents' user accounts."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying

    def look(self, route: Route, event: SignIn, hour: int) -> int:
        """A granted token; see `detector.engine.novelties.LookAtAccess`."""
        access = event.access
        if not _is_agent_user(access):
            return NEVER
        if access.kind == "interactive_user":
            self._tell(route, event, hour, "interactive", granted=True)
        elif (access.protocol or "").casefold() in _PASSWORD_GRANTS:
            self._tell(route, event, hour, "password", granted=True)
        else:
            return NEVER
        return ALWAYS

    def refused(self, route: Route, event: SignIn, hour: int) -> None:
        """A refused token request; see `detector.engine.refusals.Refusals.on_refused`."""
        access = event.access
        if not _is_agent_user(access):
            return
        password = self.settings.failures.classes.get(access.error_code) in _PASSWORD_CLASSES
        if password or (access.protocol or "").casefold() in _PASSWORD_GRANTS:
            self._tell(route, event, hour, "password", granted=False)
        elif access.kind == "interactive_user":
            self._tell(route, event, hour, "interactive", granted=False)

    def _tell(self, route: Route, event: SignIn, hour: int, way: str, *, granted: bool) -> None:
        """Tells it of the agent that the account belongs to, else of the client that was used."""
        access, identity = event.access, route.identity
        tenant = self.state.tenants[access.tenant_id]
        parent = None if access.parent_id is None else tenant.identities.get(access.parent_id)
        key = key_of(identity) if access.parent_id is None else Key("agent", access.parent_id)
        owner = identity if access.parent_id is None else parent
        day = hour * HOUR // DAY * DAY
        facts: dict[str, Fact] = {
            "issue": "agent_user",
            "way": way,
            "granted": granted,
            "user_id": event.user_id,
            "agent_name": (owner.name if owner is not None else None) or key.id,
            "client_name": access.agent_name or access.agent_id,
            "resource_name": access.resource_name,
            "address": event.origin.ip,
            "methods": event.methods,
            "error_code": access.error_code or None,
        }
        signal = occurrence(
            "credential_use",
            key,
            event.time,
            f"agent-user:{way}:{'granted' if granted else 'refused'}:{day}",
            "sign-ins",
            {name: fact for name, fact in facts.items() if fact is not None and fact != ()},
            event,
        )
        fleet = tenant.fleets.get(owner.blueprint_id or "") if owner is not None else None
        related = (Entity("user", event.user_id),) if event.user_id is not None else ()
        self.saying.tell(signal, access.tenant_id, subject_of(key, access.tenant_id, owner, fleet), related)


def _is_agent_user(access: Access) -> bool:
    return access.subject_role == "agent_user" or access.role == "agent_user"
