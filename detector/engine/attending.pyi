"""The compiled part; see `attending.pyx`."""

from collections.abc import Mapping

from detector.engine.attendance import Present
from detector.features.memory import IdentityMemory

def at_work(identities: Mapping[str, IdentityMemory], hour: int) -> tuple[Present, list[IdentityMemory]]: ...
