"""Every detector there is, in the order in which they judge. A new one is one line here."""

from __future__ import annotations

from typing import Final

from detector.detectors.accountability_lost import AccountabilityLost
from detector.detectors.agent_admin_assigned import AgentAdminAssigned
from detector.detectors.agent_reenabled import AgentReenabled
from detector.detectors.agent_silent import AgentSilent
from detector.detectors.agent_user_misused import AgentUserMisused
from detector.detectors.api_novelty import ApiNovelty
from detector.detectors.api_spread import ApiSpread
from detector.detectors.app_role_granted import AppRoleGranted
from detector.detectors.attribute_changed import AttributeChanged
from detector.detectors.block_evaded import BlockEvaded
from detector.detectors.blocked_by_policy import BlockedByPolicy
from detector.detectors.blueprint_edited import BlueprintEdited
from detector.detectors.busy_day import BusyDay
from detector.detectors.busy_stretch import BusyStretch
from detector.detectors.change_outside_pipeline import ChangeOutsidePipeline
from detector.detectors.collective_surge import CollectiveSurge
from detector.detectors.concurrent_use import ConcurrentUse
from detector.detectors.configuration_drift import ConfigurationDrift
from detector.detectors.credential_added import CredentialAdded
from detector.detectors.credential_by_unusual_actor import CredentialByUnusualActor
from detector.detectors.credential_expiry import CredentialExpiry
from detector.detectors.credential_fan_out import CredentialFanOut
from detector.detectors.credential_first_used import CredentialFirstUsed
from detector.detectors.credential_retry import CredentialRetry
from detector.detectors.credential_shared import CredentialShared
from detector.detectors.credential_takeover import CredentialTakeover
from detector.detectors.credential_type_changed import CredentialTypeChanged
from detector.detectors.delegated_grant import DelegatedGrant
from detector.detectors.deployment_missing import DeploymentMissing
from detector.detectors.directory_role_assigned import DirectoryRoleAssigned
from detector.detectors.disabled_keeps_trying import DisabledKeepsTrying
from detector.detectors.dormant_agent import DormantAgent
from detector.detectors.dormant_agent_wakes import DormantAgentWakes
from detector.detectors.dormant_rearmed import DormantRearmed
from detector.detectors.environment_crossed import EnvironmentCrossed
from detector.detectors.failure_burst import FailureBurst
from detector.detectors.failure_ratio import FailureRatio
from detector.detectors.federated_credential_changed import FederatedCredentialChanged
from detector.detectors.fleet_spike import FleetSpike
from detector.detectors.flow_changed import FlowChanged
from detector.detectors.foreign_azure_address import ForeignAzureAddress
from detector.detectors.grant_used import GrantUsed
from detector.detectors.handshake_missing import HandshakeMissing
from detector.detectors.incomplete_agent import IncompleteAgent
from detector.detectors.kill_switch_failed import KillSwitchFailed
from detector.detectors.log_gap import LogGap
from detector.detectors.long_lived_credential import LongLivedCredential
from detector.detectors.network_novelty import NetworkNovelty
from detector.detectors.newborn_deviates import NewbornDeviates
from detector.detectors.off_schedule import OffSchedule
from detector.detectors.owner_added import OwnerAdded
from detector.detectors.owner_takeover import OwnerTakeover
from detector.detectors.pipeline_without_run import PipelineWithoutRun
from detector.detectors.policy_edited_after_block import PolicyEditedAfterBlock
from detector.detectors.policy_outage import PolicyOutage
from detector.detectors.policy_weakened import PolicyWeakened
from detector.detectors.resource_shift import ResourceShift
from detector.detectors.risk_raised import RiskRaised
from detector.detectors.risky_agent_active import RiskyAgentActive
from detector.detectors.secret_in_production import SecretInProduction
from detector.detectors.secret_spray import SecretSpray
from detector.detectors.slow_drift import SlowDrift
from detector.detectors.success_after_failures import SuccessAfterFailures
from detector.detectors.token_spike import TokenSpike
from detector.detectors.unaccountable_agent import UnaccountableAgent
from detector.detectors.undeclared_egress import UndeclaredEgress
from detector.detectors.undeclared_resource import UndeclaredResource
from detector.detectors.unmanaged_agent import UnmanagedAgent
from detector.detectors.unusual_hour import UnusualHour

DETECTORS: Final = (
    TokenSpike,
    FleetSpike,
    OffSchedule,
    BusyStretch,
    BusyDay,
    AgentSilent,
    CollectiveSurge,
    SlowDrift,
    ApiSpread,
    ApiNovelty,
    ResourceShift,
    NewbornDeviates,
    NetworkNovelty,
    FailureBurst,
    FailureRatio,
    CredentialRetry,
    SuccessAfterFailures,
    SecretSpray,
    CredentialTypeChanged,
    CredentialFirstUsed,
    SecretInProduction,
    CredentialShared,
    CredentialFanOut,
    FlowChanged,
    AgentUserMisused,
    ConcurrentUse,
    BlockedByPolicy,
    BlockEvaded,
    PolicyOutage,
    RiskRaised,
    RiskyAgentActive,
    CredentialAdded,
    CredentialByUnusualActor,
    FederatedCredentialChanged,
    AppRoleGranted,
    DelegatedGrant,
    DirectoryRoleAssigned,
    AgentAdminAssigned,
    OwnerAdded,
    BlueprintEdited,
    AgentReenabled,
    PolicyWeakened,
    PolicyEditedAfterBlock,
    AttributeChanged,
    CredentialTakeover,
    OwnerTakeover,
    GrantUsed,
    DormantAgent,
    DormantAgentWakes,
    DormantRearmed,
    DisabledKeepsTrying,
    KillSwitchFailed,
    ChangeOutsidePipeline,
    UndeclaredResource,
    UndeclaredEgress,
    ForeignAzureAddress,
    EnvironmentCrossed,
    HandshakeMissing,
    ConfigurationDrift,
    PipelineWithoutRun,
    DeploymentMissing,
    LogGap,
    UnmanagedAgent,
    IncompleteAgent,
    UnaccountableAgent,
    AccountabilityLost,
    LongLivedCredential,
    CredentialExpiry,
    UnusualHour,
)
