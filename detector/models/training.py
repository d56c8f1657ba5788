"""Making a model of recorded hours: fit on the earlier ones, calibrate on the later ones.

The rows come as a pandas frame, one for each hour of an agent: the columns of `detector.features.hours.PARTS` and
`hour`. Nobody tells which hours were an attacker's; the archive should be one without known incidents, and a few
strange hours in it do little harm, because tails are made of thousands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.pipeline import Pipeline as Steps
from sklearn.preprocessing import StandardScaler

from detector.errors import ModelError
from detector.features.hours import PARTS, SCHEMA
from detector.models import artefact, card, numbers, pipeline
from detector.models.drift import spread_of
from detector.models.numbers import Conformal, Head, Numbers
from detector.models.pipeline import Pipeline, Tails

if TYPE_CHECKING:
    import pandas as pd

    from detector.models.artefact import Manifest, Source
    from detector.models.numbers import Array

LEAST_ROWS: Final = 2_000
"""Hours of agents below which no model is made."""
_SAMPLE: Final = 60_000
"""Hours that the slower detectors are fitted on."""
_LEAST_SPREAD: Final = 0.1
"""Of a surprise: one that no training hour had is not infinitely telling."""
_KNOTS_PER_DECADE: Final = 20
_EXTREMES: Final = 100
"""Highest scores that the tail beyond the last knot is made of."""


def _pyod(module: str, name: str, **options: Any) -> Callable[[int], Any]:  # noqa: ANN401 -- options of PyOD
    def made(seed: int) -> Any:  # noqa: ANN401 -- PyOD comes without types
        from importlib import import_module

        kind = getattr(import_module(f"pyod.models.{module}"), name)
        takes_seed = module in {"iforest", "inne", "pca"}
        return kind(**options, **({"random_state": seed} if takes_seed else {}))

    return made


DETECTORS: Final[dict[str, Callable[[int], Any]]] = {
    "sum": lambda _: None,
    "pca": _pyod("pca", "PCA"),
    "hbos": _pyod("hbos", "HBOS", n_bins=50, alpha=0.001),
    "loda": _pyod("loda", "LODA", n_bins=20, n_random_cuts=200),
    "iforest": _pyod("iforest", "IForest", n_estimators=100, max_samples=4096),
    "inne": _pyod("inne", "INNE", n_estimators=100, max_samples=16),
}
"""By name: what makes a detector from a seed. `sum` adds the standardised surprises of the frozen tails: ECOD with its
tails frozen at training (those of PyOD's ECOD and COPOD change with every row that is scored, so they are not here)."""


def fit(frame: pd.DataFrame, detector: str, *, seed: int = 0) -> Pipeline:
    """Preprocessing and detector, fitted on the rows of a frame."""
    rows = frame.loc[:, list(PARTS)].to_numpy(dtype=float)
    preprocessing = Steps([("tails", Tails()), ("scale", StandardScaler())]).fit(rows)
    scale = preprocessing.named_steps["scale"]
    scale.scale_ = np.maximum(np.sqrt(scale.var_), _LEAST_SPREAD)
    made = DETECTORS[detector](seed)
    if made is not None:
        chosen = np.random.default_rng(seed).permutation(len(rows))[:_SAMPLE]
        columns = preprocessing.transform(rows[np.sort(chosen)])
        if detector == "pca":
            made.n_components = int((columns.std(axis=0) > 0.0).sum())
        made.fit(columns)
    return Pipeline(preprocessing, _without_training(made))


def scores(fitted: Pipeline, frame: pd.DataFrame) -> Array:
    """Scores of the rows of a frame, as PyOD gives them."""
    columns = fitted.preprocessing.transform(frame.loc[:, list(PARTS)].to_numpy(dtype=float))
    if fitted.detector is None:
        return numbers.score(Head("sum"), columns)
    found: Array = fitted.detector.decision_function(columns)
    return found


def export(fitted: Pipeline, detector: str, conformal: Conformal) -> Numbers:
    """What scoring needs."""
    scale = fitted.preprocessing.named_steps["scale"]
    return Numbers(
        tails=fitted.preprocessing.named_steps["tails"].exported(),
        center=_listed(scale.mean_),
        scale=_listed(scale.scale_),
        head=_head(fitted.detector, detector),
        conformal=conformal,
    )


def calibrate(held_out: Array) -> Conformal:
    """From scores of hours that were held out to p-values: (hours at least as strange + 1) / (hours + 1).

    That is conformal prediction (Vovk, Gammerman and Shafer 2005); beyond the highest scores the tail is exponential.
    """
    ordered = np.sort(held_out)
    count = len(ordered)
    extremes = ordered[-min(_EXTREMES, count // 10) :]
    decades = np.arange(0.0, np.log10(count + 1.0) * _KNOTS_PER_DECADE) / _KNOTS_PER_DECADE
    ranks = np.floor((count + 1.0) * 10.0**-decades).astype(int) - 1  # hours at least as strange
    ranks = np.unique(np.clip(ranks, len(extremes) - 1, count))[::-1]
    places = count - ranks[ranks > 0]
    knots = np.unique(ordered[places])
    found = -np.log10((count - np.searchsorted(ordered, knots, side="left") + 1.0) / (count + 1.0))
    scale = max(float((extremes - extremes[0]).mean()), 1e-9)
    return Conformal(_listed(knots), _listed(found), float(1.0 / (scale * np.log(10.0))))


def train(
    frame: pd.DataFrame,
    *,
    name: str,
    version: str,
    detector: str,
    min_seen: float,
    sources: Sequence[Source],
    held_out: float = 0.3,
    seed: int = 0,
) -> tuple[Manifest, dict[str, bytes]]:
    """A model of a frame: its manifest and its files.

    Raises:
        ModelError: There are too few hours.
    """
    if len(frame) < LEAST_ROWS:
        raise ModelError(
            f"There are {len(frame):,} hours of agents with enough experience, too few for a model ({LEAST_ROWS:,} at "
            "least). Give more archives, or longer ones: an agent counts once it was active in "
            f"{min_seen:g} hours."
        )
    hours = frame["hour"].to_numpy()
    border = np.quantile(hours, 1.0 - held_out)
    earlier, later = frame[hours <= border], frame[hours > border]
    fitted = fit(earlier, detector, seed=seed)
    conformal = calibrate(scores(fitted, later))
    manifest = artefact.Manifest(
        format=artefact.FORMAT,
        name=name,
        version=version,
        detector=detector,
        schema=SCHEMA,
        parts=list(PARTS),
        min_seen=min_seen,
        fitted=len(earlier),
        held_out=len(later),
        first=_moment(hours.min()),
        last=_moment(hours.max() + 1),
        sources=list(sources),
        libraries=pipeline.libraries(),
        files={},
    )
    spreads = [spread_of(part, earlier[part].to_numpy(dtype=float)) for part in PARTS]
    return manifest, {
        artefact.NUMBERS: artefact.encoded(export(fitted, detector, conformal)),
        artefact.DRIFT: artefact.encoded(spreads),
        artefact.PIPELINE: pipeline.write(fitted),
        artefact.CARD: card.text(manifest).encode(),
    }


def _head(detector: Any, kind: str) -> Head:  # noqa: ANN401 -- PyOD comes without types
    if kind == "pca":
        return Head(
            kind,
            center=_listed(detector.scaler_.mean_),
            scale=_listed(detector.scaler_.scale_),
            vectors=[_listed(each) for each in detector.selected_components_],
            weights=[_listed(detector.selected_w_components_)],
        )
    if kind == "hbos":
        return Head(
            kind,
            vectors=[_listed(each) for each in detector.bin_edges_.T],
            weights=[_listed(np.log2(each + detector.alpha)) for each in detector.hist_.T],
            tolerance=float(detector.tol),
        )
    return Head(kind)


def _without_training(detector: Any) -> Any:  # noqa: ANN401 -- PyOD comes without types
    """PyOD keeps the scores of everything that it was fitted on; nobody needs them, and they are most of a file."""
    for name in ("decision_scores_", "labels_"):
        if hasattr(detector, name):
            setattr(detector, name, np.zeros(1))
    return detector


def _listed(values: Array) -> list[float]:
    return [float(each) for each in values]


def _moment(hour: float) -> str:
    return datetime.fromtimestamp(float(hour) * 3_600, UTC).strftime("%Y-%m-%dT%H:%MZ")
