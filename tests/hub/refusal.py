"""Why the hub says no: an AMQP error condition and a sentence, worded like the service's own."""

from __future__ import annotations

NOT_FOUND = "amqp:not-found"
UNAUTHORISED = "amqp:unauthorized-access"
STOLEN = "amqp:link:stolen"
DETACH_FORCED = "amqp:link:detach-forced"
CONNECTION_FORCED = "amqp:connection:forced"
INTERNAL = "amqp:internal-error"
TOO_LARGE = "amqp:link:message-size-exceeded"
QUOTA = "amqp:resource-limit-exceeded"
FRAMING = "amqp:connection:framing-error"
BUSY = "com.microsoft:server-busy"
ARGUMENT = "com.microsoft:argument-error"
"""Conditions of the standard (part 2, section 2.8.15 to 2.8.18) and of Event Hubs (its AMQP errors page)."""


class RefusedError(Exception):
    """A link, a message or a request is refused; carries what the other end is told."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.condition = condition
        self.description = description
