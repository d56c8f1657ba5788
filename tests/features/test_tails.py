"""Our tail probabilities are SciPy's, to nine digits, wherever a double can say so."""

from __future__ import annotations

import math
from unittest.mock import patch

import numpy as np
import pytest
import scipy  # its stats are loaded by the test that names them: that takes a second, which no other worker spends
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special

from detector.features import tails
from detector.features.tails import (
    TINY,
    beta_binomial_tail,
    incomplete_beta,
    log_beta,
    negative_binomial_tail,
)

REPRESENTABLE = 1e-250
"""Below it SciPy's own answers lose digits."""


def spread(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers of every order of magnitude from `low` to `high` alike."""
    return st.floats(math.log(low), math.log(high)).map(math.exp)


def counts(most: int) -> st.SearchStrategy[int]:
    return spread(0.5, most).map(int)


shapes = spread(1e-3, 1e4)
means = spread(1e-3, 1e5)
dispersions = spread(1e-4, 100.0)


@given(st.floats(0.1, 50.0), st.floats(0.0, 1.0))
def test_the_lower_gamma_tail_equals_scipy(a: float, share: float) -> None:
    assert tails.gamma_below(a, share * a) == pytest.approx(max(1e-300, special.gammainc(a, share * a)), rel=1e-9)


@given(st.floats(0.4, 500.0), st.floats(0.0, 1_000.0))
def test_the_upper_gamma_tail_equals_scipy(a: float, x: float) -> None:
    assert tails.gamma_above(a, x) == pytest.approx(special.gammaincc(a, x), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(("a", "x"), [(8.0, 0.0), (8.0, 3.0), (8.0, 8.9), (8.0, 9.1), (0.5, 0.2), (8.0, 100.0)])
def test_the_upper_gamma_tail_keeps_its_digits(a: float, x: float) -> None:
    assert tails.gamma_above(a, x) == pytest.approx(special.gammaincc(a, x), rel=1e-9)


@given(spread(0.01, 1e6), spread(0.01, 1e6))
def test_log_beta_equals_scipy(a: float, b: float) -> None:
    assert log_beta(a, b) == pytest.approx(special.betaln(a, b), rel=1e-11, abs=1e-8)  # SciPy's own error


@given(spread(0.01, 1e7))
def test_log_beta_keeps_its_digits_where_the_textbook_formula_loses_them(b: float) -> None:
    assert log_beta(1.0, b) == pytest.approx(-math.log(b), rel=1e-13, abs=1e-13)
    assert log_beta(b, 2.0) == pytest.approx(-math.log(b) - math.log(b + 1.0), rel=1e-13, abs=1e-13)


@given(spread(0.05, 1e5), spread(0.05, 1e5), st.floats(1e-9, 1.0 - 1e-9))
def test_incomplete_beta_equals_scipy(a: float, b: float, x: float) -> None:
    expected = float(special.betainc(a, b, x))
    assume(expected > REPRESENTABLE)
    assert incomplete_beta(a, b, x) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("x", "expected"), [(0.0, 0.0), (-1.0, 0.0), (1.0, 1.0), (2.0, 1.0)])
def test_incomplete_beta_ends_at_nothing_and_everything(x: float, expected: float) -> None:
    assert incomplete_beta(2.0, 3.0, x) == expected


@pytest.mark.parametrize(("a", "b", "x"), [(1.0, 3.0, 0.5), (2.5, 2.5, 0.5), (2e-6, 3.0, 0.999999), (3.0, 1e-6, 0.9)])
def test_incomplete_beta_survives_vanishing_denominators(a: float, b: float, x: float) -> None:
    assert incomplete_beta(a, b, x) == pytest.approx(float(special.betainc(a, b, x)), rel=1e-9)


def test_the_continued_fraction_gives_up_after_a_while() -> None:
    with patch.object(tails, "_STEPS", 2):
        assert incomplete_beta(1e6, 1e6, 0.5) == pytest.approx(0.5, abs=0.5)


@given(counts(1_000_000), means, dispersions)
def test_the_negative_binomial_tail_equals_scipy(count: int, mean: float, dispersion: float) -> None:
    size = 1.0 / dispersion
    expected = float(scipy.stats.nbinom.sf(count - 1, size, size / (size + mean)))
    assume(expected > REPRESENTABLE)
    assert negative_binomial_tail(count, mean, dispersion) == pytest.approx(expected, rel=1e-9)


@given(counts(2_000), shapes, shapes, st.data())
def test_the_beta_binomial_tail_equals_the_sum_of_scipys_terms(
    attempts: int, alpha: float, beta: float, data: st.DataObject
) -> None:
    """`betabinom.sf` itself is one minus a sum and has no digits left for small tails."""
    failures = data.draw(st.integers(0, attempts))
    terms = scipy.stats.betabinom.pmf(np.arange(failures, attempts + 1), attempts, alpha, beta)
    expected = min(1.0, math.fsum(terms))
    assume(expected > REPRESENTABLE)
    assert beta_binomial_tail(failures, attempts, alpha, beta) == pytest.approx(expected, rel=1e-9)


@given(counts(500), spread(0.1, 100.0), spread(0.1, 100.0), st.data())
def test_the_beta_binomial_tail_agrees_with_scipys_survival_function(
    attempts: int, alpha: float, beta: float, data: st.DataObject
) -> None:
    failures = data.draw(st.integers(0, attempts))
    expected = float(scipy.stats.betabinom.sf(failures - 1, attempts, alpha, beta))
    assert beta_binomial_tail(failures, attempts, alpha, beta) == pytest.approx(expected, rel=1e-9, abs=1e-10)


def test_fewer_failures_than_usual_are_never_surprising() -> None:
    """The first term of this tail is far below the smallest double; the tail itself is all but one."""
    assert beta_binomial_tail(1_750, 5_000, 390.0, 10.0) == pytest.approx(1.0)


def test_the_beta_binomial_tail_ends_at_one_and_at_the_smallest() -> None:
    assert beta_binomial_tail(0, 10, 1.0, 1.0) == 1.0
    assert beta_binomial_tail(11, 10, 1.0, 1.0) == TINY
    assert beta_binomial_tail(5_000, 5_000, 0.5, 5_000.0) == TINY


def test_the_negative_binomial_tail_ends_at_one_and_at_the_smallest() -> None:
    assert negative_binomial_tail(0, 5.0, 0.5) == 1.0
    assert negative_binomial_tail(1_000_000, 1.0, 1e-4) == TINY


@given(counts(100_000), means, dispersions)
def test_a_tail_is_a_probability_and_falls_with_the_count(count: int, mean: float, dispersion: float) -> None:
    here = negative_binomial_tail(count, mean, dispersion)
    beyond = negative_binomial_tail(count + 1, mean, dispersion)
    assert TINY <= beyond <= here * (1 + 1e-9) <= 1.0 + 1e-9


@pytest.mark.parametrize("dispersion", [0.0, 1e-9, 1e-4])
def test_all_but_no_dispersion_is_taken_as_all_but_poisson(dispersion: float) -> None:
    tail = negative_binomial_tail(30, 10.0, dispersion)
    assert tail == negative_binomial_tail(30, 10.0, 1e-4)
    assert tail == pytest.approx(float(scipy.stats.poisson.sf(29, 10.0)), rel=0.05)


def test_a_surprise_has_a_grade_for_each_time_that_it_has_grown() -> None:
    assert [tails.grade(p_value, 1e-7, 2.0) for p_value in (1e-7, 1e-13, 1e-14, 1e-27, 1e-28, 1e-300)] == [
        0,
        0,
        1,
        1,
        2,
        5,
    ]
    assert tails.grade(0.5, 1e-3, 1.5) == 0, "what is not worth a word is of the lowest grade"


def test_an_extreme_surprise_has_four_grades_for_each_time_that_it_has_grown() -> None:
    surprises = (55.9, 56.1, 66.0, 67.0, 112.1, 224.1)
    assert [tails.grade(10.0**-each, 1e-7, 2.0, extreme=3) for each in surprises] == [2, 3, 3, 4, 7, 11]


@given(st.floats(1.0, 300.0), st.floats(1.0, 300.0), st.floats(1.01, 10.0), st.none() | st.integers(1, 5))
def test_what_is_less_likely_is_never_of_a_lower_grade(
    one: float, other: float, growth: float, extreme: int | None
) -> None:
    lower, higher = (tails.grade(10.0**-each, 1e-3, growth, extreme=extreme) for each in sorted((one, other)))
    assert lower <= higher
