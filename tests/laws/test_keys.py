"""Law: keys never meet: what is said of one blueprint or tenant does not depend on the presence of others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

import msgspec
import pytest
from hypothesis import given

from detector.domain.alerts import Alert
from detector.domain.events import Event
from tests.laws.streams import Factory, Stream, about, few, real, streams
from tests.stories import ids, tell


def _run(factory: Factory, stream: Stream, events: list[Event]) -> list[Alert]:
    # Without a budget, which blueprints share, as they are meant to.
    engine = factory(replace(stream.settings, budget=None), None)
    return tell(engine, events) + engine.finish()


def _without_habit(alert: Alert) -> bytes:
    """An alert without the habits of the actor: an actor who changes two blueprints is one actor."""
    details = {name: fact for name, fact in alert.evidence.details.items() if name != "habit"}
    return msgspec.json.encode(
        msgspec.structs.replace(alert, evidence=msgspec.structs.replace(alert.evidence, details=details))
    )


def _concerns(stream: Stream, group: str) -> list[Event]:
    """The events of a group, and those that concern all of its tenant."""
    concerned = {group, group.partition("/")[0] + "/*"}
    return [event for event in stream.events if stream.groups[event.record_id] in concerned]


def _of_agents(alerts: Iterable[Alert]) -> set[str]:
    """The ids of alerts, without those on a whole tenant, or on a network that several blueprints share."""
    return ids(alert for alert in alerts if alert.subject.kind not in {"tenant", "network"})


def check(factory: Factory, stream: Stream) -> None:
    """All together against each tenant alone, and against each blueprint alone."""
    together = _run(factory, stream, list(stream.events))
    tenants = sorted({group.partition("/")[0] + "/" for group in stream.groups.values()})
    apart = chain.from_iterable(_run(factory, stream, about(stream, tenant)) for tenant in tenants)
    assert sorted(map(msgspec.json.encode, apart)) == sorted(map(msgspec.json.encode, together))
    groups = sorted({group for group in stream.groups.values() if not group.endswith("/*")})
    alone = chain.from_iterable(_run(factory, stream, _concerns(stream, group)) for group in groups)
    assert _of_agents(alone) == _of_agents(together)


@pytest.mark.untraced
@few
@given(streams())
def test_keys_never_meet(stream: Stream) -> None:
    check(real, stream)
