"""What the engine and the decoder are told."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from detector.config import tables
from detector.config.blocks import FROM_TABLES
from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.config.resources import text_of
from detector.config.settings import Settings
from detector.decode.decoder import Decoder
from detector.detectors.agent_admin_assigned import AgentAdminAssigned
from detector.detectors.api_novelty import ApiNovelty
from detector.detectors.app_role_granted import AppRoleGranted
from detector.detectors.change_outside_pipeline import ChangeOutsidePipeline
from detector.detectors.credential_by_unusual_actor import CredentialByUnusualActor
from detector.detectors.delegated_grant import DelegatedGrant
from detector.detectors.detector import Detector
from detector.detectors.directory_role_assigned import DirectoryRoleAssigned
from detector.detectors.federated_credential_changed import FederatedCredentialChanged
from detector.detectors.registry import DETECTORS
from detector.detectors.token_spike import TokenSpike
from detector.detectors.undeclared_resource import UndeclaredResource
from detector.domain.events import Actor
from detector.engine.engine import Engine
from detector.errors import ConfigurationError
from detector.features.apis import ApiSettings
from detector.features.pipelines import provenance
from detector.features.token_rate import RateSettings

DEPLOYER = "11111111-2222-3333-4444-555555555555"


def built(kind: type[Detector], text: str = "") -> Detector:
    (found,) = (each for each in engine_settings(load(text=text)).detectors if isinstance(each, kind))
    return found


def test_the_default_configuration_makes_every_detector_with_its_own_defaults() -> None:
    settings = engine_settings(load(text=text_of("detector.yaml")))
    assert tuple(map(type, settings.detectors)) == DETECTORS
    for detector in settings.detectors:
        assert detector.name in FROM_TABLES or detector == type(detector)()


def test_the_default_numbers() -> None:
    settings = engine_settings(Settings())
    assert settings.agent_rates == RateSettings(floors=(20, 40, 90), p_value=1e-7, ratio=3, min_seen=12)
    assert settings.blueprint_rates == RateSettings(floors=(40, 40, 90), p_value=1e-7, ratio=2.5, min_seen=24)
    assert settings.apis == ApiSettings()
    assert (settings.scope, settings.lateness, settings.pipelines) == ("agents", 1200, ())
    assert (settings.max_identities, settings.max_record_ids) == (200_000, 4_000_000)
    assert (settings.max_parked, settings.max_said) == (10_000, 200_000)
    assert settings.failures.transient == tables.error_codes().transient
    assert settings.failures.guesses == tables.error_codes().guesses
    assert "managed service identity" in settings.platform_actors
    Engine(settings)


def test_tables_are_the_defaults_of_detectors_and_are_extended() -> None:
    mine = "aaaaaaaa-0000-0000-0000-000000000001"
    text = f"resources: [{mine}]\ntier0: {{app_roles: [Mail.Send], directory_roles: [{mine}]}}\n"
    sensitive = built(ApiNovelty, text)
    permissions = built(AppRoleGranted, text)
    roles = built(DirectoryRoleAssigned, text)
    assert isinstance(sensitive, ApiNovelty)
    assert isinstance(permissions, AppRoleGranted)
    assert isinstance(roles, DirectoryRoleAssigned)
    assert sensitive.sensitive > {mine, "00000003-0000-0000-c000-000000000000"}
    assert permissions.tier0 > {
        "mail.send",
        "rolemanagement.readwrite.directory",
        "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8",
    }
    assert roles.tier0 > {mine, "62e90394-69f5-4237-9190-012177145e10"}
    unusual, grants = built(CredentialByUnusualActor, text), built(DelegatedGrant, "tier0: {delegated_scopes: [X.Y]}")
    assert isinstance(unusual, CredentialByUnusualActor)
    assert isinstance(grants, DelegatedGrant)
    assert unusual.tier0 == permissions.tier0 | roles.tier0
    assert grants.sensitive > {"x.y", "mail.read"}


def test_roles_over_agents_are_known_to_the_engine_and_the_graver_ones_to_their_detector() -> None:
    administrator, developer = "db506228-d27e-4b7d-95e5-295956d6615f", "adb2368d-a9be-41b5-8667-d96778e081b0"
    settings = engine_settings(Settings())
    assert settings.agent_roles == {administrator, developer, "agent id administrator", "agent id developer"}
    judge = built(AgentAdminAssigned)
    assert isinstance(judge, AgentAdminAssigned)
    assert judge.administrators == {administrator, "agent id administrator"}
    trust = built(FederatedCredentialChanged)
    assert isinstance(trust, FederatedCredentialChanged)
    assert "token.actions.githubusercontent.com" in trust.public_issuers


def test_a_list_in_the_block_of_a_detector_replaces_the_table() -> None:
    permissions = built(AppRoleGranted, "detectors: {app_role_granted: {tier0: [Mail.Send]}}")
    assert permissions == AppRoleGranted(tier0=frozenset({"mail.send"}))
    assert built(ApiNovelty, "detectors: {api_novelty: {sensitive: []}}") == ApiNovelty()


def test_thresholds_reach_their_detector() -> None:
    text = """
detectors:
  token_spike: {high_ratio: 20, enabled: false}
  change_outside_pipeline: {kinds_ignored: [owner_added]}
"""
    assert built(TokenSpike, text) == TokenSpike(high_ratio=20, enabled=False)
    assert built(ChangeOutsidePipeline, text) == ChangeOutsidePipeline(kinds_ignored=frozenset({"owner_added"}))


def test_error_codes_and_activities_are_extended_and_overridden() -> None:
    settings = engine_settings(
        load(
            text="""
error_codes: {7000215: credential_expired, 424242: throttled}
activities: {"Update user ": user_updated, "Add Application.": ignored}
failures: {transient: [other_failure], guesses: [credential_expired], run: 3}
platform_actors: [My Service]
"""
        )
    )
    assert settings.failures.classes[7000215] == "credential_expired"
    assert settings.failures.classes[424242] == "throttled"
    assert settings.failures.classes[7000222] == "credential_expired"
    assert settings.failures.transient == {"other_failure"}
    assert settings.failures.guesses == {"credential_expired"}
    assert settings.failures.run == 3
    assert settings.activities["update user"] == "user_updated"
    assert "add application" not in settings.activities
    assert settings.platform_actors > {"my service", "device registration service"}


def test_a_pipeline_is_built_to_be_recognised() -> None:
    text = f"""
pipelines:
  - name: production
    object_ids: [{DEPLOYER.upper()}]
    addresses: [203.0.113.0/24, "2001:db8::/48"]
    windows: [{{days: [mon, sun], from: 22:00, to: 04:00, zone: Europe/Berlin}}]
"""
    (pipeline,) = engine_settings(load(text=text)).pipelines
    assert pipeline.object_ids == {DEPLOYER}
    assert pipeline.addresses == (ip_network("203.0.113.0/24"), ip_network("2001:db8::/48"))
    monday_night = datetime(2026, 11, 23, 22, 30, tzinfo=UTC).timestamp()
    monday_noon = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
    actor = Actor(kind="app", id=DEPLOYER, ip="203.0.113.9")
    assert provenance((pipeline,), actor, monday_night).deviation is None
    assert provenance((pipeline,), actor, monday_noon).deviation == "window"


def test_the_whole_day_is_a_window() -> None:
    text = f"""
pipelines:
  - name: p
    object_ids: [{DEPLOYER}]
    windows: [{{days: [mon], from: 00:00, to: 24:00, zone: UTC}}]
"""
    (pipeline,) = engine_settings(load(text=text)).pipelines
    assert pipeline.windows[0].holds(datetime(2026, 11, 23, 23, 59, tzinfo=UTC).timestamp())
    assert not pipeline.windows[0].holds(datetime(2026, 11, 24, tzinfo=UTC).timestamp())


def test_the_decoder_takes_what_it_is_given_and_the_defaults_agree() -> None:
    given = decoder_settings(Settings())
    Decoder(**given)
    parameters = inspect.signature(Decoder).parameters
    assert given == {name: parameters[name].default for name in given}


def test_evidence_is_matched_as_configured() -> None:
    text = f"""
pipelines:
  - name: release
    object_ids: ["{GUID_OF_DEPLOYER}"]
    evidence: required
  - name: other
    object_ids: ["{GUID_OF_DEPLOYER}"]
deployments:
  margin: 60
"""
    settings = engine_settings(load(text=text))
    assert [pipeline.evidence_required for pipeline in settings.pipelines] == [True, False]
    assert (settings.evidence.margin, settings.evidence.wait) == (60.0, 600.0)


def test_resources_whose_misuse_is_grave_are_so_when_they_are_undeclared_too() -> None:
    settings = engine_settings(load(text=f"resources: [{GUID_OF_DEPLOYER}]"))
    (undeclared,) = [each for each in settings.detectors if isinstance(each, UndeclaredResource)]
    assert GUID_OF_DEPLOYER in undeclared.sensitive
    assert len(undeclared.sensitive) > 1


GUID_OF_DEPLOYER = "11111111-2222-3333-4444-555555555555"


def test_signs_of_agents_are_extended() -> None:
    mine = "aaaaaaaa-0000-0000-0000-000000000001"
    text = f"agent_signs: {{tags: [Our-*], audiences: [{mine}], names: [Robo], user_agents: [OurSDK]}}"
    signs = engine_settings(load(text=text)).signs
    assert signs.in_tags(["our-agent"]) == "our-agent"
    assert signs.in_audiences([mine]) == mine
    assert (signs.in_name("Robo 7"), signs.in_name("Copilot")) == ("robo", "copilot")
    assert (signs.in_user_agent("OurSDK/1"), signs.in_user_agent("langchain")) == ("oursdk", "langchain")


def test_channels_are_ids() -> None:
    with pytest.raises(ConfigurationError, match="Not an object id or app id"):
        load(text="detectors: {incomplete_agent: {channels: [factory]}}")
