"""The office of shares, in memory and in Redis: caps are together no more than the limit, whatever comes late, twice or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from random import Random

import pytest

from headworks.dataplane.shares import SharesQuestion
from headworks.gateway.adapters.memory_shares import MemoryShareOffice
from headworks.gateway.adapters.redis_shares import RedisShareOffice
from headworks.gateway.adapters.redis_shares.office import _key
from headworks.gateway.commands import Sharing
from headworks.gateway.domain.shares import GRACE_MS, YOUNG_MS
from headworks.gateway.ports import ShareOffice
from headworks.kernel.errors import Unavailable
from headworks.kernel.redis import Address
from headworks.kernel.secrets import Secret
from tests.support.buses import until
from tests.support.child import free_port
from tests.support.redis import RedisServer
from tests.support.servers import Missing
from tests.support.shares import MINUTE, Member, ask, caps

_limits = count(1)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    try:
        with RedisServer() as server:
            yield server
    except Missing as missing:
        pytest.skip(str(missing))


@dataclass
class Clock:
    ms: int = 1_000_000

    def __call__(self) -> int:
        return self.ms


@dataclass
class Desk:
    """An office that is older than its first two seconds, and what it told."""

    office: ShareOffice
    told: list[str] = field(default_factory=list)
    limit_id: str = field(default_factory=lambda: f"lim_{next(_limits)}")

    def member(self, life: str, **fields: object) -> Member:
        return Member(self.office, life, limit_id=self.limit_id, **fields)  # type: ignore[arg-type]

    def members(self, number: int, **fields: object) -> list[Member]:
        return [self.member(f"life_{one}", **fields) for one in range(number)]


@pytest.fixture(params=["memory", "redis"])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    told: list[str] = []
    if request.param == "memory":
        clock = Clock()
        memory = MemoryShareOffice(told.append, clock)
        clock.ms += YOUNG_MS
        yield Desk(memory, told)
        return
    async with in_redis(request.getfixturevalue("redis"), told) as office:
        yield Desk(office, told)


@asynccontextmanager
async def in_redis(server: RedisServer, told: list[str], *, seconds: float = 5.0) -> AsyncIterator[RedisShareOffice]:
    """Grown up."""
    office = RedisShareOffice(server.address, told.append, seconds=seconds)
    await office._look()
    office._old_at = 0
    told.clear()
    async with office.opened():
        yield office


async def test_one_gateway_alone_gets_all_of_it(desk: Desk) -> None:
    (alone,) = desk.members(1)
    assert sum([await alone.use(1, want=5) for _ in range(120)]) == 100
    refused = (await alone.tell(need=1)).share
    assert (refused.enough, refused.cap, refused.used) == (False, 100, 100)


async def test_more_than_is_needed_is_given_while_there_is_much(desk: Desk) -> None:
    one, other = desk.members(2)
    assert (await one.tell(need=1, want=80)).share.cap == 1, "at first only what is needed"
    assert (await one.tell(want=80)).share.cap == 1 + 99 // 2
    assert (await other.tell(need=1, want=80)).share.cap == 1 + 49 // 4
    assert (await other.tell(want=3)).share.cap == 13 + 3


async def test_nobody_has_more_together_than_there_is(desk: Desk) -> None:
    members, random = desk.members(5, amount=1_000), Random(7)  # noqa: S311 - makes up tests
    for _ in range(400):
        member = random.choice(members)
        if random.random() < 0.2:
            await member.give_back()
        else:
            await member.use(random.randrange(1, 40), want=random.randrange(100))
        assert caps(members) <= 1_000
    for member in members:
        while await member.use(1):
            pass
        await member.give_back()
    assert sum(member.used for member in members) == caps(members) == 1_000


async def test_at_the_same_time_too(desk: Desk) -> None:
    members = desk.members(8)

    async def race(member: Member) -> int:
        return sum([await member.use(1) for _ in range(40)])

    assert sum(await asyncio.gather(*map(race, members))) == 100


async def test_what_comes_late_is_not_heeded(desk: Desk) -> None:
    one, other = desk.members(2)
    late = one.put(need=90)
    await one.tell(need=40)
    one.used = 40
    (decision,) = await desk.office.take(one.life, [late])
    assert decision.share.enough is False
    assert (await other.tell(need=60)).share.enough
    assert not (await one.tell(need=1)).share.enough


async def test_an_answer_that_is_lost_takes_nothing_away_for_good(desk: Desk) -> None:
    one, other = desk.members(2)
    await desk.office.take(one.life, [one.put(need=70)])
    lacking = await other.tell(need=50)
    assert (lacking.share.enough, list(lacking.lenders)) == (False, ["life_0@1"]), "it may have been heard"
    await one.tell()
    assert (await other.tell(need=50)).share.enough


async def test_whoever_has_something_to_spare_is_known(desk: Desk) -> None:
    one, other = desk.members(2)
    assert await one.use(60)
    one.used = 50
    await one.tell()
    refused = await other.tell(need=45)
    assert (refused.share.enough, list(refused.lenders), refused.share.used) == (False, ["life_0@2"], 50)
    await one.give_back()
    assert (await other.tell(need=45)).share.enough


async def test_of_all_but_requests_some_may_have_come_back_since(desk: Desk) -> None:
    one, other, third = desk.members(3, unit="tokens")
    assert await one.use(60)
    await one.tell()
    refused = await other.tell(need=45)
    assert refused.lenders == {"life_0@2"}, "for it may have used less than was foreseen"
    assert (await third.tell(need=99)).lenders == {"life_0@2"}, "who waits has nothing to spare"


async def test_it_says_when_there_is_room(desk: Desk) -> None:
    one, other = desk.members(2)
    one.passing = [(1_000, 20), (30_000, 40)]
    assert await one.use(60)
    await one.tell()
    other.passing = [(40_000, 40)]
    assert await other.use(40)
    soon = (await other.tell(need=15)).share.free_in_ms
    later = (await other.tell(need=30)).share.free_in_ms
    last = (await other.tell(need=99)).share.free_in_ms
    assert soon is not None
    assert later is not None
    assert 0 <= 1_000 - soon < 900
    assert 29_000 < later <= 30_000
    assert last == 40_000
    assert (await other.tell(need=101)).share.free_in_ms is None, "never"


async def test_slots_are_shared_too_and_nobody_knows_when_one_comes_back(desk: Desk) -> None:
    one, other = desk.members(2, unit="concurrent", window_s=0, amount=3)
    assert [await one.use(1), await one.use(1), await other.use(1), await other.use(1)] == [True, True, True, False]
    await one.tell()
    refused = (await other.tell(need=1)).share
    assert (refused.enough, refused.used, refused.free_in_ms) == (False, 3, None)
    one.used -= 1
    await one.give_back()
    assert await other.use(1)


async def test_limits_have_nothing_to_do_with_each_other(desk: Desk) -> None:
    (one,) = desk.members(1)
    asks = [one.put(need=30), replace(one.put(need=40), unit="tokens"), replace(one.put(need=50), window_s=3600)]
    decisions = await desk.office.take(one.life, asks)
    assert [decision.share.cap for decision in decisions] == [30, 40, 50]
    assert await desk.office.take(one.life, []) == []


async def test_a_limit_that_was_lowered_gives_nothing_until_it_has_room(desk: Desk) -> None:
    one, other = desk.members(2)
    assert await one.use(80)
    other.amount = 50
    refused = (await other.tell(need=1)).share
    assert (refused.enough, refused.cap) == (False, 0)
    one.used = 40
    await one.give_back()
    assert await other.use(10)
    assert not await other.use(1)


async def test_whoever_has_nothing_is_forgotten(desk: Desk) -> None:
    (one,) = desk.members(1)
    assert await one.use(5)
    one.used = 0
    await one.give_back()
    if isinstance(desk.office, MemoryShareOffice):
        assert desk.office._books == {}
    else:
        assert isinstance(desk.office, RedisShareOffice)
        assert await desk.office._redis.exists(_key(one.put())) == 0


async def test_great_figures(desk: Desk) -> None:
    one, other = desk.members(2, amount=2**53, unit="tokens")
    half = 2**52
    assert await one.use(half)
    assert (await other.tell(need=half)).share.cap == half
    assert not (await other.tell(need=half + 1)).share.enough


# --- Asking through it ---


async def test_who_needs_something_gets_what_others_can_spare(desk: Desk) -> None:
    one, other = desk.members(2)
    await one.tell(need=1)
    await one.tell(want=1_000)
    one.used = 1
    sharing = Sharing(desk.office, patience_seconds=30)
    asking = asyncio.create_task(sharing.ask(SharesQuestion(other.life, (other.put(need=80),))))
    await until(lambda: desk.told == [desk.limit_id], what="a recall")
    assert not asking.done()
    one.cap = one.used
    await sharing.ask(SharesQuestion(one.life, (one.put(),)))
    (share,) = (await asking).shares
    assert (share.enough, share.cap) == (True, 80)


async def test_who_does_not_answer_is_waited_for_no_longer_than_that(desk: Desk) -> None:
    one, other = desk.members(2)
    await one.tell(need=90)
    (share,) = (await Sharing(desk.office, 0.01).ask(SharesQuestion(other.life, (other.put(need=80),)))).shares
    assert (share.enough, desk.told) == (False, [desk.limit_id])


async def test_whoever_may_have_something_is_asked_once_and_heard(desk: Desk) -> None:
    one, other = desk.members(2, unit="concurrent", window_s=0, amount=2)
    assert await one.use(2)
    await one.tell()
    sharing = Sharing(desk.office, patience_seconds=30)
    asking = asyncio.create_task(sharing.ask(SharesQuestion(other.life, (other.put(need=1),))))
    await until(lambda: desk.told == [desk.limit_id], what="a recall")
    await sharing.ask(SharesQuestion(one.life, (one.put(),)))
    assert not (await asking).shares[0].enough, "it has nothing, and has said so"
    assert desk.told == [desk.limit_id]


async def test_nobody_is_asked_where_nothing_is_to_spare(desk: Desk) -> None:
    one, other = desk.members(2)
    await one.use(90)
    await one.tell()
    (share,) = (await Sharing(desk.office, 600).ask(SharesQuestion(other.life, (other.put(need=80),)))).shares
    assert (share.enough, desk.told) == (False, [])


# --- In memory: as time goes by ---


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def office(clock: Clock) -> MemoryShareOffice:
    office = MemoryShareOffice(lambda _: None, clock)
    clock.ms += YOUNG_MS
    return office


async def test_a_gateway_that_dies_is_counted_until_its_window_has_passed(
    office: MemoryShareOffice, clock: Clock
) -> None:
    dead, heir = Member(office, "dead"), Member(office, "heir")
    dead.passing = [(20_000, 30), (61_000, 50)]
    assert await dead.use(80)
    dead.used, dead.cap = 80, 90
    await dead.tell()
    began = clock.ms
    room = []
    for after_ms in (0, 20_000 + GRACE_MS - 1, 20_000 + GRACE_MS, 61_000 + GRACE_MS - 1, 61_000 + GRACE_MS):
        clock.ms = began + after_ms
        room.append((await heir.tell(need=100)).share)
    assert [share.enough for share in room] == [False, False, False, False, True]
    assert [share.used for share in room] == [80, 80, 50, 50, 0]


async def test_slots_of_a_gateway_that_dies_come_back_after_a_term(office: MemoryShareOffice, clock: Clock) -> None:
    dead = Member(office, "dead", unit="concurrent", window_s=0)
    heir = Member(office, "heir", unit="concurrent", window_s=0)
    assert await dead.use(100)
    await dead.tell()
    clock.ms += GRACE_MS - 1
    assert not await heir.use(1)
    clock.ms += 1
    assert await heir.use(100)


async def test_a_new_office_takes_what_gateways_have(clock: Clock) -> None:
    office = MemoryShareOffice(lambda _: None, clock)
    before = Member(office, "one", cap=70, used=60)
    newcomer = Member(office, "other")
    assert (await newcomer.tell(need=1, want=99)).share.cap == 1, "for it has not heard of all"
    assert (await before.tell(want=99)).share.cap == 70
    refused = await newcomer.tell(need=31)
    assert (refused.share.enough, list(refused.lenders)) == (False, ["one@1"])


async def test_what_the_dead_left_is_swept(office: MemoryShareOffice, clock: Clock) -> None:
    for number in range(1_000):
        await office.take("life", [ask(f"lim_{number}", need=1)])
    clock.ms += MINUTE * 1000 * 61 // 60 + GRACE_MS
    await office.take("life", [ask("lim_last", need=1)])
    assert len(office._books) == 1


# --- In Redis: the same rules ---


async def test_the_script_decides_as_the_rules_do(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands nearly still here: so some of what is used has passed at once, by a grace that is below nothing."""
    for module in ("domain.shares", "adapters.redis_shares.office"):
        monkeypatch.setattr(f"headworks.gateway.{module}.GRACE_MS", -20_000)
    clock, random = Clock(), Random(11)  # noqa: S311 - makes up tests
    memory = MemoryShareOffice(lambda _: None, clock)
    clock.ms += YOUNG_MS
    async with in_redis(redis, []) as office:
        for number in range(600):
            cap = random.randrange(40)
            used = random.randrange(cap + 1)
            early = random.randrange(used + 1)
            one = ask(
                f"lim_same_{random.randrange(3)}",
                # Some come late.
                number + random.choice([0, 0, -9]),
                unit=random.choice(["tokens", "concurrent"]),
                window_s=random.choice([60, 3600]),
                amount=random.choice([50, 100, 10**15]),
                cap=cap,
                used=used,
                need=random.choice([0, random.randrange(60)]),
                want=random.randrange(80),
                passing=random.choice([(), ((random.randrange(20_000), early), (50_000 + number, used - early))]),
            )
            life = f"life_{random.randrange(4)}"
            (decided,), (by_script,) = await memory.take(life, [one]), await office.take(life, [one])
            assert replace(decided, held=None, share=replace(decided.share, free_in_ms=None)) == replace(
                by_script, share=replace(by_script.share, free_in_ms=None)
            )
            soon, by_clock = decided.share.free_in_ms, by_script.share.free_in_ms
            assert (soon is None) == (by_clock is None)
            # Its clock goes on meanwhile.
            assert soon is None or by_clock is None or 0 <= soon - by_clock < 30_000


# --- In Redis: what happens to servers ---


async def test_several_control_planes_are_one_office(redis: RedisServer) -> None:
    told: list[str] = []
    other_told: list[str] = []
    async with in_redis(redis, told) as one, in_redis(redis, other_told) as other:
        await until(lambda: redis.ask("PUBSUB", "NUMSUB", "{hw:share}:recalls").endswith("2"), what="both listen")
        here, there = Member(one, "here", limit_id="lim_both"), Member(other, "there", limit_id="lim_both")
        await here.tell(need=70)
        told.clear()
        other_told.clear()
        asking = asyncio.create_task(Sharing(other, 30).ask(SharesQuestion(there.life, (there.put(need=60),))))
        await until(lambda: told == ["lim_both"], what="a recall reaches the other")
        here.used = 30
        await here.give_back()
        assert (await asking).shares[0].enough
        assert other_told == ["lim_both"], "once"


async def test_every_key_has_an_owner_and_an_end(redis: RedisServer) -> None:
    async with in_redis(redis, []) as office:
        await office.take("life", [ask("lim_a", need=1), ask("lim_b", need=1, unit="concurrent", window_s=0)])
        keys = redis.ask("KEYS", "*").split()
        assert all(key.startswith("{hw:share") for key in keys)
        assert all(int(redis.ask("PTTL", key)) > 0 for key in keys)


async def test_redis_that_is_away_is_told_and_found_again(redis: RedisServer) -> None:
    told: list[str] = []
    async with in_redis(redis, told, seconds=1) as office:
        member = Member(office, "life", limit_id="lim_away")
        await member.use(40)
        redis.kill()
        with pytest.raises(Unavailable) as away:
            await member.tell()
        assert "canary" not in str(away.value)
        await until(lambda: bool(office.trouble), what="it is told")
        with pytest.raises(Unavailable):
            await office.recall("lim_away")
        redis.start()
        told.clear()
        await until(lambda: not office.trouble, what="it is found again")
        await until(lambda: "" in told, what="gateways are asked what they have")
        other = Member(office, "other", limit_id="lim_away")
        await member.tell()
        assert await other.use(60)
        assert not (await other.tell(need=1)).share.enough


async def test_redis_that_was_emptied_is_noticed_at_once(redis: RedisServer) -> None:
    told: list[str] = []
    async with in_redis(redis, told) as office:
        members = [Member(office, f"life_{number}", limit_id="lim_flushed") for number in range(3)]
        for member in members:
            await member.use(30)
        told.clear()
        redis.ask("FLUSHALL")
        assert (await members[0].tell(need=1, want=50)).share.cap == 31, "no more than is needed"
        assert "" in told, "gateways are asked what they have"
        assert (await members[0].tell(want=50)).share.cap == 31
        for member in members[1:]:
            await member.tell()
        assert not (await members[0].tell(need=11)).share.enough
        assert (await members[0].tell(need=10)).share.enough
        # The script went with the rest of it.
        redis.ask("SCRIPT", "FLUSH")
        assert (await members[1].tell()).share.cap == 30


async def test_redis_that_is_slow_is_not_waited_for(redis: RedisServer) -> None:
    async with in_redis(redis, [], seconds=0.1) as office:
        member = Member(office, "life", limit_id="lim_slow")
        sleeping = asyncio.create_task(asyncio.to_thread(partial(redis.ask, "DEBUG", "SLEEP", "2")))
        await until(lambda: bool(office.trouble), what="it is told")
        with pytest.raises(Unavailable):
            await member.tell(need=1)
        assert not sleeping.done()
        await sleeping
        await until(lambda: not office.trouble, what="it is found again")
        assert await member.use(1)


async def test_a_wrong_password_is_trouble(redis: RedisServer) -> None:
    office = RedisShareOffice(Address.parse(Secret(redis.url("wrong"))), lambda _: None)
    with pytest.raises(Unavailable):
        await office.take("life", [ask()])
    assert "password" in office.trouble
    await office.close()


async def test_nobody_there_is_trouble() -> None:
    office = RedisShareOffice(Address.parse(Secret(f"redis://127.0.0.1:{free_port()}")), lambda _: None)
    with pytest.raises(Unavailable):
        await office.take("life", [ask()])
    assert office.trouble
    await office.close()
