"""What messages say: of which record, what happened, and what is to be done. The same words in a mail and the inbox.

Whatever is in a record, it stays text: it is on one line, not too long, and cannot end a header.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import localcontext
from html.parser import HTMLParser

import nh3
from babel.dates import format_date
from babel.numbers import format_currency, get_currency_symbol
from msgspec import Struct

from connectors.actions import Asked as AskedAction
from connectors.actions import NewTicket
from connectors.records import Invoice, Message, Money, Order, Record, Ticket
from gateway.asked import Asked
from gateway.mails.choices import Stopped
from gateway.occasions import EventName
from gateway.statuses import Status, status_of

LONGEST = 100  # signs of a subject or a number
LONGEST_BODY = 1500  # signs of an answer
LONGEST_HTML, MOST_TAGS = 256_000, 4_000  # of what is read for it
TAG = re.compile(r"<[^<>]*>?")
BLOCKS = {"p", "br", "div", "li", "tr", "blockquote", "h1", "h2", "h3"}
UNSEEN = {"script", "style", "template", "title"}
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]+")
WHEN: Mapping[Stopped, str] = {  # ends the sentence "we write to you when"
    "request_waits": "a request waits for your answer",
    "request_answered": "we have answered a request",
    "request_solved": "we have finished with a request",
    "request_failed": "something that you sent could not be taken",
    "invoice_new": "there is a new invoice",
    "invoice_due": "an invoice falls due soon",
    "invoice_overdue": "an invoice is overdue",
    "order_moved": "an order moves on before it leaves us",
    "order_shipped": "an order is on its way",
    "order_delivered": "an order has been delivered",
    "document_asked": "we need a document from you",
    "daily": "there is something for the mail of the day",
}


class Said(Struct, frozen=True, kw_only=True):
    """The words of one message. `past` is how the inbox says it, whatever has become of it since."""

    subject: str
    heading: str
    sentence: str
    button: str
    past: str
    status: Status | None = None
    body: str | None = None


def say(event: EventName, record: Record, today: date, *, amounts: bool = False, bodies: bool = False) -> Said:
    """Choose the words. `today` is the business's day."""
    match record:
        case Ticket():
            return _of_ticket(event, record, today, bodies=bodies)
        case Invoice():
            return _of_invoice(event, record, today, amounts=amounts)
        case Order():
            return _of_order(event, record, today)
        case _:
            raise TypeError(f"no words for {type(record).__name__}")


def say_asked(document: Asked, today: date) -> Said:
    label = one_line(document.label)
    again = document.state == "refused"
    reason = f" {one_line(document.reason)}" if document.reason else ""
    until = f" We need it by {day(document.due_on, today)}." if document.due_on and not again else ""
    sentence = f"We could not take what you sent.{reason}" if again else f"You can send it on its page.{until}"
    return Said(
        subject=f"We need a document: {label}",
        heading=f"We need this from you: {label}",
        sentence=sentence,
        button="Send it",
        past=f"We asked for this again: {label}" if again else f"We asked you for this: {label}",
    )


def say_failed(asked: AskedAction) -> Said:
    """Tell of something that they sent and that could not be taken as it was."""
    subject = one_line(asked.subject) if isinstance(asked, NewTicket) else ""
    about = f"“{subject}”" if subject else "What you sent"
    return Said(
        subject=f"Your help needed: {subject}" if subject else "Your help needed with what you sent",
        heading="It could not be taken as it is",
        sentence=f"{about} did not go through. Look at it: you can change it, or take it back.",
        button="Look at it",
        past=f"{about} could not be taken as it was",
    )


def _of_ticket(event: EventName, ticket: Ticket, today: date, *, bodies: bool) -> Said:
    name = one_line(ticket.subject) or one_line(ticket.number)
    about = f"“{one_line(ticket.subject)}”" if one_line(ticket.subject) else f"request {name}"
    status = status_of(ticket, today)
    body = body_of(ticket) if bodies else None
    if ticket.state == "awaiting_customer" or event == "request_waits":
        return Said(
            subject=f"We need your answer: {name}",
            heading="We need your answer",
            sentence=f"We cannot go on with {about} without you.",
            button="Read and answer",
            past=f"We asked you something: {name}" if event == "request_waits" else f"We answered: {name}",
            status=status,
            body=body,
        )
    if event == "request_solved":
        return Said(
            subject=f"Solved: {name}",
            heading="We have finished",
            sentence=f"We have finished with {about}. Answer us if something is still open for you.",
            button="See the request",
            past=f"We finished with this: {name}",
            status=status,
            body=body,
        )
    return Said(
        subject=f"We answered: {name}",
        heading="We answered",
        sentence=f"There is an answer from us to {about}.",
        button="Read the answer",
        past=f"We answered: {name}",
        status=status,
        body=body,
    )


def _of_invoice(event: EventName, invoice: Invoice, today: date, *, amounts: bool) -> Said:
    number = one_line(invoice.number)
    due = day(invoice.due_on, today) if invoice.due_on else None
    is_due = due and invoice.state != "paid"
    to_pay = f" {_money(invoice.open)} is to pay." if amounts and invoice.open and invoice.state != "paid" else ""
    status = status_of(invoice, today)
    button = "See the invoice"
    if event == "invoice_overdue":
        title = f"Invoice {number} is overdue"
        sentence = f"It was due on {due}.{to_pay} If you have paid already, do nothing."
        past = f"Invoice {number} became overdue"
        return Said(subject=title, heading=title, sentence=sentence, button=button, past=past, status=status)
    if event == "invoice_due":
        title = f"Invoice {number} is due on {due}"
        sentence = f"It is not paid yet.{to_pay} If you have paid already, do nothing."
        past = f"Invoice {number} falls due on {due}"
        return Said(subject=title, heading=title, sentence=sentence, button=button, past=past, status=status)
    title = f"New invoice {number}"
    sentence = f"It is due on {due}.{to_pay}" if is_due else f"You can look at it now.{to_pay}"
    return Said(subject=title, heading=title, sentence=sentence, button=button, past=title, status=status)


def _of_order(event: EventName, order: Order, today: date) -> Said:
    number = one_line(order.number)
    status = status_of(order, today)
    if event == "order_moved":
        title = f"Order {number}: {one_line(status.label)}"
        sentence = f"{one_line(status.meaning)} {one_line(status.next_step)}"
        past = f"Order {number} moved on"
    elif order.state == "delivered":
        title = f"Order {number} has been delivered"
        sentence = status.next_step
        past = f"Order {number} left us" if event == "order_shipped" else title
    else:
        title = f"Order {number} is on its way"
        sentence = "It has left us, or the first part of it."
        past = f"Order {number} left us"
    return Said(subject=title, heading=title, sentence=sentence, button="See the order", past=past, status=status)


def one_line(text: str) -> str:
    """Write it on one line, and not too long.

    The library decodes what looks like an encoded word, even to the end of a header: so nothing looks like one.
    """
    plain = " ".join(CONTROL.sub(" ", text).replace("=?", "= ?").split())
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1].rstrip() + "…"


def day(value: date, today: date) -> str:
    return format_date(value, "d MMMM" if value.year == today.year else "d MMMM y", locale="en")


def body_of(ticket: Ticket) -> str | None:
    """Give our last answer as text. None: it is not known, or says nothing."""
    answers = [message for message in ticket.messages or () if not message.from_customer]
    text = _text(answers[-1]) if answers else ""
    lines = (" ".join(CONTROL.sub(" ", line).split()) for line in text.splitlines())
    plain = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return (plain if len(plain) <= LONGEST_BODY else plain[: LONGEST_BODY - 1].rstrip() + "…") or None


def _text(message: Message) -> str:
    if message.media_type == "text/plain":
        return message.body
    html = message.body[:LONGEST_HTML]
    if html.count("<") > MOST_TAGS:  # the cleaner's time grows with the square of the nesting
        return TAG.sub(" ", html)
    reader = _Reader()
    reader.feed(nh3.clean(html, tags=BLOCKS, clean_content_tags=UNSEEN, attributes={}))
    reader.close()
    return "".join(reader.pieces)


class _Reader(HTMLParser):
    """Takes the text out of HTML that has been cleaned, a line for each block. What was not cleaned can stop it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  # the library's signature
        self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def _money(money: Money) -> str:
    with localcontext(prec=100):  # or an absurd amount would be an error, and not absurd
        spaced = "¤\xa0#,##0.00" if get_currency_symbol(money.currency, locale="en")[-1].isalpha() else None
        return format_currency(money.amount, money.currency, spaced, locale="en")
