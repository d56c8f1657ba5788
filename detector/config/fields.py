"""Types of single settings: what they accept, and the sentence for what they do not."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from difflib import get_close_matches
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final, Literal, get_args
from zoneinfo import available_timezones

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AfterValidator, BeforeValidator, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from detector.config import tables
from detector.decode.activity import fold_activity
from detector.engine.settings import Scope as EngineScope

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

DAYS: Final[tuple[str, ...]] = get_args(Day)
"""Monday is 0."""

MAX_LATENESS: Final = 3600
_WIDEST: Final = {4: 16, 6: 32}
_GUID: Final = "-".join(f"[0-9a-fA-F]{{{digits}}}" for digits in (8, 4, 4, 4, 12))
_UNITS: Final = {"h": 3600, "m": 60, "s": 1}
_DURATION: Final = re.compile(r"(?=[0-9])(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,5})s)?")
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


def wrong(message: str, hint: str = "") -> PydanticCustomError:
    """The problem of a value: a sentence without the value, which might be a misplaced secret."""
    return PydanticCustomError("setting", "{message}", {"message": message, "hint": hint})


def nearest(word: str, known: Collection[str]) -> str:
    """A sentence with what was probably meant, or with everything there is when that is little; else `""`."""
    close = get_close_matches(word[:60], sorted(known), n=1)
    if close:
        return f'Did you mean "{close[0]}"?'
    return f"Known here: {', '.join(sorted(known))}." if len(known) <= 20 else ""


def one_of(message: str, known: Callable[[], Collection[str]]) -> AfterValidator:
    """A check that a text is one of `known`."""

    def check(value: str) -> str:
        if value not in known():
            raise wrong(message, nearest(value, known()))
        return value

    return AfterValidator(check)


def choice(message: str, known: tuple[str, ...]) -> BeforeValidator:
    """A check that a value is one of a few words."""

    def check(value: object) -> object:
        if value not in known:
            raise wrong(message, nearest(value, known) if isinstance(value, str) else nearest("", known))
        return value

    return BeforeValidator(check)


def _guid(value: str) -> str:
    if not re.fullmatch(_GUID, value):
        raise wrong(
            "Not an object id or app id.",
            "Ids look like 00000000-0000-0000-0000-000000000000; a display name proves nothing.",
        )
    return value.lower()


def seconds_of(value: object) -> object:
    """Seconds of a text such as 20m; anything else as it is, for the type to judge."""
    if not isinstance(value, str):
        return value
    found = _DURATION.fullmatch(value)
    if found is None:
        raise wrong("Not a duration.", "Write it like 20m, 90s or 1h, or as a number of seconds.")
    return float(sum(int(part or 0) * unit for part, unit in zip(found.groups(), _UNITS.values(), strict=True)))


def duration_text(seconds: float) -> str | float:
    """A duration as people write it; a number when it is no whole number of seconds."""
    if seconds != int(seconds):
        return seconds
    for letter, unit in _UNITS.items():
        if seconds and seconds % unit == 0:
            return f"{int(seconds) // unit}{letter}"
    return "0s"


def _of_pipeline(value: object) -> IPv4Network | IPv6Network:
    return _network(
        value, "A pipeline comes from a few known addresses; list them, or leave the list empty to allow any."
    )


def _of_egress(value: object) -> IPv4Network | IPv6Network:
    return _network(value, "An egress is a few known addresses; list them, or leave the list out to declare none.")


def _network(value: object, advice: str) -> IPv4Network | IPv6Network:
    text = str(value)
    try:
        network = ip_network(text)
    except ValueError:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            raise wrong("Not a network in CIDR notation.", "Write it like 203.0.113.0/24.") from None
        raise wrong("The address has bits beyond its prefix.", f'Did you mean "{network}"?') from None
    widest = _WIDEST[network.version]
    if network.prefixlen < widest:
        raise wrong(f"The network is wider than /{widest}.", advice)
    if network.version == 6 and network.network_address.ipv4_mapped is not None:
        raise wrong("An IPv4 address is written as IPv6.", "Records are compared as IPv4: write it as IPv4.")
    return network


def _clock(value: str) -> str:
    if not _CLOCK.fullmatch(value):
        raise wrong("Not a time of day.", 'Write it like "08:00"; the day ends at "24:00".')
    return value


def minute_of(clock: str) -> int:
    """Minute of the day of a time of day."""
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


@cache
def zones() -> frozenset[str]:
    """Time zones that this machine knows."""
    return frozenset(available_timezones())


def _zone(value: str) -> str:
    if value not in zones():
        raise wrong("Not a time zone of the IANA database.", nearest(value, zones()))
    return value


Fraction = Annotated[float, Gt(0), Lt(1)]
"""A probability that is neither impossible nor certain."""
Positive = Annotated[float, Gt(0)]
Count = Annotated[int, Ge(1)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
FoldedName = Annotated[Name, AfterValidator(str.casefold)]
"""A name to compare without regard to case."""
Activity = Annotated[Name, AfterValidator(fold_activity)]
"""An audit activity in the form to match on."""
Guid = Annotated[str, AfterValidator(_guid), WithJsonSchema({"type": "string", "pattern": f"^{_GUID}$"})]
"""An object id, app id or template id, in lower case."""
Network = Annotated[IPv4Network | IPv6Network, PlainValidator(_of_pipeline), WithJsonSchema({"type": "string"})]
"""A network that a pipeline deploys from."""
EgressNetwork = Annotated[IPv4Network | IPv6Network, PlainValidator(_of_egress), WithJsonSchema({"type": "string"})]
"""A network that agents sign in from."""
Lateness = Annotated[
    float,
    BeforeValidator(seconds_of),
    Ge(0),
    Le(MAX_LATENESS),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": MAX_LATENESS},
                {"type": "string", "pattern": r"^(?=[0-9])([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$"},
            ]
        }
    ),
]
"""Seconds, or text such as 20m."""
Clock = Annotated[str, AfterValidator(_clock), WithJsonSchema({"type": "string", "pattern": f"^({_CLOCK.pattern})$"})]
"""A time of day."""
Zone = Annotated[str, AfterValidator(_zone)]
Scope = Annotated[EngineScope, choice("Not a scope.", get_args(EngineScope))]
Provider = Annotated[
    Literal["github", "azure_devops"], choice("Not a provider of webhooks.", ("github", "azure_devops"))
]
Weekday = Annotated[Day, choice("Not a day of the week.", DAYS)]
ErrorClass = Annotated[str, one_of("Not a class of error codes.", lambda: tables.error_codes().names)]
Kind = Annotated[str, one_of("Not a kind of change.", tables.kinds)]
ActivityKind = Annotated[
    str,
    one_of("Not a kind of change.", lambda: tables.kinds() | {"credentials_changed", tables.IGNORED}),
]
