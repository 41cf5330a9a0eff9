"""What people name on the command line, and how it is found: by its id, or by what only one of them is called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from headworks.client import Api
from headworks.entrypoints.cli.failures import Refused
from headworks.entrypoints.cli.records import Record, number, text
from headworks.kernel.versions import tag_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from headworks.client import shapes
    from headworks.client.shapes import Page
    from headworks.entrypoints.cli.client import Client

T = TypeVar("T", bound=Record)


def _name(one: Record) -> tuple[str, ...]:
    return (text(one, "name"),)


def _email(one: Record) -> tuple[str, ...]:
    return (text(one, "email"),)


@dataclass(frozen=True, slots=True)
class Noun(Generic[T]):
    """Things of one kind."""

    word: str
    prefix: str
    """Of their ids."""
    listing: Callable[..., Page[T]]
    """The method of `Api`; the next one too."""
    showing: Callable[[Api, str], T] | None = None
    called: Callable[[Record], tuple[str, ...]] = _name
    """What people may call one, besides its id; the first is what completion offers."""

    def all(self, client: Client, **query: object) -> list[T]:
        """Every one of them. Raises Refused, Unreachable."""
        return client.all_of(partial(self.listing, client.api), **query)

    def is_id(self, wanted: str) -> bool:
        """Whether it looks like an id of theirs."""
        return re.fullmatch(rf"{self.prefix}_[0-9a-z]{{26}}", wanted, re.ASCII) is not None


ORGANIZATIONS = Noun("organisation", "org", Api.list_organizations, Api.show_organization)
PROJECTS = Noun("project", "prj", Api.list_projects, Api.show_project)
USERS = Noun("user", "usr", Api.list_users, Api.show_user, _email)
MEMBERS = Noun(
    "member", "mbr", Api.list_members, Api.show_member, lambda one: (text(one, "email"), text(one, "user_id"))
)
INVITATIONS = Noun("invitation", "inv", Api.list_invitations, Api.show_invitation, _email)
SERVICE_ACCOUNTS = Noun("service account", "sva", Api.list_service_accounts, Api.show_service_account)
KEYS = Noun("key", "key", Api.list_keys, Api.show_key)
PROVIDERS = Noun("provider", "prv", Api.list_providers, Api.show_provider)
DEPLOYMENTS = Noun(
    "deployment",
    "dep",
    Api.list_deployments,
    Api.show_deployment,
    lambda one: (f"{text(one, 'provider')}/{text(one, 'upstream_model')}",),
)
MODELS = Noun("model", "mdl", Api.list_models, Api.show_model, lambda one: (text(one, "alias"),))
LIMITS = Noun("limit", "lim", Api.list_limits, Api.show_limit, lambda _one: ())
BUDGETS = Noun("budget", "bud", Api.list_budgets, Api.show_budget)
MARK_UPS: Noun[shapes.MarkUpOut] = Noun("mark-up", "mup", Api.list_mark_ups, None, lambda _one: ())
PRICES = Noun(
    "price",
    "prc",
    Api.list_prices,
    Api.show_price,
    lambda one: (f"{text(one, 'provider')}/{text(one, 'upstream_model')}",),
)
SSO_CONNECTIONS = Noun("connection", "sso", Api.list_sso_connections, Api.show_sso_connection)
DIRECTORY_TOKENS = Noun("directory token", "dtk", Api.list_directory_tokens, Api.show_directory_token)
DIRECTORY_GROUPS = Noun("group", "dgr", Api.list_directory_groups, Api.show_directory_group)
SESSIONS: Noun[shapes.SessionOut] = Noun("session", "ses", Api.list_sessions, None, lambda _one: ())


def find(
    client: Client, noun: Noun[T], wanted: str, among: Callable[[T], bool] = lambda _one: True, **query: object
) -> T:
    """The one with that id, or the only one that is called so, whatever its case. `query` says where the listing looks.

    `among` says which of those that are called so can be meant.

    Raises Refused when there is none, or more than one.
    """
    if wanted.startswith("hw_"):
        # Not repeated: what is said ends in logs.
        raise Refused("that is a key itself, and it is in your shell's history now.", "Revoke it by its id or name.")
    if noun.showing is not None and noun.is_id(wanted):
        return noun.showing(client.api, wanted)
    everything = noun.all(client, **query)
    for one in everything:
        if text(one, "id") == wanted:
            return one
    named = [one for one in everything if wanted.casefold() in map(str.casefold, noun.called(one)) and among(one)]
    # Names may repeat over time: what was revoked does not stand in the way of its successor.
    alive = [one for one in named if text(one, "state") != "revoked"] or named
    if not alive:
        raise Refused(f"there is no {noun.word} {wanted!r}.", "The listing shows what there is: `… list`.")
    if len(alive) > 1:
        ids = ", ".join(text(one, "id") for one in alive)
        raise Refused(f"{len(alive)} {noun.word}s are called {wanted!r}.", f"Name one by its id: {ids}.")
    return alive[0]


def seen(one: Record) -> str | None:
    """What `If-Match` says of a thing as it was read, so that nobody's change is overwritten unseen."""
    return tag_of(text(one, "id"), number(one, "version")) if "version" in one else None
