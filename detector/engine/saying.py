"""Who judges a signal, and how a finding is said: once for each subject and occasion."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import islice
from typing import TYPE_CHECKING

from detector.domain.alerts import Alert, Entity, Subject
from detector.domain.events import SignIn
from detector.domain.signals import Signal, SignalKind
from detector.engine.naming import id_of, name
from detector.engine.routing import Route, blueprint_of, subject_of
from detector.features import tails

if TYPE_CHECKING:
    from detector.detectors.detector import Detector
    from detector.engine.journal import Journal
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State


class Saying:
    """Hands signals to the detectors that read them and keeps what they find until it is taken."""

    def __init__(self, settings: EngineSettings, state: State, journal: Journal) -> None:
        self.settings = settings
        self.state = state
        self.journal = journal
        self.readers: dict[SignalKind, tuple[Detector, ...]] = {}
        for detector in settings.detectors:
            if detector.enabled:
                for kind in detector.reads:
                    self.readers[kind] = (*self.readers.get(kind, ()), detector)
        self.alerts: list[Alert] = []
        self.on_alert: Callable[[Alert, Signal], None] = lambda alert, _: self.alerts.append(alert)
        """What is done with an alert; it is told at once unless somebody weighs it first."""
        self.open: Collection[str] = ()
        """Alerts that an earlier record of the same occasion still changes: they are handed over again."""

    def tell(self, signal: Signal, tenant: str, subject: Subject, related: tuple[Entity, ...] = ()) -> None:
        """Lets every detector that reads such signals judge this one."""
        for detector in self.readers.get(signal.kind, ()):
            finding = detector.judge(signal)
            if finding is None:
                continue
            identifier = id_of(finding, tenant)
            said = self.state.said
            if identifier not in said:
                self._remember(identifier)
            elif identifier not in self.open:
                continue
            alert = name(finding, detector, identifier=identifier, subject=subject, related=related)
            self.on_alert(alert, signal)

    def _remember(self, identifier: str) -> None:
        said = self.state.said
        said[identifier] = None
        self.journal.touch("said", "", identifier)
        if len(said) > self.settings.max_said:
            for old in list(islice(said, len(said) // 10 + 1)):
                del said[old]
                self.journal.forget("said", "", old)

    def tell_of(self, route: Route, signal: Signal) -> None:
        """`tell` for a signal that a sign-in tipped."""
        event, fleet = signal.event, route.fleet
        assert isinstance(event, SignIn)
        tenant_id = event.access.tenant_id
        self.tell(signal, tenant_id, subject_of(signal.key, tenant_id, route.identity, fleet), blueprint_of(fleet))

    def graded(
        self, occasion: str, p_value: float, limit: float, growth: float, *, part: int = 0, extreme: int | None = None
    ) -> str:
        """The occasion of something that may grow, which is another one at each grade; see `tails.grade`.

        From the grade `extreme` on each `part` of it has an occasion of its own.
        """
        grade = tails.grade(p_value, limit, growth, extreme=extreme) if self.settings.retells else 0
        told = f"{occasion}:{grade}" if grade else occasion
        return told if extreme is None or grade < extreme else f"{told}:{part}"

    def take(self) -> list[Alert]:
        """The alerts since the last call, in order."""
        alerts, self.alerts = self.alerts, []
        return alerts
