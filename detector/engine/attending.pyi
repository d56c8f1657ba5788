"""The compiled part; see `attending.pyx`."""

from collections.abc import Mapping, Sequence

from detector.engine.attendance import Present
from detector.features.memory import IdentityMemory
from detector.features.mix import MixMemory, Shift

def at_work(identities: Mapping[str, IdentityMemory], hour: int) -> tuple[Present, list[IdentityMemory]]: ...
def mixed(memory: MixMemory, used: Sequence[str], floor: int, seen: float) -> list[Shift]: ...
