"""Deployment records as JSON lines, made of what webhooks say or of what a pipeline wrote itself.

Every line is decoded here as it will be later, so that nothing is acknowledged that would be quarantined. When a record
was recorded is what the sender says, not when it came: a delivery that is sent again, by its sender or by a thief, is
then the same record, or a late one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from detector.decode.decoder import Decoder
from detector.decode.deployment import DeploymentProperties
from detector.features.pipelines import Pipeline, pipeline_of
from detector.inventory.evidence.facts import Ignored, Refused
from detector.inventory.evidence.runs import Told, read

MOST_RECORDS: Final = 500
"""Records of one delivery."""

_ANYTHING: Final = msgspec.json.Decoder(Any)
_MEMBERS: Final = frozenset(DeploymentProperties.__struct_encode_fields__)
_TEXTS: Final = ("id", "runId")
"""Members for which a number is as good."""


class Clerk:
    """Writes records for one tenant.

    Args:
        tenant_id: Whose they are.
        limits: Keyword arguments of `Decoder`.
        pipelines: The declared pipelines.
    """

    def __init__(self, tenant_id: str, limits: Mapping[str, Any], pipelines: tuple[Pipeline, ...]) -> None:
        self.pipelines = pipelines
        """The declared pipelines; may be replaced when the configuration is read again."""
        self._tenant: Final = tenant_id
        self._decoder: Final = Decoder(**limits)

    def of_run(self, told: Told, now: float) -> bytes:
        """The line of a run that a webhook told of at a moment, seconds since the epoch.

        Raises:
            Ignored: The run belongs to no declared pipeline: nobody vouches for it.
            Refused: It cannot be decoded.
        """
        pipeline = pipeline_of(self.pipelines, told.run)
        if pipeline is None:
            raise Ignored("undeclared")
        run = told.run
        said = {
            "id": told.record_id,
            "recordedDateTime": told.recorded,
            "kind": "run",
            "pipeline": pipeline.name,
            "runId": told.run_id,
            "status": told.status,
            "startedDateTime": told.started,
            "finishedDateTime": told.finished,
            "provider": run.provider,
            "repository": run.repository,
            "commit": told.commit,
            "environment": run.environment,
            "actorObjectId": _actor(pipeline),
        }
        return self._lines([said], now)

    def of_body(self, body: bytes, now: float) -> tuple[bytes, int]:
        """The lines of the records in a body, an object or a list of them, and how many they are.

        Raises:
            Refused: They cannot be read or decoded.
        """
        found = read(_ANYTHING, body)
        listed = found if isinstance(found, list) else [found]
        if not 0 < len(listed) <= MOST_RECORDS:
            raise Refused("unsupported_shape", f"The body must hold 1 to {MOST_RECORDS} records.")
        return self._lines([self._completed(each) for each in listed], now), len(listed)

    def _completed(self, said: object) -> dict[str, Any]:
        if not isinstance(said, dict):
            raise Refused("unsupported_shape", "A record must be an object.")
        known = {name: value for name, value in said.items() if name in _MEMBERS and value is not None}
        for name in _TEXTS:
            if isinstance(known.get(name), int) and not isinstance(known[name], bool):
                known[name] = str(known[name])
        if "id" not in known:
            known["id"] = f"records:{_digest(known)}"
        pipeline = next((each for each in self.pipelines if each.name == known.get("pipeline")), None)
        if pipeline is not None and _actor(pipeline) is not None:
            known.setdefault("actorObjectId", _actor(pipeline))
        return known

    def _lines(self, said: list[dict[str, Any]], now: float) -> bytes:
        at = datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")
        envelope = {"category": "DeploymentRecords", "time": at, "tenantId": self._tenant}
        lines = b"".join(
            json.dumps({**envelope, "properties": each}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            for each in said
        )
        self._decoder.not_after = now
        decoded = self._decoder.lines(lines)
        if len(decoded.events) != len(said):
            detail = next((each.detail for each in decoded.quarantined), "it says nothing")
            raise Refused("undecodable", f"A record cannot be used: {detail}.")
        return lines


def _digest(said: dict[str, Any]) -> str:
    """The same for the same record, however its members are ordered."""
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def _actor(pipeline: Pipeline) -> str | None:
    """The identity that a pipeline deploys with, if there is only one."""
    return next(iter(pipeline.object_ids)) if len(pipeline.object_ids) == 1 else None
