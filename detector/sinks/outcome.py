"""What became of an alert at a sink.

The sink itself says whether trying again can help, as the receivers of Alertmanager do: nobody else understands its
answers. The rule: what a person can put right in the configuration or at the other end (a wrong address, an expired
secret, an outage) is tried again, for ever; only what is wrong with this one alert is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import msgspec

RetryReason = Literal[
    "address_refused",
    "answer_not_understood",
    "connect_failed",
    "connection_lost",
    "credential_failed",
    "fault",
    "name_not_resolved",
    "not_found",
    "redirected",
    "secret_unreadable",
    "throttled",
    "timed_out",
    "tls_failed",
    "unauthorized",
    "unavailable",
    "write_failed",
]
"""Why an alert will be tried again: a closed set, safe as a metric label."""

RefusalReason = Literal["rejected", "too_large"]
"""Why a sink will never take an alert: a closed set, safe as a metric label."""

LeftOutReason = Literal["below_severity", "held_back"]
"""Why an alert was not offered to a sink at all: a closed set, safe as a metric label."""


class Delivered(msgspec.Struct, frozen=True):
    """The sink has it."""


class Retry(msgspec.Struct, frozen=True):
    """The sink does not have it, but may take it later."""

    reason: RetryReason
    after: float | None = None
    """Seconds that the other end asked to be left alone; `None` when it did not say."""


class Refused(msgspec.Struct, frozen=True):
    """The sink will never take it."""

    reason: RefusalReason


Fate: TypeAlias = Delivered | Retry | Refused

Outcome: TypeAlias = Mapping[str, Fate]
"""The fate of every alert of a batch, by alert id."""

DELIVERED = Delivered()


def all_of(ids: Iterable[str], fate: Fate) -> Outcome:
    """One fate for all."""
    return dict.fromkeys(ids, fate)
