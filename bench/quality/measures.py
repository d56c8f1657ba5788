"""Numbers from incidents: recall with intervals, delays, false incidents by kind and cause, recall at budgets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import log10, sqrt
from statistics import median
from typing import Any, Final

import msgspec

from bench.quality.corpus import Truth
from bench.quality.matching import Incident, Matcher
from bench.quality.protocol import BUDGETS
from bench.quality.running import Told
from detector.domain.findings import SEVERITIES
from detector.runtime.simulation import LEVELS, Label

_DAY: Final = 86_400.0
_NORMAL: Final = 1.959963984540054
"""97.5 % quantile of the normal distribution."""

Rank = Callable[[Incident], float]
"""How strong the evidence of an incident is; only the order matters."""


class Outcome(msgspec.Struct):
    """One tenant: its truth and what was said of it."""

    truth: Truth
    incidents: list[Incident]
    grouped: list[Incident]

    @property
    def thousands(self) -> float:
        """Thousands of agents, times days: what false incidents are divided by."""
        return self.truth.agents / 1_000 * self.truth.days


def outcome_of(truth: Truth, told: list[Told]) -> Outcome:
    """Judge what was said of a tenant."""
    matcher = Matcher(truth)
    return Outcome(truth, matcher.incidents(told), matcher.grouped(told))


def by_severity(incident: Incident) -> float:
    """The gravest first, and of equals the least likely: the order in which a person would look without a model."""
    return incident.severity * 1_000 + min(incident.score, 300.0)


class Conformal:
    """Rank by how seldom a kind of incident is as strong without any attack, learned from other tenants.

    rate(s) = (false incidents of the kind at least as strong as s, + 1) / (thousand agent-days + 1), as in conformal
    prediction; the rank is -log10 of it, and of equal ranks the graver comes first.
    """

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        """Learn from outcomes of training tenants."""
        self._scores: dict[str, list[float]] = defaultdict(list)
        self._thousands = 0.0
        for outcome in outcomes:
            self._thousands += outcome.thousands
            for incident in outcome.incidents:
                if incident.false:
                    self._scores[incident.detector].append(by_severity(incident))

    def __call__(self, incident: Incident) -> float:
        """The rank."""
        own = by_severity(incident)
        as_strong = sum(1 for score in self._scores.get(incident.detector, ()) if score >= own)
        return -log10((as_strong + 1) / (self._thousands + 1)) + own * 1e-6


class CrossFitted:
    """`Conformal`, each tenant ranked by what the others teach: the same ranges of traits, never the same tenant."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        """Rank every incident of these outcomes, of which there must be two at least."""
        self._ranks: dict[int, float] = {}
        self._held = outcomes  # identities are good keys while the incidents live
        for number, outcome in enumerate(outcomes):
            rank = Conformal([*outcomes[:number], *outcomes[number + 1 :]])
            self._ranks |= {id(incident): rank(incident) for incident in outcome.incidents}

    def __call__(self, incident: Incident) -> float:
        """The rank."""
        return self._ranks[id(incident)]


# ------------------------------------------------------------------------------------------------ recall


def wilson(found: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    if not total:
        return 0.0, 1.0
    share, square = found / total, _NORMAL**2
    middle = share + square / (2 * total)
    spread = _NORMAL * sqrt(share * (1 - share) / total + square / (4 * total * total))
    return (middle - spread) / (1 + square / total), (middle + spread) / (1 + square / total)


def share(found: int, total: int) -> dict[str, Any]:
    """A share with its interval."""
    low, high = wilson(found, total)
    recall = round(found / total, 4) if total else None
    return {"found": found, "of": total, "recall": recall, "low": round(low, 4), "high": round(high, 4)}


def visible(outcome: Outcome) -> Iterator[tuple[int, Label]]:
    """The attacks of which something shows in what the detector is given, with their numbers."""
    return ((number, label) for number, label in enumerate(outcome.truth.labels) if label.expected)


def found_in(outcome: Outcome, least: float = float("-inf"), rank: Rank = by_severity) -> set[int]:
    """The attacks that incidents of at least such a rank belong to."""
    return {label for incident in outcome.incidents if rank(incident) >= least for label in incident.labels}


def recall_by(outcomes: Sequence[Outcome], found: Sequence[set[int]], group: str) -> dict[str, dict[str, Any]]:
    """Recall by a field of labels (`story`, `family`, `level`), each by level and in all."""
    hits: Counter[tuple[str, str]] = Counter()
    totals: Counter[tuple[str, str]] = Counter()
    for outcome, numbers in zip(outcomes, found, strict=True):
        for number, label in visible(outcome):
            for level in (label.level, "all"):
                key = (getattr(label, group), level)
                totals[key] += 1
                hits[key] += number in numbers
    table: dict[str, dict[str, Any]] = {}
    for name in sorted({name for name, _ in totals}):
        table[name] = {level: share(hits[name, level], totals[name, level]) for level in (*LEVELS, "all")}
    return table


def recall_of_levels(outcomes: Sequence[Outcome], found: Sequence[set[int]]) -> dict[str, Any]:
    """Recall of each level over all stories, and in all."""
    hits: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for outcome, numbers in zip(outcomes, found, strict=True):
        for number, label in visible(outcome):
            for level in (label.level, "all"):
                totals[level] += 1
                hits[level] += number in numbers
    return {level: share(hits[level], totals[level]) for level in (*LEVELS, "all")}


# ------------------------------------------------------------------------------------------------ delay


def delays(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Minutes of event time, and records of the attack, until the first incident; by story."""
    minutes: dict[str, list[float]] = defaultdict(list)
    of_level: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    events: dict[str, list[int]] = defaultdict(list)
    for outcome in outcomes:
        for number, time in first_told(outcome).items():
            label = outcome.truth.labels[number]
            moments = sorted(outcome.truth.times[each] for each in label.record_ids if each in outcome.truth.times)
            if not moments:
                continue
            passed = max(0.0, time - moments[0]) / 60
            minutes[label.story].append(passed)
            of_level[label.story][label.level].append(passed)
            events[label.story].append(max(1, sum(1 for moment in moments if moment <= time + 0.001)))
    return {
        story: {
            "minutes": _quantiles(minutes[story]),
            "by_level": {level: round(median(of_level[story][level]), 2) for level in sorted(of_level[story])},
            "events": _quantiles(events[story]),
            "all_minutes": [round(each, 2) for each in minutes[story]],
            "all_events": events[story],
        }
        for story in sorted(minutes)
    }


def first_told(outcome: Outcome) -> dict[int, float]:
    """When each found attack was first told of, as event time."""
    matcher = Matcher(outcome.truth)
    first: dict[int, float] = {}
    for incident in outcome.incidents:
        for told in incident.told if incident.labels else ():
            for number in matcher.labels_of(told):
                first[number] = min(told.time, first.get(number, told.time))
    return first


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    ranked = sorted(values)
    return {"median": round(median(ranked), 2), "p90": round(ranked[int(0.9 * (len(ranked) - 1))], 2)}


# ------------------------------------------------------------------------------------------------ false incidents


def false_incidents(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """False incidents per 1,000 agents and day."""
    size = sum(outcome.thousands for outcome in outcomes)
    each = [sum(incident.false for incident in outcome.incidents) / outcome.thousands for outcome in outcomes]
    late = [
        sum(incident.false and incident.first >= outcome.truth.attacked_from for incident in outcome.incidents)
        / (outcome.thousands * (outcome.truth.end - outcome.truth.attacked_from) / _DAY / outcome.truth.days)
        for outcome in outcomes
    ]
    false = [incident for outcome in outcomes for incident in outcome.incidents if incident.false]
    kinds, causes = Counter(each.detector for each in false), Counter(each.cause for each in false)
    both = Counter((each.detector, each.cause) for each in false)
    least = {
        name: sum(1 for incident in false if incident.severity >= rank) / size for rank, name in enumerate(SEVERITIES)
    }
    return {
        "mean": round(sum(each) / len(each), 3),
        "worst": round(max(each), 3),
        "second_half": round(sum(late) / len(late), 3),
        "at_least": {name: round(rate, 3) for name, rate in least.items()},
        "by_kind": {name: round(count / size, 3) for name, count in kinds.most_common()},
        "by_cause": {name: round(count / size, 3) for name, count in causes.most_common()},
        "by_kind_and_cause": {f"{kind} / {cause}": round(n / size, 3) for (kind, cause), n in both.most_common(40)},
    }


def precision(outcomes: Sequence[Outcome], *, grouped: bool = False) -> dict[str, Any]:
    """Share of incidents that are attacks; those in the aftermath of one are left out."""
    chosen = [incident for outcome in outcomes for incident in (outcome.grouped if grouped else outcome.incidents)]
    true = sum(bool(incident.labels) for incident in chosen)
    return share(true, true + sum(incident.false for incident in chosen)) | {
        "aftermath": sum(incident.aftermath for incident in chosen)
    }


def examples(outcomes: Sequence[Outcome], most: int = 3) -> dict[str, list[dict[str, Any]]]:
    """A few false incidents of each kind, to read."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for outcome in outcomes:
        for incident in outcome.incidents:
            if incident.false and len(found[incident.detector]) < most:
                told = incident.told[0]
                found[incident.detector].append(
                    {
                        "seed": outcome.truth.seed,
                        "day": round((told.time - outcome.truth.start) / _DAY, 2),
                        "severity": SEVERITIES[incident.severity],
                        "score": incident.score,
                        "subject": incident.subject,
                        "cause": incident.cause,
                        "explanation": told.explanation,
                    }
                )
    return dict(found)


# ------------------------------------------------------------------------------------------------ budgets


def at_budgets(outcomes: Sequence[Outcome], rank: Rank) -> dict[str, Any]:
    """Recall, and precision, when only incidents above one threshold of rank are told, for each budget."""
    size = sum(outcome.thousands for outcome in outcomes)
    ranks = [[rank(incident) for incident in outcome.incidents] for outcome in outcomes]
    false = sorted(
        (
            value
            for outcome, own in zip(outcomes, ranks, strict=True)
            for incident, value in zip(outcome.incidents, own, strict=True)
            if incident.false
        ),
        reverse=True,
    )
    table: dict[str, Any] = {}
    for budget in BUDGETS:
        allowed = int(budget * size)
        # Of equal ranks either all are told or none.
        least = false[allowed] if allowed < len(false) else float("-inf")
        chosen = [
            [incident for incident, value in zip(outcome.incidents, own, strict=True) if value > least]
            for outcome, own in zip(outcomes, ranks, strict=True)
        ]
        found = [{label for incident in kept for label in incident.labels} for kept in chosen]
        wrong = sum(incident.false for kept in chosen for incident in kept)
        true = sum(bool(incident.labels) for kept in chosen for incident in kept)
        table[f"{budget:g}"] = recall_of_levels(outcomes, found) | {
            "false": round(wrong / size, 3),
            "precision": round(true / (true + wrong), 4) if true + wrong else None,
        }
    return table
