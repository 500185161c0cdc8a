"""Trying messages before they are true: as a mail reads, and whether one arrives."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage

from msgspec import Struct

from auth.clock import Clock
from connectors.actions import NewTicket
from connectors.records import Invoice, Message, Money, Order, Origin, Record, Ticket
from gateway.access import NOBODY, Scope
from gateway.account_view import AccountViews
from gateway.appearance import Appearance, of_settings
from gateway.asked import Asked
from gateway.audit import Trail
from gateway.mails.choices import Stops
from gateway.mails.letters import Item, Letters, Sender
from gateway.mails.post import Server, open_line, server_of
from gateway.mails.subjects import Subject, of_record
from gateway.mails.words import say_asked, say_failed
from gateway.message_rules import Rules
from gateway.occasions import AREA_OF_EVENT, EventName, is_still_so
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.lines import By, Line
from gateway.seeing.previewing import scope_in
from gateway.settings import Settings

KIND_NAMES = {"orders": "orders", "invoices": "invoices", "requests": "tickets"}


class Preview(Struct, frozen=True, kw_only=True):
    """`mail` None: there is nothing that it could tell. `is_told`: whether customers are told of it at all."""

    mail: EmailMessage | None
    is_told: bool
    segments: tuple[str, ...]


class Trying:
    """For staff. `server` None: no mail can go out."""

    def __init__(
        self, db: Database, trail: Trail, *, views: AccountViews, letters: Letters, server: Server | None
    ) -> None:
        self._db = db
        self._trail = trail
        self._views = views
        self._letters = letters
        self._server = server

    async def preview(
        self,
        account: str,
        event: EventName,
        rules: Rules,
        today: date,
        by: By,
        *,
        segments: tuple[str, ...] | None = None,
    ) -> Preview | None:
        """Write what the account would get about the latest record that it fits. None: there is no such account.

        `segments`: as if it may be in these, None: in those that it may be in. Raises `DatabaseDown`.
        """
        scope = await scope_in(self._db, account, segments) if account and "\0" not in account else None
        if scope is None:
            return None
        async with self._db.write() as session:
            details = {} if segments is None else {"segments": list(segments)}
            line = Line(
                what="messages.previewed",
                by=by,
                owner=by.who,
                about=f"account/{account}",
                account=account,
                details=details,
            )
            await self._trail.record(session, line)
        rules = rules.within(scope.segments)
        with self._letters.speaking_to():
            subject = await self._latest(scope, event, rules, today)
            mail = self._letters.write("preview", "you@example.com", [Item(scope, subject)]) if subject else None
        return Preview(mail=mail, is_told=event not in rules.off, segments=scope.segments)

    async def _latest(self, scope: Scope, event: EventName, rules: Rules, today: date) -> Subject | None:
        kind = KIND_NAMES.get(AREA_OF_EVENT[event])
        if event != "request_failed" and scope.rights.reach(AREA_OF_EVENT[event]) == "none":
            return None
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
        with self._letters.speaking_to():
            letter = self._letters.write(new_id(), to, [Item(NOBODY, example(event, rules, today))])
        async with open_line(self._server, self._letters.sender.address) as line_:
            await line_.hand(to, letter.as_bytes(), _always)

    def wear(self, appearance: Appearance) -> None:
        """Write in this name, from now on."""
        self._letters.send_as(sender_of(self._letters.sender.base_url, self._letters.sender.address, appearance))


def trying_of(settings: Settings, db: Database, trail: Trail, views: AccountViews, clock: Clock) -> Trying:
    """Make it of what the environment says."""
    sender = sender_of(settings.base_url, settings.mail_from or "portal@localhost", of_settings(settings))
    letters = Letters(sender, Stops(settings.keyring()).sign, clock, settings.spoken)
    server = server_of(settings.smtp_url) if settings.smtp_url and settings.mail_from else None
    return Trying(db, trail, views=views, letters=letters, server=server)


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


async def _always() -> bool:
    return True
