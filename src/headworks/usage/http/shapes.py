"""What the routes of usage share: how figures look, and how a report is asked for."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PlainValidator, TypeAdapter, ValidationError, WithJsonSchema

from headworks.dataplane.events import Outcome
from headworks.kernel.errors import Invalid
from headworks.kernel.moments import moment, second_of
from headworks.kernel.money import Nanodollars, format_usd
from headworks.kernel.pagination import PageRequest
from headworks.kernel.principal import Principal
from headworks.kernel.sorting import parse_sort
from headworks.kernel.web import Day, ResponseModel, StrictModel, Timestamp
from headworks.usage.contracts import Figures, ReportRow
from headworks.usage.domain.dimensions import MOST_TAGS, NAMED, TAG, TEXTS, TIMES, in_order
from headworks.usage.domain.figures import FIGURES
from headworks.usage.domain.rollups import LONGEST_TAG_NAME, SECONDS
from headworks.usage.domain.spans import Span, check_kept, span, zone_of
from headworks.usage.ports import ReportFilter
from headworks.usage.settings import UsageSettings

LONGEST: Final = 128
LONGEST_TEXT: Final = 256
_LONGEST_TAG: Final = 1_100
_DAY_LENGTH: Final = len("2026-01-31")
_LARGEST_STATUS: Final = 2**31 - 1
_NOBODYS: Final = "-"
"""No organisation has this id."""
_SORTS: Final = dict.fromkeys(FIGURES, int)
_A_DAY: TypeAdapter[date] = TypeAdapter(Day)
_A_TIME: TypeAdapter[datetime] = TypeAdapter(Timestamp)


def _moment(value: object) -> date | datetime:
    """A day, or a time: never the one for the other."""
    try:
        if isinstance(value, str) and len(value) > _DAY_LENGTH:
            return _A_TIME.validate_python(value)
        return _A_DAY.validate_python(value)
    except ValidationError:
        message = "must be a day such as 2026-01-31, or a time with its zone such as 2026-01-31T09:30:00Z"
        raise ValueError(message) from None


When = Annotated[
    date | datetime,
    PlainValidator(_moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
]
"""A day, or a time."""


class FiguresOut(ResponseModel):
    """Sums over some requests."""

    requests: int
    input_tokens: int
    """All input: cached, written to a cache, audio and images too."""
    output_tokens: int
    """All output: reasoning and audio too."""
    estimated_requests: int
    """Whose tokens were estimated, because the provider did not say."""
    errors: int
    cost_nanodollars: int
    """Of the requests that have a price; a dollar is 1000000000."""
    cost_usd: str
    """The same, exactly, in dollars."""
    unpriced_requests: int
    """That used something for which there is no price; their cost is not known."""
    cache_read_tokens: int
    cache_write_tokens: int
    audio_tokens: int
    image_tokens: int
    reasoning_tokens: int
    images: int
    milliseconds: int
    """Of audio, where that is what is paid for."""
    partial_requests: int
    """Whose answer was cut short, and measured as far as it went."""
    charge_nanodollars: int
    """What the organisation pays: the cost with its mark-up."""
    charge_usd: str
    duration_us: int
    """From each request's beginning to the end of its answer, all together."""


class GroupOut(ResponseModel):
    """What figures are of; null where the report is not split by that."""

    key_id: str | None
    key_name: str | None
    model: str | None
    day: date | None
    organization_id: str | None
    organization_name: str | None
    project_id: str | None
    project_name: str | None
    user_id: str | None
    """Empty for keys that belong to no user."""
    user_name: str | None
    provider_id: str | None
    provider_name: str | None
    deployment_id: str | None
    upstream_model: str | None
    endpoint: str | None
    outcome: str | None
    status: int | None
    tags: dict[str, str | None] | None
    """Of those tags that the report is split by; null for what has no such tag."""
    start: Timestamp | None
    """The beginning of the minute or the hour."""


class UsageRow(FiguresOut, GroupOut):
    """Figures of one group."""

    previous: FiguresOut | None
    """Of the period before, where that was asked for."""
    charge_change_ppm: int | None
    """By how many millionths the charge is more than it was then, towards zero; null where it was nothing."""


class ScopeQuery(StrictModel):
    """What to look at."""

    organization_id: str | None = Field(
        None, max_length=LONGEST, description="Of this organisation, or `*` for all of them; for operators."
    )
    project_id: str | None = Field(None, max_length=LONGEST)
    key_id: str | None = Field(None, max_length=LONGEST, description="Only of this key.")
    user_id: str | None = Field(None, max_length=LONGEST, description="Only of this user's keys.")
    model: str | None = Field(None, max_length=LONGEST_TEXT)
    provider_id: str | None = Field(None, max_length=LONGEST)
    deployment_id: str | None = Field(None, max_length=LONGEST)
    upstream_model: str | None = Field(None, max_length=LONGEST_TEXT, description="As the provider calls it.")
    endpoint: str | None = Field(None, max_length=LONGEST_TEXT, description="Such as `chat/completions`.")
    outcome: Outcome | None = None
    status: int | None = Field(None, ge=0, le=_LARGEST_STATUS, description="That callers were answered with.")
    tag: list[Annotated[str, Field(max_length=_LONGEST_TAG)]] = Field(
        default_factory=list, max_length=MOST_TAGS, description="NAME:VALUE; only with this tag. May be given again."
    )
    time_zone: str = Field("UTC", max_length=64, description="Whose days are meant, such as Europe/Berlin.")

    def organization(self, caller: Principal) -> str | None:
        """What the caller may see of it; None for everything."""
        if self.organization_id in (None, caller.organization_id):
            return caller.organization_id
        if not caller.may("installation:operate"):
            # Somebody else's organisation is one that used nothing, as is one that does not exist.
            return _NOBODYS
        return None if self.organization_id == "*" else self.organization_id

    def equal(self) -> tuple[tuple[str, str | int], ...]:
        """What dimensions must be."""
        asked = {dimension: getattr(self, field) for dimension, field in TEXTS.items() if dimension != "organization"}
        return tuple((dimension, value) for dimension, value in asked.items() if value is not None)

    def tags(self) -> tuple[tuple[str, str], ...]:
        """By name. Raises Invalid."""
        pairs = []
        for tag in self.tag:
            name, colon, value = tag.partition(":")
            if not colon or not 0 < len(name) <= LONGEST_TAG_NAME or not tag.isprintable():
                raise Invalid.field(
                    "query.tag", "malformed", f"must be NAME:VALUE, a name of {LONGEST_TAG_NAME} at most"
                )
            pairs.append((name, value))
        return tuple(pairs)


class SplitQuery(ScopeQuery):
    """What to report, of when, split by what, in which order."""

    group_by: str = Field(
        "key,model,day",
        max_length=512,
        description=f"With commas between: {', '.join(f'`{name}`' for name in NAMED)}, and `tag:NAME`.",
    )
    begin: When | None = Field(
        None,
        alias="from",
        description="First day, thirty days when left out; or the time it begins, a whole minute.",
    )
    end: When | None = Field(
        None, alias="to", description="Last day, included; today when left out. Or the time before which it ends."
    )
    sort: str = Field(
        "",
        max_length=128,
        description="Figures to sort by, with commas between, such as `-charge_nanodollars` for the largest first; "
        "the newest first when left out.",
        json_schema_extra={"pattern": "^(-?[a-z_]+(,-?[a-z_]+)*)?$"},
    )
    compare: Literal["previous"] | None = Field(
        None, description="`previous`: beside each figure that of the period of the same length before."
    )

    def dimensions(self) -> tuple[str, ...]:
        """In their order. Raises Invalid."""
        wanted = [part.strip() for part in self.group_by.split(",") if part.strip()]
        for part in wanted:
            tag = part.removeprefix(TAG) if part.startswith(TAG) else None
            fits = part in NAMED if tag is None else 0 < len(tag) <= LONGEST_TAG_NAME and tag.isprintable()
            if not fits:
                known = f"{', '.join(NAMED)}, and tag:NAME"
                raise Invalid.field("query.group_by", "unknown", f"does not know {part!r}; there are {known}")
        if sum(part.startswith(TAG) for part in set(wanted)) > MOST_TAGS:
            raise Invalid.field("query.group_by", "too_many", f"takes {MOST_TAGS} tags at most")
        return in_order(wanted)

    def order(self, page: int, per_page: int) -> PageRequest:
        """A page. Raises Invalid."""
        return PageRequest(page, per_page, parse_sort(self.sort, _SORTS) if self.sort else ())

    def wanted(self, caller: Principal, settings: UsageSettings, at: datetime) -> tuple[ReportFilter, Span]:
        """Raises Invalid."""
        group_by = self.dimensions()
        compares = self.compare is not None
        if compares and any(name in TIMES for name in group_by):
            raise Invalid.field("query.compare", "split_by_time", "is not for reports that are split by time")
        found = span(self.begin, self.end, zone_of(self.time_zone), group_by, at)
        check_kept(found, settings, second_of(at), compares=compares)
        wanted = ReportFilter(
            organization_id=self.organization(caller),
            grain=found.grain,
            from_s=found.from_s,
            until_s=found.until_s,
            equal=self.equal(),
            tags=self.tags(),
            offsets=found.offsets,
            previous_from_s=found.previous_from_s if compares else None,
        )
        return wanted, found


def figures_out(figures: Figures) -> dict[str, Any]:
    """The fields of `FiguresOut`."""
    return {
        **{name: getattr(figures, name) for name in Figures.__slots__},
        "cost_usd": format_usd(Nanodollars(figures.cost_nanodollars)),
        "charge_usd": format_usd(Nanodollars(figures.charge_nanodollars)),
    }


def row_out(row: ReportRow, group_by: tuple[str, ...], names: dict[str, dict[str, str]]) -> UsageRow:
    """As answers show it."""
    group: dict[str, Any] = dict.fromkeys(GroupOut.model_fields)
    for dimension, value in zip(group_by, row.values, strict=True):
        if dimension in TEXTS:
            group[TEXTS[dimension]] = value
            if f"{dimension}_name" in group:
                group[f"{dimension}_name"] = names.get(dimension, {}).get(str(value))
        elif dimension.startswith(TAG):
            group["tags"] = {**(group["tags"] or {}), dimension.removeprefix(TAG): value}
        elif dimension == "day":
            group["day"] = date(1970, 1, 1) + timedelta(days=int(value or 0) // SECONDS["day"])
        else:
            # With both, the finer one: it says the other.
            group["start"] = group["start"] or moment(int(value or 0))
    previous = None if row.previous is None else FiguresOut(**figures_out(row.previous))
    change = None if row.previous is None else change_ppm(row.figures, row.previous)
    return UsageRow(**group, **figures_out(row.figures), previous=previous, charge_change_ppm=change)


def change_ppm(now: Figures, before: Figures) -> int | None:
    """Of the charge."""
    was = before.charge_nanodollars
    difference = (now.charge_nanodollars - was) * 1_000_000
    return None if was <= 0 else (abs(difference) // was) * (1 if difference >= 0 else -1)
