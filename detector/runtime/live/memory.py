"""Between an engine and its store: what a batch changed becomes one commit, and what was committed an engine again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, Final

from detector.domain.alerts import Alert
from detector.domain.delivery import Position
from detector.domain.quarantine import Quarantined
from detector.engine.admission import Admission
from detector.engine.engine import Engine
from detector.engine.journal import Changed, rebuild
from detector.engine.state import State
from detector.errors import SnapshotError
from detector.sinks.encoding import alert_document, json_line
from detector.stores.records import Commit, CoreRow, NewAlert, StateRow

if TYPE_CHECKING:
    from detector.domain.accounting import Accounting
    from detector.engine.settings import EngineSettings
    from detector.stores.records import Loaded

CORE: Final = "engine"


def engine_from(loaded: Loaded, settings: EngineSettings) -> Engine:
    """An engine that goes on where the store's last commit left off, and notes what changes from now on.

    Raises:
        SnapshotError: The store holds memory in a form that this release does not read.
    """
    core = loaded.core.get(CORE)
    if core is None or core.payload is None:
        for row in loaded.state:
            raise SnapshotError(f"The store holds a row of the kind {row.kind!r} without the rest of the memory.")
        engine = Engine(settings, State(admission=Admission(settings.lateness)))
        engine.journal.listen()
        return engine
    rebuilt = rebuild(core.payload, _rows(loaded.state), loaded.digests)
    engine = Engine(settings, rebuilt.state)
    engine.journal.resume(rebuilt.numbers)
    return engine


def _rows(rows: Iterator[StateRow]) -> Iterator[tuple[str, str, str, bytes]]:
    for row in rows:
        assert row.payload is not None, "a deleted row is not stored"
        yield row.kind, row.tenant, row.id, row.payload


def commit_of(
    changed: Changed,
    *,
    positions: Mapping[str, Position],
    alerts: Sequence[Alert],
    sinks: tuple[str, ...],
    quarantined: Iterable[Quarantined],
    accounting: Accounting,
    send_after: float = -inf,
) -> Commit:
    """All that one batch changes, for `Store.commit`; alerts of event times before `send_after` are for no sink."""
    return Commit(
        state=[StateRow(*row) for row in changed.rows],
        core=[CoreRow(CORE, changed.core)],
        positions=positions,
        digests=changed.digests,
        forget_before=changed.oldest_hour,
        counters=counters_of(accounting),
        alerts=[_for_sinks_from(send_after, new_alert(alert, sinks)) for alert in alerts],
        quarantined=tuple(quarantined),
    )


def counters_of(accounting: Accounting) -> dict[str, int]:
    """The conservation law's counts, by name."""
    return {
        "received": accounting.received,
        "applied": accounting.applied,
        "duplicate": accounting.duplicate,
        "late": accounting.late,
        **{f"filtered:{reason}": count for reason, count in accounting.filtered.items()},
        **{f"quarantined:{reason}": count for reason, count in accounting.quarantined.items()},
    }


def _for_sinks_from(send_after: float, alert: NewAlert) -> NewAlert:
    return alert if alert.time >= send_after else alert._replace(sinks=())


def new_alert(alert: Alert, sinks: tuple[str, ...]) -> NewAlert:
    """An alert as a store takes it."""
    return NewAlert(
        id=alert.id,
        time=datetime.fromisoformat(alert.time).timestamp(),
        severity=alert.severity,
        detector=alert.detector,
        subject=alert.subject.id,
        document=json_line(alert_document(alert)),
        sinks=sinks,
        held=alert.held is not None,
    )
