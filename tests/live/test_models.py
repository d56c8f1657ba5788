"""A model that is trained while the service runs is used by it, and a damaged one is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from detector.config.resources import models
from detector.models.artefact import MANIFEST, NUMBERS
from detector.models.in_use import SHIPPED
from detector.runtime.live import reloading
from tests.live.hosted import Hosted

CONFIGURATION = """
source: {{files: {{path: {logs}}}}}
store: {{directory: {store}}}
telemetry: {{port: 0}}
model: {{path: {folder}, shadow: true}}
"""

pytestmark = [pytest.mark.slow]


def trained(folder: Path, version: str) -> Path:
    """A version in the folder of models, as training leaves it: the manifest last."""
    place = folder / version
    shutil.copytree(models() / SHIPPED, place, ignore=shutil.ignore_patterns(MANIFEST))
    manifest = json.loads((models() / SHIPPED / MANIFEST).read_text())
    written = place / "written"
    written.write_text(json.dumps({**manifest, "version": version}))
    written.rename(place / MANIFEST)
    return place


def test_the_newest_model_of_a_folder_is_taken_while_the_service_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading, "LOOK", 0.2)
    places = {name: tmp_path / name for name in ("logs", "store", "folder")}
    places["logs"].mkdir()
    places["folder"].mkdir()
    config = tmp_path / "detector.yaml"
    config.write_text(CONFIGURATION.format(**places))

    def in_use(version: str) -> bool:
        found = [line for line in at.scrape().decode().splitlines() if line.startswith("agent_detector_model_info{")]
        return len(found) == 1 and f'version="{version}"' in found[0] and 'shadow="true"' in found[0]

    with Hosted(config, watched=True) as at:
        at.until(lambda: in_use("1"))  # The one that ships: nothing is trained yet.
        trained(places["folder"], "2026.1129.0215")
        at.until(lambda: in_use("2026.1129.0215"))
        bad = trained(tmp_path / "bad", "2026.1130.0215")
        (bad / NUMBERS).write_text("{}")
        bad.rename(places["folder"] / bad.name)
        at.until(lambda: at.value("config_last_reload_successful") == 0)
        assert in_use("2026.1129.0215"), "a damaged one is refused, and the one in use stays"
        trained(places["folder"], "2026.1201.0215")
        at.until(lambda: in_use("2026.1201.0215"))
        at.until(lambda: at.value("config_last_reload_successful") == 1)
    assert at.ending == "stopped"
