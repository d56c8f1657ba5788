"""A complaint that nobody foresaw is still a sentence."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from detector.config import explain
from detector.config.blocks import Block
from detector.config.document import parse


class Dated(Block):
    day: bytes


def test_an_unforeseen_complaint_keeps_the_words_of_the_library() -> None:
    with pytest.raises(ValidationError) as caught:
        Dated.model_validate_json('{"day": 5}')
    (problem,) = explain.problems(caught.value, parse("day: 5"), Dated, None)
    assert problem.path == "day"
    assert problem.message.endswith("bytes.")
