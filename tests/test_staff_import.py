"""Many contacts at once at a page: tried first, taken in when somebody has looked, and never by halves."""

import re
from html import unescape

import pytest
from support_audit import VAULT
from support_portal import Portal
from support_staff import Staff, staff_at

from auth import cookies
from auth.clock import utc_now
from gateway.audit_reading import Wanted, read
from gateway.identity.invitations import invitations

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
IMPORT = "/staff/customers/import"
GOOD = "email,name,account,source:erp\nann@alder.example,<b>Ann</b>,alder,71\nbob@alder.example,Bob,alder,\n"
GERMAN = "email;name;account;source:erp\nzoe@alder.example;Zoë Müller;alder;71\n"


async def invited(portal: Portal) -> set[str]:
    return {each.email for each in await invitations(portal.database, utc_now())}


async def told(boss: Staff, text: str, **more: str) -> tuple[int, str]:
    answer = await boss.send("POST", IMPORT, contacts=text, **more)
    return answer.status_code, unescape(answer.text)


async def test_shows_who_would_be_invited_and_then_invites(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    status, page = await told(boss, GOOD)
    assert (status, "Every line can be taken" in page, "ann@alder.example" in page) == (200, True, True)
    assert await invited(portal) == set(), "looking keeps nothing"
    raw = (await boss.send("POST", IMPORT, contacts=GOOD)).text
    assert "<b>Ann</b>" not in raw
    status, page = await told(boss, GOOD, sure="yes")
    assert "2 lines taken in" in page
    assert await invited(portal) == {"ann@alder.example", "bob@alder.example"}
    (line,) = await read(portal.database, VAULT, Wanted(latest=1))
    assert (line.what, line.who.startswith("staff/")) == ("invitation.made", True)
    _, page = await told(boss, GOOD, sure="yes")
    assert "0 lines taken in" in page, "twice changes nothing"


@SQLITE
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Choose a file"),
        ("name\nAnn\n", "missing: email, account"),
        (GOOD + "no address,Eve,alder,\n", "s no e-mail address"),
        (GOOD + "ann@alder.example,Ann,other,\n", "gives the address to 'other'"),
        (GOOD + "eve@alder.example,Eve,alder,10\n", "belongs to the account 'bakery'"),
        ("email,account\n" + "a@b.example,alder\n" * 501, "More than 500 lines"),
        ("email,account\r" + "a@b.example,alder\r" * 501, "More than 500 lines"),
    ],
)
async def test_takes_nothing_of_a_file_with_a_mistake(portal: Portal, text: str, words: str) -> None:
    boss = await staff_at(portal, "admin")
    status, page = await told(boss, text, sure="yes")
    assert (status, words in page) == (422, True), re.findall(r'role="alert">([^<]*)', page)
    assert await invited(portal) == set()
    if text:
        assert text.splitlines()[1] in page, "what was written stays"


async def chosen(boss: Staff, content: bytes, **fields: str) -> tuple[int, str]:
    """Send a file from the form, as a browser does."""
    session = await boss.portal.sessions.get(boss.cookie)
    assert session
    headers = {"Cookie": f"{cookies.SESSION}={boss.cookie}", "Sec-Fetch-Site": "same-origin"}
    answer = await boss.http.post(
        IMPORT,
        data={"_token": session.csrf_token, **fields},
        files={"file": ("contacts.csv", content, "text/csv")},
        headers=headers,
    )
    return answer.status_code, unescape(answer.text)


@SQLITE
@pytest.mark.parametrize(
    "content",
    [
        GERMAN.encode(),
        GERMAN.encode("utf-8-sig"),
        GERMAN.encode("utf-16"),
        GERMAN.encode("cp1252"),
        GERMAN.replace(";", "\t").encode("utf-16"),
        GERMAN.replace(";", ",").replace("\n", "\r\n").encode("cp1252"),
    ],
    ids=["utf-8", "with a mark", "utf-16", "windows", "tabs", "commas"],
)
async def test_takes_a_file_as_a_spreadsheet_saves_it(portal: Portal, content: bytes) -> None:
    boss = await staff_at(portal, "admin")
    status, page = await chosen(boss, content, contacts="what was pasted does not count")
    assert (status, "Every line can be taken" in page, "Zoë Müller" in page) == (200, True, True)
    assert await invited(portal) == set()
    text = re.search(r'name="contacts" value="([^"]*)"', page)
    assert text, "what was read goes into the page that asks"
    _, page = await told(boss, text[1], sure="yes")
    assert "1 line taken in" in page
    assert await invited(portal) == {"zoe@alder.example"}
    lines = await read(portal.database, VAULT, Wanted(latest=100))
    _, page = await chosen(boss, content, sure="yes")
    assert "0 lines taken in" in page, "the same file again changes nothing"
    assert [line.what for line in await read(portal.database, VAULT, Wanted(latest=100))] == [
        line.what for line in lines
    ]


@SQLITE
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 and more", "workbook"),
        (b"\x00\x01\x02", "no text"),
        (b"email,account\n" + b"a@b.example,alder\n" * 501, "More than 500 lines"),
        (b"email,account\n" + b"x" * 200_001, "200,000 characters"),
        (b"email;account\nann@alder.example;Alder Ltd\n", "as no account id"),
        (b"email;account\nann@alder.example;Alder Ltd\n", "small letters, digits and hyphens"),
    ],
)
async def test_says_what_is_wrong_with_a_file(portal: Portal, content: bytes, words: str) -> None:
    boss = await staff_at(portal, "admin")
    status, page = await chosen(boss, content, sure="yes")
    assert (status, words in page) == (422, True), re.findall(r'role="alert">([^<]*)', page)
    assert await invited(portal) == set()


@SQLITE
async def test_reads_no_file_beyond_its_bounds(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    status, _ = await chosen(boss, b"x" * 1_100_000)
    assert status == 413


@SQLITE
async def test_is_for_admins(portal: Portal) -> None:
    sam = await staff_at(portal)
    assert (await sam.get(IMPORT)).status_code == 403
    assert (await sam.send("POST", IMPORT, contacts=GOOD, sure="yes")).status_code == 403
