"""Alerts as rows of a Log Analytics (Sentinel) table, through the Logs Ingestion API.

Source: https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview. The table only grows, so a
copy of an alert is a second row with the same `AlertId`; a query keeps one of them with
`summarize arg_max(TimeGenerated, *) by AlertId`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from detector.domain.alerts import Alert
from detector.sinks.answers import fate_of, reason_of
from detector.sinks.destination import Route
from detector.sinks.encoding import alert_document
from detector.sinks.halving import by_halves
from detector.sinks.outcome import DELIVERED, Fate, Outcome, Refused, Retry
from detector.sinks.sink import Terms

if TYPE_CHECKING:
    import aiohttp
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.exceptions import AzureError
    from azure.monitor.ingestion import LogsUploadError
    from azure.monitor.ingestion.aio import LogsIngestionClient

_LARGEST_ROW: Final = 900 * 2**10
"""Bytes of the largest row that is tried: a call may hold 1 MB."""


class Rule(msgspec.Struct, frozen=True):
    """Where rows go."""

    endpoint: str
    """URL of the data collection endpoint, or the ingestion endpoint of the rule."""
    rule_id: str
    """Immutable id of the data collection rule, `dcr-...`."""
    stream: str
    """Name of its stream, `Custom-...`."""


class LogAnalytics:
    """Uploads alerts in batches with the client of azure-monitor-ingestion.

    Args:
        name: Name of the sink.
        terms: On which terms alerts go there.
        rule: Where rows go.
        credential: Makes the credential, once, in the event loop; it is closed with the sink.
        route: How to get there.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        name: str,
        terms: Terms,
        rule: Rule,
        credential: Callable[[], AsyncTokenCredential],
        route: Route,
        now: Callable[[], float],
    ) -> None:
        self.name = name
        self.terms = terms
        self._rule = rule
        self._make_credential = credential
        self._route = route
        self._now = now
        self._opened: tuple[LogsIngestionClient, aiohttp.ClientSession, AsyncTokenCredential] | None = None

    async def deliver(self, batch: Sequence[Alert]) -> Outcome:
        """Uploads a batch; one bad row refuses all, so a refused batch is halved."""
        return await by_halves(batch, self._upload)

    async def close(self) -> None:
        """Closes the client, its connections and the credential."""
        if self._opened is None:
            return
        client, session, credential = self._opened
        self._opened = None
        await client.close()
        await session.close()
        await credential.close()

    async def _upload(self, batch: Sequence[Alert]) -> Fate:
        from azure.core.exceptions import AzureError

        rows: list[MutableMapping[str, Any]] = [row(alert) for alert in batch]
        if len(rows) == 1 and len(msgspec.json.encode(rows[0])) > _LARGEST_ROW:
            return Refused("too_large")
        failures: list[Exception] = []

        async def failed(error: LogsUploadError) -> None:
            failures.append(error.error)

        try:
            self._route.guard.checked(self._rule.endpoint)
            async with asyncio.timeout(self._route.total):
                await self._client().upload(self._rule.rule_id, self._rule.stream, rows, on_error=failed)
        except (AzureError, OSError) as error:
            failures.append(error)
        if not failures:
            return DELIVERED
        failure = failures[0]
        return self._fate_of(failure) if isinstance(failure, AzureError) else Retry(reason_of(failure))

    def _fate_of(self, error: AzureError) -> Fate:
        from azure.core import exceptions

        if isinstance(error, exceptions.ClientAuthenticationError):
            # With a status it is the service that refuses the token, without one there was none to be had.
            return Retry("credential_failed" if error.status_code is None else "unauthorized")
        if isinstance(error, exceptions.HttpResponseError) and error.status_code is not None:
            headers: Mapping[str, str] = getattr(error.response, "headers", {})
            return fate_of(error.status_code, headers, self._now())
        if isinstance(error, exceptions.ServiceRequestTimeoutError | exceptions.ServiceResponseTimeoutError):
            return Retry("timed_out")
        inner = error.inner_exception
        return Retry("connection_lost" if inner is None else reason_of(inner))

    def _client(self) -> LogsIngestionClient:
        if self._opened is None:
            from azure.core.pipeline.policies import AsyncRetryPolicy
            from azure.core.pipeline.transport import AioHttpTransport
            from azure.monitor.ingestion.aio import LogsIngestionClient

            session = self._route.session()
            credential = self._make_credential()
            client = LogsIngestionClient(
                self._rule.endpoint,
                credential,
                # Retrying is for the relay, which knows the other alerts; a redirect could lead anywhere.
                retry_policy=AsyncRetryPolicy.no_retries(),
                permit_redirects=False,
                transport=AioHttpTransport(
                    session=session,
                    session_owner=False,
                    use_env_settings=False,
                    connection_timeout=self._route.connect,
                    read_timeout=self._route.total,
                ),
            )
            self._opened = client, session, credential
        return self._opened[0]


def row(alert: Alert) -> dict[str, Any]:
    """The row of an alert; `docs/sinks.md` has the table.

    Log Analytics replaces a `TimeGenerated` that is more than two days old, so `EventTime` says it again.
    """
    document = alert_document(alert)
    subject = alert.subject
    return {
        "TimeGenerated": alert.time,
        "EventTime": alert.time,
        "AlertId": alert.id,
        "IncidentId": alert.incident,
        "SchemaVersion": alert.schema,
        "Severity": alert.severity,
        "Detector": alert.detector,
        "CatalogueIds": list(alert.catalogue_ids),
        "Title": alert.title,
        "Explanation": alert.explanation,
        "EntraTenantId": subject.tenant,
        "SubjectKind": subject.kind,
        "SubjectId": subject.id,
        "SubjectName": subject.name,
        "BlueprintId": subject.blueprint,
        "BlueprintName": subject.blueprint_name,
        "Score": alert.score,
        "PValue": alert.p_value,
        "Evidence": document["evidence"],
        "Entities": document["entities"],
        "Attack": document["attack"],
        "InnocentExplanations": document["innocent_explanations"],
        "NextSteps": document["next_steps"],
        "Runbook": alert.runbook,
    }
