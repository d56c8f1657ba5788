"""Follows an attack chain through a trail: actor, credential, agent, resource; backwards, then as far as it reaches.

Backwards: with which credentials did the agents that are asked about get their tokens, who added those, who else
changed the agents. Forwards: whom could whoever held those credentials be, and what was reached that way. What declared
pipelines changed is told, but not followed: their credentials are everybody's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Final

from detector.domain.events import Change
from detector.engine.naming import rfc3339
from detector.report.facts import COLUMNS, Chain, Edge, Node, NodeKind, Radius
from detector.runtime.dossier.trail import Known, Trail, Way, actor_key, credentials_added
from detector.runtime.dossier.uses import EVIDENCE, Use

SHOWN: Final = 12
"""Objects of one kind in a chain."""
_HANDED_ON: Final = 7_200.0
"""Seconds for which a blueprint may have held a token before an agent used it."""
LISTED: Final = 500
"""Ids in a blast radius."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """Where to start."""

    agents: frozenset[tuple[str, str]] = frozenset()
    """Tenants and ids of agents and blueprints."""
    credentials: frozenset[str] = frozenset()
    """Key ids; when there is none, those that the agents used from `since` on."""
    resources: frozenset[str] = frozenset()
    actors: frozenset[str] = frozenset()
    """Object ids, appIds or names of who made changes."""
    since: float = -inf
    until: float = inf
    fresh: bool = False
    """Whether only what is new since `since` counts, and `resources`; else only `resources` do, if any are given."""
    before: float = 0.0
    """Seconds before `since` in which changes count."""
    trusted: Callable[[Change], bool] = field(default=lambda _: False)
    """Whether a declared pipeline made a change."""


@dataclass(slots=True)
class Followed:
    """A chain, and the changes that it rests on."""

    chain: Chain
    added: list[Change] = field(default_factory=list)
    """Changes that added the credentials of the chain, in order of time."""
    deeds: list[Change] = field(default_factory=list)
    """Other changes of the agents that no pipeline made."""


def follow(trail: Trail, seeds: Seeds) -> Followed:
    """The chain of the seeds."""
    return _Following(trail, seeds).followed()


class _Following:
    def __init__(self, trail: Trail, seeds: Seeds) -> None:
        self.trail: Final = trail
        self.seeds: Final = seeds
        self.begin: Final = seeds.since - seeds.before
        self.credentials: Final[set[str]] = set(seeds.credentials)
        self.added: Final[list[Change]] = []
        self.deeds: Final[list[Change]] = []
        self._nodes: Final[dict[str, Node]] = {}
        self._edges: Final[dict[tuple[str, str, str], _Thread]] = {}

    def followed(self) -> Followed:
        """Backwards, forwards, and drawn."""
        start = [(way, use) for way, use in self.trail.uses.items() if self._asked(way, use)]
        made = list(self._by_actor())
        if not self.credentials and not made:
            self.credentials.update(way.credential for way, _ in start if way.credential)
        behind = self._behind(start)
        if not self.seeds.credentials and not made:
            self.credentials.update(way.credential for way, _ in behind)
        changes = [change for change in self.trail.changes if self.begin <= change.time < self.seeds.until]
        own = {each for change in made for each in credentials_added(change)}
        self.credentials.update(own)
        if own:
            start = [(way, use) for way, use in start if way.credential in own]
        self.added.extend(change for change in changes if not self.credentials.isdisjoint(credentials_added(change)))
        suspects = {actor_key(change) for change in self.added if not self.seeds.trusted(change)} - {""}
        further = {
            each
            for change in changes
            if actor_key(change) in suspects and not self.seeds.trusted(change)
            for each in credentials_added(change)
        }
        self.deeds.extend(self._deeds(changes, suspects | {actor_key(change) for change in made}))
        reached = [*self._reached(self.credentials | further), *self._children_since(start, behind)]
        self._draw(start, reached, behind, changes)
        return Followed(self._chain(self._radius(start, reached)), self.added, self.deeds)

    def _asked(self, way: Way, use: Use) -> bool:
        seeds = self.seeds
        if (way.tenant, way.agent) not in seeds.agents or use.last < seeds.since or use.first >= seeds.until:
            return False
        if way.credential and seeds.credentials and way.credential not in seeds.credentials:
            return False
        named = way.resource in seeds.resources
        return named or use.first >= seeds.since if seeds.fresh else named or not seeds.resources

    def _by_actor(self) -> Iterator[Change]:
        wanted = self.seeds.actors
        for change in self.trail.changes if wanted else ():
            actor = change.actor
            named = {actor.id, actor.app_id, (actor.name or "").casefold()}
            if self.begin <= change.time < self.seeds.until and not wanted.isdisjoint(named - {None, ""}):
                yield change

    def _deeds(self, changes: Iterable[Change], actors: set[str]) -> Iterator[Change]:
        """Changes of the agents and of their blueprints that are no pipeline's, and all of the chain's actors'."""
        ids = {agent for _, agent in self.seeds.agents}
        ids |= {
            known.blueprint for key in self.seeds.agents if (known := self.trail.agents.get(key)) and known.blueprint
        }
        for change in changes:
            if change in self.added or self.seeds.trusted(change):
                continue
            if actor_key(change) in actors or not ids.isdisjoint(self.trail.concerned(change)):
                yield change

    def _reached(self, credentials: set[str]) -> list[tuple[Way, Use]]:
        """What was used with the credentials, since they were added where that is known."""
        since: dict[str, float] = {}
        for change in self.trail.changes:
            for each in credentials_added(change):
                since[each] = min(since.get(each, inf), change.time)
        return [
            (way, use)
            for way, use in self.trail.uses.items()
            if way.credential in credentials
            and use.last >= since.get(way.credential, self.seeds.since)
            and not self._is_step(way)
        ]

    def _is_step(self, way: Way) -> bool:
        """Whether it is a blueprint that fetches the token with which an agent of it signs in: the agent is shown."""
        known = self._known(way.tenant, way.agent)
        return known is not None and known.kind == "blueprint" and (way.tenant, way.agent) not in self.seeds.agents

    def _behind(self, start: list[tuple[Way, Use]]) -> list[tuple[Way, Use]]:
        """How the blueprints signed in, of agents whose own sign-ins name no credential: theirs is the blueprint's."""
        begin = min((use.first for _, use in start), default=self.seeds.since) - _HANDED_ON
        end = max((use.last for _, use in start), default=self.seeds.until)
        wanted = {
            (way.tenant, known.blueprint)
            for way, _ in start
            if not way.credential and (known := self._known(way.tenant, way.agent)) and known.blueprint
        }
        return [
            (way, use)
            for way, use in self.trail.uses.items()
            if (way.tenant, way.agent) in wanted and way.credential and use.last >= begin and use.first <= end
        ]

    def _children_since(self, start: list[tuple[Way, Use]], behind: list[tuple[Way, Use]]) -> Iterator[tuple[Way, Use]]:
        """What agents reached for the first time after a credential of their blueprint was added by hand."""
        since: dict[str, float] = {}
        added = {
            each: change.time
            for change in self.added
            if not self.seeds.trusted(change)
            for each in credentials_added(change)
        }
        for way, _ in (*start, *behind):
            if way.credential in added:
                since[way.agent] = min(since.get(way.agent, inf), added[way.credential])
        for way, use in self.trail.uses.items() if since else ():
            known = self._known(way.tenant, way.agent)
            if known is not None and since.get(known.blueprint or "", inf) <= use.first < self.seeds.until:
                yield way, use

    def _radius(self, start: list[tuple[Way, Use]], reached: list[tuple[Way, Use]]) -> Radius:
        ways = dict(start) | dict(reached)
        agents = sorted({(way.tenant, way.agent) for way in ways})
        blueprints = {known.blueprint or agent for tenant, agent in agents if (known := self._known(tenant, agent))}
        within = sorted(
            agent
            for (tenant, agent), known in self.trail.agents.items()
            if known.blueprint in blueprints and (tenant, agent) not in agents
        )
        resources = sorted({way.resource for way in ways if way.resource})
        users = {user for key in agents for user in self.trail.users.get(key, ())}
        return Radius(
            agents=tuple(agent for _, agent in agents)[:LISTED],
            within_reach=tuple(within[:LISTED]),
            resources=tuple(resources[:LISTED]),
            users=len(users),
            requests=sum(use.requests for use in ways.values()),
            not_listed=sum(max(0, len(each) - LISTED) for each in (agents, within, resources)),
        )

    # Drawing

    def _known(self, tenant: str, agent: str) -> Known | None:
        return self.trail.agents.get((tenant, agent))

    def _draw(
        self,
        start: list[tuple[Way, Use]],
        reached: list[tuple[Way, Use]],
        behind: list[tuple[Way, Use]],
        changes: list[Change],
    ) -> None:
        asked = {(way.tenant, way.agent) for way, _ in start}
        if self.seeds.fresh:
            asked |= self.seeds.agents
        for tenant, agent in sorted(asked):
            known = self._known(tenant, agent)
            if known is not None:
                self._node("agent", agent, known.name, asked=True)
        for way, use in sorted((dict(start) | dict(reached)).items(), key=lambda each: each[1].first):
            self._draw_way(way, use)
        self._draw_behind({(way.tenant, way.agent) for way, _ in (*start, *reached)}, behind)
        self._draw_changes(changes)

    def _draw_way(self, way: Way, use: Use) -> None:
        known = self._known(way.tenant, way.agent)
        agent = self._node("agent", way.agent, known.name if known else None)
        names = self.trail.names
        if way.credential:
            asked = way.credential in self.credentials
            credential = self._node("credential", way.credential, names.get(way.credential), asked=asked)
            self._thread(credential, agent, "signed in as").use(use)
        if way.resource:
            asked = way.resource in self.seeds.resources
            resource = self._node("resource", way.resource, names.get(way.resource), asked=asked)
            self._thread(agent, resource, "asked for tokens").use(use)

    def _draw_changes(self, changes: list[Change]) -> None:
        for change in self.added:
            for each in credentials_added(change):
                if each in self.credentials and not self.seeds.trusted(change):
                    self._node("credential", each, self.trail.names.get(each), asked=True)
        for change in changes:
            for each in credentials_added(change):
                if f"credential:{each}" in self._nodes:
                    self._thread(self._actor(change), f"credential:{each}", change.activity_name).change(change)
        for change in self.deeds:
            for each in sorted(self.trail.concerned(change)):
                for target in (f"agent:{each}", *self._children(each)):
                    if target in self._nodes:
                        self._thread(self._actor(change), target, change.activity_name).change(change)

    def _draw_behind(self, agents: set[tuple[str, str]], behind: list[tuple[Way, Use]]) -> None:
        for way, use in behind:
            if way.credential not in self.credentials:
                continue
            for tenant, agent in sorted(agents):
                known = self._known(tenant, agent)
                if known is not None and (tenant, known.blueprint) == (way.tenant, way.agent):
                    named = self.trail.names.get(way.credential)
                    source = self._node("credential", way.credential, named, asked=way.credential in self.credentials)
                    self._thread(source, f"agent:{agent}", "signed in as its blueprint").use(use)

    def _children(self, blueprint: str) -> Iterator[str]:
        """The first agent of a chain that belongs to a blueprint: what changes the blueprint changes it."""
        for (_, agent), known in self.trail.agents.items():
            if known.blueprint == blueprint and f"agent:{agent}" in self._nodes:
                yield f"agent:{agent}"
                return

    def _actor(self, change: Change) -> str:
        actor = change.actor
        note = f"from {actor.ip}" if actor.ip else ""
        return self._node("actor", actor_key(change) or "unknown", actor.name or actor.id, asked=True, note=note)

    def _node(self, kind: NodeKind, identifier: str, name: str | None, *, asked: bool = False, note: str = "") -> str:
        key = f"{kind}:{identifier}"
        known = self._nodes.get(key)
        if known is None or (asked and not known.asked):
            self._nodes[key] = Node(kind, identifier, name, asked, note)
        return key

    def _thread(self, source: str, target: str, label: str) -> _Thread:
        return self._edges.setdefault((source, target, label), _Thread())

    def _chain(self, radius: Radius) -> Chain:
        """The chain with as many objects of each kind as can be looked at: what is asked about, then the busiest."""
        weight: dict[str, int] = defaultdict(int)
        for (source, target, _), thread in self._edges.items():
            weight[source] += thread.count
            weight[target] += thread.count
        shown: list[Node] = []
        for kind in COLUMNS:
            column = [(key, node) for key, node in self._nodes.items() if node.kind == kind]
            column.sort(key=lambda each: (not each[1].asked, -weight[each[0]], each[0]))
            shown += (node for _, node in column[:SHOWN])
        keys = {f"{node.kind}:{node.id}" for node in shown}
        edges = [
            Edge(
                source,
                target,
                label,
                thread.count,
                rfc3339(thread.first),
                rfc3339(thread.last),
                tuple(thread.records),
                new=thread.first >= self.seeds.since,
            )
            for (source, target, label), thread in self._edges.items()
            if source in keys and target in keys
        ]
        edges.sort(key=lambda edge: (edge.first, edge.source, edge.target))
        return Chain(tuple(shown), tuple(edges), len(self._nodes) - len(shown), radius)


@dataclass(slots=True)
class _Thread:
    """What an edge is made of."""

    count: int = 0
    first: float = inf
    last: float = -inf
    records: list[str] = field(default_factory=list)

    def use(self, use: Use) -> None:
        self._add(use.requests, use.first, use.last, use.records)

    def change(self, change: Change) -> None:
        if change.record_id not in self.records:
            self._add(1, change.time, change.time, [change.record_id])

    def _add(self, count: int, first: float, last: float, records: list[str]) -> None:
        self.count += count
        earlier = first < self.first
        self.first, self.last = min(self.first, first), max(self.last, last)
        joined = [*records, *self.records] if earlier else [*self.records, *records]
        self.records = [*joined[:EVIDENCE], *joined[EVIDENCE:][-EVIDENCE:]]
