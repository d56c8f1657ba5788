"""What an operator may want to know about a configuration that is valid."""

from __future__ import annotations

from collections.abc import Iterator

from detector.config.settings import Settings
from detector.detectors.registry import DETECTORS


def advice(settings: Settings) -> list[str]:
    """One sentence for each thing that works otherwise than may be expected; nothing when all is well."""
    return [*_of_scope(settings), *_of_pipelines(settings), *_of_detectors(settings), *_of_time(settings)]


def _of_scope(settings: Settings) -> Iterator[str]:
    if settings.scope == "chosen" and not settings.identities:
        yield "The scope is chosen but no identities are listed, so nobody is watched."
    if settings.scope == "workloads":
        yield (
            "The scope is workloads: every service principal and managed identity is remembered, so check that "
            "limits.max_identities is larger than their number."
        )


def _of_pipelines(settings: Settings) -> Iterator[str]:
    if not settings.pipelines:
        yield "No pipelines are declared, so change_outside_pipeline is silent."
    for pipeline in settings.pipelines:
        if not pipeline.addresses:
            yield f'The pipeline "{pipeline.name}" has no addresses: its identity is trusted from anywhere.'
    evidence = settings.evidence
    for provider in ("github", "azure_devops"):
        told = evidence is not None and getattr(evidence, provider) is not None
        if told and not any(rule.provider == provider for each in settings.pipelines for rule in each.runs):
            yield f"evidence.{provider} is set but no pipeline has runs of {provider}: all that it brings is ignored."
    owner: dict[str, str] = {}
    for pipeline in settings.pipelines:
        for identifier in pipeline.object_ids:
            first = owner.setdefault(identifier, pipeline.name)
            if first != pipeline.name:
                yield (
                    f'The pipelines "{first}" and "{pipeline.name}" share the identity {identifier}: a change fits '
                    "when it fits either."
                )


def _of_detectors(settings: Settings) -> Iterator[str]:
    blocks = {detector.name: getattr(settings.detectors, detector.name) for detector in DETECTORS}
    off = sorted(name for name, block in blocks.items() if not block.enabled)
    if off:
        yield f"Disabled detectors: {', '.join(off)}."
    for name, rates in (("token_spike", "agents"), ("fleet_spike", "blueprints")):
        earlier = getattr(settings.rates, rates).p_value
        if not blocks[name].enabled:
            continue
        if blocks[name].p_value > earlier:
            yield (
                f"detectors.{name}.p_value is larger than rates.{rates}.p_value ({earlier:g}), which is asked first; "
                "raise that too, or nothing changes."
            )
        elif blocks[name].p_value < earlier:
            yield (
                f"detectors.{name}.p_value is smaller than rates.{rates}.p_value ({earlier:g}), at which a spike is "
                "told once, however far it still grows; lower that instead, or most spikes are lost."
            )


def _of_time(settings: Settings) -> Iterator[str]:
    if settings.lateness < 300:
        yield "The lateness is below 5m: exported records often come later than that, and late records are not judged."
