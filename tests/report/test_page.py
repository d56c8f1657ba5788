"""The page as text: its walls, its bounds, and that equal facts are equal pages."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import msgspec
import pytest

from detector.report.facts import Chain, Span
from detector.report.layout import picture_of
from detector.report.page import page
from tests.report.dossiers import dossier, story
from tests.report.hostile import FORMULAS, XSS

UPLOT = "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"
"""SHA-256 of uPlot 1.6.32, `dist/uPlot.iife.min.js`."""


class Shape(HTMLParser):
    """The markup of a page, without its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, [name for name, _ in attrs]))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(tag)

    def handle_comment(self, data: str) -> None:  # noqa: ARG002 -- the signature of the parser
        self.tags.append("comment")


def shape(text: str) -> list[object]:
    parser = Shape()
    parser.feed(text)
    return parser.tags


@pytest.mark.parametrize("payload", [*XSS, *FORMULAS])
def test_no_text_changes_the_markup(payload: str) -> None:
    assert shape(page(dossier(payload))) == shape(page(dossier("harmless")))


def test_the_policy_allows_this_script_and_this_style_by_hash_and_nothing_else() -> None:
    text = page(dossier())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    script = re.search(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", text, flags=re.DOTALL)
    assert policy is not None
    assert script is not None
    assert style is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].replace("&#39;", "'").split("; "))
    for name, found in (("script-src", script), ("style-src", style)):
        assert rules[name] == f"'sha256-{b64encode(sha256(found[1].encode()).digest()).decode()}'"
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy[1]


def test_data_cannot_end_their_element() -> None:
    text = page(dossier("</script><!--"))
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, flags=re.DOTALL)
    assert data is not None
    assert not set("<>&") & set(data[1])
    assert json.loads(data[1])["panels"][0]["r"][0][0] == "</script><!--"


def test_characters_that_deceive_are_shown_as_such() -> None:
    text = page(dossier("a\u202egpj.exe\x1b[31m"))
    assert "\u202e" not in text
    assert "\x1b" not in text


def test_equal_dossiers_are_equal_pages() -> None:
    assert page(dossier()) == page(dossier())


def test_a_text_is_cut_where_nobody_would_read_on() -> None:
    assert len(page(dossier("x" * 100_000))) < 1_500_000


def test_an_empty_dossier_is_a_page() -> None:
    empty = msgspec.structs.replace(
        dossier(), stories=(), panels=(), alerts=(), span=Span(), counts=(), failures=(), summary=()
    )
    assert "There is none to tell." in page(empty)


def test_the_plotting_library_is_the_released_one() -> None:
    from importlib.resources import files

    assert sha256((files("detector.report") / "assets" / "uplot.min.js").read_bytes()).hexdigest() == UPLOT


def test_boxes_of_a_chain_do_not_overlap_and_arrows_go_right() -> None:
    picture = picture_of(story("x", width=12).chain)
    assert picture is not None
    places = {(box.x, box.y) for box in picture.boxes}
    assert len(places) == len(picture.boxes) == 48
    for x, y in places:
        assert 0 <= x <= picture.width - picture.box_width
        assert y + picture.box_height <= picture.height
    for arrow in picture.arrows:
        numbers = [int(each) for each in re.findall(r"\d+", arrow.path)]
        assert numbers[0] < numbers[-2]


def test_a_chain_of_nothing_has_no_picture() -> None:
    assert picture_of(Chain()) is None
