"""The boards of config/grafana: made by their generator, and as the rules of Grafana's dashboard-linter want them."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest

from detector.telemetry.catalogue import METRICS, PREFIX
from tests.live.programs import component
from tests.monitoring.files import EXPORTED, ROOT, SELECTOR, Panel, boards, named, panels, recorded

PANELS = list(panels())
COUNTERS = {PREFIX + metric.name for metric in METRICS if metric.kind == "counter"} | {"process_cpu_seconds_total"}


def variables(board: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in board["templating"]["list"]}


def test_the_files_are_what_the_generator_makes() -> None:
    component("grafana_foundation_sdk", "install the development dependencies anew")
    from bench.dashboards.__main__ import BOARDS, FOLDER, text

    assert {path.stem for path in FOLDER.glob("*.json")} == set(BOARDS)
    for name, made in BOARDS.items():
        wanted = text(made())
        assert (FOLDER / f"{name}.json").read_text("ascii") == wanted, "say: python -m bench.dashboards"


@pytest.mark.parametrize("name", sorted(boards()))
def test_a_board_can_be_found_and_is_not_edited_by_hand(name: str) -> None:
    board = boards()[name]
    assert board["uid"] == f"agent-detector-{name}"
    assert board["title"].startswith("Entra agent detector / ")
    assert board["description"]
    assert board["editable"] is False
    assert "id" not in board or board["id"] is None
    assert board["tags"] == ["entra-agent-detector"]


@pytest.mark.parametrize("name", sorted(boards()))
def test_data_source_job_and_instance_are_variables(name: str) -> None:
    found = variables(boards()[name])
    assert list(found) == ["datasource", "job", "instance"]
    assert (found["datasource"]["type"], found["datasource"]["query"]) == ("datasource", "prometheus")
    assert found["datasource"].get("regex", "") == ""
    for label in ("job", "instance"):
        variable = found[label]
        assert variable["type"] == "query"
        assert variable["datasource"]["uid"] == "$datasource"
        assert variable["multi"] is variable["includeAll"] is True
        assert variable["allValue"] == ".+"
        assert variable["refresh"] == 2, "asked anew when the time range changes"
        assert named(variable["query"]) <= EXPORTED


@pytest.mark.parametrize("name", sorted(boards()))
def test_panels_have_ids_of_their_own_and_do_not_overlap(name: str) -> None:
    found = boards()[name]["panels"]
    assert len({panel["id"] for panel in found}) == len(found)
    assert len({panel["title"] for panel in found}) == len(found)
    for one, other in combinations([panel["gridPos"] for panel in found], 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        ), (one, other)
        assert one["x"] >= 0
        assert one["x"] + one["w"] <= 24


@pytest.mark.parametrize("name", sorted(boards()))
def test_the_plots_in_the_documents_show_every_panel(name: str) -> None:
    plot = (ROOT / "docs" / "monitoring" / f"{name}.svg").read_text("utf-8")
    titles = {panel.title for panel in PANELS if panel.board == name}
    assert {title for title in titles if f">{title}</text>" not in plot} == set(), (
        "say: python -m bench.dashboards.plots"
    )
    assert f"(monitoring/{name}.svg)" in (ROOT / "docs" / "monitoring.md").read_text("utf-8")


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_a_panel_says_what_it_shows_in_which_unit_from_the_chosen_source(panel: Panel) -> None:
    document = panel.document
    assert len(panel.title) >= 3
    assert document["description"].endswith(".")
    assert document["fieldConfig"]["defaults"]["unit"]
    assert document["datasource"] == {"type": "prometheus", "uid": "$datasource"}
    assert document["targets"]
    letters = [target["refId"] for target in document["targets"]]
    assert len(set(letters)) == len(letters)
    for target in document["targets"]:
        assert target["datasource"] == {"type": "prometheus", "uid": "$datasource"}
        assert target["legendFormat"]
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert label in target["expr"], "what the legend names is kept"


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_expressions_of_a_panel_choose_by_job_and_instance(panel: Panel) -> None:
    for expression in panel.expressions:
        found = list(SELECTOR.finditer(expression))
        assert found
        for name, matchers in (match.groups() for match in found):
            assert matchers is not None, expression
            assert 'job=~"$job"' in matchers
            # Recorded series are of a detector, whatever its pod is called.
            assert ('instance=~"$instance"' in matchers) == (":" not in name)


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_expressions_of_a_panel_name_what_exists_and_look_at_counters_as_rates(panel: Panel) -> None:
    for expression in panel.expressions:
        names = named(re.sub(r"\{[^}]*\}", "", expression))
        assert {name for name in names if ":" not in name} <= EXPORTED
        assert {name for name in names if ":" in name} <= recorded()
        for counter in names & COUNTERS:
            assert re.search(rf"\b(rate|increase|irate)\({counter}\{{[^}}]*\}}\[\$__rate_interval\]\)", expression)
        ranges = set(re.findall(r"\[([^\]]+)\]", expression)) - {"$__rate_interval"}
        assert all("_over_time" in expression for _ in ranges), "a fixed range is for *_over_time only"
