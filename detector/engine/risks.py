"""Risk records: what Identity Protection says of agents, and whether who is at risk still gets tokens.

Detections are offline: they come hours or days after what they are about, and a state is said again with every update.
So an identity is recognised by what was known for sure at the time of the record, nothing waits, and one identity is at
most one alert a day and grade.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detector.domain.events import Risk
from detector.domain.signals import Fact, Signal
from detector.features.ledger import Entry
from detector.features.risks import Grade, ended, grade_of
from detector.features.timeline import DAY

if TYPE_CHECKING:
    from detector.domain.quarantine import FilterReason
    from detector.engine.casebook import Casebook
    from detector.engine.recognising import Recognised, Recognition
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State

WATCHED: Final = 30 * DAY
"""Seconds after a risk was raised within which a granted token is remarkable."""

_CAUSE: Final = "risk"
_KINDS: Final[dict[Grade, str]] = {"confirmed": "compromise_confirmed", "high": "risk_raised", "medium": "risk_raised"}
"""Kind of entry of each grade; the lower ones are said, and nothing is waited for."""


class Risks:
    """Detections and states of risk."""

    def __init__(
        self, settings: EngineSettings, state: State, saying: Saying, casebook: Casebook, recognition: Recognition
    ) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        self.casebook = casebook
        self.recognition = recognition

    def observe(self, risk: Risk) -> FilterReason | None:
        """Takes in one record; the reason when it is left out."""
        tenant = self.state.tenant(risk.tenant_id)
        if tenant is None:
            return "too_many_tenants"
        recognised = self.recognition.settled(tenant, risk.tenant_id, risk.time, risk.identity)
        if recognised is None:
            return "not_an_agent"
        grade = grade_of(risk)
        if grade is not None:
            self._tell(risk, recognised, grade)
            if grade in _KINDS:
                self._note(_KINDS[grade], risk, recognised, grade)
                until = risk.time + WATCHED
                self.casebook.watch(risk.tenant_id, recognised.key, _CAUSE, risk.time, until=until)
        elif ended(risk) and recognised.key.id in tenant.ledgers:
            self._note("risk_ended", risk, recognised, risk.state or "")
        return None

    def _note(self, kind: str, risk: Risk, recognised: Recognised, detail: str) -> None:
        entry = Entry(
            risk.time,
            kind,
            record_id=risk.record_id,
            name=self._words(risk) or "",
            detail=detail,
            deed=f"{recognised.key.id}:{int(risk.time) // DAY * DAY}",
        )
        self.casebook.note(risk.tenant_id, recognised.key, recognised.subject, entry, risk)

    def _words(self, risk: Risk) -> str | None:
        """What was detected in plain words, where the table has it."""
        event = risk.event_type
        return None if event is None else self.settings.risk_events.get(event.casefold(), event)

    def _tell(self, risk: Risk, recognised: Recognised, grade: Grade) -> None:
        facts: dict[str, Fact] = {
            "grade": grade,
            "level": risk.level,
            "state": risk.state,
            "event_type": risk.event_type,
            "words": self._words(risk),
            "detail": risk.detail,
            "address": risk.ip,
            "key_ids": risk.key_ids,
            "category": risk.category,
            "target_name": recognised.name,
            "behind": None if risk.activity_time is None else max(0.0, risk.time - risk.activity_time),
        }
        signal = Signal(
            kind="risk",
            key=recognised.key,
            time=risk.time,
            window=(risk.time, risk.time),
            occasion=f"{grade}:{int(risk.time) // DAY * DAY}",
            value=1,
            usual=0,
            unit="detections",
            p_value=1.0,
            seen=0,
            event=risk,
            facts={name: fact for name, fact in facts.items() if fact is not None and fact != ()},
            first_seen=risk.time if risk.activity_time is None else min(risk.activity_time, risk.time),
        )
        self.saying.tell(signal, risk.tenant_id, recognised.subject)
