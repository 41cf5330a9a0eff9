"""The chain: no two entries share an encoding, and whatever is done to it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.kernel.audit import Change
from headworks.kernel.origin import HEADWORKS, Origin, acting, arriving, origin
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Secret
from headworks.kernel.trail import (
    END_CHANGED,
    Checker,
    Entry,
    Fault,
    Head,
    TrailKey,
    encoded,
    entries,
    genesis,
    hash_of,
)

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEY = "hw_sk_0123456789abcdefghijABCDEFGHIJ01abcdef"


def change(number: int = 1, **after: object) -> Change:
    return Change("thing.changed", "thing", f"thing_{number}", {"name": "a"}, {"name": "b", **after})


def chain(count: int, context: str = "identity") -> list[Entry]:
    return entries(genesis(context), [change(number) for number in range(count)], HEADWORKS, "org_1", NOON)


def fault_of(kept: list[Entry], head: Head | None, anchors: dict[int, str] | None = None) -> Fault | None:
    checker = Checker("identity", anchors)
    for entry in kept:
        if found := checker.take(entry):
            return found
    return checker.end(head)


def head_of(kept: list[Entry]) -> Head:
    return Head(kept[-1].sequence, kept[-1].hash)


values = st.none() | st.text(max_size=8) | st.sampled_from(["", "n", "s", "\0", "é", "e\u0301", "\ud800", "1"])
drafts = st.builds(
    Entry,
    sequence=st.integers(1, 300),
    id=st.text(max_size=3),
    at=st.datetimes(timezones=st.just(UTC)),
    actor_kind=st.text(max_size=3),
    actor_id=st.text(max_size=3),
    organization_id=st.text(max_size=3),
    action=st.text(max_size=3),
    resource_type=st.text(max_size=3),
    resource_id=st.text(max_size=3),
    before=values,
    after=values,
    source=values,
    request_id=values,
    previous_hash=st.text(max_size=3),
    hash=st.just(""),
)


@given(drafts, drafts)
def test_no_two_entries_share_an_encoding(one: Entry, other: Entry) -> None:
    assert (encoded(one) == encoded(other)) == (one == other)


@given(drafts, st.sampled_from(["before", "after", "source", "request_id", "resource_id", "actor_id"]), values)
def test_a_change_of_one_field_changes_the_hash(entry: Entry, field: str, value: str | None) -> None:
    changed = replace(entry, **{field: value})  # type: ignore[arg-type]
    assert (hash_of(changed) == hash_of(entry)) == (changed == entry)


@given(st.lists(st.text(max_size=4), min_size=2, max_size=6), st.integers(0, 5))
def test_text_does_not_move_between_fields(parts: list[str], cut: int) -> None:
    """What plain joining would make equal: the same characters, split elsewhere."""
    text = "".join(parts)
    base = chain(1)[0]
    one = replace(base, action=text[:cut], resource_type=text[cut:])
    other = replace(base, action="", resource_type=text)
    assert (encoded(one) == encoded(other)) == (one == other)


def test_a_chain_holds() -> None:
    kept = chain(5)
    assert [entry.sequence for entry in kept] == [1, 2, 3, 4, 5]
    assert len({entry.id for entry in kept}) == 5
    assert sorted(entry.id for entry in kept) == [entry.id for entry in kept]
    assert fault_of(kept, head_of(kept)) is None
    more = entries(head_of(kept), [change()], HEADWORKS, "org_1", NOON)
    assert fault_of(kept + more, head_of(more)) is None


def test_nothing_written_is_whole() -> None:
    assert fault_of([], None) is None


@pytest.mark.parametrize(
    ("tamper", "problem", "sequence"),
    [
        (lambda kept: [*kept[:2], replace(kept[2], actor_id="somebody"), *kept[3:]], "changed", 3),
        (lambda kept: [*kept[:2], replace(kept[2], after=None), *kept[3:]], "changed", 3),
        (lambda kept: [*kept[:2], replace(kept[2], at=NOON.replace(hour=13)), *kept[3:]], "changed", 3),
        (lambda kept: kept[:2] + kept[3:], "missing", 3),
        (lambda kept: kept[1:], "missing", 1),
        (lambda kept: [kept[0], kept[2], kept[1], *kept[3:]], "missing", 2),
        (lambda kept: [kept[0], *renumbered(kept[2], kept[1]), *kept[3:]], "changed", 2),
        (lambda kept: kept[:4], "cut", 5),
        (lambda _kept: [], "cut", 1),
        (lambda kept: [*kept[:2], resealed(replace(kept[2], action="thing.read")), *kept[3:]], "unlinked", 4),
        (lambda kept: kept + entries(head_of(kept), [change()], HEADWORKS, "org_1", NOON), "beyond_head", 6),
    ],
)
def test_whatever_is_done_to_it_shows(
    tamper: Callable[[list[Entry]], list[Entry]], problem: str, sequence: int
) -> None:
    kept = chain(5)
    fault = fault_of(tamper(kept), head_of(kept))
    assert fault is not None
    assert (fault.problem, fault.sequence) == (problem, sequence)


def renumbered(one: Entry, other: Entry) -> list[Entry]:
    """Two entries in each other's place, with the numbers of their new places."""
    return [replace(one, sequence=other.sequence), replace(other, sequence=one.sequence)]


def resealed(entry: Entry) -> Entry:
    return replace(entry, hash=hash_of(entry))


def test_a_removed_head_shows() -> None:
    kept = chain(3)
    assert fault_of(kept, None) == Fault(1, None, "beyond_head")
    assert fault_of(kept, Head(3, "0" * 64)) == Fault(3, None, "head_changed")


def test_another_contexts_chain_is_not_taken_for_this_ones() -> None:
    other = chain(3, "catalog")
    fault = fault_of(other, head_of(other))
    assert fault is not None
    assert (fault.problem, fault.sequence) == ("unlinked", 1)


def test_only_an_anchor_shows_that_all_was_written_anew() -> None:
    kept, anew = chain(4), chain(4)
    anchor = {3: kept[2].hash}
    assert fault_of(kept, head_of(kept), anchor) is None
    assert fault_of(anew, head_of(anew)) is None
    assert fault_of(anew, head_of(anew), anchor) == Fault(3, anew[2].id, "not_the_anchor")
    assert fault_of(anew[:2], head_of(anew[:2]), anchor) == Fault(3, None, "cut")


def test_a_secret_does_not_get_in() -> None:
    with pytest.raises(TypeError):
        entries(genesis("identity"), [change(key=Secret("canary"))], HEADWORKS, None, NOON)
    masked = entries(genesis("identity"), [change(note=f"mine is {KEY}")], HEADWORKS, None, NOON)[0]
    assert KEY not in str(masked)
    assert json.loads(str(masked.after))["note"] == "mine is hw_sk_***"


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, NOON, object()])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        entries(genesis("identity"), [change(value=value)], HEADWORKS, None, NOON)


def test_whose_an_entry_is() -> None:
    caller = Origin("key", "key_1", "org_actor", "192.0.2.1", "req_1")
    named = Change("key.created", "key", "key_2", None, {"organization_id": "org_2"})
    gone = Change("key.removed", "key", "key_2", {"organization_id": "org_2"}, None)
    tenant = Change("organization.created", "organization", "org_3", None, {"name": "x"})
    written = entries(genesis("x"), [named, gone, tenant, change()], caller, None, NOON)
    assert [entry.organization_id for entry in written] == ["org_2", "org_2", "org_3", "org_actor"]
    assert {entry.actor_id for entry in written} == {"key_1"}
    forced = entries(genesis("x"), [named], caller, "", NOON)
    assert forced[0].organization_id == ""


def test_who_acts_is_forgotten_with_the_request() -> None:
    assert origin() == HEADWORKS
    with arriving("req_1", "192.0.2.1"):
        assert origin().actor_kind == "anonymous"
        acting(Principal("key_1", "key", "org_1", "prj_1", MANAGEMENT))
        assert origin() == Origin("key", "key_1", "org_1", "192.0.2.1", "req_1")
    assert origin() == HEADWORKS


SIGNER = TrailKey("kek_1", b"k" * 32)
SIGNED = entries(genesis("identity"), [change(number) for number in range(12)], HEADWORKS, "org_1", NOON, SIGNER)
SIGNED_HEAD = head_of(SIGNED).signed(SIGNER)


def fault_of_signed(kept: list[Entry], head: Head | None = SIGNED_HEAD) -> Fault | None:
    checker = Checker("identity", keys={SIGNER.id: SIGNER})
    return next((found for entry in kept if (found := checker.take(entry))), None) or checker.end(head)


def test_a_signed_chain_holds() -> None:
    assert fault_of_signed(SIGNED) is None
    assert b"k" * 32 not in repr(SIGNER).encode()


drafted = st.sampled_from([None, SIGNER.id, "kek_9"])


@settings(max_examples=500)
@given(st.data())
def test_who_has_no_key_seals_nothing(data: st.DataObject) -> None:
    """Edits, insertions and cut ends, with hashes, links and an end that fit: found where they begin, and not later."""
    place = data.draw(st.integers(0, len(SIGNED) - 1))
    own = data.draw(st.sampled_from([None, TrailKey(SIGNER.id, b"x" * 32), TrailKey("kek_9", b"x" * 32)]))
    kept = SIGNED[:place]
    behind = head_of(kept) if kept else genesis("identity")
    count = data.draw(st.integers(0, 3))
    kept = kept + entries(behind, [change(number) for number in range(count)], HEADWORKS, "org_1", NOON, own)
    end = head_of(kept).signed(own) if kept else None
    fault = fault_of_signed(kept, end)
    if own is None and place == 0:
        # As if there had never been a key: an anchor shows it, and how many entries have none.
        assert fault is None
        return
    if place == 0 and count == 0:
        assert fault is None
        return
    assert fault is not None
    assert fault.sequence == (place + 1 if count else place)


@given(drafts, drafted, drafted)
def test_an_encoding_says_its_key(entry: Entry, one: str | None, other: str | None) -> None:
    assert (encoded(replace(entry, key_id=one)) == encoded(replace(entry, key_id=other))) == (one == other)


def test_an_entry_for_a_changed_end_is_a_fault_for_good() -> None:
    told = Change(END_CHANGED, "audit_trail", "identity", None, None)
    kept = SIGNED + entries(head_of(SIGNED), [told, change()], HEADWORKS, "", NOON, SIGNER)
    fault = fault_of_signed(kept, head_of(kept).signed(SIGNER))
    assert fault is not None
    assert (fault.problem, fault.sequence) == ("end_was_changed", len(SIGNED) + 1)


CHAIN = chain(12)
FIELDS = [
    "id",
    "actor_kind",
    "actor_id",
    "organization_id",
    "action",
    "resource_type",
    "resource_id",
    "before",
    "after",
]
FIELDS += ["source", "request_id", "previous_hash", "hash"]


@settings(max_examples=1_000)
@given(st.data())
def test_every_mutation_is_found_where_it_is(data: st.DataObject) -> None:
    """Edits, removals, insertions, swaps and cut ends, each with and without a hash that fits."""
    place = data.draw(st.integers(0, len(CHAIN) - 1))
    kept, first = list(CHAIN), place + 1
    match data.draw(st.sampled_from(["edit", "edit and seal", "remove", "insert", "swap", "cut"])):
        case "edit":
            field = data.draw(st.sampled_from(FIELDS))
            kept[place] = replace(kept[place], **{field: data.draw(st.text(min_size=1, max_size=4))})  # type: ignore[arg-type]
        case "edit and seal":
            kept[place] = resealed(replace(kept[place], actor_id=data.draw(st.text(min_size=1, max_size=4)) + "x"))
            # Found by the next entry, which follows another one; or by the head, where there is none.
            first = min(place + 2, len(CHAIN))
        case "remove":
            del kept[place]
        case "insert":
            forged = entries(Head(place, kept[place].previous_hash), [change()], HEADWORKS, "org_1", NOON)
            kept[place:place] = forged
            first = place + 2
        case "swap":
            other = data.draw(st.integers(0, len(CHAIN) - 1).filter(lambda one: one != place))
            kept[place], kept[other] = renumbered(kept[other], kept[place])[0], renumbered(kept[other], kept[place])[1]
            first = min(place, other) + 1
        case "cut":
            del kept[place:]
    fault = fault_of(kept, head_of(CHAIN))
    assert fault is not None
    assert fault.sequence == first
