"""From settings to what the other rooms take."""

from __future__ import annotations

from dataclasses import fields
from typing import Any
from zoneinfo import ZoneInfo

from detector.config import tables
from detector.config.fields import DAYS, minute_of
from detector.config.settings import PipelineSettings, RateSettings, Settings, WindowSettings
from detector.detectors.detector import Detector
from detector.detectors.registry import DETECTORS
from detector.engine.settings import EngineSettings
from detector.features import apis, failures, pipelines, token_rate


def engine_settings(settings: Settings) -> EngineSettings:
    """What the engine is told."""
    limits, actors = settings.limits, tables.platform_actors()
    return EngineSettings(
        agent_rates=_rates(settings.rates.agents),
        blueprint_rates=_rates(settings.rates.blueprints),
        failures=_failures(settings),
        activities=_activities(settings),
        detectors=_detectors(settings),
        apis=apis.ApiSettings(capacity=settings.apis.capacity, spread_floor=settings.apis.spread_floor),
        lateness=settings.lateness,
        scope=settings.scope,
        pipelines=tuple(_pipeline(pipeline) for pipeline in settings.pipelines),
        platform_actors=settings.platform_actors | {name.casefold() for name in actors},
        identities=settings.identities,
        max_identities=limits.max_identities,
        max_record_ids=limits.max_record_ids,
        max_parked=limits.max_parked,
        max_said=limits.max_said,
    )


def decoder_settings(settings: Settings) -> dict[str, int]:
    """Keyword arguments of `detector.decode.decoder.Decoder`."""
    limits = settings.limits
    return {
        "max_body_bytes": limits.max_body_bytes,
        "max_record_bytes": limits.max_record_bytes,
        "max_depth": limits.max_depth,
    }


def from_tables(settings: Settings) -> dict[tuple[str, ...], frozenset[str]]:
    """What each setting stands for whose default is a table of `config/`, by path."""
    codes, grave = tables.error_codes(), tables.tier0()
    permissions = frozenset(part.casefold() for pair in grave.app_roles.items() for part in pair)
    return {
        ("failures", "transient"): codes.transient,
        ("failures", "guesses"): codes.guesses,
        ("detectors", "api_novelty", "sensitive"): settings.resources.union(tables.resources().values()),
        ("detectors", "app_role_granted", "tier0"): settings.tier0.app_roles | permissions,
        ("detectors", "directory_role_assigned", "tier0"): settings.tier0.directory_roles.union(
            grave.directory_roles.values()
        ),
    }


def _failures(settings: Settings) -> failures.FailureSettings:
    block, lent = settings.failures, from_tables(settings)
    return failures.FailureSettings(
        classes={**tables.error_codes().classes, **settings.error_codes},
        transient=lent["failures", "transient"] if block.transient is None else block.transient,
        guesses=lent["failures", "guesses"] if block.guesses is None else block.guesses,
        burst_floor=block.burst_floor,
        ratio_floor=block.ratio_floor,
        run=block.run,
    )


def _activities(settings: Settings) -> dict[str, str]:
    merged = {**tables.activities(), **settings.activities}
    return {activity: kind for activity, kind in merged.items() if kind != tables.IGNORED}


def _detectors(settings: Settings) -> tuple[Detector, ...]:
    lent = from_tables(settings)
    built: list[Detector] = []
    for detector in DETECTORS:
        block = getattr(settings.detectors, detector.name)
        values: dict[str, Any] = {}
        for field in fields(detector):
            value = getattr(block, field.name)
            values[field.name] = lent["detectors", detector.name, field.name] if value is None else value
        built.append(detector(**values))
    return tuple(built)


def _rates(block: RateSettings) -> token_rate.RateSettings:
    floors = block.floors
    return token_rate.RateSettings(
        floors=(floors.ten_minutes, floors.hour, floors.six_hours),
        p_value=block.p_value,
        ratio=block.ratio,
        min_seen=block.min_seen,
    )


def _pipeline(block: PipelineSettings) -> pipelines.Pipeline:
    return pipelines.Pipeline(
        name=block.name,
        object_ids=frozenset(block.object_ids),
        addresses=block.addresses,
        windows=tuple(_window(window) for window in block.windows),
    )


def _window(block: WindowSettings) -> pipelines.Window:
    return pipelines.Window(
        days=frozenset(DAYS.index(day) for day in block.days),
        start=minute_of(block.start),
        end=minute_of(block.end),
        zone=ZoneInfo(block.zone),
    )
