"""The attacks: which stories there are, and how the chosen ones are staged among the benign records."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from detector.runtime.simulation.intrusions import INTRUSIONS
from detector.runtime.simulation.labels import Label
from detector.runtime.simulation.plan import Plan
from detector.runtime.simulation.records import Draft
from detector.runtime.simulation.settings import ALL, SimulationSettings
from detector.runtime.simulation.stage import Stage
from detector.runtime.simulation.tamperings import TAMPERINGS
from detector.runtime.simulation.tenant import Tenant

_PLAYS: Final = INTRUSIONS + TAMPERINGS

ATTACK_STORIES: Final = tuple(story for story, _ in _PLAYS)
"""Every attack that can be staged."""
_NAMES: Final = tuple(story.name for story in ATTACK_STORIES)


def stage_attacks(settings: SimulationSettings, tenant: Tenant, plan: Plan) -> tuple[list[Draft], list[Label]]:
    """Stage the chosen stories at each chosen level; give their records and labels, by start."""
    drafts: list[Draft] = []
    labels: list[Label] = []
    for name in chosen_stories(settings):
        number = _NAMES.index(name)
        story, act = _PLAYS[number]
        for level in settings.attack_levels:
            stage = Stage(settings, tenant, plan, story, number, level)
            act(stage)
            stage.drafts = [draft for draft in stage.drafts if draft.ticks < settings.end_ticks]
            if stage.drafts:
                drafts += stage.drafts
                labels.append(stage.label())
    return drafts, sorted(labels, key=lambda label: (label.start, label.story))


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
