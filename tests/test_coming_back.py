"""A customer who is invited by mail comes, looks around, chooses what to hear of, and stops a mail: at 390 px."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from email.message import EmailMessage

import httpx
import pytest
import pytest_asyncio
from msgspec import Struct
from msgspec.structs import replace
from playwright.async_api import Page, async_playwright, expect
from support_audit import BY, TRAIL
from support_chromium import CHROMIUM, find_chromium
from support_codes import code_in, text_of
from support_door import litestar_of
from support_mails import SENDER, Sink, sink
from support_portal import BAKERY, Portal, listening
from support_sandbox import RunningSandbox, free_port

from auth.clock import utc_now
from cache.client import Client
from connectors.config import Secret
from gateway import worker
from gateway.app import make_app
from gateway.events import Event, Topic
from gateway.identity.invitations import Wish
from gateway.identity.inviting import invite_by_mail
from gateway.mails.queue import Queue
from gateway.records.database import Database
from gateway.rights import COMPANY
from gateway.settings import Settings
from gateway.sign_in import ProviderSettings

# What a browser shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ANN = "ann@alder.example"
WIDTH = 390
ARRIVES_WITHIN = 30.0  # seconds, on a busy machine
INVITED = re.compile(r"http://\S+/invited/[\w.-]+")


class Story(Struct, frozen=True):
    """A phone, the portal that it looks at, and the mail server of the portal and of its worker."""

    page: Page
    base: str
    server: Sink
    database: Database

    async def mail(self, number: int) -> EmailMessage:
        """Wait for a mail to Ann."""
        async with asyncio.timeout(ARRIVES_WITHIN):
            while len(self.server.mails) < number:  # noqa: ASYNC110  # the mail server tells nobody
                await asyncio.sleep(0.05)
        to, mail = self.server.mails[number - 1]
        assert to == ANN
        return mail

    async def reads(self, heading: str | re.Pattern[str]) -> None:
        """Wait for a page, which is no wider than the phone."""
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)
        assert await self.page.evaluate("document.documentElement.scrollWidth") <= WIDTH, heading

    async def press(self, name: str) -> None:
        where = self.page.get_by_role("main")
        button = where.get_by_role("button", name=name, exact=True)
        await button.or_(where.get_by_role("link", name=name, exact=True)).click()

    async def tell(self, kind: str, name: str, record: str) -> None:
        """Something has happened to a record of the bakery's."""
        event = Event(names=(name,), record=record, about=name)  # type: ignore[arg-type]
        async with self.database.write() as session:
            await Queue().tell(session, Topic("bakery", "erp", kind), [event], utc_now())  # type: ignore[arg-type]


@pytest_asyncio.fixture
async def story(
    portal_settings: Settings, database: Database, redis: Client, sandbox: RunningSandbox
) -> AsyncIterator[Story]:
    """The bakery has orders and invoices; nobody of theirs has been here."""
    program, port = find_chromium(), free_port()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(sink())
        settings = replace(
            portal_settings,
            base_url=f"http://127.0.0.1:{port}",
            oidc=ProviderSettings(),
            sign_in="code",
            smtp_url=Secret(f"smtp://127.0.0.1:{server.port}"),
            mail_from=SENDER.address,
        )
        app = make_app(settings)
        portal = Portal(app, database, settings)
        stack.push_async_callback(portal.aclose)
        await portal.connect(sandbox)
        await portal.link("owner", "bakery", *BAKERY)
        await stack.enter_async_context(listening(app, port))
        await worker._begin_mails(stack, settings, database, redis, litestar_of(app).state.offices)
        playwright = await stack.enter_async_context(async_playwright())
        chromium = await playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        stack.push_async_callback(chromium.close)
        page = await chromium.new_page(base_url=settings.base_url, viewport={"width": WIDTH, "height": 800})
        yield Story(page, settings.base_url, server, database)


async def test_comes_by_an_invitation_looks_around_and_stops_what_is_not_wanted(story: Story) -> None:
    page, now = story.page, utc_now()
    wish = Wish(email=ANN, account="bakery", rights=COMPANY, until=now + timedelta(days=30))
    await invite_by_mail(story.database, trail=TRAIL, by=BY, made_by="staff/1", wish=wish, now=now)
    link = INVITED.search(text_of(await story.mail(1)))
    assert link, "the mail leads here"

    await page.goto(link[0])
    await story.reads("You are invited")
    await story.press("Go and sign in")
    await page.get_by_label("Your e-mail address").fill(ANN)
    await page.keyboard.press("Enter")
    await story.reads("Look into your mailbox")
    await page.get_by_label("The code in the mail").fill(code_in(await story.mail(2)))
    await page.keyboard.press("Enter")

    await story.reads("This is what you see here")
    await story.press("Next: your mails")
    await story.reads("When shall we write to you?")
    await expect(page.get_by_role("main")).to_contain_text(ANN)
    await story.press("Save and go on")
    await story.reads("Here is a person")
    await story.press("Done")
    await story.reads(re.compile("need you"))  # which is Home, with what there is of the bakery
    await expect(page.get_by_role("link", name="Look around")).to_have_count(0)

    await page.goto("/account/mails")
    await story.reads("Messages and mails")
    shipped, invoiced = (page.locator(f'select[name="mail-{name}"]') for name in ("order_shipped", "invoice_new"))
    await shipped.select_option("none")
    await invoiced.select_option("at_once")
    await story.press("Save")
    await expect(page.get_by_role("status").first).to_have_text("Saved.")
    await expect(shipped).to_have_value("none")

    await story.tell("orders", "order_shipped", "4424")
    await story.tell("invoices", "invoice_new", "2093")
    mail = await story.mail(3)
    assert mail["Subject"] == "New invoice INV-2093", "and no word of the order, of which no mail is wanted"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    async with httpx.AsyncClient() as program:  # of mails: it is signed in nowhere
        stopped = await program.post(mail["List-Unsubscribe"].strip("<>"), data={"List-Unsubscribe": "One-Click"})
    assert stopped.status_code == 200
    await page.reload()
    await expect(invoiced).to_have_value("none")
    assert len(story.server.mails) == 3
