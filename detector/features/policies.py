"""What an edit of a Conditional Access policy takes away from the protection of agents.

Only what was in force can be weakened: a policy that was switched off or only reported guards nothing, and a new one
takes nothing away. A named location is no guard itself, but policies make exceptions for locations, so one that grows
or becomes trusted lets through whoever signs in from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from detector.domain.events import PolicyChange, PolicyTerms

GRAVE: Final = frozenset({"deleted", "disabled", "report_only", "excluded", "controls_removed"})
"""What leaves agents without the policy; the rest narrows it."""

_ALL: Final = "all"


def protects_agents(change: PolicyChange) -> bool | None:
    """Whether the policy speaks of agents or service principals; `None` when the record does not show it.

    A named location serves every policy, those for agents too, so of one it cannot be said.
    """
    sides = [side for side in (change.before, change.after) if side is not None]
    if change.kind == "location" or not sides:
        return None
    return any(side.workloads for side in sides)


def weakenings(change: PolicyChange) -> tuple[str, ...]:
    """In which ways the edit weakens, the gravest first; none when it does not or the record does not show it.

    Where the old side is not shown, the policy is taken to have been in force, which is the graver reading.
    """
    if change.kind == "location":
        return tuple(_of_location(change))
    before, after = change.before, change.after
    if change.deed == "added" or (before is not None and before.state not in (None, "enabled")):
        return ()
    if change.deed == "deleted":
        return ("deleted",)
    if after is None:
        return ()
    found = []
    if after.state not in (None, "enabled"):
        found.append("disabled" if after.state == "disabled" else "report_only")
    return (*found, *(() if before is None else _of_terms(before, after)))


def let_through(change: PolicyChange) -> tuple[str, ...]:
    """Ids and words that the policy no longer applies to, or networks that a location now holds; sorted."""
    before, after = change.before or PolicyTerms(), change.after
    if after is None:
        return ()
    gone = set() if _ALL in after.included else set(before.included) - set(after.included)
    return tuple(sorted((set(after.excluded) - set(before.excluded)) | gone | _new(before.networks, after.networks)))


def _of_terms(before: PolicyTerms, after: PolicyTerms) -> Iterator[str]:
    if _new(before.excluded, after.excluded):
        yield "excluded"
    if "block" not in after.controls and _new(after.controls, before.controls):
        yield "controls_removed"
    if _narrower(before.included, after.included):
        yield "narrowed"
    if _narrower(before.resources, after.resources) or _new(before.resources_excluded, after.resources_excluded):
        yield "resources_narrowed"
    if after.risk_levels and _new(after.risk_levels, before.risk_levels):
        yield "risk_levels_removed"
    placed = after.places_included and _narrower(before.places_included, after.places_included)
    if placed or _new(before.places_excluded, after.places_excluded):
        yield "places_narrowed"
    if before.rule != after.rule:
        yield "rule_changed"


def _of_location(change: PolicyChange) -> Iterator[str]:
    before, after = change.before, change.after
    if change.deed == "deleted" or after is None:
        return
    if after.trusted and not (before is not None and before.trusted):
        yield "location_trusted"
    if before is not None and _new(before.networks, after.networks):
        yield "location_widened"


def _new(before: tuple[str, ...], after: tuple[str, ...]) -> set[str]:
    return set(after) - set(before)


def _narrower(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """Whether something is no longer named, unless all are."""
    return _ALL not in after and bool(_new(after, before))
