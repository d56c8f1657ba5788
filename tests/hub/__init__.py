"""An AMQP 1.0 look-alike of Azure Event Hubs on loopback, for tests with the real client over a real socket.

See docs/test-hub.md. Nothing here was ever compared with the real service.
"""

from tests.hub.faults import Faults
from tests.hub.leftovers import abort_leftovers
from tests.hub.model import Hub
from tests.hub.server import Server
from tests.hub.stats import Stats

__all__ = ["Faults", "Hub", "Server", "Stats", "abort_leftovers"]
