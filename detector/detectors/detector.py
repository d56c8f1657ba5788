"""What every detector is: thresholds, the signals it reads, what it tells the analyst, and one question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol, runtime_checkable

from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@runtime_checkable
class Detector(Protocol):
    """A frozen bag of thresholds. Its head is class data; its fields are the configuration block of its name."""

    name: ClassVar[str]
    """Name in configuration, alerts, documents and file names."""
    catalogue_ids: ClassVar[tuple[str, ...]]
    """Rows of the detection catalogue that it claims."""
    reads: ClassVar[tuple[SignalKind, ...]]
    """Kinds of signals it is called for, and no others."""
    attack: ClassVar[tuple[str, ...]]
    """MITRE ATT&CK v18.1 technique ids."""
    innocent: ClassVar[tuple[str, ...]]
    """Explanations to rule out first, likeliest first."""
    next_steps: ClassVar[tuple[str, ...]]
    """What to do, in order."""

    @property
    def enabled(self) -> bool:
        """Whether the operator wants it."""
        ...

    def judge(self, signal: Signal) -> Finding | None:
        """The conclusion from one signal, or nothing. Depends on the signal and the thresholds alone."""
        ...


@runtime_checkable
class Ripening(Protocol):
    """A detector that asks for so much experience that it cannot speak of a tenant that is new to it."""

    name: ClassVar[str]

    @property
    def ripens(self) -> float:
        """Days of a tenant in which it cannot speak."""
        ...


@runtime_checkable
class Urgent(Protocol):
    """A detector some of whose alerts the budget is to let through sooner than others."""

    name: ClassVar[str]
    urgent: ClassVar[Mapping[str, float]]
    """Sorts of its alerts, and how many times as often as others they may come while nothing is stolen."""
