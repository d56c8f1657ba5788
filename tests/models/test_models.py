"""Models: made of frames, scored from plain numbers as PyOD scores, trusted only as their manifests say."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from detector.errors import ModelError
from detector.features.hours import PARTS
from detector.models import artefact, card, drift, in_use, listing, numbers, pipeline, training
from detector.models.artefact import Manifest
from detector.models.scoring import HourScorer, load

RNG = np.random.default_rng(7)


@cache
def frame(rows: int = 6_000) -> pd.DataFrame:
    """Ordinary hours: most parts are noise, a few are nearly always 0."""
    made = pd.DataFrame(RNG.normal(size=(rows, len(PARTS))), columns=list(PARTS))
    for part in ("new_resources", "new_networks"):
        made[part] = np.where(RNG.random(rows) < 0.003, RNG.exponential(1.0, rows) + 0.5, 0.0)
    made["new_means"] = 0.0
    made["hour"] = np.sort(RNG.integers(490_000, 490_400, rows))
    return made


@cache
def trained(detector: str) -> tuple[Manifest, dict[str, bytes]]:
    source = artefact.Source("a.jsonl", "0" * 64)
    return training.train(frame(), name="hours", version="7", detector=detector, min_seen=24.0, sources=[source])


def written(place: Path, detector: str = "sum") -> Path:
    manifest, files = trained(detector)
    artefact.write(place, manifest, files)
    return place


def strange(**fields: float) -> tuple[float, ...]:
    return tuple(fields.get(part, 0.0) for part in PARTS)


# ------------------------------------------------------------------------------------------------- scoring


@pytest.mark.parametrize("detector", sorted(training.DETECTORS))
def test_plain_numbers_score_as_the_fitted_pipeline_does(detector: str, tmp_path: Path) -> None:
    scorer = load(written(tmp_path / "7", detector))
    manifest, files = trained(detector)
    fitted = pipeline.read(tmp_path, files[artefact.PIPELINE], manifest)
    rows = frame().head(500)
    told = scorer.decades(scorer.columns(rows.loc[:, list(PARTS)].to_numpy()))
    figures = msgspec.json.decode(files[artefact.NUMBERS], type=numbers.Numbers)
    expected = numbers.decades_of(figures.conformal, training.scores(fitted, rows))
    assert np.abs(told - expected).max() < 1e-6


@pytest.mark.parametrize("detector", ["sum", "pca", "hbos"])
def test_a_row_is_judged_the_same_whatever_else_happened(detector: str, tmp_path: Path) -> None:
    scorer = load(written(tmp_path / "7", detector))
    rows = [tuple(row) for row in frame().loc[:400, list(PARTS)].to_numpy()]
    together = scorer.judge(1, rows, 0.5)
    assert [scorer.judge(1, [row], 0.5)[0] for row in rows] == list(together)


@pytest.mark.parametrize("detector", ["sum", "pca"])
def test_p_values_are_right_on_hours_like_those_of_training(detector: str, tmp_path: Path) -> None:
    scorer = load(written(tmp_path / "7", detector))
    held_out = frame().tail(1_500).loc[:, list(PARTS)].to_numpy()
    told = [judged.p_value for judged in scorer.judge(1, [tuple(row) for row in held_out], 0.0)]
    for level in (0.5, 0.1, 0.01):
        assert np.mean(np.array(told) <= level) <= 1.5 * level


def test_what_carried_it_is_named_the_most_telling_first(tmp_path: Path) -> None:
    scorer = load(written(tmp_path / "7"))
    (judged,) = scorer.judge(1, [strange(new_networks=6.0, off_hours=3.5)], 1e-3)
    assert judged.p_value < 1e-3
    assert next(part for part, _ in judged.carried) == "new_networks"
    assert all(share > 0.0 for _, share in judged.carried)
    (ordinary,) = scorer.judge(1, [strange()], 1e-3)
    assert ordinary.carried == ()


def test_no_p_value_is_smaller_than_can_be_told_apart(tmp_path: Path) -> None:
    scorer = load(written(tmp_path / "7"))
    (judged,) = scorer.judge(1, [strange(**dict.fromkeys(PARTS, 20.0))], 1e-3)
    assert judged.p_value == numbers.LEAST_P


# ------------------------------------------------------------------------------------------------ training


def test_equal_seeds_make_equal_numbers() -> None:
    manifest, files = trained("pca")
    again = training.train(
        frame(), name="hours", version="7", detector="pca", min_seen=24.0, sources=manifest.sources, seed=0
    )
    assert again[1][artefact.NUMBERS] == files[artefact.NUMBERS]


def test_a_model_is_not_made_of_too_little() -> None:
    with pytest.raises(ModelError, match="too few for a model"):
        training.train(frame().head(100), name="a", version="1", detector="sum", min_seen=24.0, sources=[])


def test_calibration_counts_hours_at_least_as_strange() -> None:
    told = training.calibrate(np.arange(1_000.0))
    decades = numbers.decades_of(told, np.array([-1.0, 0.0, 500.0, 899.0]))
    assert decades == pytest.approx([0.0, 0.0, -np.log10(501 / 1001), -np.log10(102 / 1001)], abs=0.02)
    beyond = numbers.decades_of(told, np.array([1_100.0, 1_200.0]))
    assert beyond[1] > beyond[0] > 1.0


# ------------------------------------------------------------------------------------------------ the files


def damaged(place: Path, name: str, change: Callable[[Any], Any]) -> None:
    document = json.loads((place / name).read_bytes())
    (place / name).write_text(json.dumps(change(document)))


def test_a_model_is_never_written_over(tmp_path: Path) -> None:
    place = written(tmp_path / "7")
    with pytest.raises(ModelError, match="There is something already"):
        written(place)


def test_a_model_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="cannot be written there"):
        written(tmp_path / "file" / "7")


@pytest.mark.parametrize("name", artefact.FILES)
def test_another_file_than_the_manifest_names_is_refused(name: str, tmp_path: Path) -> None:
    place = written(tmp_path / "7")
    (place / name).write_bytes((place / name).read_bytes() + b" ")
    with pytest.raises(ModelError, match=rf"{name}: The file is not the one that the manifest names"):
        load(place)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda told: told | {"format": 9}, "has format 9, this release reads 1"),
        (lambda told: told | {"schema": 9}, "judges other parts of an hour"),
        (lambda told: told | {"parts": ["volume"]}, "judges other parts of an hour"),
        (lambda told: told | {"files": {}}, "does not name the files of a model"),
        (lambda told: told | {"surprise": 1}, "cannot be understood"),
        (lambda _: [], "cannot be understood"),
    ],
)
def test_a_manifest_of_something_else_is_refused(change: Any, message: str, tmp_path: Path) -> None:
    place = written(tmp_path / "7")
    damaged(place, artefact.MANIFEST, change)
    with pytest.raises(ModelError, match=message):
        load(place)


def test_a_missing_model_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"manifest.json: The model cannot be read"):
        load(tmp_path / "nothing")


def test_a_file_larger_than_any_model_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = written(tmp_path / "7")
    monkeypatch.setattr(artefact, "_MAX_BYTES", 16)
    with pytest.raises(ModelError, match="larger than any model"):
        load(place)


def test_types_that_are_not_on_the_list_are_refused(tmp_path: Path) -> None:
    from skops import io

    manifest, _ = trained("iforest")
    data = io.dumps({"preprocessing": None, "detector": Path})
    with pytest.raises(ModelError, match="which no model of ours does"):
        pipeline.read(tmp_path, data, manifest)


def test_other_versions_of_the_libraries_are_refused(tmp_path: Path) -> None:
    manifest, files = trained("iforest")
    other = msgspec.structs.replace(manifest, libraries={**manifest.libraries, "pyod": "0.1"})
    with pytest.raises(ModelError, match=r"made with pyod 0\.1 \(here "):
        pipeline.read(tmp_path, files[artefact.PIPELINE], other)


def test_the_card_of_a_model_of_thousands_of_files_names_some() -> None:
    told, _ = trained("sum")
    made = msgspec.structs.replace(told, sources=[artefact.Source(f"{number}.json", "0" * 64) for number in range(60)])
    assert "`49.json`" in card.text(made)
    assert "`50.json`" not in card.text(made)
    assert "- and 10 more, which the manifest names" in card.text(made)
    assert "- not recorded" in card.text(msgspec.structs.replace(told, sources=[]))


def test_the_card_says_what_it_was_made_of(tmp_path: Path) -> None:
    text = (written(tmp_path / "7") / artefact.CARD).read_text()
    assert "# hours 7" in text
    assert "a.jsonl" in text


# ------------------------------------------------------------------------------------------------- drift


def test_hours_like_those_of_training_are_stable_and_others_are_not(tmp_path: Path) -> None:
    scorer = load(written(tmp_path / "7"))
    assert scorer.stability() == {}
    usual = frame().loc[:, list(PARTS)].to_numpy()
    for start in range(0, 3_000, 100):
        scorer.judge(start, [tuple(row) for row in usual[start : start + 100]], 0.0)
    assert max(scorer.stability().values()) < 0.1
    moved = usual + np.array([2.0 if part == "volume" else 0.0 for part in PARTS])
    for start in range(0, 3_000, 100):
        scorer.judge(start, [tuple(row) for row in moved[start : start + 100]], 0.0)
    told = scorer.stability()
    assert told["volume"] > 0.25
    assert told["gap"] < 0.1


def test_a_model_without_spreads_says_nothing_of_drift() -> None:
    assert drift.Drift([]).stability() == {}


# ------------------------------------------------------------------------------------------------- in use


def test_without_a_model_nothing_is_loaded() -> None:
    from detector.config.load import load as load_settings

    assert in_use.model_of(load_settings()) is None
    assert in_use.judging(load_settings()).model is None


def test_the_configuration_names_a_model_from_where_it_is(tmp_path: Path) -> None:
    from detector.config.load import load as load_settings

    written(tmp_path / "models" / "7")
    (tmp_path / "detector.yaml").write_text("model: {path: models/7, shadow: true}\n")
    model = in_use.judging(load_settings(tmp_path / "detector.yaml")).model
    assert isinstance(model, HourScorer)
    assert (model.name, model.shadow, model.min_seen) == ("hours/7", True, 24.0)


def test_models_are_listed_with_what_is_wrong_with_them(tmp_path: Path) -> None:
    good, bad = written(tmp_path / "7"), tmp_path / "8"
    first, second = listing.listed([good, bad])
    assert (first["usable"], first["name"], first["version"]) == (True, "hours", "7")
    assert (second["usable"], second["place"]) == (False, str(bad))


def test_the_shipped_model_can_be_used_and_is_small() -> None:
    from detector.config.load import load as load_settings

    model = in_use.model_of(load_settings(text="model: {path: shipped}\n"))
    assert model is not None
    place = in_use.place_of("shipped")
    assert place in listing.shipped()
    assert sum(path.stat().st_size for path in place.iterdir()) < 300_000
    (judged,) = model.judge(1, [strange()], 1e-4)
    assert judged.p_value > 0.1
