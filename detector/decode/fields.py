"""Types of fields that several categories share."""

from __future__ import annotations

from typing import Annotated

import msgspec

from detector.decode.texts import MAX_CHARS

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CHARS)]
"""An id that a record must have."""

Time = Annotated[str, msgspec.Meta(min_length=1)]
"""The moment of export, in either format; see `times.Received`."""

UNSTATED = "-"
"""Stands for a time of export that is not there: no text is empty, so the last character can always be asked."""

Integer = Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]
"""A number from a record: larger ones would not survive a double, and may share their hash with a small one."""


NO_TENANT = "-"
"""Tenant id of a record that states none in any way, such as an audit record on a page of Graph."""


class Status(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """`properties.status` of a sign-in."""

    error_code: Integer


class Place(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """`properties.location`."""

    country_or_region: str | None = None


class KeyValue(msgspec.Struct, gc=False, rename="camel"):
    """One entry of `additionalDetails`."""

    key: str = ""
    value: str | None = None


class Envelope(msgspec.Struct, gc=False, kw_only=True, tag_field="category", rename="camel"):
    """What every record has around its `properties`; the tag is the diagnostic category."""

    tenant_id: Annotated[str, msgspec.Meta(min_length=1)]
    time: Time = UNSTATED
    caller_ip_address: str | None = None
