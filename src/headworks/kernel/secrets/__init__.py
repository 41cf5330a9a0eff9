"""Secrets: a type that cannot be printed, its encryption at rest, and references to secrets kept elsewhere."""

from headworks.kernel.secrets.keyring import Keyring, open_keyring
from headworks.kernel.secrets.reference import (
    CredentialUnresolved,
    ReferenceNotAllowed,
    parse_reference,
    resolve_reference,
)
from headworks.kernel.secrets.sealer import Sealer, SealError, key_id_of, seal_context
from headworks.kernel.secrets.secret import Secret

__all__ = [
    "CredentialUnresolved",
    "Keyring",
    "ReferenceNotAllowed",
    "SealError",
    "Sealer",
    "Secret",
    "key_id_of",
    "open_keyring",
    "parse_reference",
    "resolve_reference",
    "seal_context",
]
