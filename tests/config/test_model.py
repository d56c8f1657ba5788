"""The block `model`: which model, from where, and whether it is only tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.config.build import engine_settings
from detector.config.load import load
from detector.config.resources import models
from detector.errors import ConfigurationError


def test_there_is_no_model_unless_one_is_named() -> None:
    assert load().model is None
    assert engine_settings(load()).model is None


def test_the_shipped_one_is_meant_when_nothing_else_is_said() -> None:
    block = load(text="model: {}\n").model
    assert block is not None
    assert (block.path, block.shadow) == ("shipped", False)
    assert models().is_dir()


def test_a_directory_is_found_from_where_the_file_is(tmp_path: Path) -> None:
    (tmp_path / "detector.yaml").write_text("model: {path: models/hours/2, shadow: true}\n")
    block = load(tmp_path / "detector.yaml").model
    assert block is not None
    assert block.path == str(tmp_path / "models" / "hours" / "2")
    assert block.shadow
    text = load(text="model: {path: here}\n").model
    assert text is not None
    assert text.path == str(Path("here").absolute())


@pytest.mark.parametrize("block", ["{path: ''}", "{shadow: 1}", "{paht: x}"])
def test_a_wrong_block_is_refused(block: str) -> None:
    with pytest.raises(ConfigurationError):
        load(text=f"model: {block}\n")
