"""What a model is, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from detector.models.artefact import Manifest


_SHOWN: Final = 50
"""Most sources on a card: an archive of weeks has thousands of files."""


def text(manifest: Manifest) -> str:
    """The card of a model, Markdown."""
    sources = "\n".join(f"- `{each.name}`, SHA-256 `{each.sha256}`" for each in manifest.sources[:_SHOWN])
    if len(manifest.sources) > _SHOWN:
        sources += f"\n- and {len(manifest.sources) - _SHOWN:,} more, which the manifest names"
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(manifest.libraries.items()))
    return f"""# {manifest.name} {manifest.version}

Judges finished hours of agents as a whole: how far all parts of an hour together lie from the agent's own ways and
those of its siblings. Detector: `{manifest.detector}`, on the surprises of {len(manifest.parts)} parts.

| | |
| --- | --- |
| hours it was fitted on | {manifest.fitted:,} |
| later hours that its p-values were calibrated on | {manifest.held_out:,} |
| from, to | {manifest.first}, {manifest.last} |
| active hours that an agent must have shown | {manifest.min_seen:g} |
| libraries | {libraries} |

## Made of

{sources or "- not recorded"}

## Parts

{", ".join(f"`{part}`" for part in manifest.parts)}

## What it is not for

Agents that are younger, hours without any request, and identities that are not agents. A p-value is right for hours
like those it was made of; `docs/models.md` says how to notice that they no longer are, and what to do then.
"""
