"""The manifest, inline or in a file of its own: what it declares, and everything that is wrong with it at once."""

from __future__ import annotations

import json
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.config.build import engine_settings
from detector.config.document import parse
from detector.config.effective import effective
from detector.config.load import MAX_MANIFEST_BYTES, load, load_manifest
from detector.config.manifest import CREDENTIAL_TYPES, ManifestSettings
from detector.engine.engine import Engine
from detector.errors import ConfigurationError
from detector.features.declarations import MICROSOFT_ASNS, Declarations, Declared
from detector.features.prefixes import Prefixes

AGENT = "22222222-3333-4444-5555-666666666666"
BLUEPRINT = "22222222-3333-4444-5555-777777777777"
GRAPH = "00000003-0000-0000-c000-000000000000"
PERSON = "22222222-3333-4444-5555-888888888888"

FULL = f"""\
agents:
  - id: {AGENT.upper()}
    name: invoice reader
    environment: production
    resources: [{GRAPH}]
    egress: [203.0.113.0/24, "2001:db8::/48"]
    credential_types: [managedIdentity, federatedIdentityCredential]
    flow: autonomous
    permissions: [Mail.Read]
    owners: [{PERSON}]
    sponsors: []
    handshake: required
blueprints:
  - id: {BLUEPRINT}
    handshake: not_required
production_resources: [{GRAPH}]
non_production_actors: [{PERSON}]
azure_egress: [198.51.100.0/24]
azure_asns: [8075]
environment_attribute: Agents.Stage
production_values: [Live]
"""

DECLARED = Declarations(
    declared={
        AGENT: Declared(
            id=AGENT,
            name="invoice reader",
            environment="production",
            resources=frozenset({GRAPH}),
            egress=Prefixes((ip_network("203.0.113.0/24"), ip_network("2001:db8::/48"))),
            credential_types=frozenset({"managedIdentity", "federatedIdentityCredential"}),
            flow="autonomous",
            permissions=frozenset({"mail.read"}),
            owners=frozenset({PERSON}),
            sponsors=frozenset(),
            handshake_required=True,
        ),
        BLUEPRINT: Declared(id=BLUEPRINT, handshake_required=False),
    },
    production_resources=frozenset({GRAPH}),
    non_production_actors=frozenset({PERSON}),
    azure_egress=Prefixes((ip_network("198.51.100.0/24"),)),
    azure_asns=frozenset({8075}),
    environment_attribute="Agents.Stage",
    production_values=frozenset({"live"}),
)


def indented(text: str) -> str:
    return "manifest:\n" + "".join(f"  {line}\n" for line in text.splitlines())


def beside(folder: Path, manifest: str, name: str = "agents.yaml", more: str = "") -> Path:
    """A configuration that names a manifest beside it."""
    (folder / name).write_text(manifest)
    config = folder / "detector.yaml"
    config.write_text(f"manifest_file: {name}\n{more}")
    return config


def problems(config: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(config)
    return str(caught.value).replace(f"{config.parent}/", "").splitlines()


def test_without_a_manifest_nothing_is_declared() -> None:
    assert engine_settings(load()).declarations is None


def test_an_empty_manifest_declares_nothing_but_what_azure_is() -> None:
    assert engine_settings(load(text="manifest: {}")).declarations == Declarations(
        azure_asns=MICROSOFT_ASNS, production_values=frozenset({"production", "prod"})
    )


def test_the_manifest_inline() -> None:
    settings = engine_settings(load(text=indented(FULL)))
    assert settings.declarations == DECLARED
    Engine(settings)


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_the_manifest_in_a_file_of_its_own(tmp_path: Path, indent: Any) -> None:
    assert engine_settings(load(beside(tmp_path, FULL))).declarations == DECLARED
    as_json = json.dumps(parse(FULL).data, indent=indent)
    assert engine_settings(load(beside(tmp_path, as_json, "agents.json"))).declarations == DECLARED


def test_what_is_in_force_is_read_back_from_anywhere(tmp_path: Path) -> None:
    for settings in (load(beside(tmp_path, FULL)), load(text=indented(FULL))):
        shown = effective(settings)
        assert engine_settings(load(text=shown)) == engine_settings(settings)
        assert effective(load(text=shown)) == shown


def test_an_absolute_path_stays_one(tmp_path: Path) -> None:
    config = beside(tmp_path, FULL)
    text = f"manifest_file: {tmp_path / 'agents.yaml'}"
    assert load(text=text).manifest == load(config).manifest
    assert load(config).manifest_file == str(tmp_path / "agents.yaml")


WRONG = """\
agents:
  - id: x
    egress: [203.0.113.1/24, 0.0.0.0/0]
    flow: interactive
  - id: {agent}
    credential_types: [secret]
    handshake: true
    resorces: []
azure_asns: [0]
environment_attribute: Stage
"""
COMPLAINTS = [
    "2: agents[0].id: Not an object id or app id.",
    "3: agents[0].egress[0]: The address has bits beyond its prefix. Did you mean",
    "3: agents[0].egress[1]: The network is wider than /16. An egress is a few known addresses;",
    "4: agents[0].flow: Not a flow. Known here: autonomous, both, on_behalf_of.",
    "6: agents[1].credential_types[0]: Not a type of credential. Known here: certificate, clientAssertion,",
    "7: agents[1].handshake: Neither required nor not_required.",
    '8: agents[1].resorces: Unknown setting. Did you mean "resources"?',
    "9: azure_asns[0]: Must be at least 1.",
    "10: environment_attribute: Not a custom security attribute. Write the attribute set and the name,",
]


def test_everything_that_is_wrong_is_told_at_once_in_either_file(tmp_path: Path) -> None:
    told = problems(beside(tmp_path, WRONG.format(agent=AGENT), more="scoope: agents\nlateness: 2h\n"))
    assert told[:2] == [
        'detector.yaml:2: scoope: Unknown setting. Did you mean "scope"?',
        "detector.yaml:3: lateness: Must be at most 3600.",
    ]
    assert len(told) == 2 + len(COMPLAINTS)
    for said, wanted in zip(told[2:], COMPLAINTS, strict=True):
        assert said.startswith(f"agents.yaml:{wanted}")


def test_json_is_judged_like_yaml_with_its_lines(tmp_path: Path) -> None:
    config = beside(tmp_path, '{\n\t"agents": [\n\t\t{"id": "x"}\n\t]\n}', "agents.json")
    (told,) = problems(config)
    assert told.startswith("agents.json:3: agents[0].id: Not an object id or app id.")


def test_a_large_json_file_is_judged_without_lines(tmp_path: Path) -> None:
    filler = " " * MAX_MANIFEST_BYTES
    (told,) = problems(beside(tmp_path, f'{{"agents": [{{"id": "x"}}]{filler}}}', "agents.json"))
    assert told.startswith("agents.json: agents[0].id: Not an object id")
    found = [{"id": f"22222222-3333-4444-5555-{number:012}", "environment": "production"} for number in range(60_000)]
    (tmp_path / "large.json").write_text(json.dumps({"agents": found}))
    assert len(load_manifest(tmp_path / "large.json").agents) == 60_000


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.json", "{", "a.json:1: This is not JSON: Expecting property name enclosed in double quotes."),
        ("a.json", "[" * 100_000, "a.json: This is nested too deep."),
        ("a.json", "[]", "a.json:1: Must be a block of settings."),
        ("a.json", '{"agents": [], "agents": []}', "a.json: A block has the same key twice."),
        ("a.json", '{"agents": [{"id": "\\u001b[31m"}]}', "a.json: Contains a character that cannot be printed."),
        ("a.json", '{"azure_asns": [NaN]}', "a.json:1: azure_asns[0]: Must be a whole number."),
        ("a.yaml", "- x", "a.yaml:1: Must be a block of settings."),
        ("a.yaml", "agents: &x []", "a.yaml:1: This is not YAML as it is read here: anchors"),
        ("a.yaml", "agents: []\nagents: []", "a.yaml:2: agents: Written twice; the first is in line 1."),
        ("a.yaml", "#" * (MAX_MANIFEST_BYTES + 1), "a.yaml: The text is longer than 4096 KiB"),
    ],
)
def test_text_that_is_no_manifest_is_refused(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    assert problems(beside(tmp_path, text, name))[0].startswith(complaint)


def test_an_id_is_declared_once(tmp_path: Path) -> None:
    twice = f"agents: [{{id: {AGENT}}}, {{id: {BLUEPRINT}}}]\nblueprints: [{{id: {BLUEPRINT.upper()}}}]"
    assert problems(beside(tmp_path, twice)) == [
        "agents.yaml:1: agents[1] and blueprints[0] have the same id. Keep one entry for each id."
    ]


def test_two_manifests_are_one_too_many(tmp_path: Path) -> None:
    assert problems(beside(tmp_path, FULL, more="manifest: {}\n")) == [
        "detector.yaml:1: manifest_file: There are two manifests: this file, and the block manifest. "
        "Leave one of them out."
    ]


def test_a_manifest_that_is_not_there_is_a_problem_with_its_name(tmp_path: Path) -> None:
    config = tmp_path / "detector.yaml"
    config.write_text("manifest_file: gone.yaml")
    assert problems(config) == ["gone.yaml: The file cannot be read: No such file or directory."]
    config.write_text("manifest_file: [gone.yaml]")
    assert problems(config) == ["detector.yaml:1: manifest_file: Must be text; put it in quotes."]
    config.write_text("manifest_file: ''")
    assert problems(config) == ["detector.yaml:1: manifest_file: Must not be empty."]


def test_the_types_of_credential_are_those_of_the_sign_in_log() -> None:
    assert CREDENTIAL_TYPES == (
        "none",
        "clientSecret",
        "clientAssertion",
        "federatedIdentityCredential",
        "managedIdentity",
        "certificate",
    )


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*ManifestSettings.model_fields, "id", "egress", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.untraced
@given(ANYTHING | st.fixed_dictionaries({"agents": st.lists(ANYTHING, max_size=3)}))
def test_whatever_a_file_says_it_is_a_manifest_or_problems(tmp_path_factory: pytest.TempPathFactory, said: Any) -> None:
    path = tmp_path_factory.mktemp("m") / "m.json"
    path.write_text(json.dumps(said))
    found: object = None
    told: tuple[object, ...] = ()
    try:
        found = load_manifest(path)
    except ConfigurationError as error:
        told = error.problems
    assert isinstance(found, ManifestSettings) != bool(told)
    assert all(str(problem).isprintable() for problem in told)
