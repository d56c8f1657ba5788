"""Exit codes: what a script may rely on; told in `--help` and in docs/cli.md."""

from __future__ import annotations

from typing import Final

OK: Final = 0
ALERTS: Final = 1
USAGE: Final = 2
CONFIGURATION: Final = 3
INPUT: Final = 4
INTERNAL: Final = 70
RESTART: Final = 75
INTERRUPTED: Final = 130
READER_GONE: Final = 141

MEANINGS: Final[dict[int, str]] = {
    OK: "Done.",
    ALERTS: "Alerts at or above --fail-on.",
    USAGE: "The command was called in a way that makes no sense.",
    CONFIGURATION: "The configuration is not valid.",
    INPUT: "Some input could not be read; the rest was.",
    INTERNAL: "A fault of the program.",
    RESTART: "Start it again: the source stalled, or the store was lost or damaged.",
    INTERRUPTED: "Interrupted.",
    READER_GONE: "Whoever read the output went away.",
}
