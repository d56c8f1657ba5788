"""`agentType` and its relatives, folded to the four roles of `AgentRole`.

The enumeration is evolvable and half of the documentation spells it differently from the metadata, so nothing here
refuses a member: what was never seen is folded by its words and reported.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from detector.decode.texts import text
from detector.domain.events import AgentRole

_KNOWN: Final[dict[str, AgentRole]] = {
    "": "none",
    "none": "none",
    "notagentic": "none",
    "agenticapp": "blueprint",
    "agentidentityblueprint": "blueprint",
    "agentidentityblueprintprincipal": "blueprint",
    "agenticappinstance": "agent",
    "agentidentity": "agent",
    "agentiduser": "agent_user",
    "agentuser": "agent_user",
    "agenticuser": "agent_user",
}


def fold_role(spelling: str | None) -> tuple[AgentRole, str | None]:
    """The role, and the spelling itself when it is not a known member.

    An unknown member is folded by what it says: "blueprint", then "user", then "agent", "instance" or "identity";
    anything else, `unknownFutureValue` included (Graph's mask for members that the caller did not ask for), is
    "none": it does not say that an agent acted.
    """
    known = _AS_LOGGED.get(spelling)
    return known if known is not None else _fold(text(spelling) or "")


@lru_cache(maxsize=1_024)
def _fold(kept: str) -> tuple[AgentRole, str | None]:
    folded = "".join(filter(str.isalnum, kept)).casefold()
    known = _KNOWN.get(folded)
    if known is not None:
        return known, None
    if "notagent" in folded:
        return "none", kept
    if "blueprint" in folded:
        return "blueprint", kept
    if "user" in folded:
        return "agent_user", kept
    if any(word in folded for word in ("agent", "instance", "identity")):
        return "agent", kept
    return "none", kept


_AS_LOGGED: Final[dict[str | None, tuple[AgentRole, str | None]]] = {
    None: _fold(""),
    **{spelling: _fold(spelling) for spelling in ("notAgentic", "agenticApp", "agenticAppInstance", "agentIDuser")},
}
"""The spellings of nearly all records: found at the price of one look-up."""
