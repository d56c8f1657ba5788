"""The report in a real Chromium: what a reader does with it, and what it must not do to a reader."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from detector.report.page import OPEN_PANELS, WHOLE_PANELS, page
from tests.report.browser import Viewer
from tests.report.dossiers import crowded, dossier, large, panel
from tests.report.hostile import XSS

MEGABYTE = 2**20


def plotted(agent: Any) -> None:
    """Waits until an agent that is in sight has its four plots: they are drawn when it comes there."""
    agent.scroll_into_view_if_needed()
    agent.locator("canvas").nth(3).wait_for(state="attached")
    assert agent.locator("canvas").count() == 4


@pytest.mark.parametrize("bypass", [False, True], ids=["policy", "escaping alone"])
def test_no_text_of_a_record_runs_loads_or_makes_markup(view: Viewer, bypass: bool) -> None:
    opened = view.open(crowded(XSS), bypass=bypass)
    opened.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    opened.wait_for_timeout(300)
    assert view.noticed == []
    assert opened.evaluate("document.documentElement.dataset.pwned") is None
    assert opened.evaluate("document.querySelectorAll('script').length") == 2
    assert (
        opened.evaluate("document.querySelectorAll('img, iframe, object, embed, base, form, video, audio').length") == 0
    )
    assert opened.evaluate("document.querySelectorAll('link, style, meta[http-equiv]').length") == 3
    handlers = (
        "Array.from(document.querySelectorAll('*')).flatMap((e) => e.getAttributeNames()).filter((n) => /^on/i.test(n))"
    )
    assert opened.evaluate(handlers) == []
    links = "Array.from(document.querySelectorAll('a')).map((e) => e.getAttribute('href')).filter((h) => h[0] !== '#')"
    assert opened.evaluate(links) == []
    shown = opened.inner_text("#summary")
    assert "<script>pwned()</script>" in shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(view: Viewer, scheme: str) -> None:
    opened = view.open(dossier(), scheme=scheme, bypass=True)
    opened.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert view.findings(opened) == []


def test_it_works_with_the_keyboard(view: Viewer) -> None:
    opened = view.open(dossier())
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.className") == "skip"
    before = opened.inner_text("#range")
    opened.focus("#zoom")
    opened.keyboard.press("+")
    assert opened.inner_text("#range") != before
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("0")
    assert opened.inner_text("#range") == before
    opened.focus("tr#alert-0 summary")
    opened.keyboard.press("Enter")
    assert opened.is_visible("text=May be innocent:")
    assert view.noticed == []


def test_zoom_filters_and_search_say_how_many_alerts_are_left(view: Viewer) -> None:
    opened = view.open(large(agents=2, alerts=60))
    assert opened.inner_text("#shown") == "60 of 60 alerts shown."
    opened.uncheck("[data-severity=high]")
    assert opened.inner_text("#shown") == "0 of 60 alerts shown."
    opened.check("[data-severity=high]")
    opened.fill("#find", "agent 17")
    assert opened.inner_text("#shown") == "1 of 60 alerts shown."
    opened.fill("#find", "")
    opened.check("#follow")
    opened.click("[data-zoom=in]")
    some = int(opened.inner_text("#shown").split()[0])
    assert 0 < some < 60
    opened.click("[data-zoom=all]")
    assert opened.inner_text("#shown") == "60 of 60 alerts shown."
    assert view.noticed == []


def test_nothing_moves_when_the_plots_of_an_agent_are_drawn(view: Viewer) -> None:
    opened = view.open(large(agents=6, alerts=60))
    place = "Math.round(document.querySelector('#alerts').getBoundingClientRect().top + scrollY)"
    before = opened.evaluate(place)
    for each in opened.query_selector_all("details.agent"):
        each.scroll_into_view_if_needed()
        each.wait_for_selector("canvas")
    assert abs(opened.evaluate(place) - before) <= 1
    assert view.noticed == []


def test_dragging_over_the_timeline_zooms(view: Viewer) -> None:
    opened = view.open(dossier())
    before = opened.inner_text("#range")
    opened.locator("#plot-requests").scroll_into_view_if_needed()
    box = opened.locator("#plot-requests .u-over").bounding_box()
    opened.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
    opened.mouse.down()
    opened.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40, steps=4)
    opened.mouse.up()
    assert opened.inner_text("#range") != before
    assert view.noticed == []


def test_the_tables_of_a_folded_agent_are_made_when_it_is_opened(view: Viewer) -> None:
    hostile = "<img src=x onerror=pwned()>"
    opened = view.open(msgspec.structs.replace(dossier(), panels=tuple([panel(hostile)] * (WHOLE_PANELS + 1))))
    last = opened.locator("details.agent").last
    assert last.locator("table").count() == 0
    last.locator("summary").first.click()
    last.locator("[data-more] > summary").click()
    last.locator("caption").first.wait_for()
    assert last.locator("caption").all_inner_texts()[0] == "Resources"
    assert hostile in last.locator("td").first.inner_text()
    assert view.noticed == []


def test_an_agent_is_plotted_when_it_is_opened(view: Viewer) -> None:
    many = tuple(panel(f"agent {number}", alerts=()) for number in range(OPEN_PANELS + 3))
    opened = view.open(msgspec.structs.replace(dossier(), panels=many))
    last = opened.locator("details.agent").last
    assert last.locator("canvas").count() == 0
    last.locator("summary").first.click()
    plotted(last)
    plotted(opened.locator("details.agent").first)
    labels = last.locator("[role=img]").evaluate_all("(all) => all.map((each) => each.getAttribute('aria-label'))")
    assert "Token requests: 276 in all, at most 23 in a bucket" in labels
    assert view.noticed == []


def _ink(opened: Any) -> int:
    """How many pixels of the first agent's token plot were painted."""
    plotted(opened.locator("details.agent").first)
    return int(
        opened.evaluate(
            """() => { const c = document.querySelector('details.agent canvas');
            const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
            let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; }"""
        )
    )


def test_dark_and_light_can_be_chosen_and_are_painted_anew(view: Viewer) -> None:
    opened = view.open(dossier(), scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = opened.evaluate(ground)
    assert _ink(opened) > 500
    opened.click("#theme")
    assert opened.evaluate(ground) == "rgb(255, 255, 255)" != dark
    assert _ink(opened) > 500
    assert view.noticed == []


def test_paper_gets_everything_folded_open_and_no_controls(view: Viewer) -> None:
    opened = view.open(dossier())
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    opened.emulate_media(media="print")
    assert opened.evaluate("document.querySelectorAll('table.alerts details:not([open])').length") == 0
    assert not opened.is_visible("#theme")
    opened.emulate_media(media="screen")
    opened.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.evaluate("document.querySelectorAll('table.alerts details[open]').length") == 0
    assert len(opened.pdf()) > 10_000
    assert view.noticed == []


def test_a_month_of_a_thousand_agents_is_small_and_soon_ready(view: Viewer) -> None:
    report = large()
    assert len(page(report).encode()) <= 10 * MEGABYTE
    opened = view.open(report)
    assert view.busy <= 2.0
    plotted(opened.locator("details.agent").first)
    assert view.noticed == []


def test_a_narrow_window_needs_no_scrolling_to_the_side(view: Viewer) -> None:
    opened = view.open(dossier(), width=400)
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
