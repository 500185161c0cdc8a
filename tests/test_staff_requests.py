"""What customers sent, as staff find it: a table of all, who looks after what could not be passed on, what happened."""

import asyncio
import csv
import io
import json
import zipfile
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_outbox import ASKED, scope
from support_portal import Portal
from support_staff import Staff, member_of, staff_at
from test_staff_today import LINK, state_of, stop, today

from auth.clock import utc_now
from gateway.finding import PAGE
from gateway.outbox.claims import claims_now, deciders
from gateway.outbox.desk import Desk
from gateway.outbox.listing import RequestsWanted, find
from gateway.outbox.steps import step, story_of
from gateway.outbox.stuck import CLAIM_LASTS, send_again
from gateway.records.outbox_tables import OutboxRow, OutboxStep
from gateway.records.tables import AuditLine

ALL = "/staff/requests/all"


@pytest.fixture
async def sam(portal: Portal) -> Staff:
    return await staff_at(portal)


@pytest.fixture
async def ada(portal: Portal) -> Staff:
    return await staff_at(portal, "admin")


async def version(portal: Portal, reference: str) -> str:
    async with portal.database.read() as session:
        return str(await session.scalar(sa.select(OutboxRow.turn).where(OutboxRow.reference == reference)))


async def act(staff: Staff, reference: str, what: str, **form: str) -> int:
    """Do as the page that they see now would."""
    form.setdefault("seen", await version(staff.portal, reference))
    return (await staff.send("POST", f"/staff/requests/{reference}/{what}", **form)).status_code


async def told(portal: Portal, reference: str) -> list[str]:
    return [each.what for each in (await story_of(portal.database, reference)).steps]


async def hand_in(portal: Portal, subject: str, topic: str) -> str:
    who = scope(account="bakery")
    desk = Desk(portal.database, utc_now, lambda: None)
    who = type(who)(
        **{name: getattr(who, name) for name in who.__struct_fields__} | {"links": (LINK,), "member_id": None}
    )
    taken = await desk.take(who, LINK, "new_ticket", {**ASKED, "subject": subject}, subject, note={"topic": topic})
    async with portal.database.write() as session:  # the portal would send it in a moment
        its = sa.update(OutboxRow).where(OutboxRow.id == taken.id)
        await session.execute(its.values(state="needs_you", due_at=None, turn=OutboxRow.turn + 1))
    return taken.reference


async def test_finds_what_was_sent(portal: Portal, sam: Staff) -> None:
    ovens = await hand_in(portal, "The <oven> is cold", "A machine")
    other = await hand_in(portal, "=1+1", "A bill")
    async with portal.database.write() as session:
        done = sa.update(OutboxRow).where(OutboxRow.reference == other)
        await session.execute(done.values(state="sent", number="T-77", words="t-77 bakery", due_at=None))
    for query, found in (
        ("", {ovens, other}),
        ("q=OVEN%3E", {ovens}),
        ("q=%25", set()),
        (f"q={ovens.lower()}", {ovens}),
        ("q=T-77", {other}),
        ("q=bakery", {ovens, other}),
        ("status=sent", {other}),
        ("topic=A+machine", {ovens}),
        ("topic=A+machine&q=T-77", set()),
        ("account=bakery&source=helpdesk", {ovens, other}),
        ("account=nobody", set()),
        ("since=2999-01-01", set()),
    ):
        page = (await sam.get(f"{ALL}?{query}")).text
        assert {each for each in (ovens, other) if each in page} == found, query
        assert "<oven>" not in page
        rows = list(csv.reader(io.StringIO((await sam.get(f"{ALL}.csv?{query}")).text.removeprefix("\ufeff"))))
        assert {row[0] for row in rows[1:]} == found, query
    kept = await sam.get("/staff/deliveries/outgoing?status=sent")
    assert kept.headers["location"] == f"{ALL}?status=sent"
    assert (await (await staff_at(portal, "read-only")).get(ALL)).status_code == 403


async def test_shows_what_a_customer_wrote_by_role_once_it_needs_nobody(portal: Portal, sam: Staff, ada: Staff) -> None:
    reference = await hand_in(portal, "My oven", "A machine")
    where = f"/staff/requests/{reference}"
    assert "My oven" not in (await ada.get(where)).text
    assert "My oven" not in (await sam.get(where)).text
    assert (await sam.get(f"{where}/contents")).status_code == 403
    assert "My oven" in (await ada.get(f"{where}/contents")).text
    async with portal.database.read() as session:
        lines = await session.scalars(sa.select(AuditLine.what).where(AuditLine.what.like("message.%")))
        assert list(lines) == ["message.looked_up"]


async def test_is_looked_after_by_one(portal: Portal, sam: Staff, ada: Staff) -> None:
    reference = await stop(portal)
    first = await version(portal, reference)
    assert await act(sam, reference, "claim") == 303
    assert "Sam does" in unescape((await ada.get(f"/staff/requests/{reference}")).text)
    assert "You do" in (await sam.get(f"/staff/requests/{reference}")).text
    page = (await ada.get("/staff/requests")).text
    assert all(f">{words}<" in page for words in ("Sam", "Bakery", "bakery"))
    assert "Nothing needs you" in await today(ada), "somebody looks after it"
    late = await ada.send("POST", f"/staff/requests/{reference}/claim", seen=first)
    assert late.status_code == 409
    assert "Sam does" in unescape(late.text)
    assert await act(ada, reference, "settle", number="T-1") == 409, "it is a colleague's"
    assert await act(ada, reference, "claim") == 303, "they take it over"
    assert await act(sam, reference, "resend") == 409
    assert await act(ada, reference, "release") == 303
    assert await act(sam, reference, "settle", number="T-9") == 303
    assert await state_of(portal, reference) == ("sent", "T-9")
    assert await told(portal, reference) == ["claimed", "claimed", "released", "settled"]
    assert await act(ada, reference, "claim") == 409, "nothing is to be decided"


async def test_lets_one_of_two_win(portal: Portal, sam: Staff, ada: Staff) -> None:
    for what in ("claim", "resend"):
        reference = await stop(portal, text=what)
        seen = await version(portal, reference)
        answers = await asyncio.gather(act(sam, reference, what, seen=seen), act(ada, reference, what, seen=seen))
        assert sorted(answers) == [303, 409]
        assert len(await told(portal, reference)) == 1


async def test_is_handed_over_with_a_note(portal: Portal, sam: Staff, ada: Staff) -> None:
    reference = await stop(portal)
    page = unescape((await sam.get(f"/staff/requests/{reference}")).text)
    (to,) = {each.partition('"')[0] for each in page.split('<option value="')[1:]}
    nobody = await staff_at(portal, "none")
    assert await act(sam, reference, "hand-over", to=to, note=" ") == 422
    assert await act(sam, reference, "hand-over", to="staff/nobody", note="See <here>.") == 409
    assert await act(sam, reference, "hand-over", to=to, note="See <here>.") == 303
    page = (await ada.get(f"/staff/requests/{reference}")).text
    assert "You do" in page
    assert "See &lt;here&gt;." in page
    assert await act(sam, reference, "release") == 409
    assert await act(nobody, reference, "release") == 403
    async with portal.database.read() as session:
        lines = (await session.scalars(sa.select(AuditLine).where(AuditLine.what == "message.handed_over"))).all()
        assert [to in line.details for line in lines] == [True]
        assert all("here" not in line.details for line in lines)


async def test_forgets_who_does_nothing(portal: Portal, sam: Staff) -> None:
    reference = await stop(portal)
    await act(sam, reference, "claim")
    assert reference in await claims_now(portal.database, utc_now())
    later = utc_now() + CLAIM_LASTS + timedelta(seconds=1)
    assert await claims_now(portal.database, later) == {}
    await send_again(portal.database, trail=TRAIL, by=BY, reference=reference, now=later)


async def test_is_dropped_with_an_answer_that_the_customer_reads(portal: Portal, sam: Staff) -> None:
    await portal.link("maya", "bakery", ("helpdesk", LINK.customer))
    maya = await portal.browser("maya", "bakery")
    reference = await stop(portal)
    async with portal.database.write() as session:
        member = await session.scalar(sa.text("SELECT id FROM members WHERE subject = 'maya'"))
        row = (await session.scalars(sa.select(OutboxRow).where(OutboxRow.reference == reference))).one()
        row.member_id, id_ = member, row.id
    assert await act(sam, reference, "give-up", answer=" ") == 422
    assert await act(sam, reference, "give-up", answer="We <sold> it. Sorry.") == 303
    assert await state_of(portal, reference) == ("dropped", None)
    page = (await maya.get(f"/requests/sent/{id_}")).text
    assert "We &lt;sold&gt; it. Sorry." in page
    assert "Not done" in page
    assert f"/requests/sent/{id_}" in unescape((await maya.get("/requests")).text)
    assert "We &lt;sold&gt; it. Sorry." in (await sam.get(f"/staff/requests/{reference}")).text
    assert await act(sam, reference, "resend") == 409


async def test_leads_back_who_asks_for_the_address_of_a_form(portal: Portal, sam: Staff) -> None:
    reference = await stop(portal)
    for what in ("claim", "release", "hand-over", "resend", "settle", "give-up"):
        answer = await sam.get(f"/staff/requests/{reference}/{what}")
        assert answer.headers["location"] == f"/staff/requests/{reference}"


async def test_tells_the_tries_and_goes_with_what_it_is_about(portal: Portal, sam: Staff) -> None:
    reference = await stop(portal)
    await act(sam, reference, "claim")
    async with portal.database.write() as session:
        await session.execute(sa.delete(OutboxRow))
    async with portal.database.read() as session:
        assert (await session.scalars(sa.select(OutboxStep))).all() == []


async def test_counts_all_of_many(portal: Portal) -> None:
    for number in range(3):
        await hand_in(portal, f"Number {number}", "A machine")
    found = await find(portal.database, RequestsWanted(), 2, size=2)
    assert (len(found.found), found.count) == (1, 3)
    assert PAGE == 50


async def test_is_in_the_copy_of_a_persons_data(portal: Portal, sam: Staff, ada: Staff) -> None:
    """Without what went wrong over there, and without what staff write to one another."""
    await portal.browser("maya", "bakery")
    reference, member = await stop(portal), await member_of(portal)
    async with portal.database.write() as session:
        its = sa.update(OutboxRow).where(OutboxRow.reference == reference)
        await session.execute(its.values(member_id=member))
        row_id = await session.scalar(sa.select(OutboxRow.id).where(OutboxRow.reference == reference))
        assert row_id
        session.add(step(row_id, "needs_staff", utc_now(), detail="POST https://erp.internal/x: answered 500"))
    _, (to, _) = await deciders(portal.database)  # sam was there first
    assert await act(sam, reference, "hand-over", to=to, note="Our colleague at erp.internal knows") == 303
    await act(ada, reference, "give-up", answer="We sold it.")
    answer = await ada.send("POST", f"/staff/customers/bakery/members/{member}/copy")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as copy:
        (sent,) = json.loads(copy.read("sent.json"))
        assert all(b"erp.internal" not in copy.read(name) for name in copy.namelist())
    assert (sent["state"], sent["answer"]) == ("dropped", "We sold it.")
    happened = [("needs_staff", None), ("handed_over", None), ("given_up", "We sold it.")]
    assert [(each["what"], each["detail"]) for each in sent["history"]] == happened
    assert "ada" not in json.dumps(sent["history"])
