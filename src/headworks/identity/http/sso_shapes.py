"""Connections to directories as they are written and shown."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, StrictBool

from headworks.identity.contracts import Role
from headworks.kernel.secrets import Secret
from headworks.kernel.web import ResponseModel, StrictModel, Timestamp, Versioned


class GroupRoleBody(StrictModel):
    """What the members of a group of the directory are here."""

    group: str = Field(description="As the ID token names it.", examples=["engineering"])
    role: Role


class NewConnectionBody(StrictModel):
    """A connection to make, with one of `client_secret` and `client_secret_reference`."""

    name: str = Field(description="No other of the organisation may have the name.", examples=["Keycloak"])
    issuer: str = Field(
        description="As the directory writes it, character by character.",
        examples=["https://id.example.com/realms/main"],
    )
    client_id: str = Field(examples=["headworks"])
    client_secret: Secret | None = None
    client_secret_reference: str | None = Field(None, description="`env:NAME` or `file:/path`, for operators.")
    scopes: list[str] | None = Field(None, description="`openid email profile` when left out.")
    group_claim: str = Field("groups", description="Where the ID token lists somebody's groups.")
    group_roles: list[GroupRoleBody] = Field(
        [], description="The first that fits decides. Without any the directory has no say in roles."
    )
    default_role: Role | None = Field(None, description="Of who is in none of these groups; null keeps them out.")
    joins: StrictBool = Field(default=False, description="Whether people become members by themselves.")
    allowed_domains: list[str] = Field(description="Of email addresses; no others come in.", examples=[["example.com"]])
    enabled: StrictBool = True


class ConnectionChangeBody(StrictModel):
    """What to change; what is left out stays as it is."""

    name: str | None = None
    issuer: str | None = Field(
        None,
        description="Another directory: send the client secret with it. Who was known by the former one is not any more.",
    )
    client_id: str | None = None
    client_secret: Secret | None = None
    client_secret_reference: str | None = None
    scopes: list[str] | None = None
    group_claim: str | None = None
    group_roles: list[GroupRoleBody] | None = None
    default_role: Role | None = Field(None, description="Null takes it away.")
    joins: StrictBool | None = None
    allowed_domains: list[str] | None = None
    enabled: StrictBool | None = Field(None, description="While it is false nobody signs in by it.")


class ClientSecretOut(ResponseModel):
    """How the client secret is kept: sealed in the database, or as a reference."""

    kind: Literal["sealed", "reference"]
    reference: str | None


class GroupRoleOut(ResponseModel):
    """What the members of a group are here."""

    group: str
    role: Role


class ConnectionOut(Versioned):
    """How people sign in by their directory."""

    organization_id: str
    name: str
    issuer: str
    client_id: str
    client_secret: ClientSecretOut
    scopes: list[str]
    group_claim: str
    group_roles: list[GroupRoleOut]
    default_role: Role | None
    joins: bool
    allowed_domains: list[str]
    enabled: bool
    redirect_uri: str | None
    """To be registered at the directory; null while the server does not know how browsers reach it."""
    start_path: str
    """Where signing in begins, on this server."""
    created_at: Timestamp
    created_by: str
