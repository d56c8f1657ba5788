"""Evidence of deployments against changes: changes without a run, credentials that nobody deployed, idle runs.

All of it is absence, so all of it waits: until the watermark has passed the moment by which evidence must have been
recorded by the allowed lateness. What was recorded later than that moment does not count, whenever it arrived.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from detector.domain.alerts import Entity, Subject
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal
from detector.engine.routing import subject_of
from detector.features import runs
from detector.features.awaited import Awaited, due, wait_for
from detector.features.pipelines import Pipeline, provenance
from detector.features.runs import LONGEST, Told, known, told_by
from detector.features.timeline import HOUR, STEP

if TYPE_CHECKING:
    from detector.domain.events import Change, Deployment
    from detector.domain.quarantine import FilterReason
    from detector.engine.journal import Journal, Kind
    from detector.engine.recognising import Recognised
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import TenantMemory

CREDENTIALS: Final = frozenset({"credential_added", "federated_credential_changed"})

_DEEDS_KEPT: Final = 2 * LONGEST
"""Seconds of event time that the changes of a pipeline's identity are remembered: a run lasts a day at most."""


class Deploying:
    """The deployment records' part of the engine."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying, journal: Journal) -> None:
        self.settings = settings
        self.evidence = settings.evidence
        self.state = state
        self.saying = saying
        self.journal = journal
        self.identities = frozenset[str]().union(*(pipeline.object_ids for pipeline in settings.pipelines))
        self.kinds = CREDENTIALS.union(settings.activities.values(), ("credential_removed",))

    # ------------------------------------------------------------------------------------------------- records

    def observe(self, deployment: Deployment) -> FilterReason | None:
        """Takes in one record; the reason when it is left out."""
        tenant_id = deployment.tenant_id
        tenant = self.state.tenant(tenant_id)
        if tenant is None:
            return "too_many_tenants"
        if deployment.kind == "handshake":
            if deployment.passed and deployment.status == "succeeded":
                for agent in deployment.agents or ():
                    self._earliest("handshake", tenant_id, tenant.handshakes, agent, deployment.time)
            return None
        self._earliest("evidence", tenant_id, tenant.evidence, "", deployment.time)
        for pipeline in self.settings.pipelines:
            if _is_of(deployment, pipeline):
                self._earliest("evidence", tenant_id, tenant.evidence, pipeline.name, deployment.time)
        name = runs.key_of(deployment)
        new, gone = runs.note(tenant.runs, deployment)
        if gone is not None:
            self.state.counters["evicted_runs"] += 1
            self.journal.forget("run", tenant_id, gone)
        if new:
            self.journal.touch("run", tenant_id, name)
            if deployment.status == "succeeded":
                self._promised(tenant_id, tenant, name, deployment)
        return None

    def _earliest(self, kind: Kind, tenant_id: str, table: dict[str, float], name: str, time: float) -> None:
        """Remembers the first time of something; when there are too many, those that came last stay."""
        if time >= table.get(name, inf):
            return
        if name not in table and len(table) >= self.settings.max_identities:
            oldest = min(table, key=lambda each: (table[each], each))
            self.state.counters[f"evicted_{kind}s"] += 1
            if (time, name) < (table[oldest], oldest):
                return
            del table[oldest]
            self.journal.forget(kind, tenant_id, oldest)
        table[name] = time
        self.journal.touch(kind, tenant_id, name)

    def _promised(self, tenant_id: str, tenant: TenantMemory, name: str, deployment: Deployment) -> None:
        """A run ended well: the changes that it declares must have been seen, however late they were recognised."""
        if any(_is_of(deployment, pipeline) for pipeline in self.settings.pipelines):
            moment = deployment.time + self.evidence.margin + self.evidence.wait
            awaited = Awaited(what="change", due=moment, time=deployment.time, id=name, record_id=deployment.record_id)
            self._wait(tenant_id, tenant, f"change/{name}", awaited)

    # ------------------------------------------------------------------------------------------------- changes

    def deed(self, kind: str, change: Change) -> None:
        """Somebody changed something: remembered when it was the identity of a pipeline."""
        actor = change.actor.id
        if actor is None or actor not in self.identities or not change.succeeded:
            return
        done = self.state.tenants[change.tenant_id].deeds.setdefault(actor, set())
        done.add((int(change.time) // STEP, kind))
        self.journal.touch("deeds", change.tenant_id, actor)

    def changed(self, kind: str, change: Change, recognised: Recognised) -> None:
        """Somebody changed an agent or blueprint: evidence is waited for."""
        if not change.succeeded:
            return
        actor = change.actor
        by_pipeline = actor.id is not None and actor.id in self.identities
        if not by_pipeline and kind not in CREDENTIALS:
            return
        subject = recognised.subject
        named = [target.id for target in change.targets] + [target.app_id for target in change.targets]
        named += [recognised.key.id, subject.blueprint, change.grantee_object_id, change.grantee_app_id]
        awaited = Awaited(
            what="run" if by_pipeline else "record",
            due=change.time + self.evidence.wait,
            time=change.time,
            id=recognised.key.id,
            blueprint=recognised.key.kind == "blueprint",
            ids=tuple(sorted({each for each in named if each is not None})),
            kind=kind,
            activity=change.activity_name,
            occasion=f"{kind}:{change.correlation_id or change.record_id}",
            record_id=change.record_id,
            actor_id=actor.id,
            actor_name=actor.name,
            address=actor.ip,
            inside=provenance(self.settings.pipelines, actor, change.time).deviation is None,
            platform=actor.kind == "app" and (actor.name or "").casefold() in self.settings.platform_actors,
        )
        tenant = self.state.tenants[change.tenant_id]
        self._wait(change.tenant_id, tenant, f"deed/{recognised.key.id}/{kind}/{change.record_id}", awaited)

    def _wait(self, tenant_id: str, tenant: TenantMemory, name: str, awaited: Awaited) -> None:
        kept, gone = wait_for(tenant.awaited, name, awaited)
        if gone is not None:
            self.state.counters["awaited_dropped"] += 1
            self.journal.forget("awaited", tenant_id, gone)
        if kept:
            self.journal.touch("awaited", tenant_id, name)

    # -------------------------------------------------------------------------------------------------- judging

    def tick(self, watermark: float) -> None:
        """Judges what no evidence can arrive for any more, and forgets what is too old to be asked for."""
        final = watermark - self.settings.lateness
        for tenant_id, tenant in self.state.tenants.items():
            for name in due(tenant.awaited, final, "run", "record"):
                awaited = tenant.awaited.pop(name)
                self.journal.forget("awaited", tenant_id, name)
                self._judge(tenant_id, tenant, awaited)
            for name in due(tenant.awaited, final, "change"):
                awaited = tenant.awaited.pop(name)
                self.journal.forget("awaited", tenant_id, name)
                self._judge_run(tenant_id, tenant, awaited)
            if watermark < inf:
                self._forget(tenant_id, tenant, watermark)

    def _forget(self, tenant_id: str, tenant: TenantMemory, watermark: float) -> None:
        for name in runs.outdated(tenant.runs, watermark):
            del tenant.runs[name]
            self.journal.forget("run", tenant_id, name)
        limit = int(watermark - _DEEDS_KEPT) // STEP
        for actor, done in list(tenant.deeds.items()):
            old = {deed for deed in done if deed[0] < limit}
            if old:
                done.difference_update(old)
                self.journal.touch("deeds", tenant_id, actor)
            if not done:
                del tenant.deeds[actor]
                self.journal.forget("deeds", tenant_id, actor)

    def _judge(self, tenant_id: str, tenant: TenantMemory, awaited: Awaited) -> None:
        margin = self.evidence.margin
        told = list(told_by(tenant.runs, awaited.due, awaited.time - margin - LONGEST))
        covering = [each for each in told if each.holds(awaited.time, margin)]
        theirs = [each for each in self.settings.pipelines if awaited.actor_id in each.object_ids]
        telling = [each for each in theirs if self._gives_evidence(tenant, each, awaited.due)]
        if telling:
            covering = [each for each in covering if any(each.of(pipeline) for pipeline in theirs)]
        elif awaited.inside or awaited.kind not in CREDENTIALS or not self._connected(tenant, awaited.due):
            return
        if not any(each.lists(awaited.ids) for each in covering):
            self._tell(tenant_id, tenant, awaited, telling[0] if telling else None, covering)

    def _connected(self, tenant: TenantMemory, by: float) -> bool:
        """Whether deployments of the tenant are to be on record."""
        required = any(pipeline.evidence_required for pipeline in self.settings.pipelines)
        return required or tenant.evidence.get("", inf) <= by

    @staticmethod
    def _gives_evidence(tenant: TenantMemory, pipeline: Pipeline, by: float) -> bool:
        return pipeline.evidence_required or tenant.evidence.get(pipeline.name, inf) <= by

    def _tell(
        self, tenant_id: str, tenant: TenantMemory, awaited: Awaited, pipeline: Pipeline | None, others: list[Told]
    ) -> None:
        """A change that no run explains; `others` ran at the time, but for somebody else."""
        identity = tenant.identities.get(awaited.id)
        if identity is not None and identity.first_seen > awaited.due:
            identity = None  # Whether it is here yet depends on the record that told the time.
        key = Key("blueprint" if awaited.blueprint else "agent", awaited.id)
        parent = awaited.id if awaited.blueprint else (identity.blueprint_id or "") if identity is not None else ""
        subject = subject_of(key, tenant_id, identity, tenant.fleets.get(parent))
        before = [
            each.end
            for run in tenant.runs.values()
            for each in (known(run, awaited.due),)
            if each is not None and each.end < awaited.time and (pipeline is None or each.of(pipeline))
        ]
        hour = int(awaited.time) // HOUR * HOUR
        facts: dict[str, Fact] = {
            "issue": "record_missing" if pipeline is None else "run_missing",
            "kind": awaited.kind,
            "activity": awaited.activity,
            "actor_id": awaited.actor_id,
            "actor_name": awaited.actor_name,
            "address": awaited.address,
            "platform_actor": awaited.platform,
            "pipeline": None if pipeline is None else pipeline.name,
            "target_name": subject.name or awaited.id,
            "waited": awaited.due - awaited.time,
            "unlisted_in": others[0].run_id if others else None,
            "since_last_run": awaited.time - max(before) if before else None,
        }
        related = [Entity("service_principal", awaited.actor_id, awaited.actor_name)] if awaited.actor_id else []
        signal = Signal(
            kind="deployment",
            key=key,
            time=awaited.time,
            window=(awaited.time, awaited.time),
            occasion=awaited.occasion if pipeline is None else f"{pipeline.name}:{hour}",
            value=0,
            usual=1,
            unit="runs",
            p_value=1.0,
            seen=0,
            event=None,
            facts={name: fact for name, fact in facts.items() if fact is not None},
            record_ids=(awaited.record_id,),
        )
        self.saying.tell(signal, tenant_id, subject, tuple(related))

    def _judge_run(self, tenant_id: str, tenant: TenantMemory, awaited: Awaited) -> None:
        run = tenant.runs.get(awaited.id)
        told = known(run, awaited.due) if run is not None else None
        pipelines = [pipeline for pipeline in self.settings.pipelines if told is not None and told.of(pipeline)]
        if told is None or not told.changes or not pipelines:
            return
        identities = frozenset[str]().union(*(pipeline.object_ids for pipeline in pipelines))
        margin = self.evidence.margin
        first, last = int(told.start - margin) // STEP, int(told.end + margin) // STEP
        promised = told.changes & self.kinds
        for actor in identities:
            for step, kind in tenant.deeds.get(actor, ()):
                if first <= step <= last and (not promised or kind in promised):
                    return
        key = Key("actor", min(identities))
        signal = Signal(
            kind="deployment",
            key=key,
            time=awaited.time,
            window=(told.start, told.end),
            occasion=f"run:{awaited.id}",
            value=0,
            usual=len(told.changes),
            unit="changes",
            p_value=1.0,
            seen=0,
            event=None,
            facts={
                "issue": "change_missing",
                "pipeline": pipelines[0].name,
                "run": told.run_id,
                "changes": tuple(sorted(told.changes)),
                "agents": tuple(sorted(told.agents or ())),
            },
            record_ids=(awaited.record_id,),
            first_seen=told.start,
            last_seen=told.end,
        )
        self.saying.tell(signal, tenant_id, Subject(key.kind, key.id, pipelines[0].name, tenant=tenant_id))


def _is_of(deployment: Deployment, pipeline: Pipeline) -> bool:
    return deployment.pipeline.casefold() == pipeline.name.casefold() or deployment.actor_id in pipeline.object_ids
