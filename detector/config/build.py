"""From settings to what the other rooms take."""

from __future__ import annotations

from dataclasses import fields
from typing import Any
from zoneinfo import ZoneInfo

from detector.config import tables
from detector.config.fields import DAYS, minute_of
from detector.config.manifest import DeclaredSettings, ManifestSettings
from detector.config.settings import PipelineSettings, RateSettings, RunSettings, Settings, WindowSettings
from detector.detectors.detector import Detector, Ripening, Urgent
from detector.detectors.kill_switch_failed import KillSwitchFailed
from detector.detectors.registry import DETECTORS
from detector.engine.settings import EngineSettings
from detector.features import apis, failures, pipelines, runs, token_rate
from detector.features.budget import BudgetSettings, kind_of
from detector.features.declarations import Declarations, Declared
from detector.features.hours import Model
from detector.features.ledger import Sequence
from detector.features.prefixes import Prefixes
from detector.features.sequences import SEQUENCES, kill_switch_failed
from detector.features.signs import Signs


def engine_settings(settings: Settings, model: Model | None = None) -> EngineSettings:
    """What the engine is told; a model is loaded by who can (`detector.models.in_use`)."""
    limits, actors, detectors = settings.limits, tables.platform_actors(), _detectors(settings)
    return EngineSettings(
        agent_rates=_rates(settings.rates.agents),
        blueprint_rates=_rates(settings.rates.blueprints),
        failures=_failures(settings),
        activities=_activities(settings),
        detectors=detectors,
        sequences=_sequences(detectors),
        apis=apis.ApiSettings(capacity=settings.apis.capacity, spread_floor=settings.apis.spread_floor),
        lateness=settings.lateness,
        scope=settings.scope,
        pipelines=pipelines_of(settings),
        declarations=None if settings.manifest is None else _declarations(settings.manifest),
        agent_roles=tables.tier0().roles_over_agents,
        risk_events=tables.risk_events(),
        budget=_budget(settings, detectors),
        retells=settings.budget.enabled,
        model=model,
        evidence=runs.EvidenceSettings(margin=settings.deployments.margin, wait=settings.deployments.wait),
        signs=_signs(settings),
        platform_actors=settings.platform_actors | {name.casefold() for name in actors},
        identities=settings.identities,
        max_identities=limits.max_identities,
        max_record_ids=limits.max_record_ids,
        max_parked=limits.max_parked,
        max_said=limits.max_said,
    )


def pipelines_of(settings: Settings) -> tuple[pipelines.Pipeline, ...]:
    """The declared pipelines."""
    return tuple(_pipeline(pipeline) for pipeline in settings.pipelines)


def decoder_settings(settings: Settings) -> dict[str, Any]:
    """Keyword arguments of `detector.decode.decoder.Decoder`."""
    limits = settings.limits
    return {
        "max_body_bytes": limits.max_body_bytes,
        "max_record_bytes": limits.max_record_bytes,
        "max_depth": limits.max_depth,
        "environment_attribute": None if settings.manifest is None else settings.manifest.environment_attribute,
    }


def from_tables(settings: Settings) -> dict[tuple[str, ...], frozenset[str]]:
    """What each setting stands for whose default is a table of `config/`, by path."""
    codes, grave = tables.error_codes(), tables.tier0()
    permissions = settings.tier0.app_roles | grave.permissions
    roles = settings.tier0.directory_roles.union(grave.directory_roles.values())
    return {
        ("failures", "transient"): codes.transient,
        ("failures", "guesses"): codes.guesses,
        ("detectors", "api_novelty", "sensitive"): settings.resources.union(tables.resources().values()),
        ("detectors", "undeclared_resource", "sensitive"): settings.resources.union(tables.resources().values()),
        ("detectors", "credential_by_unusual_actor", "tier0"): permissions | roles,
        ("detectors", "federated_credential_changed", "public_issuers"): frozenset(tables.public_issuers()),
        ("detectors", "app_role_granted", "tier0"): permissions,
        ("detectors", "delegated_grant", "sensitive"): settings.tier0.delegated_scopes.union(
            scope.casefold() for scope in grave.delegated_scopes
        ),
        ("detectors", "directory_role_assigned", "tier0"): roles,
        ("detectors", "agent_admin_assigned", "administrators"): grave.administrators_of_agents,
    }


def _budget(settings: Settings, detectors: tuple[Detector, ...]) -> BudgetSettings | None:
    block = settings.budget
    if not block.enabled:
        return None
    return BudgetSettings(
        rate=block.false_alerts,
        learning_days=block.learning_days,
        shipped=tables.calibration(),
        ripens={each.name: each.ripens for each in detectors if isinstance(each, Ripening)},
        urgent={
            kind_of(each.name, sort): times
            for each in detectors
            if isinstance(each, Urgent)
            for sort, times in each.urgent.items()
        },
    )


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


def _signs(settings: Settings) -> Signs:
    table, own = tables.agent_signs(), settings.agent_signs
    audiences = {app_id: name for name, app_id in table.audiences.items()}
    return Signs(
        audiences={app_id: app_id for app_id in own.audiences} | audiences,
        names=table.names | own.names,
        tags=(*table.tags, *sorted(own.tags)),
        user_agents=(*table.user_agents, *sorted(own.user_agents)),
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


def _sequences(detectors: tuple[Detector, ...]) -> tuple[Sequence, ...]:
    """What is looked for in ledgers; how long a kill switch may take is for the operator to say."""
    proof = next(each for each in detectors if isinstance(each, KillSwitchFailed))
    switch = kill_switch_failed(grace=60.0 * proof.grace_minutes, within=60.0 * proof.within_minutes)
    return tuple(switch if each.name == switch.name else each for each in SEQUENCES)


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
        runs=tuple(_run(rule) for rule in block.runs),
        evidence_required=block.evidence == "required",
    )


def _run(block: RunSettings) -> pipelines.RunRule:
    return pipelines.RunRule(
        provider=block.provider,
        repository=block.repository,
        workflow=block.workflow,
        branch=block.branch,
        environment=block.environment,
    )


def _declarations(block: ManifestSettings) -> Declarations:
    return Declarations(
        declared={entry.id: _declared(entry) for entry in (*block.agents, *block.blueprints)},
        production_resources=block.production_resources,
        non_production_actors=block.non_production_actors,
        azure_egress=None if block.azure_egress is None else Prefixes(block.azure_egress),
        azure_asns=block.azure_asns,
        environment_attribute=block.environment_attribute,
        production_values=block.production_values,
    )


def _declared(block: DeclaredSettings) -> Declared:
    return Declared(
        id=block.id,
        name=block.name,
        environment=block.environment,
        resources=block.resources,
        egress=None if block.egress is None else Prefixes(block.egress),
        credential_types=block.credential_types,
        flow=block.flow,
        permissions=block.permissions,
        owners=block.owners,
        sponsors=block.sponsors,
        handshake_required=None if block.handshake is None else block.handshake == "required",
    )


def _window(block: WindowSettings) -> pipelines.Window:
    return pipelines.Window(
        days=frozenset(DAYS.index(day) for day in block.days),
        start=minute_of(block.start),
        end=minute_of(block.end),
        zone=ZoneInfo(block.zone),
    )
