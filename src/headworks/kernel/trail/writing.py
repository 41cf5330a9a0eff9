"""From changes to entries: what a transaction did, by whom, and chained to what came before."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.kernel.ids import new_id
from headworks.kernel.secrets.masking import mask_keys
from headworks.kernel.trail.entry import Entry, Head, hash_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from headworks.kernel.audit import Change
    from headworks.kernel.origin import Origin
    from headworks.kernel.trail.signing import TrailKey


def entries(
    head: Head,
    changes: Sequence[Change],
    origin: Origin,
    organization_id: str | None,
    at: datetime,
    key: TrailKey | None = None,
) -> list[Entry]:
    """The entries of one transaction, which all bear its time, signed with `key`.

    `organization_id` is whose things were changed; None takes what each change says, or else the actor's own.
    Raises TypeError for a value that is no JSON, as a Secret is.
    """
    written: list[Entry] = []
    # In order: a list that is sorted by time and id shows what one transaction did as it did it.
    for change, entry_id in zip(changes, sorted(new_id("aud") for _ in changes), strict=True):
        draft = Entry(
            sequence=head.sequence + 1,
            id=entry_id,
            at=at,
            actor_kind=origin.actor_kind,
            actor_id=origin.actor_id,
            organization_id=_owner(change, origin) if organization_id is None else organization_id,
            action=change.action,
            resource_type=change.resource_type,
            resource_id=change.resource_id,
            before=_text(change.before),
            after=_text(change.after),
            source=origin.source,
            request_id=origin.request_id,
            previous_hash=head.hash,
            hash="",
            key_id=None if key is None else key.id,
        )
        entry = replace(draft, hash=hash_of(draft, key))
        written.append(entry)
        head = Head(entry.sequence, entry.hash)
    return written


def _owner(change: Change, origin: Origin) -> str:
    if change.resource_type == "organization":
        return change.resource_id
    for view in (change.after, change.before):
        owner = view.get("organization_id") if view is not None else None
        if isinstance(owner, str):
            return owner
    return origin.organization_id


def _text(view: Mapping[str, object] | None) -> str | None:
    """JSON in ASCII. Whatever looks like one of our keys is masked: a name may be a key that somebody pasted."""
    if view is None:
        return None
    return mask_keys(json.dumps(dict(view), sort_keys=True, separators=(",", ":"), allow_nan=False))
