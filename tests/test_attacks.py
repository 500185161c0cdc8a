"""The published attacks in every word that comes from elsewhere, in a real portal and a real browser.

The browser is told to forget our content policy: what is tried here is that nothing active reaches a page at all.
"""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from email.message import EmailMessage
from mailbox import Maildir
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec.structs import replace
from playwright.async_api import Browser, Dialog, Page, Request, Response, async_playwright
from support_audit import ALL, BY, TRAIL
from support_chromium import CHROMIUM, find_chromium
from support_every_page import DESK, cookie
from support_hostile import CROWD, TALK, attacks, connectors, crowds, disguises, ticket
from support_mails import SENDER
from support_portal import ISSUER, LAX, Portal, listening
from support_sandbox import free_port
from support_sent import given

from auth.clock import utc_now
from auth.provider import Identity
from connectors.config import Secret
from gateway.access import Scope, remember, remember_staff
from gateway.app import make_app
from gateway.grants import set_rights
from gateway.links import Login
from gateway.mails.letters import Item, Letters
from gateway.mails.subjects import of_record
from gateway.outbox.steps import step
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument
from gateway.records.identity_tables import Invitation
from gateway.records.outbox_tables import OutboxFile, OutboxRow
from gateway.records.tables import Account, Link, Member, Membership, Source
from gateway.rights import COMPANY
from gateway.settings import Settings
from gateway.sources.changes import apply, plan
from gateway.sources.desired import parse
from web.portal.replies import MOST

# What a browser shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

WORDS = attacks()
LONGEST = 100  # characters of a question
PER_PAGE = 50
MAILS = 40  # of a mailbox that is looked at
AT_ONCE = 100  # words that somebody writes: as many as the size of a body allows
ACTIVE = (Path(__file__).parent / "active.js").read_text("utf-8")
FILL = """text => {
  const field = document.querySelector("#text");
  field.removeAttribute("maxlength");
  field.value = text;
  field.dispatchEvent(new Event("input", {bubbles: true}));
}"""  # at once, as news may give the field its limit back
READ = f"""async paths => {{
  const active = {ACTIVE}, found = [];
  for (const path of paths) {{
    const answer = await fetch(path, {{headers: {{Accept: "text/html"}}}});
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    found.push(...active(page).map(each => `${{path}}: ${{each}}`));
  }}
  return found;
}}"""  # many pages, read as a browser does, and not shown

PARSED = f"""html => ({ACTIVE})(new DOMParser().parseFromString(html, "text/html"))"""


class Watch:
    """A page, and all that happened on it which should not."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.found: list[str] = []
        self._base = base
        self._at = ""
        page.on("dialog", self._on_dialog)
        page.on("request", self._on_request)
        page.on("response", self._on_response)

    async def open(self, path: str, expected: Sequence[str] = ()) -> str:
        """Open a page and look for whatever is active on it. Every text of `expected` has to be there to be read."""
        self._at = path
        await self.page.goto(path)
        self.found += [f"{path}: {active}" for active in await self.page.evaluate(f"({ACTIVE})(document)")]
        text = letters(await self.page.evaluate("document.body.textContent"))
        assert unread(expected, text) == [], path
        return text

    async def _on_dialog(self, dialog: Dialog) -> None:
        self.found.append(f"{self._at}: a dialog, {dialog.message}")
        await dialog.dismiss()

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith(self._base):
            self.found.append(f"{self._at}: asked for {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 500:
            self.found.append(f"{self._at}: answered {response.status} to {response.url}")


def letters(text: str) -> str:
    """What is left of a text whatever is done to its spaces and invisible characters."""
    return re.sub(r"[^!-~]", "", text)


def unread(words: Sequence[str], text: str) -> list[str]:
    return [word for word in words if letters(word) not in text]


@pytest_asyncio.fixture
async def portal(
    portal_settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Portal]:
    """The portal on a port of its own, over a hostile back office and two others."""
    port = free_port()
    mails = {"smtp_url": Secret("smtp://127.0.0.1:9"), "mail_from": "portal@kestrel.example"}
    settings = replace(portal_settings, base_url=f"http://127.0.0.1:{port}", **mails)
    offices = connectors(WORDS)
    monkeypatch.setattr("gateway.app.load_connectors", lambda: offices)
    made = Portal(make_app(settings, mailbox=tmp_path / "mailbox"), database, settings)
    text = "".join(f'[sources.{name}]\nconnector = "{name}"\ntitle = "{name}"\nsettings = {{}}\n' for name in offices)
    wanted = parse(text, offices, LAX, environ={}, folder=Path())
    await apply(database, made.vault, await plan(database, made.vault, offices, wanted), utc_now(), trail=TRAIL, by=BY)
    async with listening(made.app, port):
        yield made
    await made.aclose()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    program = find_chromium()
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        yield chromium
        await chromium.close()


async def watch(browser: Browser, portal: Portal, session: str) -> Watch:
    context = await browser.new_context(base_url=portal.base_url, bypass_csp=True)
    await context.add_cookies([cookie(session)])
    return Watch(await context.new_page(), portal.base_url)


async def test_notices_what_is_active(browser: Browser, portal: Portal) -> None:
    """None of the other tests would be worth anything without this."""
    seen = await watch(browser, portal, await portal.sign_in("eve", None))
    html = (
        """<b onclick=x>1</b><a href=' java\nscript:x'>2</a><script>alert(3)</script><img src=http://127.0.0.1:9/4>"""
    )
    await seen.page.route("**/bare", lambda route: route.fulfill(body=html, content_type="text/html"))
    await seen.open("/bare")
    assert sorted(line.partition(": ")[2].partition("=")[0] for line in seen.found) == [
        *("a dialog, 3", "a@href", "asked for http://127.0.0.1:9/4", "b@onclick", "img", "script"),
    ]


async def test_lets_nothing_of_a_record_act(browser: Browser, portal: Portal) -> None:
    await portal.link("maya", "bakery", ("hostile", "1"))
    seen = await watch(browser, portal, await portal.sign_in("maya", "bakery"))
    await seen.open("/", WORDS)
    pages = -(-(len(WORDS) + len(crowds(WORDS))) // PER_PAGE)
    for path in ("/orders?show=all&page=", "/invoices?show=all&page=", "/requests?show=all&page="):
        texts = [await seen.open(f"{path}{page}") for page in range(1, pages + 1)]
        assert unread(WORDS, "".join(texts)) == [], path
    for number, crowd in enumerate(crowds(WORDS), len(WORDS)):
        for kind in ("orders", "invoices", "requests"):
            await seen.open(f"/{kind}/hostile/{number}", crowd)
    for page in range(1, pages):
        await seen.open(f"/documents?page={page}")
    assert seen.found == []


async def test_follows_no_address_that_a_connector_did_not_look_at(browser: Browser, portal: Portal) -> None:
    await portal.link("maya", "bakery", ("astray", "1"))
    seen = await watch(browser, portal, await portal.sign_in("maya", "bakery"))
    for path in ("/orders/astray/0", "/invoices/astray/0"):
        await seen.open(path, ["All orders" if "orders" in path else "All invoices"])
    assert seen.found == []


async def test_lets_nothing_of_a_source_a_link_or_a_name_act(browser: Browser, portal: Portal) -> None:
    groups = crowds(WORDS)
    await add_sources(portal.database, groups)
    await add_accounts(portal, groups)
    for number, crowd in enumerate(groups):
        name = " ".join(crowd)
        seen = await watch(browser, portal, await sign_in(portal, name, number, len(groups)))
        await seen.open("/account", [*crowd, *crowd])
        await seen.open("/account/mails", crowd)
        await seen.open("/orders", crowd)
        await seen.open("/invoices/statement", crowd)
        assert seen.found == []
        await seen.page.context.close()


async def test_lets_nothing_in_disguise_act(browser: Browser, portal: Portal) -> None:
    """Each attack in eighteen forms, as a message in HTML, a plain one, a name and a file, and each page is opened."""
    await portal.link("maya", "bakery", ("talks", "1"))
    seen = await watch(browser, portal, await portal.sign_in("maya", "bakery"))
    forms = disguises(WORDS)
    assert len(forms) > 9785
    for number, start in enumerate(range(0, len(forms), TALK), 1):
        await seen.open(f"/requests/talks/{number}", forms[start : start + TALK])
    assert seen.found == []


async def test_lets_nothing_act_of_what_somebody_writes(browser: Browser, portal: Portal) -> None:
    """An answer that waits, because there is nobody to take it, and one that was too long and is there to be mended."""
    await portal.link("maya", "bakery", ("talks", "1"))
    seen = await watch(browser, portal, await portal.sign_in("maya", "bakery"))
    await seen.open("/requests/talks/0")
    for start in range(0, len(WORDS), AT_ONCE):
        crowd = WORDS[start : start + AT_ONCE]
        await seen.page.fill("#text", "\n".join(crowd))
        await seen.page.get_by_role("button", name="Send", exact=True).click()
        await seen.open("/requests/talks/0", crowd)
    too_long = "\n".join(word for word in WORDS if word.isascii())[: MOST + 1]
    await seen.page.evaluate(FILL, too_long)
    await seen.page.get_by_role("button", name="Send", exact=True).click()
    await seen.page.wait_for_selector("#text-error")
    seen.found += await seen.page.evaluate(f"({ACTIVE})(document)")
    assert letters(await seen.page.input_value("#text")) == letters(too_long), "what was written is still there"
    assert seen.found == []


async def test_lets_nothing_act_in_a_new_request(browser: Browser, portal: Portal) -> None:
    """Records that are attacks are there to be chosen from, and what is asked is shown until somebody takes it."""
    await portal.link("maya", "bakery", ("talks", "1"), ("hostile", "1"))
    seen = await watch(browser, portal, await portal.sign_in("maya", "bakery"))
    await seen.open("/requests/new")
    text = "\n".join(word for word in WORDS if word.isascii())[-9_000:]
    for what in ("", "When it comes"):
        await seen.open("/requests/new/order")
        await seen.page.select_option("#order", index=5)
        await seen.page.select_option("#what", what)
        await seen.page.fill("#text", text)
        await seen.page.evaluate("document.querySelector('#text').form.noValidate = true")
        await seen.page.get_by_role("button", name="Send", exact=False).click()
        await seen.page.wait_for_url("**/requests/sent/*" if what else "**/requests/new/order")
        seen.found += await seen.page.evaluate(f"({ACTIVE})(document)")
        assert letters(text) in letters(await seen.page.evaluate("document.body.textContent"))
    await seen.open("/requests", ["When it comes"])
    assert seen.found == []


async def test_lets_nothing_of_a_statement_or_of_a_reason_act(browser: Browser, portal: Portal) -> None:
    """Currencies that are attacks, and why records are shown that have one in all that they say."""
    await portal.link("maya", "bakery", ("coins", "1"), ("hostile", "1"))
    seen = await watch(browser, portal, await portal.sign_in("maya", "bakery"))
    await seen.open("/invoices/statement?from=&to=2026-12-31", WORDS)
    reasons = [
        f"/{kind}/hostile/{number}/why" for kind in ("orders", "invoices", "requests") for number in (0, len(WORDS))
    ]
    for path in (*reasons, "/invoices?show=all", "/search?q=12.50"):
        await seen.open(path)
    assert seen.found == []


async def test_lets_nothing_act_of_what_is_asked_for_and_given(browser: Browser, portal: Portal) -> None:
    """Documents that are called like attacks, refused for such a reason, and the names of files that came or would."""
    await portal.link("maya", "bakery", ("talks", "1"))
    seen = await watch(browser, portal, await portal.sign_in("maya", "bakery"))
    groups = crowds(WORDS)
    await add_documents(portal.database, groups)
    for number, crowd in enumerate(groups):
        await seen.open(f"/documents/asked/label-{number}", crowd)
        await seen.open(f"/documents/asked/reason-{number}", crowd)
        await seen.open(f"/documents/asked/files-{number}", crowd)
    await seen.open("/documents", WORDS)
    await seen.open("/", WORDS)
    who = await remember_staff(
        portal.database,
        Identity(issuer=ISSUER, subject="sam", email=None, name="Sam"),
        utc_now(),
        role="owner",
        trail=TRAIL,
    )
    sam = await watch(browser, portal, await portal.sessions.create_for_staff(who, None, None, "main"))
    for number, crowd in enumerate(groups):
        for name in ("label", "reason", "files"):
            await sam.open(f"/staff/documents/one/{name}-{number}", crowd)
        await sam.open(f"/staff/documents/one/label-{number}/withdraw", crowd)
    tables = [await sam.open(f"/staff/documents?page={page}") for page in range(1, 2 + 3 * len(groups) // 50)]
    assert unread(WORDS, "".join(tables)) == []
    assert sam.found == []
    for word in [word for word in WORDS if word.startswith("<")][:10]:
        await seen.open("/documents/asked/reason-0")
        await seen.page.set_input_files("#files", {"name": f"{word}.exe", "mimeType": "text/html", "buffer": b"MZ"})
        await seen.page.get_by_role("button", name="Send", exact=True).click()
        await seen.page.wait_for_selector("#files-error")
        seen.found += await seen.page.evaluate(f"({ACTIVE})(document)")
    assert seen.found == []


async def test_lets_nothing_act_on_the_pages_of_a_login(browser: Browser, portal: Portal) -> None:
    """Details that are attacks, to be read, changed and looked at once more; colleagues that are still to come."""
    await portal.link("maya", "bakery", ("people", "1"))
    groups = crowds(WORDS)
    for number in range(len(groups)):
        await portal.tie("maya", "people", str(number))
    session = await portal.sign_in("maya", "bakery")
    login = Login(ISSUER, "maya")
    managing: dict[str, Any] = {"trail": TRAIL, "by": BY, "login": login, "account": "bakery"}
    await set_rights(portal.database, **managing, change=lambda rights: replace(rights, manages=True))
    await add_invitations(portal.database, WORDS)
    seen = await watch(browser, portal, session)
    await seen.open("/account/details", WORDS)
    await seen.open("/account", WORDS)
    for number in range(len(groups)):
        await seen.open(f"/account/details/edit?source=people&person={number}")
    await seen.page.fill("[name=phone]", '"><script>alert(1)</script>')
    await seen.page.fill("[name=city]", "<img src=x onerror=alert(1)>")
    for name in ("first_name", "last_name", "name", "job_title", "mobile", "street", "zip"):
        await seen.page.fill(f"[name={name}]", groups[0][0][:100])
    await seen.page.locator("main form button").click()
    await seen.page.wait_for_url("**/account/details/check")
    seen.found += await seen.page.evaluate(f"({ACTIVE})(document)")
    await seen.page.locator("main form button").first.click()
    await seen.page.wait_for_url("**/account/details#changes")
    seen.found += await seen.page.evaluate(f"({ACTIVE})(document)")
    assert "<img src=x onerror=alert(1)>" in await seen.page.inner_text("#changes")
    assert seen.found == []


async def test_lets_nothing_act_of_what_staff_read_of_customers(browser: Browser, portal: Portal) -> None:
    """Customers and colleagues that are called like attacks, and what was sent, with its files, and why it failed."""
    groups = crowds(WORDS)
    await portal.link("maya", "bakery", ("talks", "1"), ("hostile", "1"))
    maya = await watch(browser, portal, await portal.sign_in("maya", "bakery"))
    await add_handed(portal.database, groups)
    await add_sources(portal.database, groups)
    await add_accounts(portal, groups)
    for number, crowd in enumerate(groups):
        await sign_in(portal, " ".join(crowd), number, len(groups))
    for number, crowd in enumerate(groups):
        await maya.open(f"/requests/sent/HANDED-{number}", crowd)
    await maya.open("/requests", WORDS)
    identity = Identity(issuer=ISSUER, subject="sam", email=None, name=" ".join(WORDS[:CROWD]))
    staff = await remember_staff(portal.database, identity, utc_now(), role="owner", trail=TRAIL)
    seen = await watch(browser, portal, await portal.sessions.create_for_staff(staff, None, None, "main"))
    for number, crowd in enumerate(groups):
        await seen.open(f"/staff/requests/HANDED-{number}", crowd)
        await seen.open(f"/staff/customers/account-{number}/why", crowd)
    for path in DESK:
        await seen.open(path)
    handed = [await seen.open(f"/staff/requests/all?page={page}") for page in range(1, 2 + len(groups) // 50)]
    assert unread([f"HANDED-{number}" for number in range(len(groups))], "".join(handed)) == []
    pages = [await seen.open(f"/staff/customers?page={page}") for page in range(1, 2 + len(groups) // 20)]
    assert unread(WORDS, "".join(pages)) == []
    async with portal.database.read() as session:
        member = await session.scalar(sa.select(Member.id).where(Member.subject == "maya"))
    for kind in ("orders", "invoices", "requests"):
        await seen.open(f"/staff/customers/bakery/why?member={member}&record={kind}/hostile/0")
    assert maya.found + seen.found == []


async def test_lets_nothing_act_in_a_mail(browser: Browser, portal: Portal, tmp_path: Path) -> None:
    """Each attack as a subject and as the name of an account, in the HTML of a mail and in the mailbox of a demo."""
    seen = await watch(browser, portal, await portal.sign_in("maya", None))
    await seen.open("/")
    plain = [await seen.page.evaluate(PARSED, html_of(word)) for word in ("harmless", "")]
    assert all("p@style" in each for each in plain), "what a mail has of its own"
    for word in WORDS:
        assert await seen.page.evaluate(PARSED, html_of(word)) in plain, word
    box = Maildir(tmp_path / "mailbox")
    for word in WORDS[:MAILS]:
        box.add(mail_of(word).as_bytes())
    await seen.open("/demo/mailbox")
    for key in box.keys():  # noqa: SIM118  # no dict
        await seen.page.goto(f"/demo/mailbox/{key}")
    assert seen.found == []


async def test_lets_nothing_of_a_question_act(browser: Browser, portal: Portal) -> None:
    await portal.link("maya", "bakery", ("empty", "1"))
    seen = await watch(browser, portal, await portal.sign_in("maya", "bakery"))
    asked = questions(WORDS)
    for question in asked:
        await seen.open("/search?" + urlencode({"q": question}), [question])
    lists = [f"/{name}?{urlencode({'q': question})}" for name in ("orders", "documents") for question in asked]
    seen.found += await seen.page.evaluate(READ, lists)
    assert seen.found == []


async def add_documents(database: Database, groups: Sequence[Sequence[str]]) -> None:
    """Refuse documents: with each crowd for a label, for a reason, and for the names of the files."""
    now = utc_now()
    same: dict[str, Any] = {"account_id": "bakery", "state": "refused", "made_at": now, "changed_at": now}
    async with database.write() as session:
        for number, crowd in enumerate(groups):
            whole = " ".join(crowd)
            session.add(AskedDocument(id=f"label-{number}", label=whole, reason="No.", **same))
            session.add(AskedDocument(id=f"reason-{number}", label="A", reason=whole, **same))
            session.add(AskedDocument(id=f"files-{number}", label="A", reason="No.", **same))
            await session.flush()
            session.add_all(given(f"{number}-{place}", f"files-{number}", word) for place, word in enumerate(crowd))


async def add_handed(database: Database, groups: Sequence[Sequence[str]]) -> None:
    """Hand in requests that say each crowd, with a file for each word, and that failed with such an error."""
    now = utc_now()
    async with database.write() as session:
        member = await session.scalar(sa.select(Member.id).where(Member.subject == "maya"))
        same: dict[str, Any] = {"account_id": "bakery", "member_id": member, "action": "new_ticket", "source": "talks"}
        same |= {"note": {}, "state": "unknown", "made_at": now, "tried_at": now, "in_doubt_since": now}
        for number, crowd in enumerate(groups):
            whole, id_ = " ".join(crowd), f"HANDED-{number}"
            asked = {"reference": id_, "customer": "1", "subject": whole, "text": whole, "route": whole}
            named = dict.fromkeys(("id", "reference", "nonce"), id_)
            session.add(
                OutboxRow(asked=asked, error=whole, topic=whole[:200], due_at=None, tries=1, turn=1, **named, **same)
            )
            await session.flush()
            session.add(step(id_, "handed_over", now, detail=whole))
            of: dict[str, Any] = {"outbox_id": id_, "account_id": "bakery", "made_at": now, "media_type": "text/plain"}
            of |= {"size": 1, "sha256": bytes(32), "content": b"1"}
            session.add_all(
                OutboxFile(id=f"{number}-{place}", place=place, name=word, **of) for place, word in enumerate(crowd)
            )


async def add_invitations(database: Database, words: Sequence[str]) -> None:
    """Invite somebody at each word."""
    now = utc_now()
    same: dict[str, Any] = {"account_id": "bakery", "rights": ALL, "made_by": "member/x", "state": "made"}
    same |= {"made_at": now, "until": now + timedelta(days=1)}
    async with database.write() as session:
        session.add_all(
            Invitation(id=f"invited-{number}", email=word, name=word, **same) for number, word in enumerate(words)
        )


def mail_of(word: str) -> EmailMessage:
    scope = Scope(
        member_id="maya",
        issuer=ISSUER,
        subject="maya",
        account_id="bakery",
        account_name=word,
        links=(),
        rights=COMPANY,
    )
    letters_ = Letters(SENDER, lambda _: "stop", utc_now)
    today, record = utc_now().date(), ticket(0, [word])
    subject = of_record("request_answered", record, today, bodies=True)
    return letters_.write("mail", "maya@example.com", [Item(scope, subject)])


def html_of(word: str) -> str:
    part = mail_of(word).get_body(("html",))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def questions(words: Sequence[str]) -> list[str]:
    """Put as many words into each question as it may hold; of one that is longer, its beginning."""
    asked = [""]
    for word in words:
        if len(asked[-1]) + len(word) < LONGEST:
            asked[-1] += f" {word}"
        else:
            asked.append(word[:LONGEST])
    return asked


async def add_sources(database: Database, groups: Sequence[Sequence[str]]) -> None:
    """Add two sources with each crowd for a title: one that has nothing to say, and one that never answers."""
    async with database.write() as session:
        for row in (await session.scalars(sa.select(Source).where(Source.name.in_(["empty", "silent"])))).all():
            for number, crowd in enumerate(groups):
                same = {"connector": row.connector, "settings": {}, "sealed": {}, "promises": {}}
                title = " ".join(crowd)
                session.add(Source(name=f"{row.name}-{number}", title=title, changed_at=row.changed_at, **same))


async def add_accounts(portal: Portal, groups: Sequence[Sequence[str]]) -> None:
    """Add an account for each crowd, called like it, with a customer and a fact for each word."""
    now = utc_now()
    async with portal.database.write() as session:
        for number, crowd in enumerate(groups):
            id_ = f"account-{number}"
            session.add(Account(id=id_, name=" ".join(crowd), created_at=now))
            await session.flush()
            same = {"account_id": id_, "decided_by": "test", "decided_at": now}
            links = [(f"empty-{number}", word) for word in crowd] + [(f"silent-{number}", "1")]
            session.add_all([Link(source=source, customer=word, fact=word, **same) for source, word in links])


async def sign_in(portal: Portal, name: str, number: int, accounts: int) -> str:
    """Sign somebody of this name in, who may act for this account and the next."""
    identity = Identity(issuer=ISSUER, subject=f"eve-{number}", email=name, name=name)
    member = await remember(portal.database, identity, utc_now(), trail=TRAIL)
    async with portal.database.write() as session:
        for mine in {number, (number + 1) % accounts}:
            session.add(Membership(member_id=member, account_id=f"account-{mine}", rights=ALL, created_at=utc_now()))
    return await portal.sessions.create(member, f"account-{number}", None)
