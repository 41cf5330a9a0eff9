"""From a key and the catalog to a flow, or to a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from headworks.dataplane.flow import Credential, Document, Flow, Policy, Refusal, Target
from headworks.gateway.domain import documents, names, refusals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from headworks.catalog.contracts import RouteTarget, Snapshot
    from headworks.dataplane.flow import Question
    from headworks.identity.contracts import KeyView

MODELS = "models"
MODEL = "models/{id}"
NEED_MODEL = frozenset({"chat/completions", "completions", "embeddings", "audio/speech", "rerank", MODEL})
"""As `engine/src/flow/endpoint.rs` has it. The others have a default of their own, or work on what is stored upstream."""

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a flow serves, in milliseconds: `dataplane.flow.Flow` says what the two mean."""

    fresh_ms: int
    hard_ms: int

    def within(self, limit_ms: int) -> Lifetime:
        """No longer than `limit_ms`."""
        return Lifetime(min(self.fresh_ms, limit_ms), min(self.hard_ms, limit_ms))


def user_of(key: KeyView) -> str | None:
    """The id of the user whose key it is; None where it belongs to none."""
    return key.owner.id if key.owner is not None and key.owner.kind == "user" else None


def refused_key(key: KeyView | None, at: datetime) -> Refusal | None:
    """Why this key is good for nothing here; None for a key that works."""
    if key is None:
        return refusals.unknown_key()
    if key.revoked_at is not None and key.revoked_at <= at:
        return refusals.revoked_key(key.revoked_at)
    if key.expires_at is not None and key.expires_at <= at:
        return refusals.expired_key(key.expires_at)
    if key.suspension is not None:
        return refusals.suspended_key(key.suspension)
    if "inference" not in key.permissions:
        return refusals.management_key()
    return None


def refused_endpoint(question: Question, key: KeyView) -> Refusal | None:
    """Whether the key is held to other endpoints; None where it may be used at this one."""
    if key.allowed_endpoints is None or names.allows_endpoint(key, question.endpoint):
        return None
    return refusals.endpoint_not_allowed(question.endpoint, key.allowed_endpoints)


def lifetime(longest: Lifetime, key: KeyView, at: datetime, age_ms: int) -> Lifetime:
    """Never beyond the key's own end, nor longer than `longest` after what is known was last known to be true."""
    allowed = longest.within(longest.hard_ms - age_ms)
    if key.expires_at is None:
        return allowed
    return allowed.within((key.expires_at - at) // _MILLISECOND)


@dataclass(frozen=True, slots=True)
class Caller:
    """A working key, what its organisation can call, and what holds for each of its flows."""

    key: KeyView
    snapshot: Snapshot
    lasts: Lifetime
    policy: Policy


def decide(question: Question, caller: Caller) -> Flow | Refusal:
    """What a working key gets."""
    key, snapshot = caller.key, caller.snapshot
    if question.endpoint == MODELS:
        shown = (snapshot.routes[name] for name in names.listed(key, snapshot))
        return _flow(caller, document=documents.model_list(shown))
    if question.model is None:
        return _without_model(question, caller)
    route = snapshot.routes.get(question.model) if names.allows(key, question.model) else None
    if route is None:
        return refusals.unknown_model(question.model, names.similar(question.model, names.listed(key, snapshot)))
    if question.endpoint == MODEL:
        return _flow(caller, document=documents.one_model(route))
    usable = [target for target in route.targets if target.problem is None]
    if not usable:
        return refusals.unusable_model(question.model)
    return _flow(caller, route.model, targets=usable)


def _without_model(question: Question, caller: Caller) -> Flow | Refusal:
    if question.endpoint in NEED_MODEL:
        return refusals.missing_model()
    provider = caller.snapshot.whole_provider
    # A key that is held to some models cannot reach whatever else the provider offers.
    if provider is None or caller.key.allowed_models is not None:
        return refusals.ambiguous_provider()
    if provider.problem is not None:
        return refusals.unavailable()
    return _flow(caller, targets=[provider])


def _flow(
    caller: Caller, model: str = "", *, targets: Sequence[RouteTarget] = (), document: Document | None = None
) -> Flow:
    return Flow(
        organization_id=caller.key.organization_id,
        project_id=caller.key.project_id,
        key_id=caller.key.id,
        model=model,
        targets=tuple(_target(target) for target in targets),
        document=document,
        policy=caller.policy,
        fresh_ms=caller.lasts.fresh_ms,
        hard_ms=caller.lasts.hard_ms,
        revision=caller.snapshot.revision,
        user_id=user_of(caller.key) or "",
    )


def _target(target: RouteTarget) -> Target:
    return Target(
        deployment_id=target.deployment_id,
        provider_id=target.provider_id,
        dialect=target.dialect,
        base_url=target.base_url,
        upstream_model=target.upstream_model,
        credential=_credential(target),
        weight=target.weight,
        stream_usage=target.stream_usage,
        private_network=target.private_network,
        max_output_tokens=target.max_output_tokens,
    )


def _credential(target: RouteTarget) -> Credential | None:
    if target.credential is None or target.credential_id is None:
        return None
    return Credential(target.credential_id, f"Bearer {target.credential.reveal()}")
