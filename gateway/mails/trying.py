"""Trying messages before they are true: as a mail reads, whether one arrives, and how many another rule would make."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage

import sqlalchemy as sa
from msgspec import Struct

from auth.clock import Clock
from connectors.actions import NewTicket
from connectors.records import Invoice, Message, Money, Order, Origin, Record, Ticket
from gateway.access import NOBODY, Scope, whole_of
from gateway.account_view import AccountViews
from gateway.appearance import Appearance, of_settings
from gateway.asked import Asked
from gateway.audit import Trail
from gateway.mails.choices import Stops, chosen_by, joined
from gateway.mails.letters import Item, Letters, Sender
from gateway.mails.post import Server, open_line, server_of
from gateway.mails.rules import Rules
from gateway.mails.subjects import Subject, of_record
from gateway.mails.words import say_asked, say_failed
from gateway.occasions import AREA_OF_EVENT, EVENTS, EventName, is_still_so
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.lines import By, Line
from gateway.records.mail_tables import MailRow
from gateway.records.tables import Member
from gateway.settings import Settings

BACK = timedelta(days=90)
MOST = 20_000  # groups that are counted
KIND_NAMES = {"orders": "orders", "invoices": "invoices", "requests": "tickets"}


class Count(Struct, frozen=True, kw_only=True):
    """What became, or would have become, of one event within the last 90 days."""

    event: EventName
    happened: int  # for each member that could be told
    mails: int  # of their own
    gathered: int  # that go together with others
    shown: int  # in inboxes


class Tally(Struct, frozen=True, kw_only=True):
    """`days`: mails of the day, each one for all that it gathers."""

    counts: tuple[Count, ...]
    days: int

    @property
    def mails(self) -> int:
        return sum(count.mails for count in self.counts) + self.days


class Trying:
    """For staff. `server` None: no mail can go out."""

    def __init__(
        self, db: Database, trail: Trail, clock: Clock, *, views: AccountViews, letters: Letters, server: Server | None
    ) -> None:
        self._db = db
        self._trail = trail
        self._clock = clock
        self._views = views
        self._letters = letters
        self._server = server

    async def preview(self, account: str, event: EventName, rules: Rules, today: date, by: By) -> EmailMessage | None:
        """Write what the account would get about the latest record that it fits. None: there is none, or no account.

        Raises `DatabaseDown`.
        """
        scope = await whole_of(self._db, account) if account and "\0" not in account else None
        if scope is None:
            return None
        async with self._db.write() as session:
            line = Line(what="messages.previewed", by=by, owner=by.who, about=f"account/{account}", account=account)
            await self._trail.record(session, line)
        subject = await self._latest(scope, event, rules, today)
        return self._letters.write("preview", "you@example.com", [Item(scope, subject)]) if subject else None

    async def _latest(self, scope: Scope, event: EventName, rules: Rules, today: date) -> Subject | None:
        kind = KIND_NAMES.get(AREA_OF_EVENT[event])
        if kind is None or event == "request_failed":
            return example(event, rules, today)
        parts = await (await self._views.of(scope)).parts([kind])  # type: ignore[list-item]  # one of theirs
        fitting = [record for part in parts for record in part.records if is_still_so([event], record, today)]
        newest = max(fitting, key=lambda record: (str(record.origin.changed_at or ""), record.number), default=None)
        if newest is None:
            return None
        return of_record(event, newest, today, amounts=rules.amounts, bodies=rules.bodies)

    async def send(self, to: str, event: EventName, rules: Rules, today: date, by: By) -> None:
        """Send an example, in which nothing of a customer is. Raises `Away`, `Declined`, `Lost` and `DatabaseDown`."""
        if self._server is None:
            return
        async with self._db.write() as session:
            line = Line(
                what="messages.tried",
                by=by,
                owner=by.who,
                about="messages",
                details={"event": event},
                personal={"to": to},
            )
            await self._trail.record(session, line)
        letter = self._letters.write(new_id(), to, [Item(NOBODY, example(event, rules, today))])
        async with open_line(self._server, self._letters.sender.address) as line_:
            await line_.hand(to, letter.as_bytes(), _always)

    def wear(self, appearance: Appearance) -> None:
        """Write in this name, from now on."""
        self._letters.send_as(sender_of(self._letters.sender.base_url, self._letters.sender.address, appearance))


def trying_of(settings: Settings, db: Database, trail: Trail, views: AccountViews, clock: Clock) -> Trying:
    """Make it of what the environment says."""
    sender = sender_of(settings.base_url, settings.mail_from or "portal@localhost", of_settings(settings))
    letters = Letters(sender, Stops(settings.keyring()).sign, clock)
    server = server_of(settings.smtp_url) if settings.smtp_url and settings.mail_from else None
    return Trying(db, trail, clock, views=views, letters=letters, server=server)


def sender_of(base_url: str, address: str, appearance: Appearance) -> Sender:
    """Say who writes, as pages look."""
    return Sender(
        base_url=base_url,
        name=appearance.name,
        address=address,
        reply_to=appearance.contact_email,
        accent=appearance.accent,
        accent_ink=appearance.accent_ink,
    )


def example(event: EventName, rules: Rules, today: date) -> Subject:
    """Make up something that is told by this name."""
    at = datetime.combine(today, datetime.min.time()).astimezone()
    if event == "document_asked":
        asked = Asked(
            id="example",
            account="example",
            label="Trade licence",
            due_on=today + timedelta(days=14),
            state="asked",
            reason=None,
            made_at=at,
            changed_at=at,
            is_personal=False,
        )
        return Subject(name=event, said=say_asked(asked, today), place="/documents/asked/example")
    if event == "request_failed":
        sent = NewTicket(reference="EXAMPLE", customer="", subject="Something to ask", text="")
        return Subject(name=event, said=say_failed(sent), place="/requests/sent/example")
    return of_record(event, _record(event, today, at), today, amounts=rules.amounts, bodies=rules.bodies)


def _record(event: EventName, today: date, at: datetime) -> Record:
    money = Money("EUR", Decimal("123.45"))
    origin = Origin(source="example", id="1", fetched_at=at)
    due_on = today - timedelta(days=1) if event == "invoice_overdue" else today + timedelta(days=3)
    match event:
        case "invoice_new" | "invoice_due" | "invoice_overdue":
            return Invoice(
                origin=origin, number="EX-1", state="open", vendor_state="", total=money, open=money, due_on=due_on
            )
        case "order_moved":
            return Order(origin=origin, number="EX-1", state="packed", vendor_state="", total=money)
        case "order_shipped":
            return Order(origin=origin, number="EX-1", state="on_its_way", vendor_state="", total=money)
        case "order_delivered":
            return Order(origin=origin, number="EX-1", state="delivered", vendor_state="", total=money)
        case _:
            answer = Message(
                id="1", author="", from_customer=False, at=at, body="This is our answer.", media_type="text/plain"
            )
            waits, solved = event == "request_waits", event == "request_solved"
            return Ticket(
                origin=origin,
                number="EX-1",
                state="awaiting_customer" if waits else "solved" if solved else "working",
                vendor_state="",
                subject="Something to ask",
                created_at=at,
                messages=(answer,),
            )


async def tally(db: Database, rules: Rules, now: datetime) -> Tally:
    """Say what the last 90 days would have made by some rules, with what members have chosen. Raises `DatabaseDown`."""
    day = sa.func.substr(sa.cast(MailRow.made_at, sa.String), 1, 10)
    rows = (
        sa.select(MailRow.member_id, MailRow.names, day, Member.email.is_not(None), sa.func.count())
        .join(Member, Member.id == MailRow.member_id)
        .where(MailRow.made_at > now - BACK)
        .group_by(MailRow.member_id, MailRow.names, day, Member.email.is_not(None))
        .limit(MOST)
    )
    async with db.read() as session:
        found = (await session.execute(rows)).all()
        chosen = await chosen_by(session, sorted({member for member, *_ in found}))
    sums: Mapping[str, dict[EventName, int]] = defaultdict(lambda: defaultdict(int))
    days: set[tuple[str, str]] = set()
    each_of = {member: joined(rules, chosen.get(member, {})) for member, *_ in found}
    for member, names, on, has_address, many in found:
        each = each_of[member]
        events = [event for event in EVENTS if event in names.split(",")]
        first = min(events, key=names.split(",").index)
        sums["happened"][first] += many
        sums["shown"][first] += many if any(event in each and each[event].inbox for event in events) else 0
        way = next((each[event].mail for event in events if event in each and each[event].mail != "none"), "none")
        if way != "none" and has_address:
            sums["mails" if way == "at_once" else "gathered"][first] += many
            days |= {(member, on)} if way == "daily" else set()
    counts = tuple(
        Count(event=event, **{name: sums[name][event] for name in ("happened", "mails", "gathered", "shown")})
        for event in EVENTS
    )
    return Tally(counts=counts, days=len(days))


async def _always() -> bool:
    return True
