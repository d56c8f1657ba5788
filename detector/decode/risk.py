"""Risk: detections and states of Identity Protection for agents and service principals.

No export of the agent categories was ever published; their fields follow the Graph resources `agentRiskDetection`
and `riskyAgent`, and their envelope that of the user risk categories.
"""

from __future__ import annotations

from typing import Final

import msgspec

from detector.decode.addresses import address
from detector.decode.fields import NO_TENANT, Envelope, Id
from detector.decode.problems import Unusable
from detector.decode.roles import fold_role
from detector.decode.texts import ident, text
from detector.decode.times import Instant, moment
from detector.domain.events import AgentRole, Identity, Risk

_MAX_KEYS = 256


class RiskProperties(msgspec.Struct, gc=False, rename="camel"):
    """The union of what is read of the four resources."""

    id: Id
    detected_date_time: Instant | None = None
    activity_date_time: Instant | None = None
    risk_last_modified_date_time: Instant | None = None
    risk_last_updated_date_time: Instant | None = None
    identity_id: str | None = None
    agent_id: str | None = None
    identity_type: str | None = None
    agent_display_name: str | None = None
    display_name: str | None = None
    blueprint_id: str | None = None
    service_principal_id: str | None = None
    service_principal_display_name: str | None = None
    app_id: str | None = None
    risk_level: str | None = None
    risk_state: str | None = None
    risk_detail: str | None = None
    risk_event_type: str | None = None
    ip_address: str | None = None
    key_ids: list[str] | None = None


class RiskEnvelope(Envelope, kw_only=True):
    """The envelope of a risk record."""

    properties: RiskProperties


class RiskyAgent(RiskEnvelope, tag="RiskyAgents"):
    """The risk state of an agent, said again with every change."""


class AgentRiskEvent(RiskEnvelope, tag="AgentRiskEvents"):
    """One detection about an agent."""


class RiskyServicePrincipal(RiskEnvelope, tag="RiskyServicePrincipals"):
    """The risk state of a service principal, said again with every change."""


class ServicePrincipalRiskEvent(RiskEnvelope, tag="ServicePrincipalRiskEvents"):
    """One detection about a service principal."""


CATEGORIES: Final[dict[type, str]] = {
    RiskyAgent: "RiskyAgents",
    AgentRiskEvent: "AgentRiskEvents",
    RiskyServicePrincipal: "RiskyServicePrincipals",
    ServicePrincipalRiskEvent: "ServicePrincipalRiskEvents",
}
_STATES = (RiskyAgent, RiskyServicePrincipal)


def risk(record: RiskEnvelope, received: float | None, odd: list[str]) -> Risk:
    """The event of one risk record; spellings never seen before are added to `odd`.

    A state keeps the id of its identity through all updates, so its record id has the time of the update in it
    (microseconds since the epoch): that is what makes two copies of one update the same, and two updates not.
    """
    said = record.properties
    state = isinstance(record, _STATES)
    when = said.detected_date_time or said.risk_last_modified_date_time or said.risk_last_updated_date_time
    when = when or (None if state else said.activity_date_time)
    if when is None:
        raise Unusable("missing_time", "properties has neither detectedDateTime nor a time of the last update")
    time = moment(when)
    return Risk(
        record_id=f"{said.id}@{round(time * 1e6)}" if state else said.id,
        time=time,
        received=received,
        tenant_id=ident(record.tenant_id) or NO_TENANT,
        category=CATEGORIES[type(record)],
        identity=_identity(record, odd),
        level=text(said.risk_level),
        state=text(said.risk_state),
        detail=text(said.risk_detail),
        event_type=text(said.risk_event_type),
        activity_time=None if said.activity_date_time is None else moment(said.activity_date_time),
        ip=address(said.ip_address) or address(record.caller_ip_address),
        key_ids=tuple(key for key in map(ident, (said.key_ids or ())[:_MAX_KEYS]) if key is not None),
    )


def _identity(record: RiskEnvelope, odd: list[str]) -> Identity:
    said = record.properties
    if isinstance(record, (RiskyAgent, AgentRiskEvent)):
        own = ident(said.id) if isinstance(record, RiskyAgent) else None
        role, unknown = fold_role(said.identity_type)
        if unknown is not None:
            odd.append(f"identityType:{unknown}")
        return Identity(
            id=ident(said.identity_id) or ident(said.agent_id) or own,
            type=text(said.identity_type) or "",
            name=text(said.agent_display_name) or text(said.display_name),
            app_id=ident(said.app_id),
            role=_some_agent(role),
            blueprint_id=ident(said.blueprint_id),
        )
    own = ident(said.id) if isinstance(record, RiskyServicePrincipal) else None
    return Identity(
        id=ident(said.service_principal_id) or own,
        type="ServicePrincipal",
        name=text(said.service_principal_display_name) or text(said.display_name),
        app_id=ident(said.app_id),
    )


def _some_agent(role: AgentRole) -> AgentRole:
    """A record of an agent category is about an agent even when it does not say of which kind."""
    return "agent" if role == "none" else role
