"""The files of a model: written once, and trusted only when every one of them is what the manifest says.

```
NAME/VERSION/
  manifest.json    what it is, of which hours it was made, and the SHA-256 of the other files
  numbers.json     what scoring needs: plain numbers (detector.models.numbers)
  drift.json       how the parts were spread in training (detector.models.drift)
  pipeline.skops   preprocessing and detector as they were fitted, for whoever wants to look or compare
  card.md          for people
```

Nothing here can run code: JSON is read into typed values, and of the skops file only types on a fixed list are let in.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from detector.errors import ModelError
from detector.features.hours import PARTS, SCHEMA

FORMAT: Final = 1
"""Version of the files."""
MANIFEST: Final = "manifest.json"
NUMBERS: Final = "numbers.json"
DRIFT: Final = "drift.json"
PIPELINE: Final = "pipeline.skops"
CARD: Final = "card.md"
FILES: Final = (NUMBERS, DRIFT, PIPELINE, CARD)
_MAX_BYTES: Final = 64 * 2**20
"""Of one file."""

Kind = TypeVar("Kind")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that the model was trained on."""

    name: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model is and what it was made of."""

    format: int
    name: str
    version: str
    detector: str
    """Kind of detector: `pca`, `hbos`, ..."""
    schema: int
    """Version of the meaning of the parts."""
    parts: list[str]
    min_seen: float
    """Active hours that must be known of an agent."""
    fitted: int
    """Hours of agents that it was fitted on."""
    held_out: int
    """Later hours that p-values were calibrated on."""
    first: str
    """The first of these hours, RFC 3339."""
    last: str
    sources: list[Source]
    libraries: dict[str, str]
    """Versions."""
    files: dict[str, str]
    """SHA-256 of every file."""


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write(place: Path, manifest: Manifest, files: dict[str, bytes]) -> Manifest:
    """Writes a model; the manifest comes last and names the others.

    Raises:
        ModelError: There is something at this place already, or it cannot be written to.
    """
    if place.exists():
        raise ModelError(f"{place}: There is something already. A model is never changed: choose another version.")
    whole = msgspec.structs.replace(manifest, files={name: digest(files[name]) for name in FILES})
    try:
        place.mkdir(parents=True)
        for name in FILES:
            (place / name).write_bytes(files[name])
        (place / MANIFEST).write_bytes(encoded(whole))
    except OSError as error:
        raise ModelError(f"{place}: The model cannot be written there ({error.strerror}).") from None
    return whole


def encoded(value: object) -> bytes:
    """JSON that people can read."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def manifest_of(place: Path) -> Manifest:
    """The manifest of a model, once it is sure that this release can use it; the other files are not looked at.

    Raises:
        ModelError: It is damaged, or made for other parts or another release.
    """
    found = decoded(place / MANIFEST, _read(place / MANIFEST), Manifest)
    if found.format != FORMAT:
        raise ModelError(
            f"{place}: The model has format {found.format}, this release reads {FORMAT}. "
            "Train it again with this release."
        )
    if found.schema != SCHEMA or found.parts != list(PARTS):
        raise ModelError(
            f"{place}: The model judges other parts of an hour (version {found.schema}) than this release makes "
            f"(version {SCHEMA}). Train it again with this release."
        )
    if set(found.files) != set(FILES):
        raise ModelError(f"{place}: The manifest does not name the files of a model. Restore it, or train it again.")
    return found


def checked(place: Path, manifest: Manifest, name: str) -> bytes:
    """One file of a model, if it is what the manifest says.

    Raises:
        ModelError: It is missing, or another.
    """
    data = _read(place / name)
    if digest(data) != manifest.files[name]:
        raise ModelError(
            f"{place / name}: The file is not the one that the manifest names, SHA-256 {manifest.files[name][:12]}... "
            "Restore the model from where it came from; do not use it as it is."
        )
    return data


def decoded(place: Path, data: bytes, kind: type[Kind]) -> Kind:
    """A JSON file as typed values.

    Raises:
        ModelError: It is not what it should be.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise ModelError(f"{place}: The file cannot be understood: {error}. Restore the model.") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path}: The model cannot be read ({error.strerror}).") from None
    if len(data) > _MAX_BYTES:
        raise ModelError(f"{path}: The file is larger than any model ({_MAX_BYTES >> 20} MiB).")
    return data
