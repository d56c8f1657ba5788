"""Everything that can be configured. The order of the fields is the order of `config/detector.yaml`.

Defaults are constructed without validation, which would make importing this slow; a test validates them.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from annotated_types import Ge, Le, MinLen
from pydantic import Field, StringConstraints, field_validator, model_validator

from detector.config.blocks import Block, DetectorBlocks
from detector.config.event_hubs import EventHubsSettings
from detector.config.evidence import EvidenceSettings
from detector.config.fields import (
    Activity,
    ActivityKind,
    Clock,
    Count,
    ErrorClass,
    FoldedName,
    Fraction,
    Guid,
    Lateness,
    Name,
    Network,
    Positive,
    Provider,
    Scope,
    Weekday,
    Zone,
    choice,
    wrong,
)
from detector.config.follow import FollowSettings
from detector.config.inventory import InventorySettings
from detector.config.manifest import ManifestSettings
from detector.config.sinks import SinksSettings
from detector.config.store import BatchSettings, StoreSettings
from detector.config.telemetry import TelemetrySettings

SHIPPED_MODEL: Final = "shipped"
"""Stands for the model that comes with the product."""


class WindowSettings(Block):
    """Hours of the week in which a pipeline deploys."""

    days: Annotated[tuple[Weekday, ...], MinLen(1)]
    """Days on which the window opens: mon, tue, wed, thu, fri, sat, sun."""
    start: Clock = Field(alias="from")
    """Local time at which it opens."""
    end: Clock = Field(alias="to")
    """Local time at which it closes; earlier than `from` when it runs past midnight."""
    zone: Zone
    """Time zone, as in the IANA database."""

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if self.start in (self.end, "24:00"):
            raise wrong("The window never opens.", 'For the whole day write from "00:00" to "24:00".')
        return self


class RunSettings(Block):
    """Which runs that webhooks tell of are runs of a pipeline; what is left out restricts nothing."""

    provider: Provider
    """github or azure_devops."""
    repository: Name | None = None
    """Repository, like owner/name; of Azure DevOps project/name."""
    workflow: Name | None = None
    """Name or path of the workflow; name or id of the definition."""
    branch: Name | None = None
    """Branch, like main; a star at its end stands for anything."""
    environment: Name | None = None
    """Environment or stage that is deployed to. Then only what tells of deployments counts, not a mere run."""


_OF_EVIDENCE = choice("Neither required nor when_given.", ("required", "when_given"))


class PipelineSettings(Block):
    """A deployment pipeline: who may change agents, from where and when."""

    name: Name
    """What alerts call it."""
    object_ids: Annotated[tuple[Guid, ...], MinLen(1)]
    """Object ids of its service principals or users. App ids and names do not identify it."""
    addresses: tuple[Network, ...] = ()
    """Networks it deploys from, in CIDR notation; empty for anywhere."""
    windows: tuple[WindowSettings, ...] = ()
    """When it deploys; empty for any time."""
    runs: tuple[RunSettings, ...] = ()
    """Which runs are its runs, for evidence that webhooks bring; each entry is one way to fit."""
    evidence: Annotated[Literal["required", "when_given"], _OF_EVIDENCE] = "when_given"
    """required: a change without a recorded run is wrong from the start; when_given: once a run was ever recorded."""


class DeploymentSettings(Block):
    """How deployment evidence and changes are matched."""

    margin: Annotated[float, Ge(0), Le(86_400)] = 600.0
    """Seconds before the start and after the end of a run in which a change still belongs to it."""
    wait: Annotated[float, Ge(0), Le(86_400)] = 600.0
    """Seconds after a change in which evidence must have been recorded; records may come late besides."""


class BudgetSettings(Block):
    """How many false alerts are bearable; docs/budget.md explains."""

    enabled: bool = True
    """false: every alert is sent."""
    false_alerts: Annotated[float, Ge(0.01), Le(10_000)] = 1.0
    """False alerts per 1,000 agents and day, of all detectors together; what comes more often is held back."""
    learning_days: Annotated[int, Ge(0), Le(365)] = 14
    """Days at the beginning that are taken for free of attacks, and teach what is usual."""


class ModelSettings(Block):
    """A trained model that judges finished hours as a whole; docs/models.md explains."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=4_096)] = SHIPPED_MODEL
    """Directory of the model, as `train` wrote it, found from where this file is; or a folder of versions, of which the
    newest is used, also when it comes later; shipped for the one that comes with the product."""
    shadow: bool = False
    """true: what it finds is counted, and told to nobody."""


class FloorSettings(Block):
    """Counts below which nobody is woken, whatever the baseline says."""

    ten_minutes: Count = Field(alias="10m")
    """Token requests in 10 minutes."""
    hour: Count = Field(alias="1h")
    """Token requests in an hour."""
    six_hours: Count = Field(alias="6h")
    """Token requests in 6 hours."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.ten_minutes <= self.hour <= self.six_hours:
            raise wrong("The floor of a longer span is lower than that of a shorter one.")
        return self


class AgentFloors(FloorSettings):
    """Counts of one agent below which nobody is woken, whatever the baseline says."""

    ten_minutes: Count = Field(default=20, alias="10m")
    hour: Count = Field(default=40, alias="1h")
    six_hours: Count = Field(default=90, alias="6h")


class BlueprintFloors(FloorSettings):
    """Counts of all agents of a blueprint but the busiest below which nobody is woken, whatever the baseline says."""

    ten_minutes: Count = Field(default=40, alias="10m")
    hour: Count = Field(default=40, alias="1h")
    six_hours: Count = Field(default=90, alias="6h")


class RateSettings(Block):
    """What counts as a spike of token requests."""

    floors: FloorSettings
    """Counts below which nobody is woken, whatever the baseline says."""
    p_value: Fraction = 1e-7
    """Tail probability below which a count is surprising."""
    ratio: Annotated[float, Ge(1)]
    """A spike is at least this multiple of the expected count."""
    min_seen: Positive
    """Active spans that must have been seen before anything is judged."""


class AgentRates(RateSettings):
    """What counts as a spike of one agent."""

    floors: AgentFloors = AgentFloors.model_construct()
    ratio: Annotated[float, Ge(1)] = 3.0
    min_seen: Positive = 12.0


class BlueprintRates(RateSettings):
    """What counts as a spike of all agents of a blueprint together, without the busiest of them."""

    floors: BlueprintFloors = BlueprintFloors.model_construct()
    ratio: Annotated[float, Ge(1)] = 2.5
    min_seen: Positive = 24.0


class RatesSettings(Block):
    """When token requests are a spike."""

    agents: AgentRates = AgentRates.model_construct()
    """For one agent."""
    blueprints: BlueprintRates = BlueprintRates.model_construct()
    """For all agents of a blueprint together."""


class ApiSettings(Block):
    """How many resources are remembered, and when their spread is looked at."""

    capacity: Annotated[int, Ge(16), Le(4096)] = 256
    """Resources remembered per agent or blueprint."""
    spread_floor: Count = 4
    """Distinct resources in an hour below which no spread is judged."""


class FailureSettings(Block):
    """Which refused token requests count, and from how many on they are looked at."""

    burst_floor: Count = 10
    """Failures in an hour below which no burst is judged."""
    ratio_floor: Count = 4
    """Failures in 6 hours below which no ratio is judged."""
    run: Annotated[int, Ge(2), Le(1000)] = 8
    """Guesses within an hour that make a later success remarkable."""
    transient: frozenset[ErrorClass] | None = None
    """Error classes that count in no burst and no ratio; null for those of config/error_codes.yaml."""
    guesses: frozenset[ErrorClass] | None = None
    """Error classes a guesser of credentials runs into; null for those of config/error_codes.yaml."""


class LimitSettings(Block):
    """Bounds on memory, whatever is sent."""

    max_identities: Annotated[int, Ge(100), Le(10_000_000)] = 200_000
    """Identities remembered per tenant."""
    max_record_ids: Annotated[int, Ge(1_000), Le(100_000_000)] = 4_000_000
    """Record ids remembered to recognise duplicates."""
    max_parked: Annotated[int, Ge(0), Le(1_000_000)] = 10_000
    """Changes kept waiting for their target to be recognised as an agent."""
    max_said: Annotated[int, Ge(1_000), Le(10_000_000)] = 200_000
    """Alert ids remembered so that nothing is said twice."""
    max_body_bytes: Annotated[int, Ge(64 * 2**10), Le(2**30)] = 32 * 2**20
    """Longest message that is read."""
    max_record_bytes: Annotated[int, Ge(4 * 2**10), Le(2**30)] = 256 * 2**10
    """Longest record that is read."""
    max_depth: Annotated[int, Ge(8), Le(256)] = 32
    """Deepest nesting of a record that is read."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.max_record_bytes > self.max_body_bytes:
            raise wrong("max_record_bytes is larger than max_body_bytes, so no such record could arrive.")
        return self


class Tier0Settings(Block):
    """Further permissions and roles that open the tenant, besides those of config/tier0.yaml."""

    app_roles: frozenset[FoldedName] = frozenset()
    """Values or ids of app roles."""
    directory_roles: frozenset[Guid] = frozenset()
    """Template ids of directory roles."""
    delegated_scopes: frozenset[FoldedName] = frozenset()
    """Delegated permissions whose misuse is grave."""


class AgentSignsSettings(Block):
    """Further signs of agents outside the framework, besides those of config/agent_signs.yaml."""

    tags: frozenset[FoldedName] = frozenset()
    """Tags that makers of agents set; a star at the end stands for anything."""
    audiences: frozenset[Guid] = frozenset()
    """App ids of services that run models or agents."""
    names: frozenset[FoldedName] = frozenset()
    """Words of display names."""
    user_agents: frozenset[FoldedName] = frozenset()
    """Parts of the user agents of agent frameworks."""


class SourceSettings(Block):
    """What the live service reads: one of these."""

    event_hubs: EventHubsSettings | None = None
    """The event hub that Entra's diagnostic settings export to."""
    files: FollowSettings | None = None
    """Growing files of JSON lines, without Azure."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.event_hubs is not None and self.files is not None:
            raise wrong("There are two sources.", "Leave out event_hubs or files: a service reads one of them.")
        return self


class Settings(Block):
    """The configuration of the detector."""

    scope: Scope = "agents"
    """Whose memory is kept: agents (what the records mark as agentic, and `identities`), chosen (`identities` only),
    workloads (every service principal and managed identity)."""
    identities: frozenset[Guid] = frozenset()
    """Object ids or app ids that are agents whatever the records say."""
    lateness: Lateness = 1200.0
    """How late a record may come, e.g. 20m; from 0 to 1h."""
    pipelines: tuple[PipelineSettings, ...] = ()
    """Deployment pipelines: who may change agents, from where and when."""
    manifest: ManifestSettings | None = None
    """The intended configuration of agents; null for none."""
    manifest_file: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    """File that holds the manifest, YAML or JSON, instead; found from where this file is."""
    deployments: DeploymentSettings = DeploymentSettings.model_construct()
    """How deployment evidence and changes are matched."""
    budget: BudgetSettings = BudgetSettings.model_construct()
    """How many false alerts are bearable."""
    model: ModelSettings | None = None
    """A trained model that judges finished hours as a whole; null for none."""
    rates: RatesSettings = RatesSettings.model_construct()
    """When token requests are a spike."""
    apis: ApiSettings = ApiSettings.model_construct()
    """Resources that agents get tokens for."""
    failures: FailureSettings = FailureSettings.model_construct()
    """Refused token requests."""
    limits: LimitSettings = LimitSettings.model_construct()
    """Bounds on memory, whatever is sent."""
    detectors: DetectorBlocks = DetectorBlocks.model_construct()
    """One block for each detector."""
    error_codes: dict[Annotated[int, Ge(0)], ErrorClass] = {}
    """Further or changed sign-in error codes and their classes, besides config/error_codes.yaml."""
    activities: dict[Activity, ActivityKind] = {}
    """Further or changed audit activities and their kinds, besides config/activities.yaml."""
    tier0: Tier0Settings = Tier0Settings.model_construct()
    """Further permissions and roles that open the tenant, besides config/tier0.yaml."""
    resources: frozenset[Guid] = frozenset()
    """App ids of further resources whose misuse is grave, besides config/resources.yaml."""
    agent_signs: AgentSignsSettings = AgentSignsSettings.model_construct()
    """Further signs of agents outside the framework, besides those of config/agent_signs.yaml."""
    platform_actors: frozenset[FoldedName] = frozenset()
    """Further display names of Microsoft's own actors, besides config/platform_actors.yaml."""
    source: SourceSettings = SourceSettings.model_construct()
    """What the live service reads."""
    evidence: EvidenceSettings | None = None
    """Endpoint for deployment evidence of the live service; null for none."""
    inventory: InventorySettings | None = None
    """The directory as Microsoft Graph shows it, which the live service polls; null for none."""
    store: StoreSettings = StoreSettings.model_construct()
    """Where the live service keeps memory, positions and outgoing alerts."""
    batch: BatchSettings = BatchSettings.model_construct()
    """How many messages the live service judges and commits together."""
    sinks: SinksSettings = SinksSettings.model_construct()
    """Where the live service sends alerts; without any, to standard output."""
    telemetry: TelemetrySettings = TelemetrySettings.model_construct()
    """Metrics, log and probes of the live service."""
    canary: Guid | None = None
    """App id of an invented agent whose sign-ins prove the way from the hub to a sink; null for none."""

    @field_validator("pipelines")
    @classmethod
    def _named_once(cls, pipelines: tuple[PipelineSettings, ...]) -> tuple[PipelineSettings, ...]:
        if len({pipeline.name for pipeline in pipelines}) < len(pipelines):
            raise wrong("Two pipelines have the same name, so alerts could not tell them apart.")
        return pipelines
