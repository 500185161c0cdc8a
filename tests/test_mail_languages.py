"""Mails and doors in the language of whoever reads them. The German here is made up for the tests."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from email.message import EmailMessage
from unittest.mock import AsyncMock

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_codes import ANN, PHONE, CodesAt, code_in, link_in, text_of
from support_identity import World as Identities
from support_inviting import Bids
from support_mails import KEYS, SENDER, World, mail_world, sink
from test_events import NOW, TODAY, invoice
from test_letters import SCOPE

from auth import cookies
from cache.client import Client
from connectors.config import Secret
from gateway import languages
from gateway.identity.invitations import MEMBER, Wish, invite
from gateway.languages import catalogue, speaking
from gateway.languages.choosing import Languages
from gateway.mails.choices import Stops
from gateway.mails.letters import Item, Letters
from gateway.mails.post import server_of
from gateway.mails.subjects import of_record
from gateway.mails.trying import Trying
from gateway.message_rules import Rules
from gateway.records.database import Database
from gateway.records.tables import Member
from gateway.rights import OWN

BOTH, GERMAN_FIRST = Languages(("en", "de"), "en"), Languages(("en", "de"), "de")
GERMAN = {
    "New invoice {number}": "Neue Rechnung {number}",
    "You can look at it now.": "Sie können sie ansehen.",
    "It was due on {day}.": "Sie war am {day} fällig.",
    "{amount} is to pay.": "{amount} sind zu zahlen.",
    "there is a new invoice": "es eine neue Rechnung gibt",
    "We write to you when {when}.": "Wir schreiben Ihnen, wenn {when}.",
    "{business} invites you to its customer portal": "{business} lädt Sie ein",
    "The invitation ends on {day}.": "Die Einladung endet am {day}.",
    "Your code to sign in at {business}": "Ihr Code für {business}",
    "Asked for on {moment} ({zone}), in {device}.": "Angefordert am {moment} ({zone}), {device}.",
    "{browser} on an iPhone": "{browser} auf einem iPhone",
    "Sign in": "Anmelden",
    "That is no e-mail address that we can write to.": "An diese Adresse können wir nicht schreiben.",
    "There is nothing here": "Hier ist nichts",
}


@pytest.fixture(autouse=True)
def _german() -> Iterator[None]:
    """Know this German and no other until the test has ended."""
    of = catalogue.catalogue_of("de")
    more = {(None, "{first}, and {n} more"): ("{first} und eines mehr", "{first} und {n} mehr")}
    said = {(None, text): (german,) for text, german in GERMAN.items()} | more
    catalogue.add(replace(of, said=said, missing=()))
    languages._voices.clear()
    yield
    catalogue._others.pop("de")
    languages._voices.clear()


@pytest.fixture
async def post(database: Database, redis: Client) -> AsyncIterator[World]:
    async with mail_world(database, redis) as made:
        made.letters._languages = BOTH
        yield made


async def reads(world: World, language: str | None, seen: str | None = None) -> None:
    async with world.database.write() as session:
        await session.execute(sa.update(Member).values(language=language, language_seen=seen))


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part
    return str(part.get_content())


@pytest.mark.parametrize(
    ("chosen", "seen", "subject"),
    [
        ("de", "en", "Neue Rechnung 2"),
        ("en", "de", "New invoice 2"),
        (None, "de", "Neue Rechnung 2"),
        ("fr", None, "New invoice 2"),  # it is offered no more
        (None, None, "New invoice 2"),
    ],
)
async def test_writes_to_a_member_in_their_language(
    post: World, chosen: str | None, seen: str | None, subject: str
) -> None:
    await reads(post, chosen, seen)
    await post.begin()
    post.ledger.put("2", "7", 20)
    await post.look()
    ((_, mail),) = post.server.mails
    is_german = subject == "Neue Rechnung 2"
    assert (mail["Subject"], mail["Content-Language"]) == (subject, "de" if is_german else "en")
    assert f'<html lang="{mail["Content-Language"]}">' in html_of(mail)
    for part in (text_of(mail), html_of(mail)):
        assert ("Sie können sie ansehen." in part) is is_german
        assert ("Wir schreiben Ihnen, wenn es eine neue Rechnung gibt." in part) is is_german
    assert mail["List-Unsubscribe"]


def letter(language: str, *amounts: str) -> EmailMessage:
    letters = Letters(SENDER, Stops(KEYS).sign, lambda: NOW, BOTH)
    old = replace(invoice("7"), due_on=TODAY - timedelta(days=11))
    with letters.speaking_to(language):
        subject = of_record("invoice_overdue", old, TODAY, amounts=True)
        return letters.write("mail1", "maya@customer.example", [Item(SCOPE, subject) for _ in amounts])


def test_writes_days_and_amounts_as_the_language_does() -> None:
    german, english = text_of(letter("de", "one")), text_of(letter("en", "one"))
    assert f"Sie war am {TODAY.day - 11}. November fällig." in german
    assert f"It was due on {TODAY.day - 11} November." in english
    assert re.search(r"\d,\d\d\xa0€ sind zu zahlen\.", german)
    assert re.search(r"€\d+\.\d\d is to pay\.", english)


def test_counts_in_a_subject() -> None:
    assert str(letter("de", "one", "two")["Subject"]).endswith(" und eines mehr")
    assert str(letter("de", "one", "two", "three")["Subject"]).endswith(" und 2 mehr")
    assert str(letter("en", "one", "two", "three")["Subject"]).endswith(", and 2 more")


async def test_invites_in_the_language_of_whoever_invites(bids: Bids) -> None:
    world: Identities = bids.world
    bids.sender._letters._letters._languages = GERMAN_FIRST
    ann = await world.sign_in("ann", "ann@acme.example", policy="off")
    async with world.db.write() as session:
        await session.execute(sa.update(Member).values(language="en"))
    until = world.now + timedelta(days=30)
    for email, made_by in (("bo@acme.example", "priya"), ("cy@acme.example", f"{MEMBER}{ann}")):
        wish = Wish(email=email, account="acme", rights=OWN, until=until)
        await invite(world.db, trail=TRAIL, by=BY, made_by=made_by, wish=wish, now=world.now)
    await bids.send()
    await bids.post()
    mails = dict(bids.server.mails)
    of_staff, of_ann = mails["bo@acme.example"], mails["cy@acme.example"]
    assert of_staff["Subject"] == f"{SENDER.name} lädt Sie ein"
    assert f"Die Einladung endet am {until.day}. Dezember {until.year}." in text_of(of_staff)
    assert of_ann["Subject"] == f"{SENDER.name} invites you to its customer portal"
    assert [mail["Content-Language"] for mail in (of_staff, of_ann)] == ["de", "en"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_speaks_at_the_door_as_the_browser_asks(codes_at: CodesAt, redis: Client) -> None:
    """`redis` has emptied the server."""
    german = {"Accept": "text/html", "Sec-Fetch-Site": "none", "Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
    async with codes_at(LANGUAGES="en,de") as codes:
        codes.mailing._letters._letters._languages = BOTH
        browser = codes.browser()
        door = (await browser.send("GET", "/sign-in", german)).text
        assert '<html lang="de"' in door
        assert "<h1>Anmelden</h1>" in door
        assert "<h1>Sign in</h1>" in (await browser.go("/sign-in")).text
        gone = await browser.send("GET", "/invited/nobody", german)
        assert (gone.status_code, "<h1>Hier ist nichts</h1>" in gone.text) == (404, True)
        headers = {**german, "Sec-Fetch-Site": "same-origin", "User-Agent": PHONE}
        wrong = await browser.send("POST", "/sign-in/address", headers, data={"address": "ann", "next": "/"})
        assert "An diese Adresse können wir nicht schreiben." in wrong.text
        for each, wanted in ((codes.browser(), {**headers, "Accept-Language": "en"}), (browser, headers)):
            asked = await each.send("POST", "/sign-in/address", wanted, data={"address": ANN, "next": "/"})
            assert asked.status_code == 303, asked.text
            await codes.mailing.turn()
        of_english, of_german = (mail for _, mail in codes.server.mails)
        assert of_german["Subject"] == f"Ihr Code für {SENDER.name}"
        assert of_english["Subject"] == f"Your code to sign in at {SENDER.name}"
        assert re.search(r"Angefordert am \d+\. \w+, \d\d:\d\d \(UTC\), Safari auf einem iPhone\.", text_of(of_german))
        assert "in Safari on an iPhone." in text_of(of_english)
        elsewhere = codes.browser()
        wanted = {"Accept": "text/html", "Sec-Fetch-Site": "none", "Accept-Language": "en"}
        for mail, of, device in (
            (of_german, wanted, "Safari on an iPhone"),
            (of_english, german, "Safari auf einem iPhone"),
        ):
            assert device in (await elsewhere.send("GET", link_in(mail).removeprefix(SENDER.base_url), of)).text
        assert {row.device for row in await codes.rows()} == {"Safari on an iPhone"}
        browser.cookies[cookies.LANGUAGE] = "en"  # of whoever used it before
        come = await browser.send("POST", "/sign-in/code", headers, data={"code": code_in(of_german)})
        assert come.headers["Location"] == "/", come.text
        async with codes.database.read() as session:
            assert await session.scalar(sa.select(Member.language_seen)) == "de"


async def test_tries_a_message_in_the_language_of_the_business(database: Database) -> None:
    letters = Letters(SENDER, Stops(KEYS).sign, lambda: NOW, GERMAN_FIRST)
    async with sink() as server:
        at = server_of(Secret(f"smtp://127.0.0.1:{server.port}"))
        trying = Trying(database, TRAIL, views=AsyncMock(), letters=letters, server=at)
        await trying.send("priya@acme.example", "invoice_new", Rules(), TODAY, BY)
    ((_, mail),) = server.mails
    assert (mail["Subject"], mail["Content-Language"]) == ("Neue Rechnung EX-1", "de")


def test_falls_back_to_the_language_of_the_business() -> None:
    letters = Letters(SENDER, Stops(KEYS).sign, lambda: NOW, GERMAN_FIRST)
    with letters.speaking_to(None, "fr"):
        assert languages.language() == "de"
    with speaking("de"), letters.speaking_to("en"):
        assert languages.language() == "en"
