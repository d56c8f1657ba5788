"""The journal of a tenant that there was no room for, and of one that is gone."""

from __future__ import annotations

import pytest

from detector.engine import state as state_module
from tests.stories import START, Tenant, engine_of, tell


def test_a_tenant_without_room_leaves_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "_MAX_TENANTS", 1)
    known, newcomer = Tenant("contoso"), Tenant("fabrikam")
    engine = engine_of()
    engine.journal.listen()
    tell(engine, [each.sign_in(each.agent("a"), START) for each in (known, newcomer)])
    assert {row.tenant for row in engine.journal.take().rows if row.tenant} == {known.id}


def test_what_is_told_of_a_tenant_that_is_not_there_is_a_row_to_delete() -> None:
    engine = engine_of()
    engine.journal.listen()
    engine.journal.touch("identity", "nobody", "a")
    (row,) = [row for row in engine.journal.take().rows if row.tenant == "nobody"]
    assert row.payload is None
