"""Two sets of alerts over the same records: what was gained, lost and changed, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import msgspec
import yaml

from detector.config.effective import effective
from detector.config.settings import Settings
from detector.domain.alerts import Alert
from detector.domain.findings import SEVERITIES

_NEAR: Final = 86_400.0
"""Seconds within which an alert of the same detector about the same subject is the same thing said at another time."""
_COMPARED: Final = ("severity", "title", "explanation", "score", "entities", "evidence", "attack")
_WHY: Final = 8
"""Settings named as reasons for one alert."""


class Change(msgspec.Struct, frozen=True):
    """One alert that is not the same in both."""

    alert: Alert
    """As it is where it is; of a changed one, as it is after."""
    why: tuple[str, ...]
    """Reasons, in sentences."""
    fields: tuple[str, ...] = ()
    """Of a changed one: `field: before -> after`."""


@dataclass(slots=True)
class Difference:
    """What is not the same."""

    settings: list[str] = field(default_factory=list)
    """Settings that differ: `path: before -> after`."""
    gained: list[Change] = field(default_factory=list)
    lost: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    same: int = 0

    def document(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "settings": self.settings,
            "same": self.same,
            **{
                name: [
                    {**_brief(each.alert), "why": list(each.why), "fields": list(each.fields)}
                    for each in getattr(self, name)
                ]
                for name in ("gained", "lost", "changed")
            },
        }


def difference(
    before: Iterable[Alert], after: Iterable[Alert], settings: tuple[Settings, Settings] | None = None
) -> Difference:
    """Compares by alert id.

    Args:
        before: Alerts, in any order.
        after: The same.
        settings: The configurations that made them, where they are known; reasons are read from them.
    """
    old, new = ({alert.id: alert for alert in alerts} for alerts in (before, after))
    differing = {} if settings is None else differences(*settings)
    found = Difference([f"{path}: {_short(pair[0])} -> {_short(pair[1])}" for path, pair in differing.items()])
    ordered = attrgetter("time", "id")
    for alert in sorted((new[each] for each in new.keys() - old.keys()), key=ordered):
        found.gained.append(Change(alert, tuple(_why(alert, _others(alert, old, new), differing, "before"))))
    for alert in sorted((old[each] for each in old.keys() - new.keys()), key=ordered):
        found.lost.append(Change(alert, tuple(_why(alert, _others(alert, new, old), differing, "after"))))
    for alert in sorted((new[each] for each in new.keys() & old.keys()), key=ordered):
        fields = tuple(_fields(old[alert.id], alert))
        if fields:
            found.changed.append(Change(alert, tuple(_settings(alert, differing)), fields))
        else:
            found.same += 1
    return found


def _others(alert: Alert, there: Mapping[str, Alert], here: Mapping[str, Alert]) -> Alert | None:
    """The same thing, said at another time: an alert that only the other side has."""
    near = [
        each
        for each in there.values()
        if each.id not in here
        and (each.detector, each.subject.kind, each.subject.id, each.subject.tenant)
        == (alert.detector, alert.subject.kind, alert.subject.id, alert.subject.tenant)
        and abs(_seconds(each) - _seconds(alert)) <= _NEAR
    ]
    return min(near, key=lambda each: (abs(_seconds(each) - _seconds(alert)), each.id), default=None)


def _why(alert: Alert, other: Alert | None, differing: Mapping[str, tuple[object, object]], side: str) -> Iterator[str]:
    if other is not None:
        yield f"Said at {other.time} {side}, as alert {other.id}."
    switched = differing.get(f"detectors.{alert.detector}.enabled")
    if switched is not None:
        yield f"The detector {alert.detector} is switched {'on' if switched[1] else 'off'} after."
        return
    told = list(_settings(alert, differing))
    yield from told
    if other is None and not told:
        yield (
            "No setting of this detector differs. The records, the version, or what else was learned or said do."
            if not differing
            else "No setting of this detector differs; a setting that all share does, or what else was learned or said."
        )


def _settings(alert: Alert, differing: Mapping[str, tuple[object, object]]) -> Iterator[str]:
    """The settings that differ and that the alert may depend on: its detector's own, then those that all share."""
    own = f"detectors.{alert.detector}."
    mine = [path for path in differing if path.startswith(own)]
    shared = [path for path in differing if not path.startswith("detectors.")]
    for path in (*mine, *shared)[:_WHY]:
        before, after = differing[path]
        yield f"{path} was {_short(before)} and is {_short(after)}."


def _fields(before: Alert, after: Alert) -> Iterator[str]:
    for name in _COMPARED:
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        if name == "evidence":
            for part in old.__struct_fields__:
                one, two = getattr(old, part), getattr(new, part)
                if one != two:
                    yield f"evidence.{part}: {_short(one)} -> {_short(two)}"
        else:
            yield f"{name}: {_short(old)} -> {_short(new)}"


def differences(before: Settings, after: Settings) -> dict[str, tuple[object, object]]:
    """Dotted path to both values, of every setting that differs."""
    old, new = (dict(_flat("", yaml.safe_load(effective(each)))) for each in (before, after))
    return {
        path: (old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    }


def _flat(path: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _flat(f"{path}.{key}" if path else str(key), each)
    else:
        yield path, value


# ------------------------------------------------------------------------------------------- suppression preview


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A suppression that somebody thinks of, as `alerts suppress` takes it."""

    subject: str
    """Exact id, lower case."""
    detector: str | None = None
    starts: float
    expires: float

    def hides(self, alert: Alert) -> bool:
        """Whether it would keep an alert from being sent; judged by the event time of the alert."""
        return (
            alert.subject.id.lower() == self.subject
            and self.detector in {None, alert.detector}
            and self.starts <= _seconds(alert) < self.expires
        )


def preview(alerts: Sequence[Alert], entry: Entry) -> dict[str, Any]:
    """What an entry would have hidden, and what of the same subject it would have left."""
    hidden = [alert for alert in sorted(alerts, key=attrgetter("time", "id")) if entry.hides(alert)]
    hidden_ids = {alert.id for alert in hidden}
    left = [alert for alert in alerts if alert.subject.id.lower() == entry.subject and alert.id not in hidden_ids]
    return {
        "hidden": [_brief(alert) for alert in hidden],
        "by_severity": {name: sum(alert.severity == name for alert in hidden) for name in reversed(SEVERITIES)},
        "by_detector": {
            name: sum(alert.detector == name for alert in hidden)
            for name in sorted({alert.detector for alert in hidden})
        },
        "left_of_subject": len(left),
        "left": len(alerts) - len(hidden),
    }


def _brief(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "time": alert.time,
        "severity": alert.severity,
        "detector": alert.detector,
        "subject": alert.subject.name or alert.subject.id,
        "subject_id": alert.subject.id,
        "title": alert.title,
    }


def _seconds(alert: Alert) -> float:
    return datetime.fromisoformat(alert.time).timestamp()


def _short(value: object) -> str:
    text = str(msgspec.to_builtins(value))
    return text if len(text) <= 80 else f"{text[:79]}…"
