"""CSV of sign-ins as the Entra admin center downloads it."""

from __future__ import annotations

from pathlib import Path

from detector.decode.decoder import Decoder
from detector.domain.events import SignIn
from detector.runtime.replay import decode_chunk
from detector.sources.files import FileSource

APPLICATIONS = (
    "Date (UTC),Request ID,Correlation ID,Service principal ID,Service principal name,Credential key ID,"
    "Credential thumbprint,Application,Application ID ,App owner tenant ID,Resource,Resource ID ,Resource tenant ID,"
    "Resource owner tenant ID,Home tenant ID,Home tenant name,IP address,Location,Status,Sign-in error code,"
    "Failure reason,Conditional Access"
)
TENANT = "aaaa0000-0000-4000-8000-000000000001"
ROW = [
    "11111111-1111-4111-8111-111111111111",
    "22222222-2222-4222-8222-222222222222",
    "33333333-3333-4333-8333-333333333333",
    "invoice-agent",
    "44444444-4444-4444-8444-444444444444",
    "",
    "invoice-agent",
    "55555555-5555-4555-8555-555555555555",
    TENANT,
    "Microsoft Graph",
    "00000003-0000-0000-c000-000000000000",
    TENANT,
    TENANT,
    TENANT,
    "Contoso",
    "198.51.100.7",
    '"Melbourne, Victoria, AU"',
    "Failure",
    "7000215",
    "Invalid client secret provided.",
    "Not Applied",
]


def test_sign_ins_of_applications_are_read_in_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "ApplicationSignIns.csv"
    lines = [APPLICATIONS, *(",".join([f"2026-10-05T{hour:02}:00:00Z", *ROW]) for hour in (9, 8))]
    path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    source, decoder = FileSource([str(path)]), Decoder()
    decoded = [decode_chunk(decoder, chunk) for chunk in source]
    assert not source.failures
    events = [event for each in decoded for event in each.events]
    assert not any(each.quarantined for each in decoded)
    kept = [event for event in events if isinstance(event, SignIn)]
    assert len(kept) + sum(each.filtered.total() for each in decoded) == 2
    for event in kept:
        assert event.record_id == ROW[0]
        assert event.access.service_principal_id == ROW[2]
        assert event.access.credential_key_id == ROW[4]
        assert event.access.resource_id == ROW[10]
        assert event.access.error_code == 7000215
        assert event.origin.ip == "198.51.100.7"
    assert [event.time for event in kept] == sorted(event.time for event in kept)
    assert kept
