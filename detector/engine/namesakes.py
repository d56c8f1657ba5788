"""Which blueprint bears a name: what an audit record of its application has in common with its sign-ins.

A blueprint is an application and a service principal. Its sign-ins show the appId and the service principal; records
of the directory that are about the application show its object id and its display name, and seldom more. Without an
inventory nothing else joins the two. The first blueprint that was seen under a name is meant by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detector.features.memory import teach
from detector.features.timeline import HOUR, NEVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from detector.domain.events import Identity, SignIn
    from detector.engine.journal import Journal
    from detector.engine.routing import Route
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State

_PREFIX: Final = "name:"
"""No object id begins like that."""


class Namesakes:
    """Learns the names of blueprints from their own sign-ins.

    Args:
        on_learned: Told the tenant id when a name became known, or earlier than it was.
    """

    def __init__(
        self, settings: EngineSettings, state: State, journal: Journal, on_learned: Callable[[str], None]
    ) -> None:
        self.settings = settings
        self.state = state
        self.journal = journal
        self.on_learned = on_learned

    def look(self, _route: Route, event: SignIn, hour: int) -> int:
        """The first granted token of an access in an hour; see `novelties.LookAtAccess`."""
        access = event.access
        if access.role == "blueprint" and access.agent_name:
            known_as = handle(access.agent_name)
            aliases = self.state.tenants[access.tenant_id].aliases
            if teach(aliases, known_as, access.agent_id, float(hour * HOUR), 2 * self.settings.max_identities):
                self.journal.touch("alias", access.tenant_id, known_as)
                self.on_learned(access.tenant_id)
        return NEVER


def handle(name: str) -> str:
    """What an alias of this name is kept under."""
    return _PREFIX + name


def handles_of(identity: Identity) -> tuple[str, ...]:
    """Under which the blueprint may be known that an audit record names as an application."""
    return (handle(identity.name),) if identity.type == "Application" and identity.name else ()
