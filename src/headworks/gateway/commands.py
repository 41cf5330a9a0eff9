"""Answer a question of the engine: find the key, find the organisation's catalog, decide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.dataplane.flow import SIGNER
from headworks.gateway.domain import flows, refusals, signers

if TYPE_CHECKING:
    from headworks.dataplane.flow import Flow, Policy, Question, Refusal
    from headworks.gateway.ports import Keys, Models, Secrets
    from headworks.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class Sources:
    """What decisions are made from."""

    keys: Keys
    secrets: Secrets
    models: Models
    clock: Clock
    longest: flows.Lifetime
    policy: Policy


async def resolve(question: Question, sources: Sources) -> Flow | Refusal:
    """What the engine may do with requests like this one. Raises Unavailable when nobody can tell."""
    at = sources.clock()
    found = await sources.keys.find(question.key_hash)
    key = found.key
    if question.endpoint == SIGNER:
        if key is None or key.signer_hash != question.key_hash:
            return refusals.unknown_key()
        longest = sources.longest.within(sources.longest.hard_ms - found.age_ms)
        return signers.flow(key, sources.secrets(key, at), longest)
    refused = flows.refused_key(key, at)
    if key is None or refused is not None:
        return refused or refusals.unknown_key()
    if not key.bearer and key.signer_hash != question.key_hash:
        return refusals.unsigned_key()
    snapshot = await sources.models.snapshot(key.organization_id)
    lasts = flows.lifetime(sources.longest, key, at, max(found.age_ms, snapshot.age_ms))
    if lasts.hard_ms <= 0:
        return refusals.unavailable()
    caller = flows.Caller(key, snapshot, lasts, sources.policy)
    answer = flows.refused_endpoint(question, key) or flows.decide(question, caller)
    return replace(answer, addresses=key.allowed_addresses)
