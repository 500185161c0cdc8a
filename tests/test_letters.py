"""What a mail says, whatever is in the record."""

import email.message
import email.policy
from datetime import timedelta
from decimal import Decimal

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support_mails import KEYS, SENDER
from test_events import NOW, TODAY, invoice, message, order, ticket

from connectors.config import Secret
from connectors.records import Money, Record
from gateway.access import Scope
from gateway.mails.choices import Stops
from gateway.mails.letters import Item, Letters, place_of
from gateway.mails.post import server_of
from gateway.mails.subjects import of_record
from gateway.mails.words import LONGEST, body_of, say
from gateway.occasions import EventName
from gateway.rights import COMPANY

LETTERS = Letters(SENDER, Stops(KEYS).sign, lambda: NOW)
SCOPE = Scope(
    member_id="0" * 26,
    issuer="https://login.example",
    subject="maya",
    account_id="bakery",
    account_name="Alder Lane <Bakery>",
    links=(),
    rights=COMPANY,
)
HOSTILE = (
    "a\r\nBcc: all@customer.example",
    "a\n\nbody",
    "\u202eevil\u2066",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "=?utf-8?q?=0D=0ABcc:_x?=",
    "x" * 5000,
    "\x00\x1b[31m",
    "",
    " \t ",
    "Grüße, 東京 🥐",
)


def read(record: Record, event: EventName, scope: Scope = SCOPE) -> tuple[email.message.EmailMessage, str, str]:
    """Write a mail, and read it as a mail program does."""
    written = LETTERS.write("mail1", "maya@customer.example", [Item(scope, of_record(event, record, TODAY))])
    mail = email.message_from_bytes(written.as_bytes(), policy=email.policy.default)
    assert isinstance(mail, email.message.EmailMessage)
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain
    assert html
    return mail, plain.get_content(), html.get_content()


@pytest.mark.parametrize(
    ("record", "event", "subject", "sentence"),
    [
        (invoice("7"), "invoice_new", "New invoice 7", "It is due on 23 November."),
        (invoice("7", "paid"), "invoice_new", "New invoice 7", "You can look at it now."),
        (invoice("7", due_on=None), "invoice_new", "New invoice 7", "You can look at it now."),
        (
            invoice("7", due_on=TODAY - timedelta(days=1)),
            "invoice_overdue",
            "Invoice 7 is overdue",
            "It was due on 21 November. If you have paid already, do nothing.",
        ),
        (ticket("7"), "request_answered", "We answered: s", "There is an answer from us to “s”."),
        (
            ticket("7", "awaiting_customer"),
            "request_waits",
            "We need your answer: s",
            "We cannot go on with “s” without you.",
        ),
        (
            ticket("7", "awaiting_customer"),
            "request_answered",
            "We answered: s",
            "There is an answer from us to “s”.",
        ),
        (
            order("7", "on_its_way"),
            "order_shipped",
            "Order 7 is on its way",
            "It has left us, or the first part of it.",
        ),
        (order("7", "delivered"), "order_shipped", "Order 7 has been delivered", "Tell us if something is missing."),
    ],
)
def test_says_what_happened(record: Record, event: EventName, subject: str, sentence: str) -> None:
    said = say(event, record, TODAY)
    assert (said.subject, said.sentence) == (subject, sentence)
    mail, plain, html = read(record, event)
    assert mail["Subject"] == subject
    assert sentence in plain
    assert sentence in html


@pytest.mark.parametrize("text", HOSTILE)
def test_lets_nothing_out_of_its_place(text: str) -> None:
    hostile = replace(ticket("7"), subject=text, number=text)
    mail, plain, html = read(hostile, "request_answered", replace(SCOPE, account_name=text))
    assert {name.lower() for name in mail} == HEADERS
    assert len(mail["Subject"]) <= LONGEST + 20
    assert mail["To"] == "maya@customer.example"
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    tags = {element.tag for element in tree.iter()}
    assert not tags & {"script", "img", "iframe", "form"}
    assert "https://portal.example/open/bakery/requests/erp/7" in plain


def test_is_html_without_a_fault() -> None:
    _, _, html = read(ticket("7", "working", message("m")), "request_answered")
    html5lib.HTMLParser(strict=True).parse(html)


@given(st.text(), st.text())
def test_writes_whatever_there_is(subject: str, name: str) -> None:
    mail, _, _ = read(replace(ticket("7"), subject=subject), "request_answered", replace(SCOPE, account_name=name))
    assert {header.lower() for header in mail} == HEADERS


def test_leads_to_a_record_whatever_its_id() -> None:
    record = replace(invoice(), origin=replace(invoice().origin, id="a/b?c#d"))
    item = Item(replace(SCOPE, account_id="b/x"), of_record("invoice_new", record, TODAY))
    assert place_of(item) == "/open/b%2Fx/invoices/erp/a%2Fb%3Fc%23d"


def test_writes_the_same_name_on_the_same_mail() -> None:
    ids = {read(invoice(), "invoice_new")[0]["Message-ID"] for _ in range(3)}
    assert ids == {"<mail1@portal.example>"}


def test_says_no_amount_and_no_words_of_a_conversation() -> None:
    bill = replace(invoice(), total=Money("EUR", Decimal("4711.42")))
    said = ticket("7", "working", replace(message("m"), body="the canary"))
    for record, event in ((bill, "invoice_new"), (said, "request_answered")):
        mail = str(read(record, event))  # type: ignore[arg-type]  # a literal
        assert "4711" not in mail
        assert "canary" not in mail


@pytest.mark.parametrize(
    ("url", "port", "starttls"),
    [
        ("smtp://mail.example", 25, None),
        ("smtp://portal:p%40ss@mail.example", 587, True),
        ("smtp://portal:p%40ss@127.0.0.1:2525", 2525, None),
        ("smtps://portal:p%40ss@mail.example", 465, False),
    ],
)
def test_gives_a_password_to_another_machine_under_tls_alone(url: str, port: int, starttls: bool | None) -> None:  # noqa: FBT001
    server = server_of(Secret(url))
    assert (server.port, server.needs_starttls) == (port, starttls)
    assert server.password is None or server.password.reveal() == "p@ss"
    assert "p@ss" not in repr(server)


HEADERS = {
    *("subject", "from", "to", "reply-to", "date", "message-id", "auto-submitted", "x-auto-response-suppress"),
    *("list-unsubscribe", "list-unsubscribe-post", "mime-version", "content-type", "content-language"),
}


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Here it is.</p><p>Good luck!</p>", "Here it is.\nGood luck!"),
        ('<![><img src="]><img">Hello', "Hello"),
        ("<style>p { color: red }</style><title>No</title><script>alert(1)</script>Hello", "Hello"),
        ("<div>" * 5000 + "Hello", "Hello"),
        ("3 &lt; 4 &amp; <b>5</b>", "3 < 4 & 5"),
        ("<!-- nothing -->", None),
    ],
)
def test_reads_the_words_of_an_answer_in_any_html(html: str, text: str | None) -> None:
    said = replace(message("1"), body=html, media_type="text/html")
    assert body_of(ticket("1", "working", said)) == text
