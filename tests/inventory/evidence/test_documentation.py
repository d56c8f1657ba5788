"""docs/deployments.md says what is true."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from detector.config.build import engine_settings, pipelines_of
from detector.config.evidence import EvidenceSettings
from detector.config.load import load
from detector.config.manifest import DeclaredSettings, ManifestSettings
from detector.decode.decoder import Decoder
from detector.decode.deployment import DeploymentProperties
from detector.inventory.evidence.endpoint import PATHS
from detector.inventory.evidence.facts import STATUS
from detector.inventory.evidence.records import Clerk
from tests.inventory.evidence.desk import SECRET, signature
from tests.inventory.evidence.payloads import TENANT

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "deployments.md").read_text(encoding="utf-8")
LATER = 1_800_000_000.0


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def rows(head: str) -> set[str]:
    """The names in the first column of the table that begins with a head."""
    table = PAGE[PAGE.index(head) :].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_the_configurations_shown_are_valid() -> None:
    endpoint, _, manifest = blocks("yaml")
    assert pipelines_of(load(text=endpoint))[0].runs[0].environment == "production"
    declarations = engine_settings(load(text=manifest)).declarations
    assert declarations is not None
    assert [name for name in DeclaredSettings.model_fields if f"{name}:" not in manifest] == []


def test_the_records_shown_can_be_used() -> None:
    plain, line = blocks("json")
    lines, number = Clerk(TENANT, {}, ()).of_body(plain.encode(), LATER)
    assert number == 1
    assert set(json.loads(plain)) <= set(DeploymentProperties.__struct_encode_fields__)
    for each in (lines, line.encode()):
        decoded = Decoder(not_after=LATER).lines(each)
        assert (len(decoded.events), decoded.quarantined) == (1, [])


def test_every_member_and_every_field_has_its_row() -> None:
    assert rows("| member |") == set(DeploymentProperties.__struct_encode_fields__)
    assert rows("| field | used for |") == (set(ManifestSettings.model_fields) - {"agents", "blueprints"}) | set(
        DeclaredSettings.model_fields
    )


def test_every_address_and_every_answer_is_told() -> None:
    for path in PATHS.values():
        assert f"`POST {EvidenceSettings.model_fields['path'].default}/{path}`" in PAGE
    for status in {202, 204, *STATUS.values()}:
        assert re.search(rf"^\|.*\b{status}\b", PAGE, flags=re.MULTILINE), status


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_the_signature_that_the_shell_makes_is_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text('{"a": "b"}')
    script = "".join(line for line in blocks("sh")[0].splitlines(keepends=True)[:2]) + 'printf "sha256=%s" "$signature"'
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env={"EVIDENCE_SECRET": SECRET, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout == signature(b'{"a": "b"}')
