"""What the boards are made of: series with their matchers, panels with one look, a board with its variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models.common import BigValueColorMode, StackingMode, VisibilityMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableHide,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from detector.telemetry.catalogue import PREFIX

TAG: Final = "entra-agent-detector"
SOURCE: Final = DataSourceRef(type_val="prometheus", uid="$datasource")
Panel = timeseries.Panel | stat.Panel | table.Panel


class Target(NamedTuple):
    """One expression of a panel."""

    expression: str
    legend: str


def series(name: str, matchers: str = "") -> str:
    """A metric of the detectors that are chosen, by its name without prefix; `process_*` by its full name."""
    full = name if name.startswith("process_") else PREFIX + name
    return f'{full}{{job=~"$job", instance=~"$instance"{", " if matchers else ""}{matchers}}}'


def recorded(name: str, matchers: str = "") -> str:
    """A recorded series, which no longer knows instances: see config/prometheus/rules.yaml."""
    return f'{name}{{job=~"$job"{", " if matchers else ""}{matchers}}}'


def rate(name: str, by: str = "", matchers: str = "") -> str:
    """A counter as a rate a second, summed over everything but the labels named."""
    summed = f"sum by ({by})" if by else "sum"
    return f"{summed} (rate({series(name, matchers)}[$__rate_interval]))"


def lines(title: str, description: str, unit: str, *targets: Target, stacked: bool = False) -> timeseries.Panel:
    """A panel over time."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .height(8)
        .span(8)
        .min(0)
        .show_points(VisibilityMode.NEVER)
        .fill_opacity(40 if stacked else 8)
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    return panel.targets([_query(target, letter) for target, letter in _lettered(targets)])


def number(
    title: str, description: str, unit: str, target: Target, *, orange: float | None = None, red: float | None = None
) -> stat.Panel:
    """A panel of one number, whose colour changes at a value. Limits are upper ones."""
    steps = [Threshold(value=None, color="green")]
    steps += [Threshold(value=at, color=colour) for at, colour in ((orange, "orange"), (red, "red")) if at is not None]
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .height(4)
        .span(4)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
        .targets([_query(target, "A")])
    )


def ranking(title: str, description: str, unit: str, target: Target) -> table.Panel:
    """A table of what there is most of now."""
    query = _query(target, "A").format(PromQueryFormat.TABLE).instant()
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .height(8)
        .span(8)
        .targets([query])
    )


class Section(NamedTuple):
    """Panels under one heading."""

    title: str
    panels: Sequence[Panel]


def board(uid: str, title: str, description: str, sections: Sequence[Section]) -> dashboard.Dashboard:
    """A dashboard with the variables `datasource`, `job` and `instance`."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .time("now-24h", "now")
        .refresh("1m")
        .timezone("utc")
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("Detector")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .keep_time(True)
            .include_vars(True)
        )
        .with_variable(
            dashboard.DatasourceVariable("datasource")
            .label("Data source")
            .type("prometheus")
            .hide(VariableHide.DONT_HIDE)
        )
        .with_variable(_variable("job", "label_values(agent_detector_build_info, job)"))
        .with_variable(_variable("instance", 'label_values(agent_detector_build_info{job=~"$job"}, instance)'))
    )
    for section in sections:
        made = made.with_row(dashboard.Row(section.title))
        for panel in section.panels:
            made = made.with_panel(panel)
    return made


def _variable(name: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .datasource(SOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".+")
    )


def _query(target: Target, letter: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(target.expression).legend_format(target.legend).ref_id(letter).datasource(SOURCE)


def _lettered(targets: Sequence[Target]) -> list[tuple[Target, str]]:
    return list(zip(targets, "ABCDEFGH", strict=False))
