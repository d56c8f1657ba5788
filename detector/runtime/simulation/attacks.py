"""The attacks: which stories there are, and how the chosen ones are staged among the benign records."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final, NamedTuple

from detector.runtime.simulation.bypasses import BYPASSES
from detector.runtime.simulation.deviations import DEVIATIONS
from detector.runtime.simulation.intrusions import INTRUSIONS
from detector.runtime.simulation.labels import Label
from detector.runtime.simulation.lifecycles import LIFECYCLES
from detector.runtime.simulation.misuses import MISUSES
from detector.runtime.simulation.records import Draft
from detector.runtime.simulation.rhythms import RHYTHMS
from detector.runtime.simulation.settings import ALL, SimulationSettings
from detector.runtime.simulation.stage import Gaps, Stage, World
from detector.runtime.simulation.takeovers import TAKEOVERS
from detector.runtime.simulation.tamperings import TAMPERINGS

_PLAYS: Final = INTRUSIONS + TAMPERINGS + MISUSES + BYPASSES + TAKEOVERS + LIFECYCLES + DEVIATIONS + RHYTHMS


class Staged(NamedTuple):
    """What attackers left behind."""

    drafts: list[Draft]
    labels: list[Label]
    gaps: Gaps
    """What they keep from arriving."""


ATTACK_STORIES: Final = tuple(story for story, _ in _PLAYS)
"""Every attack that can be staged."""
_NAMES: Final = tuple(story.name for story in ATTACK_STORIES)
_LAST: Final = frozenset({"silent_agent"})
"""Stories that are true only of agents which no other story has to do with."""


def stage_attacks(world: World) -> Staged:
    """Stage the chosen stories at each chosen level; give their records, their labels by start, and the gaps."""
    settings, stages = world.settings, list[Stage]()
    for name in sorted(chosen_stories(settings), key=_LAST.__contains__):
        number = _NAMES.index(name)
        story, act = _PLAYS[number]
        for level in settings.attack_levels:
            taken = frozenset(agent for stage in stages for agent in stage.subjects) if name in _LAST else frozenset()
            stage = Stage(world, story, number, level, taken)
            act(stage)
            stages.append(stage)
    gaps = Gaps(gap for stage in stages for gap in stage.gaps)
    for stage in stages:
        stage.drafts = [draft for draft in stage.drafts if draft.ticks < settings.end_ticks and not gaps.swallow(draft)]
    told = [stage for stage in stages if stage.drafts or stage.gaps]
    labels = [stage.label() for stage in told]
    drafts = [draft for stage in told for draft in stage.drafts]
    return Staged(drafts, sorted(labels, key=lambda label: (label.start, label.story)), gaps)


def chosen_stories(settings: SimulationSettings) -> list[str]:
    """Name the stories to stage; an unknown name is refused, with the nearest known one."""
    if settings.attack_stories == ALL:
        return list(_NAMES)
    for name in settings.attack_stories:
        if name not in _NAMES:
            near = get_close_matches(name, _NAMES, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(_NAMES)}"
            raise ValueError(f"attack_stories: unknown story {name!r}{hint}")
    return [name for name in _NAMES if name in settings.attack_stories]
