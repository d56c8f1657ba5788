"""Where a receiver starts: the selector filter of its source (Event Hubs AMQP protocol guide, filters)."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.hub.amqp.types import Described, Value
from tests.hub.model import Event, Hub
from tests.hub.refusal import ARGUMENT, RefusedError

SELECTOR = "apache.org:selector-filter:string"

_PATTERN = re.compile(
    r"\s*amqp\.annotation\.x-opt-(?P<name>offset|sequence-number|enqueued-time(?:-utc)?)\s*"
    r"(?P<operator>>=|>)\s*'?(?P<value>[^']*)'?\s*"
)


def start_sequence(hub: Hub, partition: str, filters: dict[str, Value], *, forget_offsets: bool = False) -> int:
    """Sequence number of the first event that a receiver with these filters gets.

    Args:
        hub: Whose events.
        partition: Which partition.
        filters: Filters of the source, by name.
        forget_offsets: Refuse every position that came from an earlier event, as after the hub was created anew.

    Raises:
        RefusedError: The filter is none of Event Hubs, or points behind the last event.
    """
    described = filters.get(SELECTOR)
    if described is None:
        return 0
    text = described.value if isinstance(described, Described) else described
    matched = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if matched is None:
        raise RefusedError(ARGUMENT, f"The filter '{text}' is not a valid amqp filter for EventHub entities")
    name, inclusive, value = matched["name"], matched["operator"] == ">=", matched["value"]
    if name == "offset" and value == "@latest":
        return hub.state(partition).last_sequence + (0 if inclusive else 1)
    if name == "offset" and value == "-1":
        return 0
    try:
        number = int(value)
    except ValueError:
        raise RefusedError(ARGUMENT, f"The filter '{text}' is not a valid amqp filter for EventHub entities") from None
    if name == "sequence-number":
        return _after_sequence(hub, partition, number, inclusive=inclusive, forget=forget_offsets)
    if name == "offset":
        return _after_offset(hub, partition, number, inclusive=inclusive, forget=forget_offsets)
    return hub.first_where(partition, _reached(lambda event: event.enqueued_ms, number, inclusive=inclusive))


def _after_sequence(hub: Hub, partition: str, number: int, *, inclusive: bool, forget: bool) -> int:
    last = hub.state(partition).last_sequence
    if number > last or (forget and number >= 0):
        shown = -1 if forget else last
        raise RefusedError(
            ARGUMENT,
            f"The supplied sequence number '{number}' is invalid. The last sequence number in the system is '{shown}'",
        )
    return max(0, number if inclusive else number + 1)


def _after_offset(hub: Hub, partition: str, number: int, *, inclusive: bool, forget: bool) -> int:
    last = hub.state(partition).last_offset
    if number > int(last) or forget:
        shown = "-1" if forget else last
        raise RefusedError(
            ARGUMENT, f"The supplied offset '{number}' is invalid. The last offset in the system is '{shown}'"
        )
    return hub.first_where(partition, _reached(lambda event: int(event.offset), number, inclusive=inclusive))


def _reached(of: Callable[[Event], int], number: int, *, inclusive: bool) -> Callable[[Event], bool]:
    if inclusive:
        return lambda event: of(event) >= number
    return lambda event: of(event) > number
