"""Answer a question of the engine: find the key, find the organisation's catalog, decide, and say what it is held to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.dataplane.flow import SIGNER, Flow
from headworks.gateway.domain import flows, refusals, signers
from headworks.gateway.domain.terms import Terms, under
from headworks.kernel.moments import micros
from headworks.limits.contracts import Subject

if TYPE_CHECKING:
    from headworks.dataplane.flow import Policy, Question, Refusal
    from headworks.gateway.ports import Neighbours
    from headworks.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class Sources:
    """What decisions are made from."""

    neighbours: Neighbours
    clock: Clock
    longest: flows.Lifetime
    policy: Policy


async def resolve(question: Question, sources: Sources) -> Flow | Refusal:
    """What the engine may do with requests like this one. Raises Unavailable when nobody can tell."""
    at, ask = sources.clock(), sources.neighbours
    found = await ask.keys.find(question.key_hash)
    key = found.key
    if question.endpoint == SIGNER:
        if key is None or key.signer_hash != question.key_hash:
            return refusals.unknown_key()
        longest = sources.longest.within(sources.longest.hard_ms - found.age_ms)
        return signers.flow(key, ask.secrets(key, at), longest)
    refused = flows.refused_key(key, at)
    if key is None or refused is not None:
        return refused or refusals.unknown_key()
    if not key.bearer and key.signer_hash != question.key_hash:
        return refusals.unsigned_key()
    snapshot = await ask.models.snapshot(key.organization_id)
    user_id, model = flows.user_of(key), question.model or ""
    holding = await ask.limits.limits_for(Subject(key.organization_id, key.project_id, key.id, user_id, model))
    in_force = await ask.budgets.in_force(key.organization_id, key.project_id, key.id, user_id or "", model, at)
    oldest = max(found.age_ms, snapshot.age_ms, holding.age_ms, in_force.age_ms)
    lasts = flows.lifetime(sources.longest, key, at, oldest)
    if lasts.hard_ms <= 0:
        return refusals.unavailable()
    caller = flows.Caller(key, snapshot, lasts, sources.policy)
    answer = flows.refused_endpoint(question, key) or flows.decide(question, caller)
    if isinstance(answer, Flow) and answer.targets:
        used = {limit.id: await ask.windows.used(limit, at) for limit in holding.limits}
        answer = under(Terms(holding.limits, used, in_force, await ask.models.price_book(), micros(at)), answer)
    return replace(answer, addresses=key.allowed_addresses)
