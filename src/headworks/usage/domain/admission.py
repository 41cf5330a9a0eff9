"""Which tags roll-ups tell apart: of each organisation and month only so many. The rest is summed as `(other)`; records keep theirs.

Without that a label which is new with every request makes the sums as many as the records.

All that is remembered are the sets of tags that sums were made of, and how many values a name may have in that month. From these
follows what every other set is summed as, and it never changes: what has a place keeps it, and what found none finds none later.
So sums that are made anew, whenever, are those that were added up.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from headworks.dataplane.events import LONGEST_TAGS
from headworks.kernel.moments import second_of, time_of
from headworks.usage.domain.rollups import SECONDS, Slot, join, tags_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headworks.usage.domain.rollups import Sums

OTHER: Final = "(other)"
"""A value that is not told apart, and the name of tags whose names are not. A real one joins it."""
NOTHING_TOLD: Final = json.dumps({OTHER: OTHER}, separators=(",", ":"))
"""The tags of what has some, none of which is told apart."""

# With other numbers here sums of months that have begun would not be made anew as they were added up.
MOST_NAMES: Final = 100
SETS_A_VALUE: Final = 10
"""How many sets of tags there may be, for each value that a name may have: those of several names would multiply."""
_DAY_S: Final = SECONDS["day"]
_NONE: Final[frozenset[str]] = frozenset()
_GROWTH: Final = len(OTHER), len(NOTHING_TOLD)
"""By how many characters each tag, and all of them together, get longer at most."""


class Month(NamedTuple):
    """One organisation's, in UTC."""

    organization_id: str
    start_s: int
    """Its first second, since 1970."""

    @classmethod
    def of(cls, organization_id: str, at_s: int) -> Month:
        """In which that second is."""
        return cls(organization_id, second_of(time_of(at_s).replace(day=1, hour=0, minute=0, second=0)))


class TagSets:
    """What is told apart in one organisation's month. It only grows."""

    def __init__(self, tag_values: int, sets: Iterable[str] = ()) -> None:
        """`sets` are those that have a place already, whether they would find one or not."""
        self.tag_values = tag_values
        self.sets: set[str] = set()
        self._values: dict[str, set[str]] = {}
        for tags in sets:
            self._take(tags)

    def copied(self) -> TagSets:
        """For a transaction."""
        copied = TagSets(self.tag_values)
        copied.sets = set(self.sets)
        copied._values = {name: set(values) for name, values in self._values.items()}
        return copied

    def summed_as(self, tags: str) -> str | None:
        """The tags of the sum that a record with these belongs to. None while that is open: there is room for them."""
        if tags in self.sets:
            return tags
        told, bare = self._steps(tags)
        if told in self.sets or told == NOTHING_TOLD:
            return told
        if not self._is_full():
            return None
        return bare if bare in self.sets else NOTHING_TOLD

    def admit(self, wanted: Iterable[str]) -> list[str]:
        """Give those that are open a place, as far as there is room. The sets that are new with that."""
        new = []
        for tags in wanted:
            if self.summed_as(tags) is None:
                told, bare = self._steps(tags)
                # What is summed without its values once there is no more room must have a place of its own before.
                for one in (bare, told):
                    if one != NOTHING_TOLD and one not in self.sets and not self._is_full():
                        self._take(one)
                        new.append(one)
        return new

    def instead(self, wanted: Iterable[str]) -> dict[str, str] | None:
        """What each is summed as, of those that are summed as something else. None while any is open."""
        found = {}
        for tags in wanted:
            if tags not in self.sets:
                summed = self.summed_as(tags)
                if summed is None:
                    return None
                if summed != tags:
                    found[tags] = summed
        return found

    def full(self) -> set[str]:
        """What has no room for more, in words."""
        found = {f"values of {name}" for name, values in self._values.items() if len(values) >= self.tag_values}
        if len(self._values) >= MOST_NAMES:
            found.add("names")
        if self._is_full():
            found.add("combinations")
        return found

    def _is_full(self) -> bool:
        return len(self.sets) >= SETS_A_VALUE * self.tag_values

    def _take(self, tags: str) -> None:
        self.sets.add(tags)
        for name, value in tags_of(tags).items():
            if name != OTHER:
                values = self._values.setdefault(name, set())
                if value != OTHER:
                    values.add(value)

    def _steps(self, tags: str) -> tuple[str, str]:
        """With what has a place or finds one, by name and by value; and with those names alone."""
        whole = tags_of(tags)
        told = self._told(whole)
        if told == whole:
            told_text = tags
        elif len(tags) + len(whole) * _GROWTH[0] + _GROWTH[1] > LONGEST_TAGS:
            # It might not fit, now or once more of it is not told apart.
            return NOTHING_TOLD, NOTHING_TOLD
        else:
            told_text = _written(told)
        bare = _written(dict.fromkeys(told, OTHER))
        return told_text, bare if len(bare) <= LONGEST_TAGS else NOTHING_TOLD

    def _told(self, whole: Mapping[str, str]) -> dict[str, str]:
        told: dict[str, str] = {}
        room = max(0, MOST_NAMES - len(self._values))
        for name, value in whole.items():
            known = self._values.get(name, _NONE)
            if name == OTHER or (name not in self._values and room == 0):
                told[OTHER] = OTHER
                continue
            if name not in self._values:
                room -= 1
            told[name] = value if value in known or len(known) < self.tag_values else OTHER
        return told


def by_month(minutes: Iterable[Slot]) -> dict[Month, set[str]]:
    """The tags that there are."""
    found: defaultdict[Month, set[str]] = defaultdict(set)
    by_day = {(group.organization_id, start_s // _DAY_S, group.tags) for group, start_s in minutes if group.tags}
    for organization_id, day, tags in by_day:
        found[Month.of(organization_id, day * _DAY_S)].add(tags)
    return found


def told_apart(minutes: Mapping[Slot, Sums], instead: Mapping[Month, Mapping[str, str]]) -> Mapping[Slot, Sums]:
    """The same sums, of groups with other tags where that is said."""
    if not any(instead.values()):
        return minutes
    told: dict[Slot, Sums] = {}
    for slot, sums in minutes.items():
        group, start_s = slot
        tags = instead[Month.of(group.organization_id, start_s)].get(group.tags) if group.tags else None
        join(told, slot if tags is None else Slot(group._replace(tags=tags), start_s), sums)
    return told


def _written(tags: Mapping[str, str]) -> str:
    """In one way, so that the same tags are one set."""
    return json.dumps(tags, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
