"""What an edit of a Conditional Access policy takes away."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.domain.events import PolicyChange
from detector.domain.events import PolicyTerms as Terms
from detector.features.policies import let_through, protects_agents, weakenings

words = st.lists(st.sampled_from(("all", "a", "b", "c")), max_size=3).map(tuple)
terms = st.builds(
    Terms,
    state=st.sampled_from(("enabled", "disabled", "enabledforreportingbutnotenforced", None)),
    controls=st.lists(st.sampled_from(("block", "mfa")), max_size=2).map(tuple),
    included=words,
    excluded=words,
    resources=words,
    resources_excluded=words,
    risk_levels=words,
    places_included=words,
    places_excluded=words,
    rule=st.sampled_from((None, "r1", "r2")),
    workloads=st.booleans(),
    networks=words,
    trusted=st.sampled_from((None, True, False)),
)
deeds = st.sampled_from(("added", "changed", "deleted"))


def edit(before: Terms | None, after: Terms | None, deed: Any = "changed", kind: Any = "policy") -> PolicyChange:
    return PolicyChange(kind, deed, "id", "name", before, after)


@pytest.mark.untraced
@given(terms, deeds)
def test_nothing_is_weakened_by_no_change(side: Terms, deed: Any) -> None:
    if deed != "deleted":
        assert weakenings(edit(side, side, deed)) == ()
        assert weakenings(edit(side, side, deed, "location")) == ()
        assert let_through(edit(side, side, deed)) == ()


@pytest.mark.untraced
@given(terms, terms)
def test_what_was_not_in_force_cannot_be_weakened(before: Terms, after: Terms) -> None:
    off = msgspec.structs.replace(before, state="disabled")
    assert weakenings(edit(off, after)) == weakenings(edit(off, None, "deleted")) == ()


@pytest.mark.untraced
@given(st.none() | terms, st.none() | terms)
def test_a_new_policy_weakens_nothing_and_a_deleted_one_in_force_is_gone(before: Any, after: Any) -> None:
    assert weakenings(edit(before, after, "added")) == ()
    if before is None or before.state in (None, "enabled"):
        assert weakenings(edit(before, after, "deleted")) == ("deleted",)


@pytest.mark.untraced
@given(terms, terms)
def test_the_order_of_words_means_nothing(before: Terms, after: Terms) -> None:
    def turned(side: Terms) -> Terms:
        fields = {name: getattr(side, name) for name in Terms.__struct_fields__}
        return Terms(**{name: value[::-1] if isinstance(value, tuple) else value for name, value in fields.items()})

    assert weakenings(edit(before, after)) == weakenings(edit(turned(before), turned(after)))
    assert let_through(edit(before, after)) == let_through(edit(turned(before), turned(after)))


def test_of_a_location_or_an_unshown_policy_it_is_not_known_whom_it_protects() -> None:
    assert protects_agents(edit(None, None)) is None
    assert protects_agents(edit(Terms(workloads=True), None, kind="location")) is None
    assert protects_agents(edit(Terms(), Terms(workloads=True))) is True
    assert protects_agents(edit(Terms(), Terms())) is False


def test_places_are_left_out_by_naming_fewer_but_not_by_naming_none() -> None:
    before = Terms(state="enabled", places_included=("a", "b"))
    assert weakenings(edit(before, Terms(state="enabled", places_included=("a",)))) == ("places_narrowed",)
    assert weakenings(edit(before, Terms(state="enabled", places_included=("all",)))) == ()
    assert weakenings(edit(before, Terms(state="enabled"))) == ()
