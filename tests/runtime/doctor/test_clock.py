"""The clock: what counts as a comparison, and what as wrong."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.runtime.doctor.clock import MOST, Sample, clock, dated

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("ahead", "verdict"), [(0, "ok"), (29, "ok"), (-29, "ok"), (60, "warning"), (-299, "warning"), (301, "failed")]
)
def test_a_clock_is_judged_by_how_far_it_is_off(ahead: float, verdict: str) -> None:
    assert clock([Sample("x", NOW, NOW - ahead, exact=True)]).verdict == verdict


def test_an_old_message_says_nothing_and_a_recent_one_that_all_may_be_well() -> None:
    assert clock([]).verdict == "not checked"
    assert clock([Sample("the hub", NOW, NOW - 4000, exact=False)]).verdict == "not checked"
    assert clock([Sample("the hub", NOW, NOW - 40, exact=False)]).verdict == "ok"


def test_a_message_out_of_our_future_proves_that_we_are_behind() -> None:
    assert clock([Sample("the hub", NOW, NOW + 400, exact=False)]).verdict == "failed"


def test_one_clock_that_agrees_makes_another_that_does_not_a_warning() -> None:
    result = clock([Sample("a", NOW, NOW + 1, exact=True), Sample("b", NOW, NOW - 7000, exact=True)])
    assert result.verdict == "warning"
    assert "that of b" in result.found


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.booleans()), max_size=5))
def test_it_fails_only_when_something_is_far_off(told: list[tuple[float, bool]]) -> None:
    result = clock([Sample(str(number), NOW, NOW - ahead, exact) for number, (ahead, exact) in enumerate(told)])
    if result.verdict == "failed":
        assert any(abs(ahead) > MOST for ahead, exact in told if exact or ahead < 0)


def test_a_date_header_is_a_sample_to_the_second() -> None:
    sample = dated("x", formatdate(NOW - 70, usegmt=True), NOW)
    assert sample is not None
    assert sample.ahead == 70


@pytest.mark.parametrize("header", [None, "", "yesterday", "Mon, 99 Foo 2026 99:99:99 GMT", "\x00"])
def test_a_header_that_says_nothing_is_no_sample(header: str | None) -> None:
    assert dated("x", header, NOW) is None
