"""Custom security attributes in audit records."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from detector.decode.decoder import Decoder
from detector.domain.events import AttributeChange, Change
from tests.decode.builders import audit, modified, target

STAGE = "Agents.Stage"
ACTIVITY = "Update attribute values assigned to a servicePrincipal"


def changes(*entries: Any, wanted: str | None = STAGE, activity: str = ACTIVITY) -> dict[str, AttributeChange]:
    record = audit(activity, target(*entries), category="CustomSecurityAttributeAuditLogs")
    result = Decoder(environment_attribute=wanted).body(orjson.dumps({"records": [record]}))
    (event,) = result.events
    assert isinstance(event, Change)
    return {each.name: each for each in event.attributes}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (STAGE, '"dev"', '"prod"'),
        (STAGE, '["dev"]', '["prod"]'),
        (STAGE, "dev", "prod"),
        ("CustomSecurityAttributes.Agents.Stage", '"dev"', '"prod"'),
        ("Agents", '{"Stage": "dev"}', '{"Stage": "prod"}'),
        ("Agents", '[{"Stage": ["dev"], "@odata.type": "#x"}]', '[{"Stage": ["prod"], "#type": "x"}]'),
        ("CustomSecurityAttributes", '{"Agents": {"Stage": "dev"}}', '{"Agents": {"Stage": "prod"}}'),
    ],
)
def test_several_forms_say_the_same(name: str, old: str, new: str) -> None:
    """No record with values was ever published."""
    assert changes(modified(name, new, old)) == {STAGE: AttributeChange(STAGE, ("dev",), ("prod",))}


def test_values_of_other_attributes_are_read_nowhere() -> None:
    secret = "confidential project"
    found = changes(modified("Agents", f'{{"Stage": "prod", "Project": "{secret}"}}', "{}"))
    assert found == {STAGE: AttributeChange(STAGE, (), ("prod",)), "Agents.Project": AttributeChange("Agents.Project")}
    assert secret not in repr(found)
    assert changes(modified(STAGE, '"prod"', '"dev"'), wanted=None) == {STAGE: AttributeChange(STAGE)}
    assert changes(modified(STAGE, '"prod"', '"dev"'), wanted="agents.stage")[STAGE].after == ("prod",)


def test_an_attribute_that_is_taken_away_has_no_values_after() -> None:
    assert changes(modified(STAGE, None, '"prod"'))[STAGE] == AttributeChange(STAGE, ("prod",), ())


@pytest.mark.parametrize("value", [None, '"same"', "[]", '""', "1.5", "{}", '{"a": {"b": {"c": 1}}}', "[[1]]"])
def test_what_is_the_same_or_unreadable_on_both_sides_is_no_change(value: str | None) -> None:
    assert changes(modified(STAGE, value, value)) == {}


def test_numbers_and_booleans_are_values_too() -> None:
    assert changes(modified(STAGE, "[true, 7]", "false"))[STAGE] == AttributeChange(STAGE, ("false",), ("true", "7"))


def test_bookkeeping_and_other_activities_have_no_attributes() -> None:
    entries = (modified("Included Updated Properties", '"x"'), modified("TargetId.UserType", '"Member"'))
    assert changes(*entries) == {}
    assert changes(modified(STAGE, '"prod"', '"dev"'), activity="Update service principal") == {}


def test_it_is_bounded() -> None:
    members = {f"n{number}": "x" for number in range(500)}
    assert len(changes(modified("Agents", orjson.dumps(members).decode(), None))) == 64
    assert changes(modified(STAGE, orjson.dumps("x" * 70_000).decode(), '"dev"')) == {
        STAGE: AttributeChange(STAGE, ("dev",), ())
    }
    values = orjson.dumps([f"v{number}" for number in range(500)]).decode()
    assert len(changes(modified(STAGE, values, None))[STAGE].after or ()) == 64
