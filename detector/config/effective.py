"""The configuration that is in force, as YAML that `load` reads back."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import PurePath
from typing import Any, Final

import yaml
from pydantic import SecretStr

from detector.config.build import from_tables
from detector.config.document import Data, plain
from detector.config.fields import duration_text
from detector.config.settings import Settings

MASK: Final = "**********"
"""Stands for a secret."""


def effective(settings: Settings, *, mask: bool = True) -> str:
    """Every setting with the value it has, in the order of the default file; secrets are masked unless asked for."""
    document: dict[str, Any] = _plain(settings.model_dump(by_alias=True), mask)
    for (*blocks, name), values in from_tables(settings).items():
        block = document
        for part in blocks:
            block = block[part]
        if block[name] is None:
            block[name] = sorted(values)
    if settings.manifest_file is not None:
        document["manifest"] = None  # It is in the file, and two manifests are one too many.
    document["lateness"] = duration_text(settings.lateness)
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _plain(value: Data, mask: bool) -> Data:
    if isinstance(value, dict):
        return {key: _plain(each, mask) for key, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(each, mask) for each in value]
    if isinstance(value, SecretStr):
        return MASK if mask else value.get_secret_value()
    return str(value) if isinstance(value, IPv4Network | IPv6Network | PurePath) else value


class _Dumper(yaml.SafeDumper):
    """Puts in quotes every text that would be read back as something else."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None if plain(value) is value else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
