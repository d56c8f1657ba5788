"""A folder of versions: which one is the newest, which are removed, and what is no version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detector.config.load import load
from detector.config.resources import models
from detector.errors import ModelError
from detector.models import artefact, versions
from detector.models.in_use import SHIPPED, latest_of, place_of
from detector.models.listing import listed


def version(folder: Path, name: str, **changes: object) -> Path:
    """A version with the manifest of the one that ships, and nothing else."""
    place = folder / name
    place.mkdir(parents=True)
    manifest = json.loads((models() / SHIPPED / artefact.MANIFEST).read_text())
    (place / artefact.MANIFEST).write_text(json.dumps({**manifest, **changes}))
    return place


def test_the_newest_is_the_one_whose_name_is_last_and_numbers_are_numbers(tmp_path: Path) -> None:
    for name in ("2", "10", "2026.1130.0215", "2026.1129.0215", "9"):
        version(tmp_path, name)
    found = [each.name for each in versions.versions(tmp_path)]
    assert found == ["2", "9", "10", "2026.1129.0215", "2026.1130.0215"]
    assert versions.newest(tmp_path) == tmp_path / "2026.1130.0215"


def test_a_model_that_is_being_written_and_what_is_no_model_are_no_versions(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / artefact.NUMBERS).write_text("{}")
    (tmp_path / "notes.txt").write_text("")
    assert versions.versions(tmp_path) == []
    assert versions.newest(tmp_path) is None


def test_a_version_of_another_release_does_not_stand_in_the_way(tmp_path: Path) -> None:
    good = version(tmp_path, "1")
    version(tmp_path, "2", schema=999)
    assert versions.newest(tmp_path) == good


def test_a_configuration_may_name_a_folder_and_the_shipped_one_is_used_until_there_is_a_version(tmp_path: Path) -> None:
    config = tmp_path / "detector.yaml"
    config.write_text("model: {path: hours}\n")
    (tmp_path / "hours").mkdir()
    settings = load(config)
    assert settings.model is not None
    assert (latest_of(settings), place_of(settings.model.path)) == ("", models() / SHIPPED)
    made = version(tmp_path / "hours", "2026.1130.0215")
    assert (latest_of(settings), place_of(settings.model.path)) == (made.name, made)


@pytest.mark.parametrize("text", ["scope: agents\n", "model: {path: shipped}\n", "model: {path: hours/1}\n"])
def test_where_no_folder_is_named_there_is_no_newest(text: str, tmp_path: Path) -> None:
    version(tmp_path / "hours", "1")
    config = tmp_path / "detector.yaml"
    config.write_text(text)
    assert latest_of(load(config)) == ""


def test_a_model_that_lost_its_manifest_is_no_empty_folder(tmp_path: Path) -> None:
    (tmp_path / artefact.NUMBERS).write_text("{}")
    assert place_of(str(tmp_path)) == tmp_path
    assert not listed([tmp_path])[0]["usable"]


def test_a_folder_that_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gone: The folder of models cannot be read"):
        versions.newest(tmp_path / "gone")


def test_the_name_of_a_version_is_the_time_to_the_minute_and_fits_the_label_of_a_metric() -> None:
    from detector.telemetry.labels import VERSION, Shaped

    name = versions.dated(1_796_005_000.0)
    assert name == "2026.1130.0216"
    assert Shaped(VERSION).safe(name) == name


def test_only_the_oldest_dated_versions_are_removed(tmp_path: Path) -> None:
    for day in range(10, 15):
        version(tmp_path, f"2026.11{day}.0215")
    version(tmp_path, "1")
    (tmp_path / "2026.1101.0215").mkdir()
    assert [each.name for each in versions.prune(tmp_path, 3)] == ["2026.1110.0215", "2026.1111.0215"]
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {"1", "2026.1101.0215", "2026.1112.0215", "2026.1113.0215", "2026.1114.0215"}
    assert versions.prune(tmp_path, 3) == []


def test_a_version_that_cannot_be_removed_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(versions.shutil, "rmtree", refuses)
    for day in range(10, 13):
        version(tmp_path, f"2026.11{day}.0215")
    with pytest.raises(ModelError, match=r"2026\.1110\.0215: The old version cannot be removed \(Permission denied\)"):
        versions.prune(tmp_path, 2)


def test_a_folder_stands_for_its_versions_in_a_list(tmp_path: Path) -> None:
    version(tmp_path, "1", schema=999)
    version(tmp_path, "2", format=999)
    assert [Path(each["place"]).name for each in listed([tmp_path])] == ["1", "2"]
