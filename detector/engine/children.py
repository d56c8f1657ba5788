"""Which agents a blueprint has, of those that were seen signing in. Derived from memory, not part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from detector.engine.state import State
    from detector.features.memory import IdentityMemory


class Children:
    """The agents of each blueprint.

    Args:
        state: The memory that it is derived from, and that identities are looked up in.
    """

    def __init__(self, state: State) -> None:
        self._state: Final = state
        self._ids: Final[dict[tuple[str, str], set[str]]] = {}
        for tenant_id, tenant in state.tenants.items():
            for identity in tenant.identities.values():
                self.met(tenant_id, identity)

    def met(self, tenant_id: str, identity: IdentityMemory) -> None:
        """An identity has a memory, or its blueprint is known, from now on."""
        if identity.blueprint_id is not None:
            self._ids.setdefault((tenant_id, identity.blueprint_id), set()).add(identity.id)

    def forgotten(self, tenant_id: str, identity: IdentityMemory) -> None:
        """An identity has no memory any more."""
        ids = self._ids.get((tenant_id, identity.blueprint_id or ""))
        if ids is not None:
            ids.discard(identity.id)
            if not ids:
                del self._ids[tenant_id, identity.blueprint_id or ""]

    def family(self, tenant_id: str, identifier: str) -> list[IdentityMemory]:
        """The identity of that id, if there is one, and the agents of the blueprint of that id, by id."""
        identities = self._state.tenants[tenant_id].identities
        ids = {identifier, *self._ids.get((tenant_id, identifier), ())}
        return [identities[each] for each in sorted(ids) if each in identities]
