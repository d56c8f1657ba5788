"""The catalogue is whole, claimed, and what docs/detections.md shows."""

from __future__ import annotations

import re

import pytest

from detector.config import catalogue
from detector.config.document import parse
from detector.config.resources import text_of
from detector.decode.categories import BY_NAME
from detector.detectors.registry import DETECTORS
from tests.catalogue import PAGE, claims, page

ROWS = catalogue.rows()


@pytest.mark.parametrize("name", ["catalogue.yaml", "guide.yaml"])
def test_its_files_are_clean(name: str) -> None:
    text = text_of(name)
    assert parse(text, name).problems == ()
    assert text.startswith("#")


def test_all_119_rows_are_there_and_71_of_them_are_of_the_first_release() -> None:
    assert len(ROWS) == 119
    assert sum(1 for row in ROWS.values() if row.tier == 0) == 71
    assert set(ROWS) == {f"D{number:02}" for number in range(1, 118)} | {"D101b", "D107b"}


def test_a_row_says_what_it_is_in_a_line() -> None:
    for row in ROWS.values():
        assert row.title[0].isupper(), row.id
        assert not row.title.endswith("."), row.id
        assert len(row.title) <= 120, row.id
        assert set(row.inputs) <= set("SARGZIPC"), row.id
        assert row.tier in {0, 1, 2}, row.id
        assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", technique) for technique in row.techniques), row.id
    assert len({row.title for row in ROWS.values()}) == len(ROWS)


def test_what_rows_need_is_something_that_a_deployment_can_provide() -> None:
    for row in ROWS.values():
        assert row.needs, row.id
        for alternatives in row.needs:
            for name in alternatives:
                assert name in catalogue.inputs(), f"{row.id}: {name}"


def test_letters_stand_for_what_is_needed_unless_a_row_says_more() -> None:
    assert ROWS["D36"].needs == (("signins",), ("audit",))
    assert ROWS["D23"].needs == (("signins",), ("environments",))
    assert ROWS["D46"].needs == (("inventory", "workload_signins"),)
    assert ROWS["D72"].needs == (("inventory",),)


def test_inputs_are_categories_that_are_read_or_parts_of_the_configuration() -> None:
    for each in catalogue.inputs().values():
        assert each.title
        assert each.connect.endswith("."), each.name
        assert each.letter in "SARGZIP"
        assert all(category.casefold() in BY_NAME for category in each.categories), each.name


def test_every_sentence_asks_for_rows_and_every_row_is_asked_for() -> None:
    sentences = catalogue.sentences()
    assert len(sentences) == 38
    assert {re.fullmatch(r"S(\d+)[a-d]?", identifier)[1] for identifier in sentences} == {  # type: ignore[index]
        str(number) for number in range(1, 33)
    }
    assert {row for sentence in sentences.values() for row in sentence.rows} == set(ROWS)
    assert all(len(set(sentence.rows)) == len(sentence.rows) for sentence in sentences.values())


def test_every_row_of_the_first_release_is_claimed_once_and_no_other_twice() -> None:
    for identifier, names in claims().items():
        assert len(names) <= 1, f"{identifier} is claimed by {', '.join(names)}"
        if ROWS[identifier].tier == 0:
            assert names, f"Nobody claims {identifier}"


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda each: each.name)
def test_a_detector_tells_the_techniques_of_its_rows(detector: type) -> None:
    rows = {technique for identifier in detector.catalogue_ids for technique in ROWS[identifier].techniques}
    assert set(detector.attack) == rows


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "Run: python -m tests.catalogue"


def test_what_the_page_links_to_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / target).exists(), target
