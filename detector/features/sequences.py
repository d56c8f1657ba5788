"""The sequences that are looked for in ledgers: one line says one story. A new one needs no change to the engine.

Entries and who makes them (`detector.engine.casebook` and the parts that note):

| kind | about | when |
| --- | --- | --- |
| any kind of change (`credential_added`, ...) | key id, resource or object that was changed | audit record |
| `key_used` | key id | in an hour in which the key was not known, dated at the end of the hour |
| `new_network` | network | the same of a prefix, autonomous system or country |
| `resource_used` | resource | the same of a resource; in the ledger of a blueprint, of all its agents |
| `woke` | the last active hour before | the same of a token after a long pause |
| `granted` | agent | a token was granted while the ledger is watched |
| `blocked` | resource | Conditional Access refused a token; `who` is the policy, `detail` where the request came from |
| `agent_blocked` | resource | the same in the ledger of the blueprint; `who` is the agent |
| `sibling_used` | resource | as `resource_used`, of an agent (`who`) of a blueprint with refusals |
| `policy_edited` | policy | a policy that had blocked the agent in the day before was edited, or a named location was |
| `risk_raised`, `compromise_confirmed` | | Identity Protection holds the identity to be at risk, or compromised |
| `risk_ended` | | that was remediated or dismissed |
"""

from __future__ import annotations

from typing import Final

from detector.features.ledger import Sequence, Step
from detector.features.timeline import DAY, HOUR

GRAPH: Final = frozenset({"00000003-0000-0000-c000-000000000000", "00000002-0000-0000-c000-000000000000"})
"""appIds of Microsoft Graph and of Azure AD Graph, through which directory roles act."""

_ADDED: Final = Step(kinds=frozenset({"credential_added", "federated_credential_changed"}))
_KEY_USED: Final = Step(kinds=frozenset({"key_used"}), same_about=0, within=30 * DAY)


def kill_switch_failed(*, grace: float, within: float) -> Sequence:
    """Switched off, and yet granted a token: later than `grace` seconds, but no later than `within`."""
    return Sequence(
        name="kill_switch_failed",
        steps=(
            Step(kinds=frozenset({"agent_disabled"})),
            Step(kinds=frozenset({"granted"}), at_least=grace, within=within),
        ),
        broken_by=frozenset({"agent_enabled"}),
    )


def _block_evaded(name: str, *ways: str) -> Sequence:
    """Refused by a policy, and granted a token by one of these ways in the hour or the two after it."""
    way = Step(kinds=frozenset(ways), within=3 * HOUR, other_about=0, not_in_detail=0)
    return Sequence(name=name, steps=(Step(kinds=frozenset({"blocked"})), way))


SEQUENCES: Final[tuple[Sequence, ...]] = (
    Sequence(name="credential_used", steps=(_ADDED, _KEY_USED)),
    Sequence(
        name="credential_takeover",
        steps=(_ADDED, _KEY_USED, Step(kinds=frozenset({"new_network"}), within=7 * DAY)),
    ),
    Sequence(
        name="grant_used",
        steps=(
            Step(kinds=frozenset({"app_role_granted", "delegated_permission_granted", "consent_granted"})),
            Step(kinds=frozenset({"resource_used"}), same_about=0),
        ),
    ),
    Sequence(
        name="role_used",
        steps=(
            Step(kinds=frozenset({"directory_role_assigned"})),
            Step(kinds=frozenset({"resource_used"}), about_in=GRAPH),
        ),
    ),
    Sequence(
        name="owner_takeover",
        steps=(
            Step(kinds=frozenset({"owner_added"})),
            Step(kinds=_ADDED.kinds, who_is_about=0, within=30 * DAY),
            Step(kinds=frozenset({"key_used"}), same_about=1, within=30 * DAY),
        ),
    ),
    Sequence(name="dormant_rearmed", steps=(_ADDED, Step(kinds=frozenset({"woke"})))),
    kill_switch_failed(grace=300.0, within=3_600.0),
    _block_evaded("block_evaded", "new_network", "key_used"),
    _block_evaded("block_evaded_by_resource", "resource_used"),
    Sequence(
        name="block_evaded_by_sibling",
        steps=(
            Step(kinds=frozenset({"agent_blocked"})),
            Step(kinds=frozenset({"sibling_used"}), within=3 * HOUR, same_about=0, other_who=0),
        ),
    ),
    Sequence(
        name="policy_edited_after_block",
        steps=(
            Step(kinds=frozenset({"blocked"})),
            Step(kinds=frozenset({"policy_edited"}), within=DAY, about_is_who=0),
            Step(kinds=frozenset({"granted"}), within=DAY),
        ),
    ),
    Sequence(
        name="attribute_edited_after_block",
        steps=(
            Step(kinds=frozenset({"blocked"})),
            Step(kinds=frozenset({"attribute_changed"}), within=DAY),
            Step(kinds=frozenset({"granted"}), within=DAY),
        ),
    ),
    *(
        Sequence(
            name=name,
            steps=(Step(kinds=frozenset({kind})), Step(kinds=frozenset({"granted"}), within=30 * DAY)),
            broken_by=frozenset({"risk_ended"}),
        )
        for name, kind in (
            ("risky_agent_active", "risk_raised"),
            ("compromised_agent_active", "compromise_confirmed"),
        )
    ),
)
"""All of them; detectors name the ones they judge."""
