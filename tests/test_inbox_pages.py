"""The inbox on its page, and the rules of messages in the console."""

import re
from collections.abc import AsyncIterator
from html import unescape
from urllib.parse import quote

import httpx
import pytest_asyncio
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_mails import sink
from support_portal import BAKERY, HOTEL, Portal, running
from support_sandbox import RunningSandbox
from support_staff import staff_at
from test_rights import SAME_SITE

from auth.clock import utc_now
from connectors.config import Secret
from gateway.app import make_app
from gateway.events import Event, Topic
from gateway.mails.queue import Queue
from gateway.message_rules import Otherwise, rules_of
from gateway.records.database import Database
from gateway.records.mail_tables import MailRow, RefusedAddress
from gateway.records.tables import AuditLine, Member
from gateway.rights import Rights
from gateway.seeing.versions import POLICIES
from gateway.segments import Policy, Rule, Segment
from gateway.segments import Seen as SeenBy
from gateway.settings import Settings
from gateway.shown import EVERYTHING

RULES = "/staff/messages"


@pytest_asyncio.fixture
async def told_portal(
    database: Database, portal_settings: Settings, sandbox: RunningSandbox
) -> AsyncIterator[tuple[Portal, list[str]]]:
    """The portal with a mail server, and the mails that it got. Maya was told of a bill of hers, Ines of hers."""
    async with sink() as server:
        url = Secret(f"smtp://127.0.0.1:{server.port}")
        settings = replace(portal_settings, smtp_url=url, mail_from="portal@kestrel.example")
        made = Portal(make_app(settings), database, settings)
        await made.connect(sandbox)
        await made.link("maya", "bakery", *BAKERY)
        await made.link("ines", "hotel", *HOTEL)
        async with database.write() as session:
            for account, record in (("bakery", "2093"), ("hotel", "2093")):
                event = Event(names=("invoice_new",), record=record, about="")
                await Queue().tell(session, Topic(account, "erp", "invoices"), [event], utc_now())
        mails: list[str] = []
        server.raw = mails  # type: ignore[assignment]  # of bytes
        async with running(made.app):
            yield made, mails
        await made.aclose()


async def post(browser: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    (token,) = set(re.findall(r'name="_token" value="([^"]+)"', (await browser.get("/account")).text))
    return await browser.post(path, data={"_token": token, **form}, headers=SAME_SITE)


async def test_counts_shows_and_opens_what_was_told(told_portal: tuple[Portal, list[str]]) -> None:
    portal, _ = told_portal
    maya = await portal.browser("maya", "bakery")
    assert '1<span class="sr"> not read</span>' in (await maya.get("/")).text
    page = unescape((await maya.get("/inbox")).text)
    (link,) = set(re.findall(r'href="(/inbox/\w+)"', page))
    assert "New invoice " in page
    assert "data-unread" in page
    answer = await maya.get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/invoices/erp/2093")
    page = (await maya.get("/inbox")).text
    assert "data-unread" not in page
    assert "not read" not in page
    assert '<span class="sr"> not read</span>' not in (await maya.get("/")).text


async def test_shows_nobody_what_others_were_told(told_portal: tuple[Portal, list[str]]) -> None:
    """The hotel was told of a bill that is the bakery's: it is not shown, nor opened, nor counted after a look."""
    portal, _ = told_portal
    ines, maya = await portal.browser("ines", "hotel"), await portal.browser("maya", "bakery")
    page = (await ines.get("/inbox")).text
    assert not re.findall(r'href="/inbox/(\w+)"', page)
    async with portal.database.read() as session:
        rows = {row.account_id: row.id for row in await session.scalars(sa.select(MailRow))}
    for browser, account in ((ines, "bakery"), (ines, "hotel"), (maya, "hotel")):
        assert (await browser.get(f"/inbox/{rows[account]}")).status_code == 404
    await post(ines, "/inbox/read", message=rows["bakery"])
    assert '1<span class="sr"> not read</span>' in (await maya.get("/invoices")).text


async def test_marks_all_as_read(told_portal: tuple[Portal, list[str]]) -> None:
    portal, _ = told_portal
    maya = await portal.browser("maya", "bakery")
    assert "Mark all as read" in (await maya.get("/inbox")).text
    answer = await post(maya, "/inbox/read")
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")
    assert "Mark all as read" not in (await maya.get("/inbox")).text


async def test_says_at_the_next_visit_that_mails_come_back(told_portal: tuple[Portal, list[str]]) -> None:
    portal, _ = told_portal
    async with portal.database.write() as session:
        member = (await session.scalars(sa.select(Member).where(Member.subject == "maya"))).one()
        member.email = "maya@example.com"
        row = {"address": "maya@example.com", "refused_at": utc_now(), "said": "550 5.1.1"}
        session.add(RefusedAddress(member_id=member.id, **row))
    maya = await portal.browser("maya", "bakery")
    assert "Our mails to you come back" in (await maya.get("/")).text


async def test_keeps_what_was_written_where_a_zone_is_none(told_portal: tuple[Portal, list[str]]) -> None:
    portal, _ = told_portal
    maya = await portal.browser("maya", "bakery")
    hours = {"quiet": "on", "quiet_from": "21", "quiet_until": "6", "daily_at": "9"}
    answer = await post(maya, "/account/mails", zone="Moon/Base", **hours)
    assert answer.status_code == 422
    assert 'value="Moon/Base"' in unescape(answer.text)
    answer = await post(maya, "/account/mails", zone="Asia/Tokyo", **hours)
    assert answer.status_code == 303
    page = unescape((await maya.get("/account/mails")).text)
    assert 'value="Asia/Tokyo"' in page
    assert '<option value="21" selected>' in page


def form_of(page: str) -> dict[str, str]:
    """Give what a browser would send of the form of rules."""
    form = page.partition('action="/staff/messages"')[2].partition("</form>")[0]
    fields = dict(re.findall(r'<input type="checkbox" name="([\w-]+)" value="(1)"[^>]* checked>', form))
    for name, options in re.findall(r'<select[^>]* name="([\w-]+)"[^>]*>(.*?)</select>', form):
        fields[name] = re.findall(r'<option value="(\w+)" selected>', options)[0]
    return fields | dict(re.findall(r'name="(seen|days)"[^>]* value="(\d+)"', form))


async def test_lets_staff_set_rules_and_try_them_first(told_portal: tuple[Portal, list[str]]) -> None:
    portal, _ = told_portal
    sam = await staff_at(portal, "admin")
    form = form_of((await sam.get(RULES)).text)
    tried = await sam.send("POST", RULES, **{**form, "mail-invoice_new": "none", "try": "1"})
    assert "<dt>Mails by the rules below</dt><dd>0</dd>" in tried.text
    assert (await rules_of(portal.database)).version == 0
    form.pop("on-order_moved")
    saved = await sam.send("POST", RULES, **{**form, "days": "7", "amounts": "1", "mail-invoice_new": "daily"})
    assert (saved.status_code, saved.headers["location"]) == (303, f"{RULES}?said=saved")
    written = await rules_of(portal.database)
    assert (written.version, written.rules.days, written.rules.amounts) == (1, 7, True)
    assert written.rules.off == {"order_moved"}
    assert written.rules.choice("invoice_new").mail == "daily"
    late = await sam.send("POST", RULES, **form)
    assert late.status_code == 409
    wrong = await sam.send("POST", RULES, **{**form, "seen": "1", "days": "x"})
    assert wrong.status_code == 422
    assert 'value="x"' in wrong.text
    assert (await rules_of(portal.database)).version == 1


async def test_shows_staff_a_message_and_sends_them_an_example(told_portal: tuple[Portal, list[str]]) -> None:
    portal, mails = told_portal
    sam = await staff_at(portal, "admin")
    page = unescape((await sam.get(f"{RULES}/preview?account=bakery&event=invoice_new")).text)
    assert "New invoice " in page
    html = await sam.get(f"{RULES}/preview/mail?account=bakery&event=invoice_new")
    assert "default-src 'none'" in html.headers["content-security-policy"]
    for event in ("request_failed", "document_asked"):
        assert (await sam.get(f"{RULES}/preview/mail?account=bakery&event={event}")).status_code == 200
    assert "There is no account with this id." in (await sam.get(f"{RULES}/preview?account=nobody")).text
    for event in ("invoice_due", "order_shipped", "request_waits"):
        answer = await sam.send("POST", f"{RULES}/test", to="sam@kestrel.example", event=event)
        assert answer.headers.get("location") == f"{RULES}?said=sent", answer.text
    assert len(mails) == 3
    assert (await sam.send("POST", f"{RULES}/test", to="sam@@", event="invoice_new")).status_code == 422
    async with portal.database.read() as session:
        lines = list(await session.scalars(sa.select(AuditLine.what).where(AuditLine.what.like("messages.%"))))
    assert (lines.count("messages.previewed"), lines.count("messages.tried")) == (4, 3)


async def test_lets_staff_have_it_otherwise_for_a_segment(told_portal: tuple[Portal, list[str]]) -> None:
    """The form has each segment, also one of the draft alone; what is tried is counted by segment."""
    portal, _ = told_portal
    sam = await staff_at(portal, "admin")
    assert "Otherwise for some customers" not in (await sam.get(RULES)).text, "there is no segment yet"
    now = utc_now()
    poor, rich = (
        Segment(
            name=name, title=name.title(), rule=Rule(source="erp", property="tier", how="is", values=(name,)), seen=seen
        )
        for name, seen in (("poor", SeenBy(shown=replace(EVERYTHING, fields={}))), ("rich", SeenBy()))
    )
    await POLICIES.publish(portal.database, Policy(segments=(poor,)), trail=TRAIL, by=BY, now=now, seen=0)
    await POLICIES.change_draft(
        portal.database, lambda _: Policy(segments=(poor, rich)), trail=TRAIL, by=BY, now=now, seen=0
    )
    page = unescape((await sam.get(RULES)).text)
    assert "Poor: as for everybody" in page
    assert "Rich: as for everybody (only in the draft yet)" in re.sub(r"<[^>]+>", "", page)
    form = {**form_of(page), "amounts": "1", "of.poor.invoice_new": "no", "of.poor.amounts": "no"}
    form["of.gone.bodies"] = "yes"
    for said, shown in (("", "2"), ("no", "0")):
        tried = unescape((await sam.send("POST", RULES, **{**form, "of.poor.invoice_new": said, "try": "1"})).text)
        (row,) = re.findall(r"<tr[^>]*><th[^>]*>Segment not known</th>(.*?)</tr>", tried)
        assert re.sub(r"<[^>]+>", " ", row).split() == ["2", "0", "0", "0", shown], "nobody has an address yet"
    assert "Poor: 2 otherwise" in tried, "what was chosen stays on the form"
    assert (await sam.send("POST", RULES, **form)).status_code == 303
    own = Otherwise(told={"invoice_new": False}, amounts=False)
    assert (await rules_of(portal.database)).rules.segments == {"poor": own}, "and of no segment that there is not"
    page = unescape((await sam.get(RULES)).text)
    assert "Poor: 2 otherwise" in page
    assert (await sam.send("POST", RULES, **form)).status_code == 409

    async def preview(segment: str, event: str = "invoice_new") -> str:
        answer = await sam.get(f"{RULES}/preview?account=bakery&event={event}&segment={quote(segment)}")
        return unescape(answer.text)

    everybody, in_poor, unsure = [await preview(each) for each in ("everybody-else", "poor", "?")]
    assert "is to pay" in everybody
    assert "They are not told of this" not in everybody
    for page in (in_poor, unsure):
        assert "They are not told of this" in page
        assert "is to pay" not in page
    assert "Poor, or Everybody else" in unsure
    mail = f"{RULES}/preview/mail?account=bakery&event=invoice_new&segment="
    assert "is to pay" in (await sam.get(f"{mail}everybody-else")).text
    assert "is to pay" not in (await sam.get(f"{mail}poor")).text


async def test_shows_staff_no_message_of_what_the_segment_does_not_see(told_portal: tuple[Portal, list[str]]) -> None:
    portal, _ = told_portal
    sam = await staff_at(portal, "admin")
    seen = SeenBy(shown=replace(EVERYTHING, most=Rights(invoices="none")))
    rule = Rule(source="erp", property="tier", how="is", values=("blind",))
    policy = Policy(segments=(Segment(name="blind", title="Blind", rule=rule, seen=seen),))
    await POLICIES.publish(portal.database, policy, trail=TRAIL, by=BY, now=utc_now(), seen=0)
    address = f"{RULES}/preview?account=bakery&event=invoice_new&segment="
    assert "New invoice " in unescape((await sam.get(f"{address}everybody-else")).text)
    page = unescape((await sam.get(f"{address}blind")).text)
    assert "No record of theirs that they see fits" in page
    assert "New invoice 2" not in page
    assert (await sam.get(f"{RULES}/preview/mail?account=bakery&event=invoice_new&segment=blind")).status_code == 404
