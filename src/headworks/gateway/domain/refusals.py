"""Refusals as callers read them: OpenAI's shape and codes, and how to mend it.

A name that a key may not use reads exactly like one that does not exist. Status, `type` and `code` follow
https://platform.openai.com/docs/guides/error-codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.dataplane.flow import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from headworks.identity.contracts import Suspension

_SERVER_ERROR = "server_error"


def unknown_key() -> Refusal:
    """The checksum was right, or it is a foreign key: it may have been right elsewhere, or in another data folder."""
    return Refusal(
        401,
        "invalid_api_key",
        "Incorrect API key provided: this server does not know it. Create one with 'headworks keys create', "
        "or see where the key came from: another installation's keys do not work here.",
    )


def revoked_key(at: datetime) -> Refusal:
    """It worked once."""
    return Refusal(
        401,
        "invalid_api_key",
        f"This API key was revoked on {_shown(at)}. Create another one with 'headworks keys create'.",
    )


def expired_key(at: datetime) -> Refusal:
    """It worked once."""
    return Refusal(
        401,
        "invalid_api_key",
        f"This API key expired on {_shown(at)}. Create another one with 'headworks keys create'.",
    )


_SUSPENDED: dict[Suspension, str] = {
    "organization_disabled": "its organisation is disabled",
    "project_archived": "its project is archived",
    "owner_disabled": "its owner is disabled",
    "owner_left": "its owner left the organisation",
}


def suspended_key(why: Suspension) -> Refusal:
    """It works again when the reason goes away."""
    return Refusal(
        401,
        "invalid_api_key",
        f"This API key does not work for now: {_SUSPENDED[why]}. Ask an admin of your organisation.",
    )


def unsigned_key() -> Refusal:
    """It was sent, though it should not have been."""
    return Refusal(
        401,
        "signature_missing",
        "This API key signs requests and is not sent itself, as it was now. Sign the request (RFC 9421); if others may have "
        "seen the key on its way, rotate it.",
    )


def endpoint_not_allowed(endpoint: str, allowed: Iterable[str]) -> Refusal:
    """The key is held to other endpoints."""
    return Refusal(
        403,
        "endpoint_not_allowed",
        f"This API key may not be used at '/v1/{endpoint}', only at: {', '.join(allowed)}. Use another key.",
    )


def management_key() -> Refusal:
    """A key that manages does not also spend."""
    return Refusal(
        403,
        "wrong_kind_of_key",
        "This is a management key: it works for '/api/v1' only. Use an inference key here (it begins with 'hw_sk_'); "
        "'headworks keys create' makes one.",
    )


def missing_model() -> Refusal:
    """The endpoint cannot do without."""
    return Refusal(
        400,
        "missing_model",
        "You must provide a model parameter. GET /v1/models lists the models that this key may use.",
        param="model",
    )


def ambiguous_provider() -> Refusal:
    """Nothing says which provider is meant."""
    return Refusal(
        400,
        "missing_model",
        "This request names no model, so nothing says which provider it is for. Send the header 'x-headworks-model' "
        "with one of the models that GET /v1/models lists.",
        param="model",
    )


def unknown_model(model: str, near: Sequence[str]) -> Refusal:
    """No such model, or none for this key."""
    shown = [f"`{name}`" for name in near]
    if len(shown) > 1:
        hint = f" Did you mean {', '.join(shown[:-1])} or {shown[-1]}?"
    elif shown:
        hint = f" Did you mean {shown[0]}?"
    else:
        hint = " GET /v1/models lists the models that this key may use."
    return Refusal(
        404,
        "model_not_found",
        f"The model `{model}` does not exist or you do not have access to it.{hint}",
        param="model",
    )


def unusable_model(model: str) -> Refusal:
    """All its targets are disabled, or lack their credential. The reason is in the log: it names the server's insides."""
    return Refusal(
        503,
        "model_unavailable",
        f"The model `{model}` is configured, but none of its providers can be used now. Whoever runs this server finds "
        "the reason with 'headworks doctor'.",
        type=_SERVER_ERROR,
        param="model",
    )


def unavailable() -> Refusal:
    """Not the caller's fault, and not to be remembered."""
    return Refusal(
        503,
        "controller_unavailable",
        "The server cannot decide about this request at the moment. Try again shortly.",
        type=_SERVER_ERROR,
        cache_ms=0,
    )


def _shown(at: datetime) -> str:
    return at.strftime("%Y-%m-%d at %H:%M:%S UTC")
