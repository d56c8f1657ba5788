"""A model at work: rows of finished hours in, p-values and what carried them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detector.features.hours import PARTS, Judged, Row
from detector.models import artefact, numbers
from detector.models.drift import Drift, Spread
from detector.models.numbers import Numbers

if TYPE_CHECKING:
    from detector.models.artefact import Manifest
    from detector.models.numbers import Array

_MOST_PARTS: Final = 4
_TELLING: Final = 0.3
"""Decades below which a part did not carry anything."""

Score = Callable[["Array"], "Array"]


class HourScorer:
    """Judges rows; see `detector.features.hours.Model`.

    Args:
        manifest: What it is.
        figures: What was learned.
        spreads: How parts were spread in training.
        shadow: Whether what it says is only counted.
        score: Scores standardised surprises, where that takes more than `figures`.
    """

    def __init__(
        self,
        manifest: Manifest,
        figures: Numbers,
        spreads: list[Spread],
        *,
        shadow: bool = False,
        score: Score | None = None,
    ) -> None:
        import numpy as np

        self.manifest: Final = manifest
        self.shadow: Final = shadow
        self._drift: Final = Drift(spreads)
        self._figures: Final = figures
        self._score: Final[Score] = score or (lambda columns: numbers.score(figures.head, columns))
        ordinary = numbers.surprises(figures.tails, PARTS, np.zeros((1, len(PARTS))))
        self._ordinary: Final = numbers.standardised(figures, ordinary)[0]
        self._columns: Final = {
            part: [column for column, tail in enumerate(figures.tails) if tail.part == part] for part in PARTS
        }

    @property
    def name(self) -> str:
        """Name and version."""
        return f"{self.manifest.name}/{self.manifest.version}"

    @property
    def sha256(self) -> str:
        """Of the numbers that decide."""
        return self.manifest.files[artefact.NUMBERS]

    @property
    def min_seen(self) -> float:
        """See `Model.min_seen`."""
        return self.manifest.min_seen

    def judge(self, hour: int, rows: Sequence[Row], least: float) -> Sequence[Judged]:  # noqa: ARG002 -- the interface
        """See `Model.judge`."""
        import numpy as np

        told = np.array(rows)
        self._drift.saw(told)
        columns = self.columns(told)
        decades = self.decades(columns)
        limit = -np.log10(least) if least > 0.0 else np.inf
        found: list[Judged] = []
        for row, own in zip(columns, decades, strict=True):
            carried = self._carried(row, float(own)) if own > limit else ()
            found.append(Judged(_p_value(float(own)), carried))
        return found

    def stability(self) -> Mapping[str, float]:
        """See `Model.stability`; `detector.models.drift` says how it is reckoned."""
        return self._drift.stability()

    def columns(self, rows: Array) -> Array:
        """Standardised surprises of rows."""
        return numbers.standardised(self._figures, numbers.surprises(self._figures.tails, PARTS, rows))

    def decades(self, columns: Array) -> Array:
        """-log10 of the p-values of standardised surprises."""
        return numbers.decades_of(self._figures.conformal, self._score(columns))

    def _carried(self, row: Array, own: float) -> tuple[tuple[str, float], ...]:
        """What would be missing without each part: the row is judged again with that part as on an ordinary day."""
        import numpy as np

        parts = [part for part in PARTS if self._columns[part]]
        without = np.repeat(row[None, :], len(parts), axis=0)
        for place, part in enumerate(parts):
            without[place, self._columns[part]] = self._ordinary[self._columns[part]]
        missing = own - self.decades(without)
        ranked = sorted(zip(parts, missing, strict=True), key=lambda each: (-each[1], each[0]))
        told = [(part, round(float(value), 2)) for part, value in ranked[:_MOST_PARTS] if value >= _TELLING]
        return tuple(told or [(ranked[0][0], round(float(ranked[0][1]), 2))])


def _p_value(decades: float) -> float:
    """To three digits: more would say more than is known, and depend on the machine."""
    return min(1.0, max(numbers.LEAST_P, float(f"{10.0**-decades:.3g}")))


def load(place: Path, *, shadow: bool = False) -> HourScorer:
    """A model from its files, every one of which must be what the manifest says.

    Raises:
        ModelError: It is missing, damaged, made for another release, or holds types that are not on the list.
    """
    manifest = artefact.manifest_of(place)
    found = {name: artefact.checked(place, manifest, name) for name in artefact.FILES}
    figures = artefact.decoded(place / artefact.NUMBERS, found[artefact.NUMBERS], Numbers)
    spreads = artefact.decoded(place / artefact.DRIFT, found[artefact.DRIFT], list[Spread])
    score: Score | None = None
    if figures.head.kind not in numbers.EXPORTED:
        from detector.models.pipeline import read

        detector = read(place / artefact.PIPELINE, found[artefact.PIPELINE], manifest).detector
        score = detector.decision_function
    return HourScorer(manifest, figures, spreads, shadow=shadow, score=score)
