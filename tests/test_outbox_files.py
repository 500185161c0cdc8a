"""Files in the outbox: kept with what they go with or not at all, within a quota, and gone when it is done."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support_feeds import Ticking as Clock
from support_outbox import ASKED, LINK, FarEnd, World, add_accounts, scope
from support_uploads import PDF

from connectors.actions import Attached, Done, NewTicket
from connectors.contract import BackOffice
from connectors.errors import Unavailable
from gateway.outbox.desk import Desk
from gateway.outbox.files import FileShown, Quota, TooMuch, purge
from gateway.records.database import Database
from gateway.records.outbox_tables import OutboxFile, OutboxRow

FILES = [
    Attached("b.pdf", "application/pdf", PDF),
    Attached("a.txt", "text/plain", b"one"),
    Attached("b.pdf", "application/pdf", b""),
]
DAY = timedelta(days=1)


class Carried(FarEnd):
    """Remembers the files that came with each thing."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[tuple[Attached, ...]] = []
        self.at_once = self.most_at_once = 0

    async def do(self, office: BackOffice[Any], asked: NewTicket) -> Done:
        self.at_once += bool(asked.files)
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.01)
        try:
            done = await super().do(office, asked)
        finally:
            self.at_once -= bool(asked.files)
            self.files.append(asked.files)
        return done


@pytest.fixture
async def world(database: Database) -> World:
    await add_accounts(database)
    return World(database, Carried(), "find", Clock())


def carried(world: World) -> list[tuple[Attached, ...]]:
    assert isinstance(world.far_end, Carried)
    return world.far_end.files


async def hand_in(world: World, nonce: str = "n", files: list[Attached] = FILES, account: str = "acme") -> str:
    who = scope() if account == "acme" else scope("joe", account)
    return (await world.desk.take(who, LINK, "new_ticket", ASKED, nonce, files=files)).id


async def kept(database: Database) -> int:
    async with database.read() as session:
        return (await session.execute(sa.select(sa.func.count()).select_from(OutboxFile))).scalar_one()


async def test_sends_the_files_in_their_order_and_shows_their_names(world: World) -> None:
    await hand_in(world)
    (handed,) = await world.desk.of(scope())
    assert handed.files == tuple(FileShown(file.name, len(file.content)) for file in FILES)
    assert isinstance(handed.asked, NewTicket)
    assert handed.asked.files == (), "the words are kept without them"
    await world.sending.work()
    assert carried(world) == [tuple(FILES)]
    assert await world.state() == "sent"


async def test_sends_them_again_with_a_second_try_and_one_thing_with_files_at_a_time(world: World) -> None:
    world.far_end.ends = [Unavailable("503")] * 2
    for number in range(4):
        await hand_in(world, str(number))
    await world.hand_in("none")
    await world.work_for()
    assert {each.state for each in await world.desk.of(scope())} == {"sent"}
    assert set(carried(world)) == {(), tuple(FILES)}
    assert len(carried(world)) == 7
    assert isinstance(world.far_end, Carried)
    assert world.far_end.most_at_once == 1


async def test_keeps_the_files_of_one_form_once(world: World, database: Database) -> None:
    await asyncio.gather(*(hand_in(world) for _ in range(10)))
    assert await kept(database) == len(FILES)


async def test_keeps_both_or_nothing(world: World, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [FILES[0], Attached("x.pdf", "application/pdf", None)]  # type: ignore[arg-type]  # as no form gives it
    with pytest.raises(TypeError):
        await hand_in(world, files=broken)
    async with database.read() as session:
        assert (await session.scalars(sa.select(OutboxRow.id))).all() == []
    assert await kept(database) == 0


@pytest.mark.parametrize("quota", [Quota(size=3 * len(PDF)), Quota(files=3)], ids=["bytes", "files"])
async def test_takes_no_more_than_the_quota_of_the_account(world: World, database: Database, quota: Quota) -> None:
    world.desk = Desk(database, world.clock, lambda: None, quota)
    ends = await asyncio.gather(
        *(hand_in(world, str(number), FILES[:1]) for number in range(6)), return_exceptions=True
    )
    assert Counter(map(type, ends)) == Counter({str: 3, TooMuch: 3})
    assert len(await world.desk.of(scope())) == 3, "what is refused is not taken at all"
    await hand_in(world, "words alone", [])
    await hand_in(world, "theirs", FILES[:1], "globex")
    world.clock.now += quota.within + timedelta(seconds=1)
    await hand_in(world, "tomorrow", FILES[:1])


async def test_deletes_files_when_what_they_went_with_is_long_done(world: World, database: Database) -> None:
    sent = await hand_in(world, "sent")
    await world.sending.work()
    back = await hand_in(world, "taken back")
    await world.desk.take_back(scope(), back)
    world.far_end.ends = [Unavailable("503")]
    await hand_in(world, "waiting")
    await world.sending.work()
    await purge(database, world.clock.now - DAY)
    assert await kept(database) == 3 * len(FILES)
    world.clock.now += 2 * DAY
    await purge(database, world.clock.now - DAY)
    assert await kept(database) == len(FILES), "of what waits nothing is deleted"
    assert {each.id for each in await world.desk.of(scope()) if not each.files} == {sent, back}


async def test_deletes_them_by_itself(world: World, database: Database) -> None:
    await hand_in(world)
    await world.sending.work()
    await world.sending._look()
    world.clock.now += 8 * DAY
    await world.sending._look()
    assert await kept(database) == 0
