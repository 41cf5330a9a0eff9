"""A key's later life: other bounds, a new secret, and its end."""

from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.keys.holding import AllowedAddresses, AllowedEndpoints, AllowedModels, ExpiresIn
from headworks.entrypoints.cli.keys.listing import Which
from headworks.entrypoints.cli.keys.periods import expiry, seconds_of
from headworks.entrypoints.cli.nouns import KEYS, find, seen
from headworks.entrypoints.cli.output import minute, note, say, say_json, tell
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson, connect
from headworks.kernel.clock import now

if TYPE_CHECKING:
    from headworks.client.shapes import KeyChangeBody


def change_key(
    context: typer.Context,
    key: Which,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What it is to be called.")] = None,
    expires_in: ExpiresIn = None,
    model: AllowedModels = None,
    endpoint: AllowedEndpoints = None,
    address: AllowedAddresses = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Rename a key, move its end, or hold it to something else, everywhere within a second. What is left out stays."""
    wish: KeyChangeBody = {}
    if name is not None:
        wish["name"] = name
    if expires_in is not None:
        wish["expires_at"] = expiry(expires_in, now()).isoformat()
    if model:
        wish["allowed_models"] = model
    if endpoint:
        wish["allowed_endpoints"] = endpoint
    if address:
        wish["allowed_addresses"] = address
    if not wish:
        raise BadUsage("there is nothing to change.", "Give --name, --expires-in, --model, --endpoint or --address.")
    with connect(context) as client:
        found = find(client, KEYS, key)
        changed = client.api.change_key(found["id"], wish, if_match=seen(found))
    tell(changed, f"Changed the key {text(changed, 'name')!r} ({changed['id']}).", as_json=as_json)


def rotate_key(
    context: typer.Context,
    key: Which,
    overlap: Annotated[
        str, typer.Option(metavar="PERIOD", help="How long the former secret goes on working: 30m, 12h, 7d; 0 for not.")
    ] = "24h",
    *,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret and print it, this once. The former one goes on working for a while."""
    seconds = 0 if overlap == "0" else seconds_of(overlap, "--overlap")
    with connect(context) as client:
        found = find(client, KEYS, key)
        rotated = client.api.rotate_key(found["id"], {"overlap_seconds": seconds}, if_match=seen(found))
    if as_json:
        say_json(rotated)
        return
    say(text(rotated, "key"))
    until = minute(rotated, "previous_until", "")
    former = f"The former secret works until {until} UTC." if until else "The former secret works no more."
    note(
        f"The key {text(rotated, 'name')!r} ({found['id']}) has a new secret. {former} "
        "Keep it now: it cannot be shown again."
    )


def revoke_key(context: typer.Context, key: Which, *, as_json: AsJson = False) -> None:
    """Make a key useless for good, everywhere within a second."""
    with connect(context) as client:
        found = find(client, KEYS, key)
        # Whatever was changed about it in the meantime: it is to end.
        client.api.revoke_key(found["id"])
    tell({"revoked": found["id"]}, f"Revoked the key {found['id']}.", as_json=as_json)
