"""What messages say: of which record, what happened, and what is to be done. The same words in a mail and the inbox.

Whatever is in a record, it stays text: it is on one line, not too long, and cannot end a header.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from html.parser import HTMLParser

import nh3
from msgspec import Struct

from connectors.actions import Asked as AskedAction
from connectors.actions import NewTicket
from connectors.records import Invoice, Message, Order, Record, Ticket
from gateway.asked import Asked
from gateway.languages import gettext, gettext_noop, phrase
from gateway.languages.writing import day, money
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
WHEN: Mapping[Stopped, str] = {  # ends the sentence "We write to you when"
    "request_waits": gettext_noop("a request waits for your answer"),
    "request_answered": gettext_noop("we have answered a request"),
    "request_solved": gettext_noop("we have finished with a request"),
    "request_failed": gettext_noop("something that you sent could not be taken"),
    "invoice_new": gettext_noop("there is a new invoice"),
    "invoice_due": gettext_noop("an invoice falls due soon"),
    "invoice_overdue": gettext_noop("an invoice is overdue"),
    "order_moved": gettext_noop("an order moves on before it leaves us"),
    "order_shipped": gettext_noop("an order is on its way"),
    "order_delivered": gettext_noop("an order has been delivered"),
    "document_asked": gettext_noop("we need a document from you"),
    "daily": gettext_noop("there is something for the mail of the day"),
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
    if again:
        reason = one_line(document.reason) if document.reason else ""
        sentence = _text_of(gettext("We could not take what you sent."), reason)
    else:
        due = document.due_on
        until = gettext("We need it by {day}.", day=day(due, today)) if due else ""
        sentence = _text_of(gettext("You can send it on its page."), until)
    return Said(
        subject=gettext("We need a document: {document}", document=label),
        heading=gettext("We need this from you: {document}", document=label),
        sentence=sentence,
        button=gettext("Send it"),
        past=gettext("We asked for this again: {document}", document=label)
        if again
        else gettext("We asked you for this: {document}", document=label),
    )


def say_failed(asked: AskedAction) -> Said:
    """Tell of something that they sent and that could not be taken as it was."""
    subject = one_line(asked.subject) if isinstance(asked, NewTicket) else ""
    heading, button = gettext("It could not be taken as it is"), gettext("Look at it")
    todo = gettext("Look at it: you can change it, or take it back.")
    if not subject:
        return Said(
            subject=gettext("Your help needed with what you sent"),
            heading=heading,
            sentence=_text_of(gettext("What you sent did not go through."), todo),
            button=button,
            past=gettext("What you sent could not be taken as it was"),
        )
    return Said(
        subject=gettext("Your help needed: {subject}", subject=subject),
        heading=heading,
        sentence=_text_of(gettext("“{subject}” did not go through.", subject=subject), todo),
        button=button,
        past=gettext("“{subject}” could not be taken as it was", subject=subject),
    )


def _of_ticket(event: EventName, ticket: Ticket, today: date, *, bodies: bool) -> Said:
    subject, number = one_line(ticket.subject), one_line(ticket.number)
    name = subject or number
    status = status_of(ticket, today)
    body = body_of(ticket) if bodies else None
    if event == "request_waits":
        return Said(
            subject=gettext("We need your answer: {subject}", subject=name),
            heading=gettext("We need your answer"),
            sentence=gettext("We cannot go on with “{subject}” without you.", subject=subject)
            if subject
            else gettext("We cannot go on with request {number} without you.", number=number),
            button=gettext("Read and answer"),
            past=gettext("We asked you something: {subject}", subject=name),
            status=status,
            body=body,
        )
    if event == "request_solved":
        done = (
            gettext("We have finished with “{subject}”.", subject=subject)
            if subject
            else gettext("We have finished with request {number}.", number=number)
        )
        return Said(
            subject=gettext("Solved: {subject}", subject=name),
            heading=gettext("We have finished"),
            sentence=_text_of(done, gettext("Answer us if something is still open for you.")),
            button=gettext("See the request"),
            past=gettext("We finished with this: {subject}", subject=name),
            status=status,
            body=body,
        )
    return Said(
        subject=gettext("We answered: {subject}", subject=name),
        heading=gettext("We answered"),
        sentence=gettext("There is an answer from us to “{subject}”.", subject=subject)
        if subject
        else gettext("There is an answer from us to request {number}.", number=number),
        button=gettext("Read the answer"),
        past=gettext("We answered: {subject}", subject=name),
        status=status,
        body=body,
    )


def _of_invoice(event: EventName, invoice: Invoice, today: date, *, amounts: bool) -> Said:
    number = one_line(invoice.number)
    due = day(invoice.due_on, today) if invoice.due_on else None
    is_paid = invoice.state == "paid"
    to_pay = (
        gettext("{amount} is to pay.", amount=money(invoice.open.amount, invoice.open.currency))
        if amounts and invoice.open and not is_paid
        else ""
    )
    status = status_of(invoice, today)
    button = gettext("See the invoice")
    unless = gettext("If you have paid already, do nothing.")
    if event == "invoice_overdue":
        title = gettext("Invoice {number} is overdue", number=number)
        sentence = _text_of(gettext("It was due on {day}.", day=due), to_pay, unless)
        past = gettext("Invoice {number} became overdue", number=number)
        return Said(subject=title, heading=title, sentence=sentence, button=button, past=past, status=status)
    if event == "invoice_due":
        title = gettext("Invoice {number} is due on {day}", number=number, day=due)
        sentence = _text_of(gettext("It is not paid yet."), to_pay, unless)
        past = gettext("Invoice {number} falls due on {day}", number=number, day=due)
        return Said(subject=title, heading=title, sentence=sentence, button=button, past=past, status=status)
    title = gettext("New invoice {number}", number=number)
    what = gettext("It is due on {day}.", day=due) if due and not is_paid else gettext("You can look at it now.")
    return Said(subject=title, heading=title, sentence=_text_of(what, to_pay), button=button, past=title, status=status)


def _of_order(event: EventName, order: Order, today: date) -> Said:
    number = one_line(order.number)
    status = status_of(order, today)
    left = gettext("Order {number} left us", number=number)
    if event == "order_moved":
        title = gettext("Order {number}: {status}", number=number, status=one_line(phrase(status.label)))
        sentence = _text_of(one_line(phrase(status.meaning)), one_line(phrase(status.next_step)))
        past = gettext("Order {number} moved on", number=number)
    elif order.state == "delivered":
        title = gettext("Order {number} has been delivered", number=number)
        sentence = phrase(status.next_step)
        past = left if event == "order_shipped" else title
    else:
        title = gettext("Order {number} is on its way", number=number)
        sentence = gettext("It has left us, or the first part of it.")
        past = left
    return Said(
        subject=title, heading=title, sentence=sentence, button=gettext("See the order"), past=past, status=status
    )


def _text_of(*sentences: str) -> str:
    """Set whole sentences beside each other; of what is empty, nothing."""
    return " ".join(filter(None, sentences))


def one_line(text: str) -> str:
    """Write it on one line, and not too long.

    The library decodes what looks like an encoded word, even to the end of a header: so nothing looks like one.
    """
    plain = " ".join(CONTROL.sub(" ", text).replace("=?", "= ?").split())
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1].rstrip() + "…"


def minute(value: datetime) -> str:
    """Write "12 November, 09:12": a day and a time of it, in whatever zone it is."""
    return f"{day(value.date(), value.date())}, {value:%H:%M}"


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
