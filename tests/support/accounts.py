"""The comparison behind every proof of accounting: what the upstream served against what was recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tests.support.rig import total_tokens

if TYPE_CHECKING:
    from tests.support.mock import Served

Record = Mapping[str, Any]

SETTLED_AT_START = "interrupted"
"""The outcome of a record whose request was under way when the process was killed."""
COARSENESS = 3
"""How far an estimate by four bytes a token may lie above the mock's words, which are tokens of up to twelve bytes."""


def discrepancies(served: Sequence[Served], records: Iterable[Record]) -> list[str]:
    """What is lost, double or wrong; empty when the accounts agree.

    Every request that the upstream served has a record, and no request has two. A record that reports
    the provider's own usage equals it; an estimate says that it is one and by what, and does not exceed what was produced by more than
    estimates are coarse (I3). A record without a served request is one of a process that died before it called.
    """
    found = list(_doubles(records := list(records)))
    by_id = {record["event_id"]: record for record in records}
    attempts: dict[str, list[Served]] = {}
    for attempt in served:
        attempts.setdefault(attempt.request_id or "", []).append(attempt)
    found += [f"lost: {request_id}: {attempts[request_id]}" for request_id in attempts.keys() - by_id.keys()]
    for request_id, record in by_id.items():
        found += _wrong(record, attempts.get(request_id, []))
    return found


def _doubles(records: Iterable[Record]) -> Iterable[str]:
    counts = Counter(record["event_id"] for record in records)
    return (f"double: {event_id} has {count} records" for event_id, count in counts.items() if count > 1)


def _wrong(record: Record, attempts: Sequence[Served]) -> Iterable[str]:
    if not attempts:
        if record["outcome"] not in {SETTLED_AT_START, "cancelled"}:
            yield f"recorded but never served: {dict(record)}"
        return
    last = attempts[-1]
    whole = last.input_tokens + last.output_tokens
    if record["usage_source"] == "provider" and total_tokens(record) != whole:
        yield f"wrong: {total_tokens(record)} tokens recorded, {whole} served: {dict(record)}"
    if record["outcome"] == "success" and last.outcome != "complete":
        yield f"called a success, but the upstream says {last.outcome}: {dict(record)}"
    if record["outcome"] == SETTLED_AT_START and record["usage_source"] != "estimated":
        yield f"settled after a kill, but not marked as an estimate: {dict(record)}"
    if record["usage_source"] == "estimated" and "counted:" not in record["usage_flags"]:
        yield f"estimated, and does not say by what: {dict(record)}"
    if record["usage_source"] == "estimated" and record["output_tokens"] > COARSENESS * last.produced:
        yield f"estimated at {record['output_tokens']} output tokens, {last.produced} were produced: {dict(record)}"
