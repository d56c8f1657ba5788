"""The workflows of the public repository: valid, pinned, with the least rights, and closed to what outsiders write."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.packaging.chart import ROOT, missing

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yaml"))
WRITES = {
    ("wheel", "id-token"),
    ("wheel", "attestations"),
    ("image", "id-token"),
    ("image", "attestations"),
    ("image", "packages"),
    ("chart", "id-token"),
    ("chart", "packages"),
    ("publish", "contents"),
}
"""Every right to write, by job; all in the release."""
MAY_BE_INTERPOLATED = re.compile(r"(secrets|steps|needs|env|matrix)\.|github\.(sha|actor|repository|ref|workflow)$")


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def named(path: Path) -> str:
    return path.stem


def test_there_are_lint_test_chart_image_and_release() -> None:
    assert [path.stem for path in WORKFLOWS] == ["chart", "image", "lint", "release", "test"]


def test_the_published_schema_of_workflows_allows_them() -> None:
    command = Path(sys.executable).parent / "check-jsonschema"
    if not command.is_file():
        missing("check-jsonschema")
    for schema, files in (
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [ROOT / ".github" / "dependabot.yml"]),
    ):
        done = subprocess.run(
            [command, "--builtin-schema", schema, *files], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_every_action_is_pinned_by_a_full_commit_with_its_version_beside_it(path: Path) -> None:
    used = re.findall(r"uses: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    for each in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each


def test_an_action_is_pinned_to_one_commit_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for name, pin in re.findall(r"uses: ([\w./-]+)@(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            pins.setdefault(name, set()).add(pin)
    assert all(len(found) == 1 for found in pins.values()), pins


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_rights_are_read_only_unless_a_job_of_the_release_needs_more(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    granted = {
        (name, right)
        for name, job in workflow["jobs"].items()
        for right, level in job.get("permissions", {}).items()
        if level == "write"
    }
    assert granted == (WRITES if path.stem == "release" else set())


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_nothing_that_an_outsider_writes_reaches_a_shell_or_runs_with_our_rights(path: Path) -> None:
    workflow = read(path)
    triggers = workflow[True]  # YAML 1.1 reads `on` as true
    assert set(triggers) <= {"push", "pull_request"}, "pull_request_target and its like run with our rights"
    for step in steps(path):
        assert "${{" not in step.get("run", ""), "give it to the script through env"
        for text in [str(each) for each in (*step.get("with", {}).values(), *step.get("env", {}).values())]:
            for inside in re.findall(r"\$\{\{ *(.+?) *\}\}", text):
                assert MAY_BE_INTERPOLATED.match(inside) or inside == "github.event.head_commit.timestamp", inside


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_a_script_stops_at_its_first_failure(path: Path) -> None:
    for step in steps(path):
        for line in step.get("run", "").splitlines():
            assert not line.lstrip().startswith("! "), "`set -e` does not see that a negated command has failed"


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_jobs_end_and_leave_no_credentials_behind(path: Path) -> None:
    for name, job in read(path)["jobs"].items():
        assert 0 < job["timeout-minutes"] <= 60, name
        assert re.fullmatch(r"ubuntu-\d+\.\d+", job["runs-on"]), name
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_ci_of_the_public_repository_runs_what_a_person_runs() -> None:
    assert any("make test" in step.get("run", "") for step in steps(FOLDER / "test.yaml"))
    versions = read(FOLDER / "test.yaml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert versions == ["3.11", "3.12", "3.13"]


def test_a_release_is_proved_first_then_signed_with_provenance_and_sbom() -> None:
    jobs = read(FOLDER / "release.yaml")["jobs"]
    assert jobs["wheel"]["needs"] == "prove"
    assert jobs["image"]["needs"] == "wheel"
    assert jobs["chart"]["needs"] == "image"
    assert set(jobs["publish"]["needs"]) == {"wheel", "image", "chart"}
    used = " ".join(step.get("uses", "") + step.get("run", "") for job in jobs.values() for step in job["steps"])
    for part in (
        "attest-build-provenance",
        "attest-sbom",
        "cosign sign",
        "cosign verify",
        "make venv sbom",
        "SHA256SUMS",
    ):
        assert part in used


def test_the_sbom_lists_every_runtime_distribution_with_its_hashes(tmp_path: Path) -> None:
    command = Path(sys.executable).parent / "cyclonedx-py"
    if not command.is_file():
        missing("cyclonedx-py")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (line,) = re.findall(r"^\t\$\(BIN\)/(cyclonedx-py .+) --output-file \S+$", makefile, re.MULTILINE)
    target = tmp_path / "sbom.json"
    done = subprocess.run(
        [command, *line.split()[1:], "--output-file", str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sbom = json.loads(target.read_text(encoding="utf-8"))
    assert (sbom["bomFormat"], sbom["metadata"]["component"]["name"]) == ("CycloneDX", "entra-agent-detector")
    listed = {(each["name"], each["version"]) for each in sbom["components"]}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert listed == set(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", lock, re.MULTILINE))
    assert all(reference["hashes"] for each in sbom["components"] for reference in each["externalReferences"])
