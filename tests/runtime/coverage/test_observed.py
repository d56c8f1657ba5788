"""What came, from a store that an engine wrote and from an archive of the same records."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoded import Decoded
from detector.decode.decoder import Decoder
from detector.domain.events import Event
from detector.engine.admission import Admission
from detector.engine.engine import Engine
from detector.engine.state import State, encoder
from detector.errors import SnapshotError
from detector.features.flow import Flow
from detector.runtime.coverage.observed import Observed, from_archive, from_store
from detector.runtime.live.memory import commit_of
from detector.runtime.simulation import SimulationSettings, simulate
from detector.sources.chunk import Chunk
from detector.stores.records import Commit, StateRow
from tests.stores.stage import opened
from tests.stories import HOUR, START, Tenant

SIMULATED = SimulationSettings(
    seed=3, days=3, agents=8, blueprints=2, attack_after_days=2, mean_requests_per_agent_day=40
)


@pytest.fixture(scope="module")
def body() -> bytes:
    return b"\n".join(simulate(SIMULATED).bodies())


def decoder() -> Decoder:
    return Decoder(**decoder_settings(load()))


def written(directory: Path, *bodies: Decoded) -> list[str]:
    """A store with what an engine made of the bodies; the ids of its alerts."""
    settings = engine_settings(load())
    engine = Engine(settings, State(admission=Admission(settings.lateness)))
    engine.journal.listen()
    alerts = [alert for body in bodies for alert in engine.process(body)]
    with opened(directory) as store:
        store.commit(
            commit_of(
                engine.journal.take(),
                positions={},
                alerts=alerts,
                sinks=(),
                quarantined=(),
                accounting=engine.accounting,
            )
        )
    return [alert.id for alert in alerts]


def of_store(directory: Path) -> Observed:
    observed = Observed()
    from_store(directory, observed)
    return observed


def of_archive(*chunks: Chunk) -> Observed:
    observed = Observed()
    from_archive(chunks, decoder(), observed)
    return observed


def test_a_store_tells_the_categories_the_account_and_the_alerts(tmp_path: Path, body: bytes) -> None:
    ids = written(tmp_path / "data", decoder().lines(body))
    assert ids
    found = of_store(tmp_path / "data")
    assert found.counters is not None
    assert found.raised is not None
    assert found.counters["received"] == len(decoder().lines(body).events) > 1_000
    assert sum(each.alerts for each in found.raised.values()) == len(set(ids))
    assert {each.last_id for each in found.raised.values()} <= set(ids)
    assert {"ServicePrincipalSignInLogs", "AuditLogs"} <= set(found.latest)
    assert found.newest is not None


def test_an_archive_of_the_same_records_tells_the_same_categories_and_times(tmp_path: Path, body: bytes) -> None:
    written(tmp_path / "data", decoder().lines(body))
    told: list[int] = []
    archive = Observed()
    from_archive([Chunk(body, "x", "lines")], decoder(), archive, lambda: told.append(1))
    assert archive.latest == of_store(tmp_path / "data").latest
    assert (archive.raised, archive.counters, told) == (None, None, [1])


def test_inventory_runs_and_handshakes_are_told_by_when_they_were_observed(tmp_path: Path) -> None:
    tenant = Tenant()
    agent = tenant.agent("invoices", blueprint="finance")
    events: list[Event] = [
        tenant.inventory(agent, START),
        tenant.inventory(agent, START + HOUR),
        *tenant.run(START + 2 * HOUR),
    ]
    written(tmp_path / "data", Decoded(events))
    assert of_store(tmp_path / "data").latest == {
        "AgentInventory": START + HOUR,
        "DeploymentRecords": START + 2 * HOUR + 300,
    }


def test_own_records_in_an_archive_are_told_to_the_second() -> None:
    line = (
        b'{"category":"DeploymentRecords","time":"2026-03-02T00:00:09Z","tenantId":"11111111-2222-3333-4444-555555555555",'
        b'"properties":{"id":"r","recordedDateTime":"2026-03-02T00:00:07Z","kind":"run","pipeline":"p","runId":"1",'
        b'"status":"succeeded"}}'
    )
    found = of_archive(Chunk(line, "x", "lines"), Chunk(b"{}", "y", "lines"))
    assert found.latest == {"DeploymentRecords": START + 7}


def test_an_empty_store_saw_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as store:
        store.commit(Commit(state=[StateRow("flow", "t", "", encoder().encode(Flow(waiting=[9])))]))
    found = of_store(tmp_path / "data")
    assert (found.latest, found.raised, found.newest) == ({}, {}, None)


def test_a_row_of_another_form_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as store:
        store.commit(Commit(state=[StateRow("run", "t", "r", b"\xc1")]))
    with pytest.raises(SnapshotError, match="A row of the kind 'run' cannot be read"):
        of_store(tmp_path / "data")
