"""The engine: a fold of events over keyed memory that yields alerts.

Admit, route to keys, fold, judge, name, say once. One engine serves every driver (live, replay, Spark); it reads
no clock and does no I/O. `process` is the hot path of the product: in the steady case a sign-in costs a few
dictionary look-ups and two counters, and nothing is allocated that outlives it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

from xxhash import xxh3_64_intdigest

from detector.domain.accounting import Accounting
from detector.domain.events import Change, Deployment, InventoryObject, Risk, SignIn
from detector.engine.administering import Administering
from detector.engine.admission import Admission
from detector.engine.budgeting import Budgeting
from detector.engine.casebook import Casebook
from detector.engine.changing import Changing
from detector.engine.closing import Closing
from detector.engine.compiled import fold, greeting, looking, observing, times_of
from detector.engine.concurrency import Concurrency
from detector.engine.counting import Counting
from detector.engine.creeping import Creeping
from detector.engine.declaring import Declaring
from detector.engine.deploying import Deploying
from detector.engine.directory import Directory
from detector.engine.drifting import Drifting
from detector.engine.early import EarlyLife
from detector.engine.fingerprints import SEEDS
from detector.engine.flowing import Flowing
from detector.engine.folding import PlaceInTime, Steps
from detector.engine.habits import Habits
from detector.engine.inventorying import Inventorying
from detector.engine.journal import Journal
from detector.engine.lifecycle import Lifecycle
from detector.engine.misuse import Misuse
from detector.engine.namesakes import Namesakes
from detector.engine.novelties import Novelties
from detector.engine.outages import Outages
from detector.engine.policies import Policies
from detector.engine.recognising import Recognition
from detector.engine.refusals import Refusals
from detector.engine.risks import Risks
from detector.engine.routing import Route, Router
from detector.engine.saying import Saying
from detector.engine.spraying import Spraying
from detector.engine.state import State
from detector.engine.working import Working
from detector.features.timeline import HOUR, STEP, horizons
from detector.features.token_rate import hour_of

if TYPE_CHECKING:
    from detector.decode.decoded import Decoded
    from detector.domain.alerts import Alert
    from detector.domain.events import Event
    from detector.domain.quarantine import FilterReason
    from detector.engine.settings import EngineSettings
    from detector.features.declarations import Declarations

_MAX_COUNTERS: Final = 1_000
_record_id = attrgetter("record_id")
_PROMPT: Final = frozenset({InventoryObject, Deployment})
"""Events that are told at once, not through an export."""


class Part(Protocol):
    """A part of the engine that waits for something."""

    def tick(self, watermark: float) -> None:
        """The watermark entered a new ten-minute bucket; infinity at the end of an archive."""
        ...


class Engine:
    """Folds events over memory.

    Args:
        settings: What to admit, remember and say.
        state: Memory of an earlier engine (see `snapshot`), to go on exactly where it stopped.
        journal: The journal of that engine, when it is in use.
    """

    def __init__(self, settings: EngineSettings, state: State | None = None, journal: Journal | None = None) -> None:
        self.settings = settings
        self.state = state if state is not None else State(admission=Admission(settings.lateness))
        self.state.admission.lateness = settings.lateness
        self.spans = horizons(settings.lateness)
        self.journal = journal if journal is not None else Journal(self.state)
        """Notes what changes, once somebody listens."""
        self.saying = Saying(settings, self.state, self.journal)
        self.router = Router(settings, self.state, self.journal)
        self.counting = Counting(settings, self.router, self.saying)
        self.directory = Directory(settings, self.state, self.journal)
        self.recognition = Recognition(settings, self.directory)
        self.casebook = Casebook(settings, self.state, self.saying, self.journal, self.router.children)
        self.novelties = Novelties(settings, self.saying, self.casebook)
        self.refusals = Refusals(settings, self.state, self.saying)
        self.changing = Changing(settings, self.state, self.saying, self.journal, self.recognition)
        self.router.on_learned = self.changing.recognise
        self.changing.on_recognised.append(self.casebook.changed)
        self.administering = Administering(settings, self.state, self.saying, self.casebook, self.directory)
        self.changing.on_change.append(self.administering.changed)
        self.changing.on_unrecognised.append(self.administering.unrecognised)
        self.lifecycle = Lifecycle(settings, self.state, self.saying, self.casebook, self.refusals)
        self.changing.on_recognised.append(self.lifecycle.changed)
        namesakes = Namesakes(settings, self.state, self.journal, self.changing.recognise)
        self.novelties.listen(self.lifecycle.granted)
        self.refusals.on_refused.append(self.lifecycle.refused)
        self.policies = Policies(settings, self.state, self.saying, self.casebook)
        self.outages = Outages(settings, self.state, self.saying, self.journal, self.policies)
        self.refusals.on_refused.append(self.policies.refused)
        self.casebook.on_first.append(self.policies.first)
        self.changing.on_change.append(self.policies.changed)
        self.changing.on_recognised.append(self.policies.recognised)
        self.risks = Risks(settings, self.state, self.saying, self.casebook, self.recognition)
        self.readers: dict[type, Callable[[Any], FilterReason | None]] = {
            Change: self.changing.observe,
            Risk: self.risks.observe,
        }
        """Who reads each other kind of event, and says why it is left out, if it is."""
        self.inventorying = Inventorying(settings, self.state, self.saying, self.journal, self.directory, self.changing)
        self.readers[InventoryObject] = self.inventorying.observe
        self.novelties.listen(namesakes.look, self.inventorying.outsiders.access, plain=False)
        self.parts: list[Part] = [self.refusals, self.casebook, self.lifecycle, self.outages]
        """Who is told that time passes."""
        self.flowing = Flowing(settings, self.state, self.saying, self.journal)
        self.deploying = Deploying(settings, self.state, self.saying, self.journal)
        self.readers[Deployment] = self.deploying.observe
        self.changing.on_change.append(self.deploying.deed)
        self.changing.on_recognised.append(self.deploying.changed)
        self.parts += [self.inventorying, self.flowing, self.deploying]
        self._use()
        self._declare(settings.declarations)
        self.budgeting = self._weigh()
        self.fold = fold(
            Steps(
                router=self.router,
                counting=self.counting,
                refused=self.refusals.observe,
                remarkable=self._remarkable,
                novel=observing(self.novelties),
                other=self._other,
                place_of=self._place_in_time,
            )
        )
        """Folds what is left of a stretch when the copies are gone."""

    def _use(self) -> None:
        """Connects what looks at credentials in use, flows and places."""
        settings, state, saying, journal = self.settings, self.state, self.saying, self.journal
        self.habits = Habits(settings, state, saying, journal, self.casebook)
        self.misuse = Misuse(settings, state, saying)
        self.concurrency = Concurrency(settings, state, saying, journal)
        self.early = EarlyLife(settings, saying)
        self.novelties.listen(looking(self.habits))
        self.parts.append(self.habits.first_uses)
        self.novelties.listen(self.misuse.look, plain=False)
        self.novelties.listen(greeting(self.early))
        self.refusals.on_refused += [self.misuse.refused, Spraying(settings, state, saying, journal).refused]
        self.novelties.on_place.append(self.concurrency.place)
        self.novelties.places_heard_from = self.concurrency.least_seen
        self.casebook.on_granted.append(self.concurrency.granted)
        self.parts.append(self.concurrency)
        self.working = Working(settings, state, saying, journal, self.router.children)
        self.parts += [self.working, Creeping(settings, state, saying, journal)]

    def _declare(self, declarations: Declarations | None) -> None:
        """Connects what compares with the manifest, if there is one; it reads inventories behind who else does."""
        if declarations is None:
            return
        settings, state = self.settings, self.state
        declaring = Declaring(settings, declarations, state, self.saying, self.journal)
        drifting = Drifting(settings, declarations, state, self.saying, self.journal)
        self.novelties.listen(declaring.access)
        self.novelties.on_place.append(declaring.place)
        self.novelties.places_heard_from = 0.0
        self.changing.on_recognised += [declaring.changed, drifting.changed]
        self.readers[InventoryObject] = drifting.behind(self.readers[InventoryObject])
        self.parts.append(declaring)

    def _weigh(self) -> Budgeting | None:
        """Connects what judges hours as a whole, and what weighs alerts: last, for it weighs those of the same tick."""
        settings = self.settings
        if settings.model is not None:
            self.parts.append(Closing(settings, self.state, self.saying, self.journal, self.counting))
        if settings.budget is None:
            return None
        budgeting = Budgeting(settings, self.state, self.saying)
        self.parts.append(budgeting)
        return budgeting

    @property
    def accounting(self) -> Accounting:
        """The conservation law's counts so far."""
        return self.state.accounting

    @property
    def counters(self) -> Counter[str]:
        """What the engine did not know or had to forget, by name; for telemetry."""
        return self.state.counters

    def process(self, decoded: Decoded) -> list[Alert]:
        """Folds what one body decoded to; returns the alerts that it raised, in order."""
        accounting = self.state.accounting
        accounting.received += len(decoded.events) + len(decoded.quarantined)
        for quarantined in decoded.quarantined:
            accounting.quarantined[quarantined.reason] += 1
        if decoded.filtered:
            accounting.filtered.update(decoded.filtered)
            accounting.received += decoded.filtered.total()
        if decoded.unknown:
            self._note_unknown(decoded.unknown)
        if decoded.flows:
            self.flowing.observe(decoded.flows)
        self._fold(decoded.events)
        self.journal.saw(decoded.events)
        forgotten = self.state.admission.bound(self.settings.max_record_ids)
        if forgotten:
            self.counters["forgotten_record_ids"] += forgotten
        return self.saying.take()

    def _note_unknown(self, unknown: Counter[str]) -> None:
        """Counts spellings never seen before; when there are too many different ones, the rest are one."""
        counters = self.counters
        for spelling, times in unknown.items():
            name = f"unknown_{spelling}"
            counters[name if name in counters or len(counters) < _MAX_COUNTERS else "unknown_other"] += times

    def _fold(self, events: Sequence[Event]) -> None:
        """Folds events in the order of their arrival, so that it does not matter where bodies end."""
        times = times_of(events)
        if times is not None and times[1] < self.state.admission.next_bucket:  # most often
            self._stretch(events, times)
            return
        if _PROMPT.isdisjoint(map(type, events)):
            self._log(events)
            return
        for prompt, run in groupby(events, key=lambda event: type(event) in _PROMPT):
            (self._prompt if prompt else self._log)(list(run))

    def _log(self, events: Sequence[Event]) -> None:
        """Folds logged events, stretch by stretch: within one, the watermark stays in its ten-minute bucket."""
        times = [event.time for event in events]
        if times and max(times) >= self.state.admission.next_bucket:
            start = 0
            for place, time in enumerate(times):
                if time >= self.state.admission.next_bucket:
                    if place > start:
                        self._stretch(events[start:place])
                    self._advance(time)
                    start = place
            events = events[start:]
        if times:
            self._stretch(events)

    def _once(self, events: Sequence[Event], times: tuple[float, float] | None = None) -> Sequence[Event]:
        """The events without copies of what came before; `times` are those of `times_of`, where they are known."""
        admission, digest_of = self.state.admission, xxh3_64_intdigest
        ids = map(str.encode, map(_record_id, events))
        times = times or times_of(events)
        if times is not None:
            digests = list(map(digest_of, ids))
        else:
            digests = [digest_of(each, SEEDS.get(type(event), 0)) for each, event in zip(ids, events, strict=True)]
            all_times = [event.time for event in events]
            times = min(all_times), max(all_times)
        hour, latest = int(times[0]) // HOUR, int(times[1]) // HOUR
        if hour == latest:
            copies = admission.copies(hour, digests)
        else:
            by_hour: dict[int, list[int]] = {}
            for place, event in enumerate(events):
                by_hour.setdefault(int(event.time) // HOUR, []).append(place)
            copies = []
            for hour, places in by_hour.items():
                copies += [places[copy] for copy in admission.copies(hour, [digests[place] for place in places])]
        if not copies:
            return events
        self.state.accounting.duplicate += len(copies)
        once = list(events)
        for place in sorted(copies, reverse=True):
            del once[place]
        return once

    def _stretch(self, events: Sequence[Event], times: tuple[float, float] | None = None) -> None:
        events = self._once(events, times)
        admission, accounting = self.state.admission, self.state.accounting
        folded = self.fold.fold(events, admission.watermark, self.settings.lateness)
        admission.watermark = folded.watermark
        accounting.late += folded.late
        if folded.unwatched:
            accounting.filtered["not_an_agent"] += folded.unwatched
        accounting.applied += len(events) - folded.late - folded.unwatched - folded.left_out

    def _place_in_time(self, bucket: int) -> PlaceInTime:
        start = float(bucket * STEP)
        return self.state.admission.shared(bucket), hour_of(bucket), start, start + STEP

    def _remarkable(self, route: Route, event: SignIn) -> None:
        """A granted token that somebody waits for: it follows a run of guesses, or its identity is watched."""
        identity = route.identity
        if identity.failures is None:
            identity.rates.armed = identity.watched
        else:
            self.refusals.success_after_guesses(route, event)
        if event.time > identity.watched:
            self.casebook.granted(route, event)

    def _prompt(self, events: Sequence[Event]) -> None:
        """Folds events of the product's own categories, which do not move the watermark.

        They are told as they happen, the logs minutes later: if they counted as news of how late it is, the logs would
        use up on them the lateness that is allowed for.
        """
        oldest = self.state.admission.watermark - self.settings.lateness
        accounting = self.state.accounting
        for event in self._once(events):
            if event.time < oldest:
                accounting.late += 1
            elif not self._other(event):
                accounting.applied += 1
            if self.budgeting is not None:
                self.budgeting.pending.quiet(event.time)

    def _other(self, event: Event) -> bool:
        """An event that is not a sign-in; whether it was left out."""
        observe = self.readers.get(type(event))
        reason = "category_not_read" if observe is None else observe(event)
        if reason is not None:
            self.state.accounting.filtered[reason] += 1
        return reason is not None

    def _advance(self, time: float) -> None:
        """The watermark enters a new ten-minute bucket: forget what has passed, judge windows that became final."""
        self.state.admission.advance(time)
        self.changing.tick(time)
        for part in self.parts:
            part.tick(time)

    def finish(self) -> list[Alert]:
        """Judges every window that is still open, as if time had passed without records; for the end of an archive."""
        self.changing.tick(inf)
        for part in self.parts:
            part.tick(inf)
        return self.saying.take()

    def snapshot(self) -> bytes:
        """All memory, as versioned msgpack; `State.load` reads it."""
        return self.state.dump()
