"""The configuration is reloaded as a whole or not at all, when asked to or when its file changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.config.load import load
from detector.config.settings import Settings
from detector.errors import ModelError, UsageError
from detector.models.in_use import latest_of
from detector.runtime.live import reloading as module
from detector.runtime.live.reloading import BUILT_IN, Reloading
from tests.runtime.live.parts import Facts

BEFORE = "scope: agents\n"


class House:
    """A file, and the reloading of what it says."""

    def __init__(self, folder: Path, text: str = BEFORE) -> None:
        self.file = folder / "detector.yaml"
        self.file.write_text(text)
        self.facts = Facts()
        self.applied: list[Settings] = []
        self.used = load(self.file)
        self.reloading = Reloading(lambda: load(self.file), self.used, self.facts, self.apply, latest_of(self.used))

    async def apply(self, settings: Settings) -> None:
        self.applied.append(settings)

    async def says(self, text: str) -> None:
        self.file.write_text(text)
        await self.reloading.reload()


@pytest.mark.asyncio
async def test_what_judges_may_change(tmp_path: Path) -> None:
    at = House(tmp_path)
    await at.says("scope: workloads\n")
    assert [each.scope for each in at.applied] == ["workloads"]
    assert at.facts.of("configuration_reloaded") == [()]


@pytest.mark.asyncio
async def test_a_configuration_that_is_wrong_changes_nothing(tmp_path: Path) -> None:
    at = House(tmp_path)
    await at.says("scope: workloads\nscpoe: agents\nlateness: soon\n")
    assert at.applied == []
    ((problems, first),) = at.facts.of("configuration_refused")
    assert problems == 2
    assert "scpoe" in first
    await at.says("scope: workloads\n")
    assert len(at.applied) == 1


@pytest.mark.asyncio
async def test_a_model_that_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    at = House(tmp_path)

    async def refused(_: Settings) -> None:
        raise ModelError("models/2: The model cannot be read.")

    at.reloading = Reloading(lambda: load(at.file), at.used, at.facts, refused)
    await at.says("model: {path: models/2}\n")
    assert at.facts.of("configuration_refused") == [(1, "models/2: The model cannot be read.")]
    assert at.facts.of("configuration_reloaded") == []


CHANGED = {
    "source": "source: {files: {path: elsewhere}}",
    "evidence": "evidence: {tenant_id: 6f1e8a52-0000-4000-8000-000000000001, github: {secret_files: [/a]}}",
    "inventory": "inventory: {tenant_id: 6f1e8a52-0000-4000-8000-000000000001}",
    "store": "store: {snapshots: 9}",
    "sinks": "sinks: {stdout: [{}]}",
    "telemetry": "telemetry: {port: 1}",
    "batch": "batch: {linger: 1}",
    "canary": "canary: 6f1e8a52-0000-4000-8000-000000000001",
    "lateness": "lateness: 3600",
    "limits": "limits: {max_parked: 7}",
}


@pytest.mark.parametrize("block", BUILT_IN)
@pytest.mark.asyncio
async def test_what_the_service_is_built_of_may_not_change(tmp_path: Path, block: str) -> None:
    """Not even together with something that may."""
    at = House(tmp_path)
    await at.says(f"scope: workloads\n{CHANGED[block]}\n")
    assert at.applied == []
    ((problems, first),) = at.facts.of("configuration_refused")
    assert problems == 1
    assert f"A change of {block} takes effect with the next start only" in first


@pytest.mark.asyncio
async def test_what_is_compared_with_is_what_is_in_use_now(tmp_path: Path) -> None:
    at = House(tmp_path)
    await at.says("scope: workloads\n")
    await at.says("scope: agents\n")
    await at.says("scope: agents\nstore: {snapshots: 9}\n")
    assert [each.scope for each in at.applied] == ["workloads", "agents"]


@pytest.mark.asyncio
async def test_an_error_of_another_kind_is_told_too(tmp_path: Path) -> None:
    at = House(tmp_path)

    def fails() -> Settings:
        raise UsageError("no such thing")

    await Reloading(fails, at.used, at.facts, at.apply).reload()
    assert at.facts.of("configuration_refused") == [(1, "no such thing")]


async def ran(at: House, watched: Path | None, done: Callable[[], bool]) -> None:
    running = asyncio.create_task(at.reloading.run(watched))
    try:
        async with asyncio.timeout(60):
            while not done():
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def eventually(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK", 0.03)


@pytest.mark.asyncio
async def test_it_reloads_when_asked_to_although_nothing_changed(tmp_path: Path) -> None:
    at = House(tmp_path)
    at.reloading.ask()
    await ran(at, None, lambda: bool(at.applied))


def replaced(file: Path, text: str) -> None:
    """Writes a file at once: nobody reads half of it."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(text)
    new.replace(file)


def changing(at: House, change: Callable[[], object]) -> asyncio.Task[None]:
    """Changes something once it was looked at: earlier it would be what was there from the beginning."""
    looked, seen = asyncio.Event(), at.reloading._seen

    async def noted(watched: Path | None) -> list[bytes | None]:
        found = await seen(watched)
        looked.set()
        return found

    at.reloading._seen = noted  # type: ignore[method-assign]

    async def wait() -> None:
        await looked.wait()
        await asyncio.sleep(0.1)  # some looks at what did not change
        change()

    return asyncio.create_task(wait())


@pytest.mark.asyncio
async def test_it_reloads_when_the_file_changes_and_only_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eventually(monkeypatch)
    at = House(tmp_path)
    loads: list[int] = []
    at.reloading._load = lambda: loads.append(1) or load(at.file)  # type: ignore[misc, func-returns-value]
    changed = changing(at, lambda: replaced(at.file, "scope: workloads\n"))
    await ran(at, at.file, lambda: bool(at.applied))
    await changed
    assert len(loads) == 1


@pytest.mark.asyncio
async def test_it_reloads_when_the_manifest_that_the_file_names_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eventually(monkeypatch)
    manifest = tmp_path / "agents.yaml"
    manifest.write_text("agents: []\n")
    at = House(tmp_path, "manifest_file: agents.yaml\n")
    entry = "agents: [{id: 22222222-3333-4444-5555-666666666666}]\n"
    changed = changing(at, lambda: replaced(manifest, entry))
    await ran(at, at.file, lambda: bool(at.applied))
    await changed
    (applied,) = at.applied
    assert applied.manifest is not None
    assert len(applied.manifest.agents) == 1


@pytest.mark.asyncio
async def test_it_sees_a_mounted_file_that_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ConfigMap is a link that is pointed elsewhere; for a moment there may be no file."""
    eventually(monkeypatch)
    at = House(tmp_path)
    new = tmp_path / "..data"
    new.write_text("scope: workloads\n")

    def swap() -> None:
        at.file.unlink()
        at.file.symlink_to(new)

    changed = changing(at, swap)
    await ran(at, at.file, lambda: bool(at.applied))
    await changed


def train(folder: Path, version: str) -> None:
    """Puts a version of a model into `hours`, as far as its being there is asked."""
    place = folder / "hours" / version
    place.mkdir(parents=True)
    (place / "manifest.json").write_text("{}")


@pytest.mark.asyncio
async def test_it_reloads_when_a_newer_model_is_in_the_folder_that_the_file_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eventually(monkeypatch)
    train(tmp_path, "1")
    at = House(tmp_path, "model: {path: hours}\n")
    changed = changing(at, lambda: train(tmp_path, "2"))
    await ran(at, at.file, lambda: bool(at.applied))
    await changed
    assert len(at.applied) == 1


@pytest.mark.asyncio
async def test_a_model_that_came_while_the_one_before_was_loaded_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eventually(monkeypatch)
    (tmp_path / "hours").mkdir()
    at = House(tmp_path, "model: {path: hours}\n")
    train(tmp_path, "1")
    await ran(at, at.file, lambda: bool(at.applied))


@pytest.mark.asyncio
async def test_a_folder_of_models_that_cannot_be_read_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A volume may be away for a moment: the model in use stays."""
    eventually(monkeypatch)
    at = House(tmp_path, "model: {path: hours}\n")
    looked: list[int] = []

    def away(_: Settings) -> str:
        looked.append(1)
        raise ModelError("hours: The folder of models cannot be read.")

    monkeypatch.setattr(module, "latest_of", away)
    await ran(at, at.file, lambda: len(looked) > 2)
    assert at.applied == []


def test_every_block_that_is_built_in_is_tried() -> None:
    assert set(CHANGED) == set(BUILT_IN) <= set(Settings.model_fields)
