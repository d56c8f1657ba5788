"""Every detector has its file, its line, its settings, its tests, its page and its row; and nothing has them twice."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from detector.config.build import engine_settings
from detector.config.load import load
from detector.detectors.detector import Detector
from detector.detectors.registry import DETECTORS
from detector.domain.events import Change
from detector.domain.signals import SignalKind

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "detectors"
SOURCES = ROOT / "detector" / "detectors"
NOT_DETECTORS = {"__init__", "detector", "registry", "wording"}
HEADINGS = (
    "What it means",
    "What it catches, and what it misses",
    "How it judges",
    "Settings",
    "First three queries",
    "Innocent explanations",
    "Containment",
    "Switching it off",
    "ATT&CK",
)

every = pytest.mark.parametrize("detector", DETECTORS, ids=lambda each: each.name)
AnyDetector = type[Detector]


@pytest.fixture(scope="module")
def document() -> Any:
    """The complete configuration."""
    return yaml.safe_load((ROOT / "config" / "detector.yaml").read_text(encoding="utf-8"))


def page_of(detector: AnyDetector) -> str:
    return (PAGES / f"{detector.name}.md").read_text(encoding="utf-8")


def section(detector: AnyDetector, heading: str) -> str:
    return page_of(detector).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def docstring(detector: AnyDetector) -> str:
    return ast.get_docstring(ast.parse((SOURCES / f"{detector.name}.py").read_text(encoding="utf-8"))) or ""


# ---------------------------------------------------------------------------------------------- all of them


def test_every_file_is_in_the_registry_and_the_other_way_round() -> None:
    files = {path.stem for path in SOURCES.glob("*.py")} - NOT_DETECTORS
    assert files == {detector.name for detector in DETECTORS}
    assert len(DETECTORS) == len(files)


def test_every_page_is_about_a_detector_and_the_other_way_round() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} - {"README"} == {detector.name for detector in DETECTORS}


def test_every_row_of_the_catalogue_is_claimed_by_one_detector() -> None:
    claims = Counter(row for detector in DETECTORS for row in detector.catalogue_ids)
    assert set(claims.values()) == {1}
    assert all(re.fullmatch(r"D\d+b?", row) for row in claims)


def test_the_table_of_pages_has_every_detector_once_and_in_order() -> None:
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| ([Db\d ]+) \| .+ \|$", text, flags=re.MULTILINE)
    assert rows == [(each.name, each.name, " ".join(each.catalogue_ids)) for each in DETECTORS]


def test_the_front_page_lists_every_detector() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\(docs/detectors/(\w+)\.md\) \| ([Db\d ]+) \|", text, flags=re.MULTILINE)
    assert rows == [(each.name, each.name, " ".join(each.catalogue_ids)) for each in DETECTORS]


def test_the_product_builds_every_detector_and_all_are_on() -> None:
    built = engine_settings(load()).detectors
    assert [type(detector) for detector in built] == list(DETECTORS)
    assert all(detector.enabled for detector in built)


def test_every_kind_of_signal_has_a_reader() -> None:
    read = {kind for detector in DETECTORS for kind in detector.reads}
    assert read == set(SignalKind.__args__)  # type: ignore[attr-defined]


# ---------------------------------------------------------------------------------------------- each of them


@every
def test_it_keeps_the_contract(detector: AnyDetector) -> None:
    assert isinstance(detector(), Detector)
    assert detector.__name__ == "".join(part.capitalize() for part in detector.name.split("_"))
    assert detector.__module__ == f"detector.detectors.{detector.name}"
    assert detector.innocent
    assert detector.next_steps
    assert all(line.endswith((".", "?")) for line in (*detector.innocent, *detector.next_steps))


@every
def test_it_is_frozen_and_has_no_memory(detector: AnyDetector) -> None:
    one = detector()
    assert one == detector()
    assert hash(one) == hash(detector())
    with pytest.raises(AttributeError):
        one.enabled = False  # type: ignore[misc]


@every
def test_its_head_says_what_a_reader_needs(detector: AnyDetector) -> None:
    text = docstring(detector)
    head, *rest = text.splitlines()
    assert head.startswith(", ".join(detector.catalogue_ids) + ": ")
    assert [line.partition(":")[0] for line in rest if re.match(r"[A-Z][A-Za-z&\- ]+:", line)] == [
        "Catches",
        "Misses",
        "Noisy on",
        "Reads",
        "ATT&CK",
    ]
    assert text.endswith(f"Runbook: docs/detectors/{detector.name}.md.")
    for technique in detector.attack:
        assert technique in text
    assert all(kind in text.partition("Reads: ")[2] for kind in detector.reads)


@every
def test_its_techniques_are_well_formed(detector: AnyDetector) -> None:
    assert len(set(detector.attack)) == len(detector.attack)
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", technique) for technique in detector.attack)


@every
def test_it_has_its_block_in_the_complete_configuration(detector: AnyDetector, document: Any) -> None:
    assert list(document["detectors"]) == [each.name for each in DETECTORS]
    assert set(document["detectors"][detector.name]) == {field.name for field in fields(detector)}  # type: ignore[arg-type]


@every
def test_it_has_tests_of_what_it_says_of_what_it_leaves_and_of_its_bounds(detector: AnyDetector) -> None:
    source = (ROOT / "tests" / "detectors" / f"test_{detector.name}.py").read_text(encoding="utf-8")
    assert f'NAME = "{detector.name}"' in source
    for part in ("same_however_told", "== []", "alert.explanation", "parametrize"):
        assert part in source, part


# ----------------------------------------------------------------------------------------------------- pages


@every
def test_its_page_has_every_part(detector: AnyDetector) -> None:
    text = page_of(detector)
    assert text.startswith(f"# {detector.name}\n")
    assert tuple(re.findall(r"^## (.+)$", text, flags=re.MULTILINE)) == HEADINGS
    assert all(section(detector, heading).strip() for heading in HEADINGS)
    assert "TODO" not in text


@every
def test_its_page_has_a_row_for_every_setting_with_its_default(detector: AnyDetector, document: Any) -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| `?(.+?)`? \|", section(detector, "Settings"), flags=re.MULTILINE)
    prefix = f"detectors.{detector.name}."
    own = [name.removeprefix(prefix) for name, _ in rows if name.startswith(prefix)]
    assert own == [field.name for field in fields(detector)]  # type: ignore[arg-type]
    for name, shown in rows:
        value = document
        for part in name.split("."):
            value = value[part]
        assert yaml.safe_load(shown) == value, name


@every
def test_its_page_has_three_queries_in_both_languages_with_a_window(detector: AnyDetector) -> None:
    text = section(detector, "First three queries")
    queries = re.findall(r"```kusto\n(.+?)```", text, flags=re.DOTALL)
    commands = re.findall(r"```sh\n(.+?)```", text, flags=re.DOTALL)
    assert len(queries) == len(commands) == 3
    for query in queries:
        assert re.search(r"\b(AAD\w+SignInLogs|AAD\w+RiskEvents|AuditLogs|MicrosoftGraphActivityLogs)\b", query)
        assert "datetime(" in query
        assert "between (" in query
    for command in commands:
        assert command.startswith("agent-detector replay ")


@every
def test_its_page_repeats_what_the_alert_says(detector: AnyDetector) -> None:
    for line in detector.innocent:
        assert f"- {line}" in section(detector, "Innocent explanations")
    for technique in detector.attack:
        assert technique in section(detector, "ATT&CK")
    if not detector.attack:
        assert "hygiene" in section(detector, "ATT&CK")


@every
def test_links_of_its_page_lead_somewhere(detector: AnyDetector) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", page_of(detector)):
        assert (PAGES / target).exists(), target


def test_links_of_the_table_and_of_the_methods_lead_somewhere() -> None:
    for page in (PAGES / "README.md", ROOT / "docs" / "methods.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), target


# -------------------------------------------------------------------------------------------------- examples


@every
def test_the_example_on_its_page_is_what_its_tests_prove(detector: AnyDetector) -> None:
    """The sentence stands in the test of the detector, word for word."""
    (example,) = re.findall(r"^> (.+)$", section(detector, "What it means"), flags=re.MULTILINE)
    source = (ROOT / "tests" / "detectors" / f"test_{detector.name}.py").read_text(encoding="utf-8")
    literals = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    assert example in literals


def test_changes_are_read_by_these() -> None:
    assert {detector.name for detector in DETECTORS if "change" in detector.reads} == {
        "credential_added",
        "credential_by_unusual_actor",
        "federated_credential_changed",
        "app_role_granted",
        "delegated_grant",
        "directory_role_assigned",
        "agent_admin_assigned",
        "owner_added",
        "blueprint_edited",
        "agent_reenabled",
        "policy_weakened",
        "attribute_changed",
        "change_outside_pipeline",
    }
    assert Change.__doc__
