"""The outbox: nothing that a customer sends is lost or done twice, whatever dies, and whichever answer is lost."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from itertools import accumulate
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from support_feeds import START, shuffled
from support_feeds import Ticking as Clock
from support_outbox import ASKED, KEYED_FOR, LINK, Died, FarEnd, World, scope

from connectors.actions import NewTicket
from connectors.errors import AccessDenied, ConnectorError, NotSent, RateLimited, Refused, Unavailable
from gateway.access import LinkRef
from gateway.outbox import sending
from gateway.outbox.desk import Desk, NotYours, TooLate
from gateway.outbox.states import CLOCKS_MAY_BE_WRONG, PAUSES
from gateway.outbox.turns import LASTS
from gateway.records.database import Database, DatabaseDown
from gateway.rights import OWN


async def test_does_what_was_handed_in_and_says_its_number(box: World) -> None:
    reference = await box.hand_in()
    assert await box.state() == "waiting"
    assert await box.sending.work() == 1
    (handed,) = await box.desk.of(scope())
    assert (handed.state, handed.number, handed.done_at) == ("sent", f"T-{reference}", START)
    assert handed.asked == NewTicket(reference=reference, customer="7", persons=("p1",), **ASKED)
    assert await box.sending.work() == 0
    assert box.told == [(reference, True)]


async def test_takes_fifty_equal_forms_at_once_for_one(box: World) -> None:
    references = await asyncio.gather(*(box.hand_in() for _ in range(50)))
    await asyncio.gather(*(box.sending.work() for _ in range(4)))
    assert len(set(references)) == 1
    assert box.far_end.made == Counter(references[:1])
    assert await box.hand_in("another") != references[0]


async def test_takes_the_same_nonce_of_another_account_for_another_thing(box: World) -> None:
    mine = await box.hand_in()
    theirs = await box.desk.take(scope("joe", "globex"), LINK, "new_ticket", ASKED, "n")
    assert theirs.reference != mine


async def test_takes_nothing_while_the_database_is_locked_and_shows_what_there_is(
    database: Database, database_url: str, box: World
) -> None:
    await box.hand_in("before")
    impatient = Database(database_url, patience=0.2)
    desk = Desk(impatient, box.clock, box.sending.wake)
    async with database.write() as session:
        await session.execute(
            sa.text("SELECT 1" if "sqlite" in database_url else "LOCK TABLE outbox IN EXCLUSIVE MODE")
        )
        with pytest.raises(DatabaseDown):
            await desk.take(scope(), LINK, "new_ticket", ASKED, "n")
        assert len(await desk.of(scope())) == 1
    await impatient.close()
    await box.hand_in()
    await box.sending.work()
    assert sorted(box.far_end.made.values()) == [1, 1]


async def test_hands_in_nothing_for_a_customer_that_the_account_is_not(box: World) -> None:
    for link in (LinkRef("desk", "8"), LinkRef("erp", "7")):
        with pytest.raises(NotYours):
            await box.desk.take(scope(), link, "new_ticket", ASKED, "n")
    with pytest.raises(msgspec.ValidationError):
        await box.desk.take(scope(), LINK, "new_ticket", {"subject": "no text"}, "n")
    assert await box.desk.of(scope()) == ()


async def test_lets_nobody_choose_the_reference_the_customer_or_the_person(box: World) -> None:
    forged = {**ASKED, "reference": "R", "customer": "8", "persons": ["p2"]}
    handed = await box.desk.take(scope(), LINK, "new_ticket", forged, "n")
    assert (handed.asked.customer, handed.asked.persons) == ("7", ("p1",))
    assert handed.asked.reference == handed.reference != "R"
    box.far_end.ends = [Refused("no")]
    await box.sending.work()
    await box.desk.correct(scope(), handed.id, {**forged, "text": "Another."})
    (handed,) = await box.desk.of(scope())
    assert handed.asked == NewTicket(
        reference=handed.reference, customer="7", persons=("p1",), subject="Where is it?", text="Another."
    )


async def test_shows_it_to_who_may_see_it(box: World) -> None:
    await box.hand_in()
    assert len(await box.desk.of(scope("joe"))) == 1  # a colleague who sees all of the company's
    assert await box.desk.of(scope("joe", rights=OWN)) == ()
    assert await box.desk.of(scope("joe", "globex")) == ()
    (handed,) = await box.desk.of(scope())
    for other in (scope("joe"), scope("maya", "globex")):
        with pytest.raises(NotYours):
            await box.desk.take_back(other, handed.id)


async def test_takes_back_what_has_not_gone_out(box: World) -> None:
    await box.hand_in()
    (handed,) = await box.desk.of(scope())
    await box.desk.take_back(scope(), handed.id)
    await box.work_for()
    assert (await box.state(), box.far_end.asked) == ("cancelled", 0)
    with pytest.raises(TooLate):
        await box.desk.take_back(scope(), handed.id)


async def test_takes_nothing_back_that_may_be_done(box: World) -> None:
    box.far_end.loses = [Unavailable("lost")]
    await box.hand_in()
    await box.sending.work()
    (handed,) = await box.desk.of(scope())
    for change in (box.desk.take_back(scope(), handed.id), box.desk.correct(scope(), handed.id, {"text": "x"})):
        with pytest.raises(TooLate):
            await change


async def test_lets_the_customer_correct_what_was_declined(box: World) -> None:
    box.far_end.ends = [Refused("too long")]
    await box.hand_in()
    await box.work_for()
    assert await box.state() == "needs_you"
    (handed,) = await box.desk.of(scope())
    await box.desk.correct(scope(), handed.id, {"text": "Shorter."})
    await box.work_for()
    assert (await box.state(), box.far_end.texts) == ("sent", ["Shorter."])


@pytest.mark.parametrize(
    "error", [NotSent("closed"), Unavailable("503"), RateLimited("429", retry_after=90), AccessDenied("401")]
)
@pytest.mark.parametrize("how", ["key", "find"])
async def test_goes_on_trying(
    database: Database, far_end: FarEnd, clock: Clock, error: ConnectorError, how: str
) -> None:
    box = World(database, far_end, how, clock)
    far_end.ends = [error] * 4
    reference = await box.hand_in()
    await box.work_for()
    assert (await box.state(), far_end.made) == ("sent", Counter([reference]))


async def test_asks_for_staff_when_it_never_works(box: World) -> None:
    box.far_end.ends = [NotSent("closed")] * 100
    await box.hand_in()
    await box.work_for(72)
    assert (await box.state(), box.far_end.asked) == ("needs_staff", len(PAUSES) + 1)


async def test_does_nothing_twice_of_which_nobody_can_say_whether_it_was_done(
    database: Database, far_end: FarEnd, clock: Clock
) -> None:
    box = World(database, far_end, "neither", clock)
    far_end.loses = [Unavailable("lost")]
    reference = await box.hand_in()
    await box.work_for()
    assert (await box.state(), far_end.made) == ("unknown", Counter([reference]))


async def test_gives_a_key_no_longer_than_the_vendor_remembers_it(
    database: Database, far_end: FarEnd, clock: Clock
) -> None:
    box = World(database, far_end, "key", clock)
    far_end.loses = [Unavailable("lost")]
    reference = await box.hand_in()
    await box.sending.work()
    clock.now += timedelta(hours=3)
    await box.work_for()
    assert (await box.state(), far_end.made) == ("unknown", Counter([reference]))


async def test_counts_the_life_of_a_key_from_the_first_try(database: Database, far_end: FarEnd, clock: Clock) -> None:
    box = World(database, far_end, "key", clock)
    far_end.loses = [Unavailable("lost")] * 100
    reference = await box.hand_in()
    await box.work_for()
    within = sum(1 for at in accumulate(PAUSES, initial=0) if timedelta(seconds=at) < KEYED_FOR - CLOCKS_MAY_BE_WRONG)
    assert (await box.state(), far_end.made, far_end.asked) == ("unknown", Counter([reference]), within)


async def test_changes_nothing_when_it_comes_back_too_late(box: World) -> None:
    """Another process has taken over meanwhile: what the first one learns counts no more."""
    reference = await box.hand_in()
    (late,) = await box.sending._turns.take("desk", 1)
    await box.sending.work()
    box.clock.now += LASTS
    await box.sending.work()
    assert await box.state() == "sent"
    await box.sending._decide(late)
    assert (await box.state(), box.far_end.made) == ("sent", Counter([reference]))


@pytest.mark.parametrize("how", ["key", "find", "neither"])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_does_everything_once_whatever_dies(
    database: Database, far_end: FarEnd, seed: int, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes die, answers are lost and commits fail at any step: nothing is lost, and nothing done twice."""
    rng, clock = shuffled(seed), Clock()
    real = Database.write
    alive = True

    def write(db: Database, **how: Any) -> Any:
        if alive and rng.random() < 0.1:
            raise rng.choice([DatabaseDown("locked"), Died()])
        return real(db, **how)

    chances: list[BaseException | None] = [None] * 6 + [Unavailable("lost"), Died(), NotSent("closed")]
    box = World(database, far_end, how, clock)
    monkeypatch.setattr(Database, "write", write)
    monkeypatch.setattr(sending, "NOTE_EVERY", 0)
    taken: set[str] = set()
    for number in range(30):
        with suppress(DatabaseDown, Died):
            taken.add(await box.hand_in(str(number)))
        far_end.ends = [rng.choice(chances)]
        far_end.loses = [None if isinstance(end, NotSent) else end for end in [rng.choice(chances)]]
        try:
            await box.sending.work()
        except (DatabaseDown, Died):
            box = World(database, far_end, how, clock)
        clock.now += timedelta(seconds=rng.choice([0, 1, 10, 60]))
    alive = False
    far_end.ends, far_end.loses = [], []
    await World(database, far_end, how, clock).work_for(48)
    handed = {each.reference: each for each in await box.desk.of(scope())}
    assert taken <= handed.keys()
    assert max(far_end.made.values()) == 1
    for reference, each in handed.items():
        if how == "neither":
            assert each.state == ("sent" if each.done_at else "unknown")
            assert each.state == "unknown" or far_end.made[reference] == 1
        else:
            assert (each.state, far_end.made[reference]) == ("sent", 1)
