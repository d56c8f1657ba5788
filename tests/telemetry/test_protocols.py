"""What other rooms tell, telemetry hears: the type checker compares every method, this test their names and sets."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from detector.inventory import facts as inventory
from detector.inventory.evidence import facts as evidence
from detector.sinks import facts as sinks
from detector.sinks.outcome import LeftOutReason
from detector.sources import facts as sources
from detector.sources.follow import facts as follow
from detector.stores import facts as stores
from detector.telemetry import reasons
from detector.telemetry.evidence import EvidenceFacts
from detector.telemetry.follow import FollowFacts
from detector.telemetry.inventory import InventoryFacts
from detector.telemetry.sinks import SinkFacts
from detector.telemetry.sources import SourceFacts
from detector.telemetry.stores import StoreFacts

ROOT = Path(__file__).resolve().parents[2]

if TYPE_CHECKING:

    def of_sources(made: SourceFacts) -> sources.SourceFacts:
        return made

    def of_follow(made: FollowFacts) -> follow.FollowFacts:
        return made

    def of_inventory(made: InventoryFacts) -> inventory.InventoryFacts:
        return made

    def of_evidence(made: EvidenceFacts) -> evidence.EvidenceFacts:
        return made

    def of_sinks(made: SinkFacts) -> sinks.Facts:
        return made

    def of_stores(made: StoreFacts) -> stores.StoreFacts:
        return made


@pytest.mark.slow
def test_the_type_checker_agrees_that_telemetry_hears_what_other_rooms_tell() -> None:
    """Runs it over this very file, whose functions above do nothing else than show that one type is the other.

    It shares the cache of `make types`, in which it trusts nothing that has changed since.
    """
    command = (sys.executable, "-m", "mypy", "--strict", "--explicit-package-bases")
    here = Path(__file__).relative_to(ROOT)
    checked = subprocess.run((*command, str(here)), cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def facts_of(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("protocol", "made"),
    [
        (sources.SourceFacts, SourceFacts),
        (follow.FollowFacts, FollowFacts),
        (inventory.InventoryFacts, InventoryFacts),
        (evidence.EvidenceFacts, EvidenceFacts),
        (sinks.Facts, SinkFacts),
        (stores.StoreFacts, StoreFacts),
    ],
)
def test_every_fact_of_a_room_is_heard_and_no_other_is_invented(protocol: type, made: type) -> None:
    assert facts_of(protocol) == facts_of(made)
    for name in facts_of(protocol):
        assert list(inspect.signature(getattr(protocol, name)).parameters) == list(
            inspect.signature(getattr(made, name)).parameters
        )


def test_every_bound_of_the_engine_has_its_label() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "detector" / "engine").glob("*.py")))
    named = set(re.findall(r'counters\["(\w+)"\]', sources))
    assert named <= set(reasons.EVICTIONS) | reasons.OF_MODELS
    assert len(set(reasons.EVICTIONS.values())) == len(reasons.EVICTIONS)


def test_closed_sets_of_other_rooms_are_labels() -> None:
    assert {*reasons.ENDINGS, "other"} == {*get_args(sources.Ending)}
    assert set(reasons.SDK_WARNINGS) == set(get_args(sources.SdkWarning))
    assert set(get_args(inventory.Reason)) < set(reasons.INVENTORY_PROBLEMS)
    assert set(get_args(inventory.Round)) == set(reasons.ROUNDS)
    assert set(get_args(LeftOutReason)) < set(reasons.SUPPRESSIONS)
