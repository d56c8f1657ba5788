"""Archives of records as a storage account holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from tests.live.stream import Message

TENANT = "aaaa0000-0000-4000-8000-000000000001"


def hour_of(moment: float) -> str:
    """The folder of an hour."""
    return f"{datetime.fromtimestamp(moment, UTC):y=%Y/m=%m/d=%d/h=%H}/m=00"


def blobs_of(messages: Iterable[Message], tenant: str = TENANT) -> dict[tuple[str, str], bytes]:
    """The contents of blobs by container and name: JSON lines that end in CRLF, in order and under the hour of arrival."""
    lines: dict[tuple[str, str], list[bytes]] = {}
    for message in messages:
        for record in json.loads(message.body)["records"]:
            container = f"insights-logs-{record['category'].lower()}"
            name = f"tenantId={tenant}/{hour_of(message.enqueued)}/PT1H.json"
            lines.setdefault((container, name), []).append(json.dumps(record, separators=(",", ":")).encode())
    return {key: b"\r\n".join(each) + b"\r\n" for key, each in sorted(lines.items())}


def tree(folder: Path, messages: Iterable[Message]) -> Path:
    """The same as files."""
    for (container, name), text in blobs_of(messages).items():
        path = folder / container / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    return folder
