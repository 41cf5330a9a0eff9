"""The places that sign-in's secrets are sealed for. A file of its own: a start needs it, and not what the secrets are used with."""

from __future__ import annotations

from headworks.kernel.secrets import seal_context


def private_key_context(key_id: str) -> bytes:
    """Of the private half of a signing key."""
    return seal_context("identity", "signing-key", key_id)


def second_factor_context(user_id: str) -> bytes:
    """Of the secret that an authenticator app shares with us."""
    return seal_context("identity", "second-factor", user_id)


def request_signing_context(key_id: str, key_hash: str) -> bytes:
    """Of what a key signs requests with: it is bound to its own hash, so that a former secret opens as nothing else."""
    return seal_context("identity", "request-signing", key_id, key_hash)


def refresh_token_context(session_id: str, generation: int) -> bytes:
    """Of the successor of a refresh token."""
    return seal_context("identity", "refresh-token", session_id, str(generation))


def client_secret_context(organization_id: str, connection_id: str) -> bytes:
    """Of the secret that a directory knows us by."""
    return seal_context("identity", "sso-connection", organization_id, connection_id)
