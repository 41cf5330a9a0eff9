"""Answer a question of the engine: find the key, find the organisation's catalog, decide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.gateway.domain import flows, refusals

if TYPE_CHECKING:
    from headworks.dataplane.flow import Flow, Policy, Question, Refusal
    from headworks.gateway.ports import Keys, Models
    from headworks.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class Sources:
    """What decisions are made from."""

    keys: Keys
    models: Models
    clock: Clock
    longest: flows.Lifetime
    policy: Policy


async def resolve(question: Question, sources: Sources) -> Flow | Refusal:
    """What the engine may do with requests like this one. Raises Unavailable when nobody can tell."""
    at = sources.clock()
    found = await sources.keys.find(question.key_hash)
    key = found.key
    refused = flows.refused_key(key, at)
    if key is None or refused is not None:
        return refused or refusals.unknown_key()
    snapshot = await sources.models.snapshot(key.organization_id)
    lasts = flows.lifetime(sources.longest, key, at, max(found.age_ms, snapshot.age_ms))
    if lasts.hard_ms <= 0:
        return refusals.unavailable()
    caller = flows.Caller(key, snapshot, lasts, sources.policy)
    answer = flows.refused_endpoint(question, key) or flows.decide(question, caller)
    return replace(answer, addresses=key.allowed_addresses)
