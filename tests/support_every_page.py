"""Every page that there is, and somebody to see each, over the sandbox: for tests of the pages themselves."""

from collections.abc import AsyncIterator

import pytest_asyncio
from msgspec import Struct
from msgspec.structs import replace
from playwright._impl._api_structures import SetCookieParam
from playwright.async_api import Browser, BrowserContext, async_playwright
from support_audit import TRAIL
from support_chromium import CHROMIUM, PATIENCE, find_chromium
from support_invited import add_invited
from support_portal import BAKERY, KEYS, Portal, listening
from support_sandbox import RunningSandbox, free_port
from support_sent import ASKED, SENT, add_asked, add_sent, add_told
from support_statuses import add_statuses
from support_visible import add_visible

from auth import cookies
from auth.clock import utc_now
from auth.principals import Role
from auth.provider import Identity
from connectors.config import Secret
from gateway.access import LinkRef, remember_staff
from gateway.app import make_app
from gateway.help.article import Article
from gateway.help.shelf import put
from gateway.identity.invitation_links import InvitationLinks
from gateway.keyring import parse_keyring
from gateway.mails.choices import Stop, Stops
from gateway.records.database import Database
from gateway.records.tables import Staff
from gateway.settings import Settings
from gateway.sign_in import ProviderSettings

LISTS = ("/", "/orders", "/invoices", "/requests", "/documents")
RECORDS = (
    "/orders/erp/4424",
    "/orders/erp/4449",
    "/invoices/erp/2093",
    "/requests/helpdesk/881",
    "/requests/helpdesk/860",
)
FORMS = ("/orders/erp/4424/again", "/orders/erp/4449/accept", "/orders/erp/4449/decline")
WHY = "/invoices/erp/2093/why"
FILTERED = ("/orders?show=all", "/invoices?show=all", "/requests?show=solved", "/orders?q=zeppelin")
ASKING = (
    *("/requests/new", "/requests/new?about=erp/orders/4424", "/requests/new/order?about=erp/orders/4424"),
    *("/requests/new/dispute?about=erp/invoices/2093", "/requests/new/call-back"),
    "/requests/new/something-else?about=helpdesk/tickets/881",
)
STATEMENTS = ("/invoices/statement", "/invoices/statement?from=&to=2099-12-31", "/invoices/statement?from=x&to=y")
SEARCHES = ("/search", "/search?q=oven", "/search?q=zeppelin")
HELP = ("/help", "/help?q=transfer", "/help?q=zeppelin", "/help/pay", "/help/pay?said=no")
ACCOUNT = ("/account", "/account/details", "/account/details/edit?source=erp&person=11", "/account/delete")
STANDS = (
    *(f"/documents/asked/{state}" for state in ASKED),
    *(f"/requests/sent/sent-{state}" for state in SENT),
)
MEMBERS_PAGES = (
    *LISTS,
    *RECORDS,
    *FORMS,
    WHY,
    "/orders/erp/4424/why",
    "/requests/helpdesk/881/why",
    *FILTERED,
    *ASKING,
    *STATEMENTS,
    *SEARCHES,
    *HELP,
    *STANDS,
    "/account/mails",
    *("/welcome", "/welcome/mails", "/welcome/person"),
    "/inbox",
    "/inbox?before=0",
    "/open/new/invoices/erp/2093",
    *ACCOUNT,
    "/invoices/erp/0",
    "/nowhere",
    "/staff",
)
ARTICLES = (
    Article(
        name="pay",
        title="How to pay an invoice",
        html="<p>By bank transfer.</p><h2>When</h2><ul><li>By the due date</li></ul>",
        subjects=("invoices",),
    ),
    Article(
        name="late",
        title="When does my order come?",
        html="<p>In two days.</p>",
        language="en",
        subjects=("topic:order", "orders"),
    ),
)
STOP = Stops(parse_keyring(KEYS)).sign(Stop("0" * 26, "invoice_new"))
INVITATION = f"/invited/{InvitationLinks(parse_keyring(KEYS)).sign('invited')}"
INVITED = (INVITATION, f"{INVITATION}/stop")
DOORS = (
    *INVITED,
    *(
        f"/mails/stop/{STOP}",
        "/sign-in",
        "/sign-in?for=staff",
        "/sign-in/code",
        "/sign-in/link/none",
        "/signed-out",
        "/nowhere",
    ),
    *("/auth/callback?state=none", "/auth/9/start"),
)
DESK = (
    *("/staff", "/staff/customers", "/staff/customers?q=zeppelin", "/staff/pages", "/staff/customers/bakery/why"),
    "/staff/customers/bakery/why?member=x&record=nothing",
    *("/staff/statuses", "/staff/statuses/edit?source=erp&kind=invoices&status=not_paid"),
    *("/staff/statuses/rehearsal", "/staff/statuses/discard", "/staff/statuses/versions", "/staff/statuses/versions/0"),
    *("/staff/statuses/versions/1", "/staff/statuses/preview?account=bakery", "/staff/visible"),
    *("/staff/visible/rehearsal", "/staff/visible/discard", "/staff/visible/versions", "/staff/visible/versions/0"),
    *("/staff/visible/versions/1", "/staff/visible/preview?account=bakery"),
    "/staff/visible/preview?account=bakery&show=orders",
    *("/staff/languages", "/staff/languages/en", "/staff/languages/de", "/staff/languages/de/import"),
    "/staff/languages/de/unread",
    *("/staff/segments", "/staff/segments/add", "/staff/segments/one/hotels", "/staff/segments/one/hotels/remove"),
    "/staff/segments/one/hotels/customers",
    *("/staff/sources/new", "/staff/sources/new/request_tracker", "/staff/sources/new/odoo/untested"),
    *("/staff/sources/erp/settings", "/staff/sources/erp/settings/untested", "/staff/sources/erp/settings/consent"),
    *("/staff/sources/consent", "/staff/sources/new/hubspot/consent"),
    *("/staff/sources", "/staff/sources/helpdesk", "/staff/sources/helpdesk/remove", "/staff/sources/helpdesk/secret"),
    *("/staff/requests", "/staff/requests/SENT-UNKNOWN", "/staff/requests/SENT-SENT", "/staff/requests/all"),
    *("/staff/requests/SENT-DROPPED/contents", "/staff/requests/all?q=zeppelin&status=sent&topic=x&account=bakery"),
    *("/staff/help", "/staff/help?show=all", "/staff/help/articles"),
    *("/staff/topics", "/staff/topics/add", "/staff/topics/one/order", "/staff/topics/one/order/remove"),
    "/staff/topics/usual",
    *("/staff/settings", "/staff/settings/staff", "/staff/settings/staff/colleague", "/staff/settings/appearance"),
    *("/staff/deliveries", "/staff/deliveries?q=zeppelin&status=dead", "/staff/deliveries/refused"),
    *("/staff/deliveries/outgoing", "/staff/deliveries/mails", "/staff/deliveries/replay"),
    *(
        "/staff/customers/queue",
        "/staff/customers/readiness",
        "/staff/customers/import",
        "/staff/customers/invite",
        "/staff/customers/invite?which=ready",
        "/staff/customers/adoption",
        "/staff/customers/adoption?only=never",
        "/staff/customers/adoption?q=zeppelin",
        "/staff/customers/invite/send?many=1",
        *("/staff/customers/bakery/merge", "/staff/customers/bakery/merge?q=o"),
        "/staff/customers/bakery/merge?into=new",
        "/staff/customers/bakery/split",
        "/staff/customers/readiness?sees=none",
        *("/staff/customers/differences", "/staff/customers/differences?status=ignored"),
    ),
    *("/staff/customers/bakery", "/staff/customers?only=never", "/staff/customers?only=disabled"),
    *("/staff/audit", "/staff/audit?who=zeppelin", "/staff/audit/lines/1"),
    *("/staff/settings/keys", "/staff/settings/keys/reseal", "/staff/settings/retention"),
    *("/staff/documents", "/staff/documents?q=zeppelin&status=asked&account=bakery", "/staff/documents/ask"),
    *("/staff/documents/ask?account=bakery", "/staff/documents/ask?account=none", "/staff/documents/one/received"),
    *("/staff/documents/one/asked", "/staff/documents/one/accepted", "/staff/documents/one/received/withdraw"),
    *("/staff/settings/retention/change", "/staff/settings/retention/check"),
    "/staff/settings/appearance/reset",
    *("/staff/messages", "/staff/messages?said=saved", "/staff/messages/preview"),
    *("/staff/messages/preview?account=bakery&event=invoice_new", "/staff/messages/preview?account=x"),
    *("/staff/messages/preview?account=bakery&event=invoice_new&segment=%3F",),
    "/staff/deliveries/incoming/delivery",
    "/staff/deliveries/incoming/delivery/raw",
    "/staff/deliveries/mails/sent/mail",
    "/staff/deliveries/mails/resend",
    "/staff/deliveries/mails/settle",
    "/staff/customers/queue/question",
)
CATERER = ("erp", "20")  # to whom a quote was sent
ISSUER = "http://127.0.0.1:9"  # where nobody is: these pages are seen without signing in


class Stage(Struct, frozen=True):
    """A running portal that people sign in to at three providers, and a browser."""

    portal: Portal
    browser: Browser

    async def member(self, subject: str, account: str | None) -> str:
        return await self.portal.sign_in(subject, account)

    async def staff(self, role: Role | None = None) -> str:
        identity = Identity(issuer=ISSUER, subject="sam", email=None, name="Sam")
        who = await remember_staff(self.portal.database, identity, utc_now(), role=role, trail=TRAIL)
        return await self.portal.sessions.create_for_staff(who, None, None, "3")

    async def look(self, session: str | None) -> BrowserContext:
        """A browser of whoever has this session, in which nothing moves."""
        context = await self.browser.new_context(base_url=self.portal.base_url, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        if session:
            await context.add_cookies([cookie(session)])
        return context


def cookie(session: str) -> SetCookieParam:
    return SetCookieParam(
        name=cookies.SESSION, value=session, domain="127.0.0.1", path="/", secure=True, httpOnly=True, sameSite="Lax"
    )


@pytest_asyncio.fixture
async def furnished(portal_settings: Settings, database: Database, sandbox: RunningSandbox) -> AsyncIterator[Portal]:
    """The portal with a bakery, whose two accounts Maya has, and an account of which the sources know nothing."""
    port = free_port()
    settings = replace(
        portal_settings,
        base_url=f"http://127.0.0.1:{port}",
        oidc=_provider("Sign in with your customer account"),
        oidc_2=_provider("Sign in with Example Net", client_id="another"),
        oidc_3=_provider(None, for_="staff"),
        smtp_url=Secret("smtp://127.0.0.1:9"),
        mail_from="portal@kestrel.example",
        sign_in="both",
        staff_codes=True,
        languages=portal_settings.languages or ("en", "de"),
    )
    await put(database, "", ARTICLES, utc_now())
    portal = Portal(make_app(settings), database, settings)
    await portal.connect(sandbox)
    await portal.link("maya", "bakery", *BAKERY, CATERER)
    await portal.tie("maya", "erp", "11")
    await portal.tie("maya", "helpdesk", "maya@alderlane.example")
    await portal.link("maya", "new", ("erp", "999"), ("helpdesk", "new@customer.example"))
    await add_colleague(database)
    await add_statuses(database)
    await add_visible(database)
    await add_asked(database, "bakery")
    await add_told(database, "bakery", "maya")
    await add_invited(database, "bakery")
    await add_sent(database, "bakery", "maya", LinkRef("helpdesk", "maya@alderlane.example"))
    async with listening(portal.app, port):
        yield portal
    await portal.aclose()


@pytest_asyncio.fixture
async def stage(furnished: Portal) -> AsyncIterator[Stage]:
    program = find_chromium()
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        yield Stage(furnished, chromium)
        await chromium.close()


async def add_colleague(database: Database) -> None:
    """One of staff under an id that tests can name."""
    async with database.write() as session:
        row = {"issuer": ISSUER, "subject": "colleague", "name": "Cleo", "listed_role": "support"}
        session.add(Staff(id="colleague", created_at=utc_now(), **row))


def _provider(title: str | None, **more: str) -> ProviderSettings:
    secret = Secret("secret-secret-secret")
    return replace(ProviderSettings(issuer=ISSUER, client_id="portal", client_secret=secret, title=title), **more)
