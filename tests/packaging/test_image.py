"""The Dockerfile: nothing that moves, nobody but a numeric user, and no more in it than is needed."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.packaging.chart import CHART, DIGEST, NAMESPACE, ROOT, SCENARIOS, merged, missing, resources, tool, values
from tests.packaging.dockerfile import environment, stages


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    if not hadolint.is_file():
        missing("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_base_is_pinned_by_digest_and_none_is_latest() -> None:
    for (name, text), *_ in stages():
        assert name == "FROM"
        assert re.match(r"\S+:[\w.-]+@sha256:[0-9a-f]{64}( AS \w+)?$", text)
        assert ":latest" not in text


def test_compiler_and_pip_are_in_the_build_stage_alone() -> None:
    build, runtime = stages()
    assert any(name == "RUN" for name, _ in build)
    assert not any(name == "RUN" for name, _ in runtime), "there is no shell in the runtime"
    assert {text.split()[0] for name, text in runtime if name == "COPY"} == {"--from=build"}
    assert "distroless" in runtime[0].text


def test_both_stages_have_the_same_python() -> None:
    build, runtime = stages()
    assert re.search(r"python:3\.13-trixie", build[0].text)
    assert "python3-debian13" in runtime[0].text, "Debian 13 has Python 3.13"


def test_dependencies_come_from_the_lock_with_hashes() -> None:
    (build, _) = stages()
    installs = [step for name, text in build if name == "RUN" for step in text.split("&&") if "pip install" in step]
    assert len(installs) == 3
    for step in installs:
        assert "--require-hashes" in step or "--no-index" in step
        assert "--no-deps" in step


def test_the_lock_of_the_build_holds_what_the_build_demands() -> None:
    text = (ROOT / "requirements-build.lock").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", text, re.MULTILINE))
    dev = dict(
        re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", (ROOT / "requirements-dev.lock").read_text("utf-8"), re.MULTILINE)
    )
    assert {"cython", "hatchling"} <= set(pinned)
    assert {name: dev.get(name) for name in pinned} == pinned, "what is tested is what is shipped: make lock"
    assert "://" not in text


def test_the_image_runs_the_command_as_a_number_with_the_service_as_default() -> None:
    (_, runtime) = stages()
    said = dict(runtime)
    assert said["USER"] == "65532:65532"
    assert json.loads(said["ENTRYPOINT"]) == ["/app/bin/agent-detector"]
    assert json.loads(said["CMD"]) == ["run"]
    assert said["STOPSIGNAL"] == "SIGTERM"
    assert said["WORKDIR"] == "/"
    assert said["EXPOSE"] == "9464 9465"


def test_modules_come_from_the_image_alone() -> None:
    (_, runtime) = stages()
    variables = environment(runtime)
    assert variables["PYTHONPATH"] == "/app/lib"
    for name in ("PYTHONSAFEPATH", "PYTHONNOUSERSITE", "PYTHONDONTWRITEBYTECODE"):
        assert variables[name] == "1"


def test_the_image_says_what_it_is() -> None:
    (_, runtime) = stages()
    (labels,) = (text for name, text in runtime if name == "LABEL")
    found = dict(re.findall(r'org\.opencontainers\.image\.([\w.]+)="([^"]*)"', labels))
    demanded = {
        "title",
        "description",
        "licenses",
        "source",
        "documentation",
        "version",
        "revision",
        "created",
        "base.name",
    }
    assert demanded == set(found)
    assert all(found.values())


def test_only_what_the_dockerfile_copies_enters_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    (build, _) = stages()
    copied = {origin for name, text in build if name == "COPY" for origin in text.split()[:-1]}
    assert let_in == copied
    left_out = [rule for rule in rules[1:] if not rule.startswith("!")]
    for secret in ("detector/__pycache__", "detector/decode/scanning.cpython-311.so", "detector/x.pyc"):
        assert any(fnmatch.fnmatch(secret, rule) for rule in left_out), secret
    assert all((ROOT / name).exists() for name in copied)


def test_chart_and_image_agree() -> None:
    (_, runtime) = stages()
    said = dict(runtime)
    chart = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert said["USER"] == f"{chart['runAsUser']}:{chart['runAsGroup']}"
    assert str(chart["config"]["telemetry"]["port"]) in said["EXPOSE"].split()
    assert any(text.endswith("/data /data") for name, text in runtime if name == "COPY")


@pytest.mark.slow
def test_checkov_finds_nothing_and_every_exception_has_its_reason(tmp_path: Path) -> None:
    checkov = ROOT / "build" / "checkov" / "bin" / "checkov"
    if not checkov.is_file():
        missing("checkov")
    tool("helm_python")
    seen: set[str] = set()
    for name in SCENARIOS:
        pinned = merged(values(name), {"image": {"digest": DIGEST, "pullPolicy": "IfNotPresent"}})
        # Scenarios differ in few of their resources, and what is equal is looked at once.
        new = [text for text in map(yaml.safe_dump, resources(pinned)) if text not in seen]
        seen.update(new)
        (tmp_path / f"{name}.yaml").write_text("---\n".join(new), encoding="utf-8")
    (tmp_path / "Dockerfile").write_text((ROOT / "Dockerfile").read_text(encoding="utf-8"), encoding="utf-8")
    command = [checkov, "--skip-download", "--directory", tmp_path, "--framework", "kubernetes", "dockerfile"]
    done = subprocess.run([*command, "--output", "json"], capture_output=True, text=True, check=False, cwd=tmp_path)
    reports = json.loads(done.stdout)
    assert {report["check_type"] for report in reports} == {"kubernetes", "dockerfile"}, done.stderr
    for report in reports:
        failed = {(each["check_id"], each["resource"]) for each in report["results"]["failed_checks"]}
        assert not failed
        assert report["summary"]["parsing_errors"] == 0
        assert report["summary"]["passed"] > 50
        for each in report["results"]["skipped_checks"]:
            assert len(each["check_result"]["suppress_comment"]) > 20, each["check_id"]
    assert done.returncode == 0
    assert NAMESPACE in done.stdout
