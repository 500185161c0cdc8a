"""What a mail says: which record it is about, and the way to it. No amount, and no words of anybody but a subject.

Whatever is in a record, it stays text: subjects and names cannot end a header, and HTML is escaped.
"""

import re
from collections.abc import Callable
from datetime import date
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

import minijinja
from babel.dates import format_date
from msgspec import Struct

from auth.clock import Clock
from connectors.records import KINDS, Invoice, Order, Record, Ticket
from gateway.access import Scope
from gateway.events import EventName
from gateway.mails.choices import Stop
from gateway.rights import AREA_OF
from gateway.statuses import status_of

HERE = Path(__file__).parent
LONGEST = 100  # signs of a subject or a number
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
WHEN: dict[EventName, str] = {  # ends the sentence "we write to you when"
    "request_waits": "a request waits for your answer",
    "request_answered": "we have answered a request",
    "invoice_new": "there is a new invoice",
    "invoice_overdue": "an invoice is overdue",
    "order_shipped": "an order is on its way",
}


class Sender(Struct, frozen=True, kw_only=True):
    """Who writes. `address` is what mails are from; answers go to `reply_to`, where there is one."""

    base_url: str
    name: str
    address: str
    reply_to: str | None
    accent: str
    accent_ink: str


class Said(Struct, frozen=True, kw_only=True):
    """The words of one mail."""

    subject: str
    heading: str
    sentence: str
    button: str


class Letters:
    """Writes mails. `sign` makes what a link holds to stop them."""

    def __init__(self, sender: Sender, sign: Callable[[Stop], str], clock: Clock) -> None:
        self._sign = sign
        self._clock = clock
        self._templates = minijinja.Environment(loader=_load, undefined_behavior="strict", debug=False)
        self.send_as(sender)

    def send_as(self, sender: Sender) -> None:
        """Write in this name, from now on."""
        self._sender = sender
        self._templates.add_global("sender", sender)

    def write(self, mail: str, to: str, scope: Scope, *, event: EventName, record: Record, today: date) -> EmailMessage:
        """Write a mail, the same one for the same `mail` however often it is tried."""
        said = say(event, record, today)
        stop = f"{self._sender.base_url}/mails/stop/{self._sign(Stop(scope.member_id, event))}"
        context = {
            "said": said,
            "account": _line(scope.account_name),
            "href": self._sender.base_url + place_of(scope.account_id, record),
            "stop": stop,
            "choose": f"{self._sender.base_url}/account/mails",
            "when": WHEN[event],
        }
        message = EmailMessage(policy=SMTP)
        message["Subject"] = said.subject
        message["From"] = Address(_line(self._sender.name), addr_spec=self._sender.address)
        message["To"] = Address(addr_spec=to)
        if self._sender.reply_to:
            message["Reply-To"] = Address(addr_spec=self._sender.reply_to)
        message["Date"] = format_datetime(self._clock())
        message["Message-ID"] = f"<{mail}@{_host(self._sender)}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message["List-Unsubscribe"] = f"<{stop}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(self._templates.render_template("mail.txt", **context), cte="quoted-printable")
        message.add_alternative(
            self._templates.render_template("mail.html", **context), subtype="html", cte="quoted-printable"
        )
        return message


def say(event: EventName, record: Record, today: date) -> Said:
    """Choose the words. `today` is the business's day."""
    number = _line(record.number)
    match record:
        case Ticket(subject=subject):
            about = f"“{_line(subject)}”" if _line(subject) else f"request {number}"
            if record.state == "awaiting_customer" or event == "request_waits":
                return Said(
                    subject=f"We need your answer: {_line(subject) or number}",
                    heading="We need your answer",
                    sentence=f"We cannot go on with {about} without you.",
                    button="Read and answer",
                )
            return Said(
                subject=f"We answered: {_line(subject) or number}",
                heading="We answered",
                sentence=f"There is an answer from us to {about}.",
                button="Read the answer",
            )
        case Invoice(due_on=due_on):
            due = _day(due_on, today) if due_on else None
            if event == "invoice_overdue":
                return Said(
                    subject=f"Invoice {number} is overdue",
                    heading=f"Invoice {number} is overdue",
                    sentence=f"It was due on {due}. If you have paid already, do nothing.",
                    button="See the invoice",
                )
            is_due = due and record.state != "paid"
            return Said(
                subject=f"New invoice {number}",
                heading=f"New invoice {number}",
                sentence=f"It is due on {due}." if is_due else "You can look at it now.",
                button="See the invoice",
            )
        case Order():
            is_there = record.state == "delivered"
            gone = f"Order {number} {'has been delivered' if is_there else 'is on its way'}"
            sentence = status_of(record, today).next_step if is_there else "It has left us, or the first part of it."
            return Said(subject=gone, heading=gone, sentence=sentence, button="See the order")
        case _:
            raise TypeError(f"no words for {type(record).__name__}")


def place_of(account: str, record: Record) -> str:
    """Give the address of a record's page, for whoever acts for that account or can."""
    area = next(AREA_OF[kind] for kind, record_type in KINDS.items() if isinstance(record, record_type))
    parts = (account, area, record.origin.source, record.origin.id)
    return "/open/" + "/".join(quote(part, safe="") for part in parts)


def _line(text: str) -> str:
    """Write it on one line, and not too long.

    The library decodes what looks like an encoded word, even to the end of a header: so nothing looks like one.
    """
    plain = " ".join(CONTROL.sub(" ", text).replace("=?", "= ?").split())
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1].rstrip() + "…"


def _day(value: date, today: date) -> str:
    return format_date(value, "d MMMM" if value.year == today.year else "d MMMM y", locale="en")


def _host(sender: Sender) -> str:
    return urlsplit(sender.base_url).hostname or "localhost"


def _load(name: str) -> str | None:
    path = HERE / "templates" / name
    return path.read_text(encoding="utf-8") if path.is_file() else None
