"""What a client leaves open when a connection of its own fails: closed, so that a test can insist on no warnings.

The asynchronous client of azure-eventhub 5.15.1 does not close its transport when the handshake on it fails, nor when
the server hangs up; the socket stays open until the garbage collector finds it, which warns.
"""

from __future__ import annotations

import asyncio


async def abort_leftovers() -> int:
    """Abort every transport of the running loop; how many there were.

    Call it when all clients in this loop are closed. The server is not touched: it has a loop of its own.
    """
    transports = getattr(asyncio.get_running_loop(), "_transports", {})
    left = [transport for transport in list(transports.values()) if not transport.is_closing()]
    for transport in left:
        transport.abort()
    await asyncio.sleep(0)  # connections are lost, and sockets closed, in the next round of the loop
    return len(left)
