"""Everything the engine may be told, as plain frozen values; the `config` room builds it from text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from detector.detectors.detector import Detector
from detector.features.apis import ApiSettings
from detector.features.budget import BudgetSettings
from detector.features.failures import FailureSettings
from detector.features.ledger import Sequence
from detector.features.pipelines import Pipeline
from detector.features.runs import EvidenceSettings
from detector.features.sequences import SEQUENCES
from detector.features.signs import Signs
from detector.features.token_rate import RateSettings

if TYPE_CHECKING:
    from detector.features.declarations import Declarations
    from detector.features.hours import Model

Scope = Literal["agents", "chosen", "workloads"]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How records are admitted, whose memory is kept and who judges."""

    agent_rates: RateSettings
    blueprint_rates: RateSettings
    failures: FailureSettings
    activities: Mapping[str, str]
    """Folded audit activity to kind of change."""
    detectors: tuple[Detector, ...]
    apis: ApiSettings = field(default_factory=ApiSettings)
    lateness: float = 1200.0
    """Seconds that a record may lag behind the newest event time; 0 to 3600."""
    scope: Scope = "agents"
    """`agents`: what the records mark as agentic, plus `identities`. `chosen`: `identities` only. `workloads`:
    every service principal and managed identity."""
    pipelines: tuple[Pipeline, ...] = ()
    platform_actors: frozenset[str] = frozenset()
    """Case-folded display names of Microsoft's own actors. A name can be borrowed: it only lowers a severity."""
    risk_events: Mapping[str, str] = field(default_factory=dict)
    """Types of risk detections, case-folded, and what each says in plain words."""
    declarations: Declarations | None = None
    """The manifest of the intended configuration; `None` when there is none."""
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
    """How deployment evidence and changes are matched."""
    agent_roles: frozenset[str] = frozenset()
    """Names (case-folded) and template ids of the directory roles that administer agents."""
    signs: Signs = field(default_factory=Signs)
    """What betrays an agent that is registered as an ordinary application."""
    sequences: tuple[Sequence, ...] = SEQUENCES
    """What is looked for in ledgers."""
    budget: BudgetSettings | None = None
    retells: bool = False
    """Whether what has become another thing by growing is told again: the first word may have been held back."""
    """How many false alerts are bearable; `None`: every alert is told."""
    model: Model | None = None
    """What judges finished hours as a whole; `None`: nothing is asked of them."""
    identities: frozenset[str] = frozenset()
    """Object ids or appIds that are agents whatever the records say; lower case."""
    max_identities: int = 200_000
    """Identities remembered per tenant; beyond it the least experienced and longest silent are forgotten."""
    max_record_ids: int = 4_000_000
    """Record ids remembered for recognising duplicates."""
    max_parked: int = 10_000
    """Changes kept waiting for their target to be recognised as an agent."""
    max_said: int = 200_000
    """Alert ids remembered so that nothing is said twice."""
