"""Every detector there is, in the order in which they judge. A new one is one line here."""

from __future__ import annotations

from typing import Final

from detector.detectors.api_novelty import ApiNovelty
from detector.detectors.api_spread import ApiSpread
from detector.detectors.app_role_granted import AppRoleGranted
from detector.detectors.change_outside_pipeline import ChangeOutsidePipeline
from detector.detectors.credential_added import CredentialAdded
from detector.detectors.credential_retry import CredentialRetry
from detector.detectors.directory_role_assigned import DirectoryRoleAssigned
from detector.detectors.failure_burst import FailureBurst
from detector.detectors.failure_ratio import FailureRatio
from detector.detectors.fleet_spike import FleetSpike
from detector.detectors.network_novelty import NetworkNovelty
from detector.detectors.success_after_failures import SuccessAfterFailures
from detector.detectors.token_spike import TokenSpike

DETECTORS: Final = (
    TokenSpike,
    FleetSpike,
    ApiSpread,
    ApiNovelty,
    NetworkNovelty,
    FailureBurst,
    FailureRatio,
    CredentialRetry,
    SuccessAfterFailures,
    CredentialAdded,
    AppRoleGranted,
    DirectoryRoleAssigned,
    ChangeOutsidePipeline,
)
