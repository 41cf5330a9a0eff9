"""Keys in every state that a key can be in. Those that work are kept for this run's requests, and then forgotten."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from headworks.entrypoints.cli.nouns import KEYS, PROJECTS, SERVICE_ACCOUNTS
from headworks.entrypoints.samples.plan import FAST
from headworks.kernel.clock import now

if TYPE_CHECKING:
    from headworks.client.shapes import NewKeyBody
    from headworks.entrypoints.cli.client import Client
    from headworks.entrypoints.samples.plan import Company


def make_keys(client: Client, company: Company) -> list[str]:
    """Make what is not there; those that may ask models and were made now."""
    there = {one["name"] for one in KEYS.all(client)}
    projects = {one["name"]: one["id"] for one in PROJECTS.all(client)}
    accounts = {one["name"]: one["id"] for one in SERVICE_ACCOUNTS.all(client)}
    usable: list[str] = []
    for wish in _wishes(company, projects, accounts):
        if wish["name"] not in there:
            made = client.api.create_key(wish)
            if wish["name"] in company.projects and made["key"] is not None:
                usable.append(made["key"])
    if "Left in a repository" not in there:
        made = client.api.create_key({"name": "Left in a repository", "owner": "project"})
        client.api.revoke_key(made["id"])
    if "Rotated yesterday" not in there:
        made = client.api.create_key({"name": "Rotated yesterday", "owner": "project"})
        client.api.rotate_key(made["id"], {"overlap_seconds": 86_400})
    return usable


def _wishes(company: Company, projects: dict[str, str], accounts: dict[str, str]) -> list[NewKeyBody]:
    at = now()
    of_a_program = company.accounts[0].name
    imported = hashlib.sha256(f"another gateway's key of {company.name}".encode()).hexdigest()
    wishes: list[NewKeyBody] = [
        {"name": name, "project_id": projects[name], "owner": "project"} for name in company.projects
    ]
    wishes += [
        {
            "name": "Partner",
            "owner": "project",
            "allowed_models": [FAST],
            "allowed_endpoints": ["chat/completions"],
            "allowed_addresses": ["10.0.0.0/8", "192.168.0.0/16"],
            "expires_at": (at + timedelta(days=90)).isoformat(),
        },
        # Its time is over before anybody looks.
        {"name": "Trial week", "owner": "project", "expires_at": (at + timedelta(seconds=5)).isoformat()},
        {"name": "From the old gateway", "owner": "project", "sha256": imported},
        {"name": "Reports", "service_account_id": accounts[of_a_program], "scopes": ["management:read"]},
    ]
    return wishes
