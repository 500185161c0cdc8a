"""Rules of messages that a segment has for itself: decided once, the strictest where nobody knows the segment."""

from collections.abc import AsyncIterator, Collection
from datetime import timedelta

import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from support_audit import BY, TRAIL
from support_mails import World, add_member, mail_world
from test_messages import MAYA, inbox, messages_of, rule, unread

from auth.clock import utc_now
from cache.client import Client
from gateway.access import scope_of
from gateway.mails.choices import Choices
from gateway.mails.subjects import Subjects
from gateway.mails.tallying import UNSURE, lately, tally
from gateway.message_rules import Choice, Otherwise, Rules, rules_of, within_accounts
from gateway.occasions import EVENTS
from gateway.records.database import Database
from gateway.records.status_tables import CustomerFacts, VisibilityVersion
from gateway.records.tables import AuditLine, Membership
from gateway.seeing.versions import POLICIES
from gateway.segments import EVERYBODY, Policy, Rule, Segment
from gateway.segments import Seen as SeenBy
from gateway.shown import ALL, AMOUNTS, Shown
from web.console.message_segments import read_segments

HIDES = Shown(fields={kind: its - {AMOUNTS} for kind, its in ALL.items()}).normal
HOUR = timedelta(hours=1)


def segment(name: str, shown: Shown | None = None) -> Segment:
    rule = Rule(source="ledger", property="tier", how="is", values=(name,))
    return Segment(name=name, title=name.title(), rule=rule, seen=SeenBy(shown=shown or Shown()))


@pytest_asyncio.fixture
async def apart(database: Database, redis: Client) -> AsyncIterator[World]:
    """Two customers: 7 is in the segment "gold", and of 8 nobody knows in which it is."""
    async with mail_world(database, redis) as made:
        await publish(made, segment("gold"), segment("poor"))
        await say(made, "7", "gold")
        await add_member(database, "acme-8", "noor")
        await made.begin()
        yield made


async def publish(world: World, *segments: Segment) -> None:
    live = await POLICIES.live(world.database)
    policy = Policy(segments=segments)
    await POLICIES.publish(world.database, policy, trail=TRAIL, by=BY, now=world.clock.now, seen=live.number)
    office = world.here._office
    world.here.offices._offices["ledger"] = type(office)(
        **{name: getattr(office, name) for name in office.__struct_fields__} | {"policy": policy}
    )


async def say(world: World, customer: str, *tiers: str) -> None:
    """Let the ledger have told of a customer now, as the world's clock is not the one by which that gets old."""
    now = utc_now()
    async with world.database.write() as session:
        await session.execute(sa.delete(CustomerFacts).where(CustomerFacts.customer == customer))
        session.add(
            CustomerFacts(
                source="ledger", customer=customer, facts={"tier": list(tiers)}, read_at=now, asked="tier", tried_at=now
            )
        )


async def texts(world: World) -> dict[str, str]:
    """Give the mails that came since, by whom they are for: all that is in them."""
    found: dict[str, str] = {}
    for to, mail in world.server.mails:
        found[to.partition("@")[0]] = "".join(part.get_content() for part in mail.iter_parts())
    world.server.mails.clear()
    return found


GOLD = Otherwise(told={"invoice_new": True}, amounts=True)


async def test_tells_a_segment_otherwise_than_everybody(apart: World) -> None:
    await rule(apart, Rules(off=frozenset({"invoice_new"}), segments={"gold": GOLD}))
    apart.ledger.put("n7", "7", 4711)
    apart.ledger.put("n8", "8", 815)
    await apart.look()
    mails = await texts(apart)
    assert list(mails) == ["maya"]
    assert "4,711.00" in mails["maya"]
    noor = "noor".ljust(26, "0")
    assert (await inbox(apart), await inbox(apart, noor, "acme-8")) == (["New invoice n7"], [])
    assert (await unread(apart), await unread(apart, noor, "acme-8")) == (1, 0)
    await say(apart, "8", "gold")
    assert (await inbox(apart, noor, "acme-8"), await unread(apart, noor, "acme-8")) == (["New invoice n8"], 1)
    assert await texts(apart) == {}, "what was not to be told then is no mail later"


async def test_gives_who_may_be_in_several_the_strictest(apart: World) -> None:
    poor = Otherwise(told={"invoice_due": False}, amounts=False, bodies=False)
    rules = Rules(amounts=True, bodies=True, segments={"gold": GOLD, "poor": poor})
    await rule(apart, rules)
    apart.ledger.put("n7", "7", 4711)
    apart.ledger.put("n8", "8", 815)
    await apart.look()
    mails = await texts(apart)
    assert "4,711.00" in mails["maya"]
    assert "815.00" not in mails["noor"]
    await say(apart, "7", "poor")
    apart.ledger.put("o7", "7", 4712)
    await apart.look()
    assert "4,712" not in (await texts(apart))["maya"]
    await say(apart, "8", "none of them")
    apart.ledger.put("o8", "8", 816)
    await apart.look()
    assert "816.00" in (await texts(apart))["noor"], "in none: as everybody"


async def test_drops_what_was_otherwise_in_a_segment_that_is_removed(apart: World) -> None:
    db, now = apart.database, apart.clock.now
    hidden = Otherwise(amounts=False)
    await rule(apart, Rules(amounts=True, segments={"gold": GOLD, "poor": hidden}))

    def only_gold(policy: Policy) -> Policy:
        return Policy(segments=policy.segments[:1])

    await POLICIES.change_draft(db, only_gold, trail=TRAIL, by=BY, now=now, seen=0)
    assert (await rules_of(db)).rules.segments.keys() == {"gold", "poor"}, "customers notice nothing of a draft"
    await POLICIES.publish_draft(db, trail=TRAIL, by=BY, now=now, seen=1, draft=1)
    written = await rules_of(db)
    assert (written.version, written.rules.segments) == (2, {"gold": GOLD})
    async with db.read() as session:
        rules = (await within_accounts(session, written.rules, ["acme-8"]))["acme-8"]
        told = await session.scalars(sa.select(AuditLine).order_by(AuditLine.number.desc()).limit(2))
        assert [line.what for line in told] == ["messages.ruled", "visibility.published"]
    assert rules.amounts, "nobody knows its segment, and in all that there are it is shown"


async def test_keeps_what_is_otherwise_in_a_segment_as_long_as_it_is_drafted(apart: World) -> None:
    db, now = apart.database, apart.clock.now

    def add(policy: Policy) -> Policy:
        return Policy(segments=(*policy.segments, segment("new")))

    await POLICIES.change_draft(db, add, trail=TRAIL, by=BY, now=now, seen=0)
    await rule(apart, Rules(segments={"gold": GOLD, "new": GOLD}))
    await publish(apart, segment("gold"))
    assert (await rules_of(db)).rules.segments.keys() == {"gold", "new"}
    await POLICIES.discard_draft(db, trail=TRAIL, by=BY, now=now, seen=1)
    assert (await rules_of(db)).rules.segments.keys() == {"gold"}


async def test_keeps_all_that_is_otherwise_while_what_is_published_cannot_be_read(apart: World) -> None:
    await rule(apart, Rules(segments={"gold": GOLD}))
    async with apart.database.write() as session:
        await session.execute(sa.update(VisibilityVersion).values(content="{"))
    await POLICIES.change_draft(apart.database, lambda _: Policy(), trail=TRAIL, by=BY, now=apart.clock.now, seen=0)
    assert (await rules_of(apart.database)).rules.segments.keys() == {"gold"}


async def test_goes_by_the_strictest_while_what_is_published_cannot_be_read(apart: World) -> None:
    rules = Rules(amounts=True, segments={"poor": Otherwise(told={"invoice_new": False}, amounts=False)})
    async with apart.database.write() as session:
        known = (await within_accounts(session, rules, ["acme-7"]))["acme-7"]
        await session.execute(sa.update(VisibilityVersion).values(content="{"))
        unknown = (await within_accounts(session, rules, ["acme-7"]))["acme-7"]
    assert (known.amounts, known.off) == (True, frozenset())
    assert (unknown.amounts, unknown.off) == (False, frozenset({"invoice_new"}))


async def test_calls_nothing_read_for_not_knowing_the_segment(apart: World, monkeypatch: pytest.MonkeyPatch) -> None:
    noor = "noor".ljust(26, "0")
    apart.ledger.put("n8", "8", 815)
    await apart.look()

    async def hide(*_: object) -> str:
        return "not theirs"

    with monkeypatch.context() as hidden:
        hidden.setattr(Subjects, "_of_record", hide)
        assert await inbox(apart, noor, "acme-8") == []
    await say(apart, "8", "gold")
    assert (await inbox(apart, noor, "acme-8"), await unread(apart, noor, "acme-8")) == (["New invoice n8"], 1)


async def test_calls_nothing_read_that_the_inbox_hides(apart: World) -> None:
    noor = "noor".ljust(26, "0")
    await rule(apart, Rules(off=frozenset({"invoice_new"}), segments={"gold": GOLD}))
    apart.ledger.put("n8", "8", 815)
    await apart.look()
    scope = await scope_of(apart.database, noor, "acme-8")
    assert scope
    assert await messages_of(apart).mark(scope) == 0
    await say(apart, "8", "gold")
    assert await unread(apart, noor, "acme-8") == 1
    scope = await scope_of(apart.database, noor, "acme-8")
    assert scope
    assert await messages_of(apart).mark(scope) == 1


def test_keeps_the_rules_of_segments_that_are_on_no_form() -> None:
    form = {"of.gold.amounts": "no"}
    stored = {"gold": GOLD, "poor": GOLD}
    own = Otherwise(amounts=False)
    assert read_segments(form, [("gold", "Gold", False)], stored) == {"gold": own, "poor": GOLD}
    assert read_segments(form, [("gold", "Gold", False), ("poor", "Poor", False)], stored) == {"gold": own}
    assert read_segments(form, [], stored) == stored


async def test_hides_in_mails_what_the_segment_does_not_see(apart: World) -> None:
    """Whatever rules say: amounts that are hidden from a segment are in none of its mails, nor where it may be one."""
    await rule(apart, Rules(amounts=True, segments={"gold": GOLD, "poor": Otherwise(amounts=True)}))
    await publish(apart, segment("gold"), segment("poor", HIDES))
    await say(apart, "7", "poor")
    apart.ledger.put("n7", "7", 4711)
    apart.ledger.put("n8", "8", 815)
    await apart.look()
    mails = await texts(apart)
    assert sorted(mails) == ["maya", "noor"]
    assert "4,711" not in mails["maya"]
    assert "815.00" not in mails["noor"], "nobody knows that it is another one"
    await say(apart, "7", "gold")
    apart.ledger.put("o7", "7", 4712)
    await apart.look()
    assert "4,712.00" in (await texts(apart))["maya"]


async def test_decides_anew_when_the_mail_goes_out(apart: World) -> None:
    """Who was moved into another segment since it was noted down is told by the rules of that one."""
    await rule(apart, Rules(amounts=True, segments={"poor": Otherwise(told={"invoice_new": False})}))
    await apart.choices.choose(MAYA, {"invoice_new": Choice(mail="daily")}, BY)
    apart.ledger.put("n7", "7", 4711)
    await apart.look()
    await say(apart, "7", "poor")
    apart.clock.now += timedelta(days=1)
    await apart.look()
    assert (await texts(apart), await apart.states()) == ({}, ["dropped"])


async def test_lets_a_member_choose_of_what_any_of_their_accounts_is_told(apart: World) -> None:
    await rule(apart, Rules(off=frozenset({"invoice_new"}), segments={"gold": GOLD}))
    noor = "noor".ljust(26, "0")

    async def told(member: str) -> Choices:
        return await apart.choices.of(member)

    assert "invoice_new" in (await told(MAYA)).each
    assert "invoice_new" not in (await told(noor)).each
    async with apart.database.write() as session:
        session.add(Membership(member_id=noor, account_id="acme-7", rights={}, created_at=apart.clock.now))
    assert "invoice_new" in (await told(noor)).each
    scope = await scope_of(apart.database, noor, "acme-8")
    assert scope
    assert "invoice_new" not in (await told(noor)).within(scope.segments).each


async def test_counts_by_segment_what_rules_would_have_made(apart: World) -> None:
    for number in range(3):
        apart.ledger.put(f"n{number}", "7", number)
        apart.ledger.put(f"m{number}", "8", number)
        await apart.look()
    happened = await lately(apart.database, apart.clock.now + HOUR)
    not_told = Otherwise(told={"invoice_new": False})
    now, then = tally(happened, Rules()), tally(happened, Rules(segments={"poor": not_told}))
    assert {name: its.mails for name, its in now.segments.items()} == {"gold": 3, UNSURE: 3}
    assert {name: its.mails for name, its in then.segments.items()} == {"gold": 3, UNSURE: 0}
    assert {name: its.happened for name, its in then.segments.items()} == {"gold": 3, UNSURE: 3}
    assert (now.mails, then.mails, then.events["invoice_new"].shown) == (6, 3, 3)
    await say(apart, "8", "none of them")
    after = tally(await lately(apart.database, apart.clock.now + HOUR), Rules())
    assert {name: its.mails for name, its in after.segments.items()} == {"gold": 3, EVERYBODY: 3}


async def test_writes_down_for_which_segments_rules_changed(apart: World) -> None:
    await rule(apart, Rules(segments={"gold": GOLD}))
    await rule(apart, Rules(days=7, segments={"gold": GOLD, "poor": Otherwise(bodies=True)}))
    async with apart.database.read() as session:
        lines = sa.select(AuditLine.details).where(AuditLine.what == "messages.ruled").order_by(AuditLine.number)
        changed = [msgspec.json.decode(details)["changed"] for details in await session.scalars(lines)]
    assert changed == [["segment gold"], ["days", "segment poor"]]


NAMES = ("a", "b", "c")
TOLD = st.dictionaries(st.sampled_from(EVENTS), st.booleans())
SAID = st.sampled_from((None, True, False))
OWN = st.builds(Otherwise, told=TOLD, amounts=SAID, bodies=SAID)
RULES = st.builds(
    Rules,
    off=st.frozensets(st.sampled_from(EVENTS)),
    amounts=st.booleans(),
    bodies=st.booleans(),
    segments=st.dictionaries(st.sampled_from(NAMES), OWN),
)


@given(RULES, st.lists(st.sampled_from((*NAMES, EVERYBODY)), unique=True))
def test_gives_nobody_more_than_each_of_their_segments(rules: Rules, names: Collection[str]) -> None:
    within = rules.within(names)
    each = [rules.within([name]) for name in names or (*rules.segments, EVERYBODY)]
    assert within.off == frozenset().union(*(one.off for one in each))
    assert within.amounts == all(one.amounts for one in each)
    assert within.bodies == all(one.bodies for one in each)
    assert within.within(names).off == within.off, "within what is within nothing is otherwise"
    for name in names:
        own = rules.segments.get(name, Otherwise())
        (one,) = (rules.within([name]),)
        assert one.amounts == (rules.amounts if own.amounts is None else own.amounts)
        assert {event for event in EVENTS if event not in one.off} == {
            event for event in EVENTS if own.told.get(event, event not in rules.off)
        }


def test_looks_for_bills_that_fall_due_where_any_segment_is_told() -> None:
    off = frozenset({"invoice_due"})
    assert Rules(off=off).days_before is None  # type: ignore[arg-type]  # of events
    assert Rules(off=off, segments={"gold": Otherwise(told={"invoice_due": True})}).days_before == 3  # type: ignore[arg-type]
