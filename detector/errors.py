"""Everything that can go wrong in a way that a person can put right.

```
DetectorError              base: catch this to catch what the product raises on purpose
├── ConfigurationError     the configuration cannot be used; holds every Problem found, not only the first
├── SourceError            records cannot be read from a place
├── SnapshotError          saved state cannot be used
├── ModelError             a trained model cannot be used, or cannot be made
└── UsageError             a command was called in a way that makes no sense
```

A message is a clear sentence: what is wrong, where, and what to do. A bad *record* is never an error: it is
quarantined (`detector.domain.quarantine`), and the next one is processed.
"""

from __future__ import annotations

from dataclasses import dataclass


class DetectorError(Exception):
    """Base of the errors that the product raises on purpose; `str()` is fit to show to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a configuration.

    `str()` reads `file:line: path: message Hint`, leaving out what is not known.
    """

    path: str
    """Dotted path of the setting, e.g. `detectors.token_spike.p_value`; `""` for the file as a whole."""
    message: str
    """What is wrong: a sentence with its full stop, never a secret value."""
    file: str | None = None
    line: int | None = None
    """Line in `file`, counted from 1."""
    hint: str | None = None
    """What to do about it: a sentence, e.g. `Did you mean "token_spike"?`."""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part)
        heads = "".join(f"{head}: " for head in (place, self.path) if head)
        return f"{heads}{self.message}" + (f" {self.hint}" if self.hint else "")


class ConfigurationError(DetectorError):
    """The configuration cannot be used; `problems` holds everything found, in the order of the text."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class SourceError(DetectorError):
    """Records cannot be read from `place`: a path, an address, or a partition."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
        self.message = message


class SnapshotError(DetectorError):
    """Saved state is damaged, or was written by a version or configuration that does not fit."""


class ModelError(DetectorError):
    """A trained model is damaged, was made for something else, or cannot be made of what there is."""


class UsageError(DetectorError):
    """A command was called with arguments that make no sense together."""
