"""Sign-ins as the records that the exporter would have written, and what the whole detector says of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from detector.decode.decoder import Decoder
from detector.domain.alerts import Alert
from detector.domain.events import Event, SignIn
from detector.engine.engine import Engine
from detector.engine.naming import rfc3339
from tests.decode.builders import sign_in
from tests.stories import settings

_TYPES = {"agent": "agenticAppInstance", "blueprint": "agenticApp", "agent_user": "agentIDuser", "none": "notAgentic"}


def record_of(event: SignIn, *, exported: float | None = None) -> dict[str, Any]:
    """One record, exported two minutes after the event unless told otherwise."""
    access, origin = event.access, event.origin
    agent = {"agentType": _TYPES[access.role], "agentSubjectType": "notAgentic", "parentAppId": access.blueprint_id}
    return sign_in(
        id=event.record_id,
        createdDateTime=rfc3339(event.time),
        ipAddress=origin.ip or "",
        status={"errorCode": access.error_code},
        appId=access.agent_id,
        servicePrincipalId=access.service_principal_id,
        servicePrincipalName=access.agent_name,
        agent=agent,
        resourceId=access.resource_id,
        resourceDisplayName=access.resource_name,
        servicePrincipalCredentialKeyId=access.credential_key_id,
        autonomousSystemNumber=origin.asn,
        location={"countryOrRegion": origin.country or ""},
        top={"tenantId": access.tenant_id, "time": rfc3339(event.time + 120.0 if exported is None else exported)},
    )


def lines_of(events: Iterable[Event]) -> bytes:
    """The sign-ins among the events as JSON lines."""
    return b"\n".join(msgspec.json.encode(record_of(event)) for event in events if isinstance(event, SignIn))


def said_of(lines: bytes, *, size: int = 50) -> tuple[list[Alert], Engine]:
    """What a decoder and an engine with `settings()` say of JSON lines, told in bodies of `size` records."""
    decoder, engine = Decoder(), Engine(settings())
    every = lines.split(b"\n")
    alerts = [
        alert
        for start in range(0, len(every), size)
        for alert in engine.process(decoder.lines(b"\n".join(every[start : start + size])))
    ]
    return alerts + engine.finish(), engine


def written(lines: bytes) -> bytes:
    """The alerts as JSON lines, and after them the accounting."""
    alerts, engine = said_of(lines)
    return b"\n".join(map(msgspec.json.encode, [*alerts, engine.accounting]))
