"""Risk records of agents: no public record exists, so the envelope is built by analogy with that of user risk."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from detector.runtime.simulation.clock import envelope_text, us_text
from detector.runtime.simulation.tenant import Agent


@dataclass(frozen=True, slots=True)
class AgentRisk:
    """One detection of Identity Protection on an agent: offline, hours to days after the activity."""

    ticks: int
    """`detectedDateTime`."""
    id: str
    """64 hexadecimal digits."""
    agent: Agent
    activity: int
    """When the risky activity took place."""
    event_type: str
    level: str

    @property
    def category(self) -> str:
        """Category of the diagnostic setting."""
        return "AgentRiskEvents"

    def render(self, tenant_id: str, received: int) -> bytes:
        """Write the record; the envelope is built by analogy with that of user risk."""
        agent = self.agent
        record = {
            "time": us_text(received),
            "resourceId": f"/tenants/{tenant_id}/providers/microsoft.aadiam",
            "operationName": "Agent Risk Detection",
            "operationVersion": "1.0",
            "category": "AgentRiskEvents",
            "tenantId": tenant_id,
            "resultSignature": "None",
            "durationMs": 0,
            "correlationId": self.id,
            "identity": agent.name,
            "level": "4",
            "properties": {
                "id": self.id,
                "identityType": "agentIdentity",
                "identityId": agent.id,
                "agentId": agent.id,
                "displayName": agent.name,
                "agentDisplayName": agent.name,
                "blueprintId": agent.blueprint.app_id,
                "activityDateTime": envelope_text(self.activity),
                "detectedDateTime": envelope_text(self.ticks),
                "detectionTimingType": "offline",
                "lastModifiedDateTime": envelope_text(received),
                "riskDetail": "none",
                "riskLevel": self.level,
                "riskState": "atRisk",
                "riskEventType": self.event_type,
                "riskEvidence": "Invented evidence",
                "additionalInfo": '[{"Key":"alertUrl","Value":null},{"Key":"mitreTechniques","Value":"T1078"}]',
                "signInCorrelationId": None,
                "signInClientDisplayName": None,
                "clientSessionId": None,
                "signInRequestId": None,
                "source": "IdentityProtection",
            },
        }
        return orjson.dumps(record)
