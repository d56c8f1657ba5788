"""Preprocessing and detector as scikit-learn and PyOD fitted them, and their file.

Loaded only to train, to compare, and for detectors that are not scored from their numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zipfile import ZIP_DEFLATED

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from detector.errors import ModelError
from detector.features.hours import PARTS
from detector.models.numbers import Tail, surprises

if TYPE_CHECKING:
    from detector.models.artefact import Manifest
    from detector.models.numbers import Array

TAILS: Final = (*((part, 1) for part in PARTS), ("gap", -1))
"""Directions in which parts are strange: upwards, and pauses also when they are short."""
_KNOTS: Final = 48
_STEP: Final = 1e-9
_EXTREME: Final = 1e-3
"""Share of hours beyond which a tail is taken for exponential."""
_LEAST_SCALE: Final = 0.3
"""Shortest scale of such a tail, in units of the part: no tail is steeper than what was seen of it allows."""

TRUSTED: Final = frozenset(
    {
        "detector.models.pipeline.Tails",
        "pyod.models.hbos.HBOS",
        "pyod.models.iforest.IForest",
        "pyod.models.inne.INNE",
        "pyod.models.loda.LODA",
        "pyod.models.pca.PCA",
        "sklearn.tree._tree.Tree",
    }
)
"""Types that a model may hold beyond those that skops knows to be harmless."""


class Tails(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn comes without types
    """Parts of an hour to -log10 of how many training hours were at least as strange; frozen when it was fitted."""

    def fit(self, rows: Array, y: object = None) -> Tails:  # noqa: ARG002 -- scikit-learn's signature
        """Learns the tails."""
        tails = [_tail(sign * rows[:, PARTS.index(part)]) for part, sign in TAILS]
        self.values_ = np.concatenate([values for values, _, _ in tails])
        self.decades_ = np.concatenate([decades for _, decades, _ in tails])
        self.slopes_ = np.array([slope for _, _, slope in tails])
        self.ends_ = np.cumsum([len(values) for values, _, _ in tails])
        return self

    def transform(self, rows: Array) -> Array:
        """Decades."""
        return surprises(self.exported(), PARTS, np.asarray(rows))

    def exported(self) -> list[Tail]:
        """The numbers."""
        starts = [0, *self.ends_[:-1]]
        return [
            Tail(part, sign, self.values_[start:end].tolist(), self.decades_[start:end].tolist(), float(slope))
            for (part, sign), start, end, slope in zip(TAILS, starts, self.ends_, self.slopes_, strict=True)
        ]


class Pipeline(NamedTuple):
    """What was fitted."""

    preprocessing: Any
    """A scikit-learn pipeline of `Tails` and a scaler."""
    detector: Any
    """Of PyOD; `None` for a plain sum."""


def write(pipeline: Pipeline) -> bytes:
    """The skops file of a pipeline."""
    from skops import io

    held = {"preprocessing": pipeline.preprocessing, "detector": pipeline.detector}
    data: bytes = io.dumps(held, compression=ZIP_DEFLATED, compresslevel=9)
    return data


def read(place: Path, data: bytes, manifest: Manifest) -> Pipeline:
    """The pipeline of a skops file.

    Raises:
        ModelError: It holds types that are not on the list, or was made with other versions of the libraries.
    """
    from skops import io

    now = libraries()
    other = {name: version for name, version in manifest.libraries.items() if now.get(name, version) != version}
    if other:
        told = ", ".join(f"{name} {version} (here {now[name]})" for name, version in sorted(other.items()))
        raise ModelError(f"{place}: It was made with {told}. Train it again, or install these versions.")
    unknown = sorted(set(io.get_untrusted_types(data=data)) - TRUSTED)
    if unknown:
        raise ModelError(f"{place}: It holds {', '.join(unknown)}, which no model of ours does. Do not use it.")
    found = io.loads(data, trusted=sorted(TRUSTED))
    return Pipeline(found["preprocessing"], found["detector"])


def libraries() -> dict[str, str]:
    """Versions of what models are made with."""
    from importlib.metadata import version

    return {name: version(name) for name in ("numpy", "pyod", "scikit-learn", "scipy", "skops")}


def _tail(values: Array) -> tuple[Array, Array, float]:
    """Knots of the empirical tail, their decades, and decades for each unit beyond them."""
    ordered = np.sort(values)
    count = len(ordered)
    start = float(ordered[int(count * (1.0 - _EXTREME))])
    beyond = ordered[ordered > start] - start
    share = max(len(beyond), 1) / (count + 1.0)
    scale = max(float(beyond.mean()) if len(beyond) else 0.0, _LEAST_SCALE)
    last = -float(np.log10(share))
    levels = np.concatenate([1.0 - np.logspace(0.0, np.log10(_EXTREME), _KNOTS), [0.0]])
    knots = np.unique(np.quantile(ordered, levels, method="higher"))
    knots = np.append(knots[knots < start], start)
    at_least = (count - np.searchsorted(ordered, knots, side="left") + 1.0) / (count + 1.0)
    decades = np.minimum(-np.log10(at_least), last)
    # A part that is nearly always 0 jumps there: 0 is ordinary, and whatever is above it is in the tail.
    knots, decades = np.append(knots, start + _STEP), np.append(decades, last)
    return np.round(knots, 10), np.round(decades, 6), float(1.0 / (scale * np.log(10.0)))
