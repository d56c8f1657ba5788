"""The compiled part; see `newness.pyx`."""

from detector.domain.events import SignIn
from detector.engine.early import EarlyLife
from detector.engine.habits import Habits
from detector.engine.novelties import Novelties
from detector.engine.routing import Route

class Early:
    """Looks at newcomers in place of an `EarlyLife`."""

    def __init__(self, early: EarlyLife) -> None: ...
    def look(self, route: Route, event: SignIn, hour: int) -> int: ...

class Looking:
    """Looks at habits in place of a `Habits`."""

    def __init__(self, habits: Habits) -> None: ...
    def look(self, route: Route, event: SignIn, hour: int) -> int: ...

class Newness:
    """Observes granted tokens in place of a `Novelties`."""

    def __init__(self, novelties: Novelties, most_origins: int) -> None: ...
    def observe(self, route: Route, event: SignIn, hour: int) -> None: ...
