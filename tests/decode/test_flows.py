"""In which ten minutes a body has records of each category."""

from __future__ import annotations

from typing import Any

import msgspec

from detector.decode.decoder import Decoder
from detector.decode.flows import BUCKET
from detector.engine.naming import rfc3339
from detector.features.timeline import STEP
from tests.decode.builders import sign_in

TENANT, OTHER = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
AT = 1_772_438_400.0
CATEGORY = "ServicePrincipalSignInLogs"


def record(number: int, at: float, tenant: str = TENANT) -> dict[str, Any]:
    return sign_in(
        id=f"r{number}",
        createdDateTime=rfc3339(at),
        top={"tenantId": tenant, "time": rfc3339(at + 60)},
    )


def flows(*records: Any) -> dict[tuple[str, str], set[int]]:
    return Decoder().body(msgspec.json.encode({"records": records})).flows


def test_buckets_are_those_of_the_engine() -> None:
    assert BUCKET == STEP


def test_a_body_of_one_category_and_one_bucket() -> None:
    assert flows(record(1, AT), record(2, AT + 599)) == {(TENANT, CATEGORY): {int(AT) // 600}}


def test_a_body_that_spans_buckets_and_tenants() -> None:
    bucket = int(AT) // 600
    assert flows(*(record(number, AT + number * 600) for number in (3, 0, 1))) == {
        (TENANT, CATEGORY): {bucket, bucket + 1, bucket + 3}
    }
    assert flows(record(1, AT), record(2, AT + 600, OTHER)) == {
        (TENANT, CATEGORY): {bucket},
        (OTHER, CATEGORY): {bucket + 1},
    }


def audit(category: str) -> dict[str, Any]:
    said = {
        "id": "a",
        "activityDateTime": rfc3339(AT),
        "activityDisplayName": "Update application",
        "result": "success",
    }
    return {"category": category, "time": rfc3339(AT), "tenantId": TENANT, "properties": said}


def test_other_categories_are_told_apart_and_our_own_left_out() -> None:
    bucket = int(AT) // 600
    run = {"id": "d", "recordedDateTime": rfc3339(AT), "pipeline": "release", "runId": "1", "status": "succeeded"}
    own = {"category": "DeploymentRecords", "time": rfc3339(AT), "tenantId": TENANT, "properties": run}
    assert flows(audit("AuditLogs"), own, record(1, AT)) == {
        (TENANT, "AuditLogs"): {bucket},
        (TENANT, CATEGORY): {bucket},
    }


def test_what_is_read_record_by_record_is_told_as_well() -> None:
    """A body whose second record is broken takes the slow path."""
    body = msgspec.json.encode(record(1, AT)) + b"\n" + b'{"broken\n' + msgspec.json.encode(record(2, AT + 600))
    bucket = int(AT) // 600
    assert Decoder().lines(body).flows == {(TENANT, CATEGORY): {bucket, bucket + 1}}
