"""A case: alerts and the raw records behind them in one zip, with a manifest of hashes, signed.

The manifest names every other file with its SHA-256; the signature is Ed25519 (RFC 8032) over the manifest's bytes. So
whoever trusts the public key can tell that nothing was added, left out or altered since the case was made. It is no
proof of what the archive held before.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from detector import __version__
from detector.domain.alerts import Alert
from detector.engine.naming import rfc3339
from detector.errors import UsageError
from detector.report.tables import ALERT_HEADS, alert_rows, table
from detector.runtime.evidence import RawRecord
from detector.runtime.findings import bundle
from detector.sinks.encoding import alert_document, json_line
from detector.sources.reading import Reading

SCHEMA: Final = "1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.json.sig"
PUBLIC_KEY: Final = "public.pem"
_LARGEST: Final = 2**31
"""Bytes of one file in a case that is read back: a zip can be a bomb."""
_DATE: Final = (1980, 1, 1, 0, 0, 0)
"""Of every file in the zip, so that equal cases are equal bytes."""
_README: Final = """\
What this is
  alerts.jsonl        the alerts, as the detector tells them
  alerts.ocsf.jsonl   the same as OCSF Detection Findings
  alerts.csv          the same as a table; texts that a spreadsheet could run begin with an apostrophe
  records.jsonl       the raw records behind them, one a line, in the order of the archive
  records.csv         where each raw record lies, its hash, and the alerts that rest on it
  manifest.json       every file with its SHA-256, every record with its own, and what could not be found; every input
                      of the archive that was searched, how far it was read, and the SHA-256 of those read to their end
  manifest.json.sig   Ed25519 signature of manifest.json, if the case is signed
  public.pem          the public key that goes with it; get it another way before you trust it

How to verify
  agent-detector case verify CASE.zip --public-key public.pem
or, unpacked, without the detector:
  openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in manifest.json -sigfile manifest.json.sig
"""


def case_of(
    alerts: Sequence[Alert],
    records: Sequence[RawRecord],
    inputs: Sequence[Reading],
    *,
    generated: float,
    key: Ed25519PrivateKey | None,
) -> bytes:
    """The zip.

    Args:
        alerts: In order of time.
        records: The raw records that were found.
        inputs: What was searched, and how far.
        generated: Seconds since the epoch.
        key: Signs the manifest; without one the case is unsigned, and its manifest says so.
    """
    rests: dict[str, list[str]] = {}
    for alert in alerts:
        for identifier in alert.evidence.record_ids:
            rests.setdefault(identifier, []).append(alert.id)
    files = {
        "README.txt": _README.encode(),
        "alerts.jsonl": b"".join(json_line(alert_document(alert)) for alert in alerts),
        "alerts.ocsf.jsonl": b"".join(bundle(alerts, (), generated)),
        "alerts.csv": table(ALERT_HEADS, alert_rows(alerts)).encode(),
        "records.jsonl": b"".join(_one_line(record.data) + b"\n" for record in records),
        "records.csv": _records_table(records, rests).encode(),
    }
    if key is not None:
        files[PUBLIC_KEY] = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    manifest = _manifest(files, records, rests, inputs, generated, signed=key is not None)
    files[MANIFEST] = manifest
    if key is not None:
        files[SIGNATURE] = key.sign(manifest)
    return _zipped(files)


def _one_line(data: bytes) -> bytes:
    """A record that is printed over several lines, on one: as JSON the same."""
    return msgspec.json.format(data, indent=-1) if b"\n" in data or b"\r" in data else data


def _records_table(records: Iterable[RawRecord], rests: Mapping[str, Sequence[str]]) -> str:
    heads = ("record_id", "file", "line", "sha256", "exact", "alerts")
    rows = (
        (each.id, each.place, each.line, each.sha256, "yes" if each.exact else "no", " ".join(rests.get(each.id, ())))
        for each in records
    )
    return table(heads, rows)


def _manifest(
    files: Mapping[str, bytes],
    records: Sequence[RawRecord],
    rests: Mapping[str, Sequence[str]],
    inputs: Sequence[Reading],
    generated: float,
    *,
    signed: bool,
) -> bytes:
    found = {record.id for record in records}
    held = Counter(record.place for record in records)
    document = {
        "schema": SCHEMA,
        "generated": rfc3339(generated),
        "program": f"entra-agent-detector {__version__}",
        "signed": signed,
        "files": [
            {"name": name, "size": len(content), "sha256": sha256(content).hexdigest()}
            for name, content in sorted(files.items())
        ],
        "records": [
            {
                "id": each.id,
                "file": each.place,
                "line": each.line,
                "sha256": each.sha256,
                "exact": each.exact,
                "alerts": list(rests.get(each.id, ())),
            }
            for each in records
        ],
        "records_missing": sorted(set(rests) - found),
        "inputs": [_input(each, held[each.place]) for each in inputs],
    }
    return json.dumps(document, indent=1, ensure_ascii=True).encode() + b"\n"


def _input(reading: Reading, records: int) -> dict[str, Any]:
    """An input as it was when it was read. One that was not read to its end has no hash."""
    return {
        "place": reading.place,
        "size": reading.size or None,
        "read": reading.read,
        "status": reading.status,
        "version": reading.version or None,
        "sha256": reading.sha256,
        "records": records,
    }


def _zipped(files: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, content)
    return written.getvalue()


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key of a PEM file.

    Raises:
        UsageError: It cannot be read, or is no unencrypted Ed25519 key.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UsageError(f"{path}: The key cannot be read ({error.strerror}).") from None
    except (TypeError, ValueError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(
            f"{path}: It is no Ed25519 private key without a password. "
            "Make one: openssl genpkey -algorithm ed25519 -out key.pem."
        )
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """The public key of a PEM file.

    Raises:
        UsageError: It cannot be read, or is no Ed25519 public key.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: The key cannot be read ({error.strerror}).") from None
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{path}: It is no Ed25519 public key. Make it: openssl pkey -in key.pem -pubout.")
    return key


def faults_of(path: Path, key: Ed25519PublicKey | None) -> list[str]:
    """What is wrong with a case, in sentences; nothing when every hash fits and, with a key, the signature does.

    Raises:
        UsageError: It is no case at all.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return list(_faults(archive, key))
    except OSError as error:
        raise UsageError(f"{path}: The case cannot be read ({error.strerror}).") from None
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError):
        raise UsageError(f"{path}: It is no case of this program, or it is damaged.") from None


def _faults(archive: zipfile.ZipFile, key: Ed25519PublicKey | None) -> Iterable[str]:
    sizes = [entry.file_size for entry in archive.infolist()]
    if sum(sizes) > _LARGEST:
        return [f"It unpacks to more than {_LARGEST:,} bytes, so it was not looked at."]
    names = archive.namelist()
    manifest = archive.read(MANIFEST)
    document: dict[str, Any] = json.loads(manifest)
    listed = {str(each["name"]): str(each["sha256"]) for each in document["files"]}
    faults = [f"{name} is not in the manifest." for name in names if name not in listed | {MANIFEST: "", SIGNATURE: ""}]
    faults += [f"{name} is in it more than once." for name in sorted({each for each in names if names.count(each) > 1})]
    for name, digest in sorted(listed.items()):
        if name not in names:
            faults.append(f"{name} is missing.")
        elif sha256(archive.read(name)).hexdigest() != digest:
            faults.append(f"{name} is not what the manifest says.")
    if key is not None:
        faults += _signature_faults(archive, manifest, key)
    return faults


def _signature_faults(archive: zipfile.ZipFile, manifest: bytes, key: Ed25519PublicKey) -> list[str]:
    if SIGNATURE not in archive.namelist():
        return ["It is not signed."]
    try:
        key.verify(archive.read(SIGNATURE), manifest)
    except InvalidSignature:
        return ["The signature is not of this key, or the manifest was altered."]
    return []
