"""What betrays an agent that is registered as an ordinary application: its tags, its name, what it talks to, and how.

The lists are data (`config/agent_signs.yaml`). A tag that a maker of agents sets is proof; a name or an audience is a
hint, because people name things after what they hope for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

_WORDS: Final = re.compile(r"[0-9]+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")
"""Parts of a name: `InvoiceBot2`, `invoice-bot` and `invoice_bot` all have the word `bot`."""

_LONGEST: Final = 256
"""Letters of a name that are looked at."""


@dataclass(frozen=True)
class Signs:
    """What to look for. All text is case-folded."""

    audiences: dict[str, str] = field(default_factory=dict)
    """appIds of services that run models or agents, and what they are called."""
    names: frozenset[str] = frozenset()
    """Words of display names; several words stand for a phrase."""
    tags: tuple[str, ...] = ()
    """Tags that makers of agents set; a star at the end stands for anything."""
    user_agents: tuple[str, ...] = ()
    """Parts of the user agents of agent frameworks."""

    @cached_property
    def _longest_phrase(self) -> int:
        return max((name.count(" ") + 1 for name in self.names), default=0)

    def in_name(self, name: str | None) -> str | None:
        """The first word or phrase of a display name that is a sign."""
        words = [word.casefold() for word in _WORDS.findall((name or "")[:_LONGEST])]
        for start in range(len(words)):
            for length in range(1, self._longest_phrase + 1):
                phrase = " ".join(words[start : start + length])
                if phrase in self.names:
                    return phrase
        return None

    def in_tags(self, tags: Iterable[str]) -> str | None:
        """The first tag, in the order of the alphabet, that is a sign."""
        for tag in sorted(tags):
            folded = tag.casefold()
            for sign in self.tags:
                if folded == sign or (sign.endswith("*") and folded.startswith(sign[:-1])):
                    return tag
        return None

    def in_audiences(self, resources: Iterable[str | None]) -> str | None:
        """What the first service, in the order of the alphabet, is called that is a sign."""
        return min((self.audiences[each] for each in resources if each in self.audiences), default=None)

    def in_user_agent(self, user_agent: str | None) -> str | None:
        """The part of a user agent that is a sign."""
        folded = (user_agent or "")[:_LONGEST].casefold()
        return next((sign for sign in self.user_agents if sign in folded), None)
