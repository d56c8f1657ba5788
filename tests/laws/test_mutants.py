"""The laws are no mere words: for each, a planted bug of its kind makes its checker fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from math import inf
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from _pytest.assertion import util as assertion

from detector.decode.decoder import Decoder
from detector.decode.times import LATEST
from detector.detectors.token_spike import TokenSpike
from detector.domain.findings import Finding
from detector.engine import admission, changing, compiled, describing, directory, journal, lifecycle, routing, saying
from detector.engine.accountability import Accountability
from detector.engine.admission import Admission
from detector.engine.casebook import Casebook
from detector.engine.deploying import Deploying
from detector.engine.engine import Engine
from detector.engine.lifecycle import Lifecycle
from detector.engine.novelties import Novelties
from detector.engine.policies import Policies
from detector.engine.removals import Removals
from detector.engine.routing import Router
from detector.engine.saying import Saying
from detector.engine.sequencing import Sequencing
from detector.engine.state import State
from detector.features import credentials, presence, runs
from detector.features.apis import Apis
from detector.features.failures import Failures
from detector.features.memory import Alias, TenantMemory
from detector.features.timeline import STEPS_PER_HOUR, Horizon
from tests.laws import (
    test_arrival_order,
    test_batches,
    test_bounds,
    test_caches,
    test_conservation,
    test_determinism,
    test_duplicates,
    test_future,
    test_judging,
    test_keys,
    test_machines,
    test_restart,
    test_rows,
)
from tests.laws.manifest import PIPELINES
from tests.laws.records import lines_of
from tests.laws.streams import Plan, Stream, fixed, real, stream_of
from tests.stories import DAY, HOUR, INVALID, MINUTE, RELEASE, START, Tenant, in_order, settings

Mutation = Callable[[pytest.MonkeyPatch], None]


def caught(check: Callable[[Any, Stream], None], told: Iterable[Stream]) -> bool:
    """Whether the checker fails on one of the streams."""
    # Nobody reads how two lists of alerts differ; with CI set pytest would work it out in full, for minutes.
    with patch.object(assertion, "_reprcompare", None):
        for stream in told:
            try:
                check(real, stream)
            except AssertionError:
                return True
    return False


def everything() -> Iterator[Stream]:
    """A few streams in which everything happens."""
    return (fixed(seed) for seed in range(8))


def newborns() -> Iterator[Stream]:
    """Streams full of agents that are changed about when they first sign in."""
    return (stream_of(Plan(seed, ("newborn",) * 16)) for seed in range(4))


def configurations() -> Iterator[Stream]:
    """Streams full of changes of every family, with permissions and credentials close to each other."""
    return (stream_of(Plan(seed, ("configured",) * 16)) for seed in range(8))


def refusals_and_edits() -> Iterator[Stream]:
    """Streams full of refusals by policies, edits of them and what follows."""
    return (stream_of(Plan(seed, ("blocked", "locked_out") * 6)) for seed in range(8))


def risks() -> Iterator[Stream]:
    """Streams full of risks, and of tokens of those at risk."""
    return (stream_of(Plan(seed, ("at_risk",) * 16)) for seed in range(8))


def moves() -> Iterator[Stream]:
    """Streams full of agents that come from new places."""
    return (stream_of(Plan(seed, ("two_places",) * 12)) for seed in range(6))


def shared_keys() -> Iterator[Stream]:
    """Streams full of credentials that several blueprints use."""
    return (stream_of(Plan(seed, ("shared_key",) * 8)) for seed in range(6))


def deployments() -> Iterator[Stream]:
    """Streams full of runs, and of changes in them and beside them."""
    return (stream_of(Plan(seed, ("deployed",) * 16)) for seed in range(8))


def late_evidence() -> Iterator[Stream]:
    """A run that is recorded when it is over, long after the change that it made."""
    tenant = Tenant()
    agent, at = tenant.agent("a"), START + 60 * MINUTE
    change = tenant.change("owner_added", at, agent, actor=RELEASE)
    run = tenant.deployment(at + 25 * MINUTE, started=at - MINUTE)
    events = tuple(in_order(change, run, tenant.sign_ins(agent, START, 150)))
    return (Stream(events, settings(pipelines=PIPELINES), {}, seed) for seed in range(8))


def answered_for() -> Iterator[Stream]:
    """Streams full of people who answer for agents, and go."""
    return (stream_of(Plan(seed, ("answerable",) * 16)) for seed in range(8))


def two_runs() -> Iterator[Stream]:
    """Runs of guesses in two hours that follow each other, and one success behind both."""
    tenant = Tenant()
    agent = tenant.agent("a")
    guesses = [tenant.sign_ins(agent, START + at * MINUTE, 4, every=1.0, error=INVALID) for at in (55, 65)]
    events = tuple(in_order(*guesses, tenant.sign_in(agent, START + 70 * MINUTE)))
    return (Stream(events, settings(), {}, seed) for seed in range(8))


def switches() -> Iterator[Stream]:
    """Streams of agents that are switched off, and on again."""
    return (stream_of(Plan(seed, ("switched_off",) * 12)) for seed in range(8))


def sleepers() -> Iterator[Stream]:
    """Streams of agents that rest for about a month."""
    return (stream_of(Plan(seed, ("asleep",) * 12)) for seed in range(24))


# The planted bugs


def counter_in_id(patch: pytest.MonkeyPatch) -> None:
    """The id of an alert counts alerts."""
    numbers = count()
    patch.setattr(saying, "id_of", lambda finding, tenant: f"{tenant}{finding.occasion}{next(numbers)}")


def record_in_id(patch: pytest.MonkeyPatch) -> None:
    """The id of an alert names the record that happened to tip it."""

    def id_of(finding: Finding, tenant: str) -> str:
        return f"{tenant}{finding.detector}{finding.occasion}{finding.signal.time}"

    patch.setattr(saying, "id_of", id_of)


def judged_too_early(patch: pytest.MonkeyPatch) -> None:
    """Buckets are judged against the bucket before them, which is not final."""
    patch.setattr(
        Horizon, "of", classmethod(lambda cls, span, lateness: cls(span, 1, 1 + 2 * -(-int(lateness) // span)))
    )


def folded_too_early(patch: pytest.MonkeyPatch) -> None:
    """Buckets are folded while records may still arrive for them."""
    patch.setattr(Horizon, "of", classmethod(lambda cls, span, lateness: cls(span, 1 + -(-int(lateness) // span), 0)))


def waits_for_nobody(patch: pytest.MonkeyPatch) -> None:
    """A change whose target is not known yet is not parked."""
    patch.setattr(changing.Changing, "recognise", lambda _self, _tenant: None)


def gives_up_too_early(patch: pytest.MonkeyPatch) -> None:
    """A change is said to be about nobody's agent while records that say otherwise may still come."""
    original = changing.Changing.tick
    patch.setattr(changing.Changing, "tick", lambda self, watermark: original(self, watermark + 3 * HOUR))


def counts_what_is_not_final(patch: pytest.MonkeyPatch) -> None:
    """An agent holds a permission as soon as its record has come."""
    original = describing.held
    patch.setattr(describing, "held", lambda ledger, until: original(ledger, until + DAY))


def forgets_refusals(patch: pytest.MonkeyPatch) -> None:
    """An edit of a policy does not look for refusals that came before it."""
    patch.setattr(Policies, "blocks", lambda *_: ())


def last_risk_only(patch: pytest.MonkeyPatch) -> None:
    """A watch begins with the record that came last, not with the earliest."""
    original = Casebook.watch

    def watch(self: Casebook, tenant_id: str, key: Any, cause: str, since: float, until: float = inf) -> None:
        ledger = self.state.tenants[tenant_id].ledgers.get(key.id)
        if ledger is not None:
            ledger.watches.pop(cause, None)
        original(self, tenant_id, key, cause, since, until)

    patch.setattr(Casebook, "watch", watch)


def watches_at_once(patch: pytest.MonkeyPatch) -> None:
    """Who comes from a new place is watched in the very hour, of which some records have arrived already."""

    def window(hour: int, _lateness: float) -> tuple[int, int]:
        return hour * STEPS_PER_HOUR, (hour + 1) * STEPS_PER_HOUR

    patch.setattr(presence, "window", window)


def first_come_first_served(patch: pytest.MonkeyPatch) -> None:
    """Of those who share a credential, all but whoever came first are told."""
    patch.setattr(credentials, "sharers", lambda memory: tuple(memory.users)[1:])


def latest_run_only(patch: pytest.MonkeyPatch) -> None:
    """Of several runs of guesses only the first is told."""
    original = Failures.runs_before
    patch.setattr(Failures, "runs_before", lambda self, memory, time: original(self, memory, time)[:1])
    patch.setattr(Failures, "armed_after", lambda _self, _memory, _time: float("inf"))


def body_closes_windows(patch: pytest.MonkeyPatch) -> None:
    """Windows end where a body ends."""
    original = Engine.process
    patch.setattr(Engine, "process", lambda self, decoded: original(self, decoded) + self.finish())


def body_forgets(patch: pytest.MonkeyPatch) -> None:
    """Failures are forgotten where a body ends."""
    original = Engine.process

    def process(self: Engine, decoded: Any) -> list[Any]:
        self.state.failing.clear()
        return original(self, decoded)

    patch.setattr(Engine, "process", process)


def copies_get_in(patch: pytest.MonkeyPatch) -> None:
    """Copies are not recognised."""
    patch.setattr(Admission, "generation", lambda _self, _hour: admission._FORGETFUL)


def short_memory_of_copies(patch: pytest.MonkeyPatch) -> None:
    """Record ids are forgotten with the hour."""
    patch.setattr(admission, "KEEP_HOURS", 0)


def dropping(field: str) -> Mutation:
    """A field of the state that is not written."""

    def mutation(patch: pytest.MonkeyPatch) -> None:
        original = State.dump

        def dump(self: State) -> bytes:
            return original(msgspec.structs.replace(self, **{field: type(getattr(self, field))()}))

        patch.setattr(State, "dump", dump)

    mutation.__doc__ = f"`{field}` is not written."
    mutation.__name__ = f"drops_{field}"
    return mutation


def overlooking(kind: str) -> Mutation:
    """A kind of rows that are not written."""

    def mutation(patch: pytest.MonkeyPatch) -> None:
        original = journal.Journal.take

        def take(self: journal.Journal) -> journal.Changed:
            changed = original(self)
            return changed._replace(rows=[row for row in changed.rows if row.kind != kind])

        patch.setattr(journal.Journal, "take", take)

    mutation.__doc__ = f"Rows of the kind `{kind}` are not written."
    mutation.__name__ = f"overlooks_{kind}"
    return mutation


def shared_fleets(patch: pytest.MonkeyPatch) -> None:
    """All blueprints of a tenant share one memory."""
    original = Router._new_fleet

    def new_fleet(self: Router, tenant_id: str, tenant: TenantMemory, blueprint_id: str, since: float) -> Any:
        fleet = next(iter(tenant.fleets.values()), None) or original(self, tenant_id, tenant, blueprint_id, since)
        tenant.fleets[blueprint_id] = fleet
        return fleet

    patch.setattr(Router, "_new_fleet", new_fleet)


def shared_recents(patch: pytest.MonkeyPatch) -> None:
    """What was seen of an id in one tenant counts as seen in every other."""
    original = Router.__init__

    class ById(dict[Any, Any]):
        def get(self, key: Any, default: Any = None) -> Any:
            return super().get(key[1], default)

        def __setitem__(self, key: Any, value: Any) -> None:
            super().__setitem__(key[1], value)

    def init(self: Router, *arguments: Any) -> None:
        original(self, *arguments)
        self.recents = ById()

    patch.setattr(Router, "__init__", init)


def judging_counts(patch: pytest.MonkeyPatch) -> None:
    """What is said leaves a trace in memory."""
    original = Saying.tell

    def tell(self: Saying, *arguments: Any) -> None:
        before = len(self.alerts)
        original(self, *arguments)
        self.state.counters["said"] += len(self.alerts) - before

    patch.setattr(Saying, "tell", tell)


def moody_detector(patch: pytest.MonkeyPatch) -> None:
    """A detector says every other thing."""
    original, calls = TokenSpike.judge, count()

    def judge(self: TokenSpike, signal: Any) -> Any:
        return original(self, signal) if next(calls) % 2 else None

    patch.setattr(TokenSpike, "judge", judge)


def counts_again(patch: pytest.MonkeyPatch) -> None:
    """A resource that is used again within the hour counts again."""
    original = Apis.observe

    def observe(self: Apis, memory: Any, resource: str, hour: int) -> bool:
        known = original(self, memory, resource, hour)
        memory.used += (resource,)
        return known

    patch.setattr(Apis, "observe", observe)


def name_of_the_latest_route(patch: pytest.MonkeyPatch) -> None:
    """An identity is called what the route made last calls it."""
    original = Router._watched_route

    def watched_route(self: Router, access: Any, *arguments: Any) -> Any:
        route = original(self, access, *arguments)
        route.identity.name = access.agent_name
        return route

    patch.setattr(Router, "_watched_route", watched_route)


def keeps_wrong_origins(patch: pytest.MonkeyPatch) -> None:
    """What was never dealt with counts as dealt with, when a route is new."""
    original = Novelties.observe

    def observe(self: Novelties, route: Any, event: Any, hour: int) -> None:
        if route.hour != -1:
            original(self, route, event, hour)
        else:
            route.hour = hour

    patch.setattr(compiled, "COMPILED", False)  # so that it is asked
    patch.setattr(Novelties, "observe", observe)


def forgets_to_count(patch: pytest.MonkeyPatch) -> None:
    """Records of other categories are read and not accounted for."""
    patch.setattr(Engine, "_other", lambda _self, _event: True)


def counts_copies_as_applied(patch: pytest.MonkeyPatch) -> None:
    """A copy is counted twice."""
    original = Engine._fold

    def fold(self: Engine, events: Any) -> None:
        before = self.accounting.duplicate
        original(self, events)
        self.accounting.applied += self.accounting.duplicate - before

    patch.setattr(Engine, "_fold", fold)


def evidence_counts_whenever_it_came(patch: pytest.MonkeyPatch) -> None:
    """What was recorded of a run long after a change explains it, if it has arrived."""
    original = runs.known
    patch.setattr(runs, "known", lambda run, _by: original(run, inf))


def evidence_does_not_wait(patch: pytest.MonkeyPatch) -> None:
    """Absence is judged while evidence may still arrive."""
    original = Deploying.tick
    patch.setattr(Deploying, "tick", lambda self, watermark: original(self, watermark + self.settings.lateness))


def forgets_in_secret(patch: pytest.MonkeyPatch) -> None:
    """What is forgotten is not told to the journal."""
    patch.setattr(journal.Journal, "forget", lambda *_: None)


def overlooks_copies(patch: pytest.MonkeyPatch) -> None:
    """Record ids are not written."""
    original = journal.Journal.take
    patch.setattr(journal.Journal, "take", lambda self: original(self)._replace(digests={}))


def last_at_once(patch: pytest.MonkeyPatch) -> None:
    """Whether a sponsor was the last one is judged before all that matters is there."""
    original = Removals.__init__

    def init(self: Removals, *arguments: Any) -> None:
        original(self, *arguments)
        self.wait = -DAY

    patch.setattr(Removals, "__init__", init)


def looks_are_final_at_once(patch: pytest.MonkeyPatch) -> None:
    """Who is not shown any more counts as gone while records may still arrive."""
    patch.setattr(directory, "horizon_of", lambda _lateness: Horizon(60, 0, 0))


def the_dead_do_not_wait(patch: pytest.MonkeyPatch) -> None:
    """An inventory that comes after the audit record is not compared with it."""
    patch.setattr(Accountability, "_lost", lambda *_: False)


def tells_what_may_be_broken(patch: pytest.MonkeyPatch) -> None:
    """A sequence is told although something may still come between its steps."""
    original = Sequencing.tick
    patch.setattr(Sequencing, "tick", lambda self, _watermark: original(self, inf))


def pauses_until_the_newest_hour(patch: pytest.MonkeyPatch) -> None:
    """A pause counts from the last active hour, though records of that hour may still arrive."""
    original = lifecycle.pause_before
    patch.setattr(lifecycle, "pause_before", lambda memory, limit, first: original(memory, limit + 1, first))


def sleeps_at_once(patch: pytest.MonkeyPatch) -> None:
    """A day is judged while records of the day before may still arrive."""
    original = Lifecycle.tick
    patch.setattr(Lifecycle, "tick", lambda self, watermark: original(self, watermark + self.settings.lateness))


def check_crowded_rows(factory: Any, stream: Stream) -> None:
    test_rows.check(factory, test_rows.crowded(stream))


MUTANTS: tuple[tuple[Callable[[Any, Stream], None], Mutation], ...] = (
    (test_determinism.check, counter_in_id),
    (test_determinism.check, moody_detector),
    (test_arrival_order.check, record_in_id),
    (test_arrival_order.check, judged_too_early),
    (test_arrival_order.check, folded_too_early),
    (test_arrival_order.check, waits_for_nobody),
    (test_arrival_order.check, gives_up_too_early),
    (test_arrival_order.check, counts_what_is_not_final),
    (test_arrival_order.check, forgets_refusals),
    (test_arrival_order.check, last_risk_only),
    (test_arrival_order.check, latest_run_only),
    (test_arrival_order.check, evidence_counts_whenever_it_came),
    (test_arrival_order.check, evidence_does_not_wait),
    (test_arrival_order.check, watches_at_once),
    (test_arrival_order.check, first_come_first_served),
    (test_arrival_order.check, last_at_once),
    (test_arrival_order.check, looks_are_final_at_once),
    (test_arrival_order.check, the_dead_do_not_wait),
    (test_arrival_order.check, tells_what_may_be_broken),
    (test_arrival_order.check, pauses_until_the_newest_hour),
    (test_arrival_order.check, sleeps_at_once),
    (test_batches.check, body_closes_windows),
    (test_batches.check, body_forgets),
    (test_duplicates.check, copies_get_in),
    (test_duplicates.check, short_memory_of_copies),
    (test_duplicates.check, counts_copies_as_applied),
    *(
        (test_restart.check, dropping(field))
        for field in ("tenants", "said", "failing", "parked", "accounting", "held", "judged_day")
    ),
    (test_restart.check, dropping("removals")),
    (test_restart.check, dropping("departures")),
    (test_keys.check, shared_fleets),
    (test_keys.check, shared_recents),
    (test_judging.check, judging_counts),
    (test_judging.check, moody_detector),
    (test_caches.check, counts_again),
    (test_caches.check, name_of_the_latest_route),
    (test_caches.check, keeps_wrong_origins),
    (test_rows.check, overlooking("fleet")),
    (test_rows.check, overlooks_copies),
    (test_rows.check, overlooking("outage")),
    (test_rows.check, overlooking("source")),
    (test_rows.check, overlooking("credential")),
    (check_crowded_rows, forgets_in_secret),
    (test_conservation.check, forgets_to_count),
    (test_conservation.check, counts_copies_as_applied),
)


def _names() -> list[str]:
    return [f"{check.__module__.rpartition('.')[2].removeprefix('test_')}-{bug.__name__}" for check, bug in MUTANTS]


@pytest.mark.parametrize(("check", "mutation"), MUTANTS, ids=_names())
def test_a_planted_bug_breaks_its_law(
    check: Callable[[Any, Stream], None], mutation: Mutation, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation(monkeypatch)
    rare = {
        "latest_run_only": two_runs,
        "last_at_once": answered_for,
        "drops_removals": answered_for,
        "drops_departures": answered_for,
        "looks_are_final_at_once": answered_for,
        "the_dead_do_not_wait": answered_for,
        "tells_what_may_be_broken": switches,
        "pauses_until_the_newest_hour": sleepers,
        "sleeps_at_once": sleepers,
        "drops_parked": newborns,
        "gives_up_too_early": newborns,
        "counts_what_is_not_final": configurations,
        "forgets_refusals": refusals_and_edits,
        "last_risk_only": risks,
        "watches_at_once": moves,
        "first_come_first_served": shared_keys,
        "evidence_counts_whenever_it_came": late_evidence,
        "evidence_does_not_wait": deployments,
    }
    assert caught(check, rare.get(mutation.__name__, everything)())


def _no_eviction(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Router, "_forget_some", lambda _self, _tenant_id, _tenant: None)


def _no_capacity(patch: pytest.MonkeyPatch) -> None:
    def teach(aliases: dict[str, Alias], object_id: str, owner: str, since: float, _capacity: int) -> bool:
        aliases[object_id] = Alias(owner, since)
        return True

    patch.setattr(routing, "teach", teach)


def _no_bound(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Admission, "bound", lambda _self, _max_ids: 0)


def _shares_for_ever(patch: pytest.MonkeyPatch) -> None:
    original = Admission.advance

    def advance(self: Admission, time: float) -> None:
        kept = dict(self.buckets)
        original(self, time)
        self.buckets.update(kept)

    patch.setattr(Admission, "advance", advance)


@pytest.mark.parametrize(
    ("flood", "mutation"),
    [
        ("agents_over_days", _no_eviction),
        ("object_ids_over_days", _no_capacity),
        ("networks_in_an_hour", _no_bound),
        ("old_times_over_days", _shares_for_ever),
    ],
)
def test_an_unbounded_collection_is_noticed(flood: str, mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    test_bounds.small_constants(monkeypatch)
    test_bounds.check(real, test_bounds.FLOODS[flood])
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        test_bounds.check(real, test_bounds.FLOODS[flood])


def test_a_missing_guard_against_the_future_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decoder, "_latest", lambda _self, _time, _exported: LATEST)
    with pytest.raises(AssertionError):
        test_future.check(fixed(), 20 * 365 * 86_400.0)


@pytest.mark.parametrize(
    "patch",
    [
        "from detector.engine import saying; saying.id_of = lambda finding, tenant: str(hash(finding.occasion))",
        "from datetime import datetime; from detector.engine import naming;"
        "naming.rfc3339 = lambda time: datetime.fromtimestamp(time).isoformat()",
    ],
    ids=["hash_in_id", "local_time"],
)
def test_what_depends_on_the_machine_is_noticed(patch: str) -> None:
    with pytest.raises(AssertionError):
        test_machines.check(lines_of(fixed().events), patch, test_machines.MACHINES[:2])
