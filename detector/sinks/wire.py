"""One HTTP endpoint: posts bodies and says what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import aiohttp
import msgspec

from detector.sinks.addresses import AddressRefusedError
from detector.sinks.answers import fate_of, reason_of
from detector.sinks.authorization import Authorization
from detector.sinks.destination import Route
from detector.sinks.outcome import Fate, Retry
from detector.sinks.secret_files import SecretUnreadableError


class Address(Protocol):
    """Where a URL comes from: the configuration, or a file because the URL itself is a secret."""

    async def read(self) -> str:
        """The URL. Raises `SecretUnreadableError`."""


class Fixed:
    """A URL that stands in the configuration."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def read(self) -> str:
        """The URL."""
        return self._url


class Message(msgspec.Struct, frozen=True):
    """What is posted."""

    id: str
    """Id of the alert, or of the first of several; in headers."""
    body: bytes
    content_type: str
    headers: dict[str, str] = {}


class Wire:
    """Posts to one address over connections of its own, so that no other sink waits for them.

    Args:
        address: The URL to post to.
        route: How to get there.
        now: Seconds since the epoch, for dates in `Retry-After`.
        authorizations: Add their headers to each request.
    """

    def __init__(
        self, address: Address, route: Route, now: Callable[[], float], authorizations: Sequence[Authorization] = ()
    ) -> None:
        self._address = address
        self._route = route
        self._now = now
        self._authorizations = authorizations
        self._session: aiohttp.ClientSession | None = None

    async def post(self, message: Message) -> Fate:
        """Posts a message; raises nothing but cancellation.

        The status decides as soon as it is there. The body of the answer is not waited for: it could be endless.
        """
        try:
            url = self._route.guard.checked(await self._address.read())
            headers = {"Content-Type": message.content_type, **message.headers}
            for authorization in self._authorizations:
                headers |= await authorization.headers(message.id, message.body)
            async with self._opened().post(url, data=message.body, headers=headers, allow_redirects=False) as answer:
                return fate_of(answer.status, answer.headers, self._now())
        except SecretUnreadableError:
            return Retry("secret_unreadable")
        except AddressRefusedError:
            return Retry("address_refused")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Retry(reason_of(error))

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = self._route.session()
        return self._session
