"""The answer in sentences, each with the records that it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from detector.domain.events import Change
from detector.engine.naming import rfc3339
from detector.report.facts import Chain, Node, NodeKind, Statement
from detector.runtime.dossier.following import Followed
from detector.runtime.dossier.trail import credentials_added
from detector.runtime.dossier.uses import Touch

_NAMED = 5


def statements_of(
    followed: Followed, touches: Sequence[Touch], trusted: Callable[[Change], bool]
) -> tuple[Statement, ...]:
    """What happened first, how they came in, with what, who was used, what was reached, and how far it may reach.

    Args:
        followed: The chain.
        touches: What the agents of the answer did, by first touch.
        trusted: Whether a declared pipeline made a change.
    """
    suspicious = _by_hand(followed.added, trusted) or _by_hand(followed.deeds, trusted)
    return (*_beginning(suspicious, touches), *chain_statements(followed))


def _by_hand(changes: Sequence[Change], trusted: Callable[[Change], bool]) -> list[Change]:
    found = (change for change in changes if change.succeeded and not trusted(change))
    return sorted(found, key=lambda change: (change.time, change.record_id))


def _beginning(suspicious: Sequence[Change], touches: Sequence[Touch]) -> Iterator[Statement]:
    if suspicious:
        yield beginning_of(suspicious[0])
        yield entry_of(suspicious[0])
    elif touches:
        touch = touches[0]
        first = touch.use.records[0]
        yield Statement(
            "first_event",
            f"First: {touch.kind} {_named(touch.use.name, touch.use.id)} asked for a token.",
            (first,),
            rfc3339(touch.use.first),
        )
        networks = min(touch.networks.values(), key=lambda use: use.first, default=None)
        if networks is not None:
            network = f"{networks.id} ({networks.name})" if networks.name else networks.id
            yield Statement(
                "entry_point",
                f"Entry point: no change by hand explains it; the first request came from {network}.",
                (first,),
                rfc3339(touch.use.first),
            )


def beginning_of(change: Change) -> Statement:
    """A change as the first event of a story."""
    return Statement("first_event", f"First: {_deed(change)}.", (change.record_id,), rfc3339(change.time))


def entry_of(change: Change) -> Statement:
    """A change as the way in."""
    keys = tuple(credentials_added(change))
    what = f"a credential ({', '.join(keys[:_NAMED])}) was added" if keys else f"“{change.activity_name}”"
    actor = _named(change.actor.name, change.actor.id or change.actor.app_id or "somebody unknown")
    where = f" from {change.actor.ip}" if change.actor.ip else ""
    return Statement(
        "entry_point", f"Entry point: {what} by {actor}{where}.", (change.record_id,), rfc3339(change.time)
    )


def chain_statements(followed: Followed) -> Iterator[Statement]:
    """What a chain says of credentials, agents, resources and reach."""
    chain = followed.chain
    yield from _credentials(chain, followed.added)
    for kind, title, column in (("agents", "Agents", "agent"), ("resources", "Resources reached", "resource")):
        nodes = [node for node in chain.nodes if node.kind == column]
        if nodes:
            yield Statement(kind, f"{title}: {_list(nodes)}.", _records(chain, column))  # type: ignore[arg-type]
    radius = chain.radius
    if radius.agents:
        reach = f"{len(radius.agents)} {_plural('agent', len(radius.agents))} and "
        reach += f"{len(radius.resources)} {_plural('resource', len(radius.resources))} were reached"
        if radius.within_reach:
            more = len(radius.within_reach)
            reach += f"; {more} more {_plural('agent', more)} of the same blueprint lay within reach"
        if radius.users:
            reach += f"; {radius.users} {_plural('user', radius.users)} acted for"
        yield Statement("blast_radius", f"Blast radius: {reach}.", _records(chain, "agent"))


def _credentials(chain: Chain, added: Sequence[Change]) -> Iterator[Statement]:
    by_key = {each: change for change in added for each in credentials_added(change)}
    asked = [node for node in chain.nodes if node.kind == "credential" and node.asked]
    asked.sort(key=lambda node: node.id not in by_key)
    for node in asked[:_NAMED]:
        change = by_key.get(node.id)
        records = tuple(edge.records[0] for edge in chain.edges if edge.source == f"credential:{node.id}")[:_NAMED]
        told = "nobody is seen to add it in these records"
        if change is not None:
            actor = _named(change.actor.name, change.actor.id or "somebody unknown")
            told = f"added {rfc3339(change.time)} by {actor}"
            records = (change.record_id, *records)
        yield Statement("credential", f"Credential {_named(node.name, node.id)}: {told}.", records)


def _records(chain: Chain, column: NodeKind) -> tuple[str, ...]:
    """The first record of each of the first edges into a column."""
    edges = [edge for edge in chain.edges if edge.target.startswith(f"{column}:")]
    edges = edges or [edge for edge in chain.edges if edge.source.startswith(f"{column}:")]
    return tuple(dict.fromkeys(edge.records[0] for edge in edges if edge.records))[: 2 * _NAMED]


def _deed(change: Change) -> str:
    actor = _named(change.actor.name, change.actor.id or change.actor.app_id or "somebody unknown")
    where = f" from {change.actor.ip}" if change.actor.ip else ""
    target = next((each for each in change.targets if each.id is not None), None)
    whom = f" on {_named(target.name, target.id or '')}" if target is not None else ""
    return f"{actor} did “{change.activity_name}”{whom}{where}"


def _named(name: str | None, identifier: str) -> str:
    return f"{name} ({identifier})" if name and name != identifier else identifier


def _list(nodes: Sequence[Node]) -> str:
    shown = ", ".join(_named(node.name, node.id) for node in nodes[:_NAMED])
    return shown if len(nodes) <= _NAMED else f"{shown} and {len(nodes) - _NAMED} more"


def _plural(thing: str, number: int) -> str:
    return thing if number == 1 else f"{thing}s"
