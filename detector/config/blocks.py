"""One settings block for each detector of the registry, made out of the fields of its dataclass."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from detector.config.fields import FoldedName, Guid, Kind
from detector.detectors.registry import DETECTORS


class Block(BaseModel):
    """Settings that belong together: unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


FROM_TABLES: Final[dict[str, dict[str, Any]]] = {
    "api_novelty": {"sensitive": frozenset[Guid] | None},
    "undeclared_resource": {"sensitive": frozenset[Guid] | None},
    "app_role_granted": {"tier0": frozenset[FoldedName] | None},
    "directory_role_assigned": {"tier0": frozenset[Guid] | None},
    "credential_by_unusual_actor": {"tier0": frozenset[FoldedName] | None},
    "federated_credential_changed": {"public_issuers": frozenset[FoldedName] | None},
    "delegated_grant": {"sensitive": frozenset[FoldedName] | None},
    "agent_admin_assigned": {"administrators": frozenset[FoldedName] | None},
}
"""Fields whose default is a table of `config/`, which `None` stands for."""

_NARROWED: Final[dict[str, dict[str, Any]]] = {
    "change_outside_pipeline": {"kinds_ignored": frozenset[Kind]},
    "incomplete_agent": {"channels": frozenset[Guid]},
}
"""Fields of which more can be checked than their detector says."""


def _block(detector: type) -> type[Block]:
    name: str = detector.__dict__["name"]
    usual = detector()
    hints = {**get_type_hints(detector, include_extras=True), **_NARROWED.get(name, {})}
    lent = FROM_TABLES.get(name, {})
    definitions: dict[str, Any] = {
        field.name: (lent[field.name], None) if field.name in lent else (hints[field.name], getattr(usual, field.name))
        for field in fields(detector)
    }
    return create_model(detector.__name__, __base__=Block, __doc__=detector.__doc__, **definitions)


BLOCKS: Final[dict[str, type[Block]]] = {detector.name: _block(detector) for detector in DETECTORS}
"""Settings block of each detector, by name."""

if TYPE_CHECKING:
    DetectorBlocks = Block
else:
    DetectorBlocks = create_model(
        "DetectorBlocks",
        __base__=Block,
        __doc__="One block for each detector.",
        **{name: (block, block.model_construct()) for name, block in BLOCKS.items()},
    )
