"""What a fitted model comes down to: plain numbers, and the arithmetic over them.

A model is fitted with scikit-learn and PyOD, which are large and take seconds to load. What they learned is a few
thousand numbers. These are written down as plain JSON, and scoring a row needs nothing but numpy. That both give the
same scores is tested.

Everything here is done column by column, so a row's score does not depend on which rows are scored with it: alerts
must be the same whatever else happened in the hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LEAST_P: Final = 1e-12
"""No smaller p-value is given: nobody can tell such apart."""


class Tail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How rare values of one part are: -log10 of the share of training hours that lie at least as far out."""

    part: str
    sign: int
    """1: large values are rare; -1: small ones."""
    values: list[float]
    """Rising, in the direction of `sign`."""
    decades: list[float]
    """Of each value; linear in between."""
    slope: float
    """Decades for each unit beyond the last value: an exponential tail."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The detector, for standardised surprises; which fields it uses depends on its kind."""

    kind: str
    """`sum`, `pca` or `hbos`."""
    center: list[float] = []
    scale: list[float] = []
    vectors: list[list[float]] = []
    """`pca`: components. `hbos`: edges of the bins of each column."""
    weights: list[list[float]] = []
    """`pca`: one list, of the components. `hbos`: scores of the bins of each column."""
    tolerance: float = 0.0
    """`hbos`: part of a bin's width by which a value may lie outside."""


class Conformal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From scores to p-values: how many of the hours that were held out scored at least as high."""

    scores: list[float]
    """Rising."""
    decades: list[float]
    """-log10 of the p-value of each score."""
    slope: float
    """Decades for each unit beyond the last score."""


class Numbers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole model."""

    tails: list[Tail]
    center: list[float]
    """Mean surprise of each tail in training, in decades."""
    scale: list[float]
    """Its standard deviation."""
    head: Head
    conformal: Conformal


def surprises(tails: list[Tail], parts: tuple[str, ...], rows: Array) -> Array:
    """Decades of each row and tail."""
    import numpy as np

    found = np.empty((len(rows), len(tails)))
    for column, tail in enumerate(tails):
        values = tail.sign * rows[:, parts.index(tail.part)]
        beyond = np.maximum(values - tail.values[-1], 0.0) * tail.slope
        found[:, column] = np.interp(values, tail.values, tail.decades) + beyond
    return found


def standardised(numbers: Numbers, decades: Array) -> Array:
    """Surprises in units of their spread in training."""
    import numpy as np

    standard: Array = (decades - np.array(numbers.center)) / np.array(numbers.scale)
    return standard


def score(head: Head, columns: Array) -> Array:
    """What the detector says of standardised surprises; larger is stranger."""
    scored: Array = _HEADS[head.kind](head, columns)
    return scored


def decades_of(conformal: Conformal, scores: Array) -> Array:
    """-log10 of the p-values of scores."""
    import numpy as np

    beyond = np.maximum(scores - conformal.scores[-1], 0.0) * conformal.slope
    found: Array = np.minimum(np.interp(scores, conformal.scores, conformal.decades) + beyond, -np.log10(LEAST_P))
    return found


def _sum(_: Head, columns: Array) -> Array:
    import numpy as np

    total = np.zeros(len(columns))
    for column in range(columns.shape[1]):
        total += columns[:, column]
    return total


def _pca(head: Head, columns: Array) -> Array:
    """The distances to the components, each divided by its share of the variance (`pyod.models.pca.PCA`)."""
    import numpy as np

    plain = (columns - np.array(head.center)) / np.array(head.scale)
    vectors = np.array(head.vectors)
    total = np.zeros(len(columns))
    for vector, weight in zip(vectors, head.weights[0], strict=True):
        squares = np.zeros(len(columns))
        for column, along in enumerate(vector):
            squares += (plain[:, column] - along) ** 2
        total += np.sqrt(squares) / weight
    return total


def _hbos(head: Head, columns: Array) -> Array:
    """Log-densities of histograms, added up (`pyod.models.hbos.HBOS` with a fixed number of bins)."""
    import numpy as np

    total = np.zeros(len(columns))
    for column, (edges, scores) in enumerate(zip(head.vectors, head.weights, strict=True)):
        values, table = columns[:, column], np.array(scores)
        bins = np.digitize(values, edges, right=True)
        found = table[np.clip(bins - 1, 0, len(table) - 1)]
        low = (bins == 0) & (edges[0] - values > (edges[1] - edges[0]) * head.tolerance)
        high = (bins == len(edges)) & (values - edges[-1] > (edges[-1] - edges[-2]) * head.tolerance)
        total -= np.where(low | high, table.min(), found)
    return total


_HEADS: Final[dict[str, Any]] = {"sum": _sum, "pca": _pca, "hbos": _hbos}
EXPORTED: Final = frozenset(_HEADS)
"""Kinds of detectors that are scored from their numbers; others need PyOD when they score."""
