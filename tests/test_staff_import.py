"""Many contacts at once at a page: tried first, taken in when somebody has looked, and never by halves."""

import re
from html import unescape

import pytest
from support_audit import VAULT
from support_portal import Portal
from support_staff import Staff, staff_at

from auth.clock import utc_now
from gateway.audit_reading import Wanted, read
from gateway.identity.invitations import invitations

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
IMPORT = "/staff/customers/import"
GOOD = "email,name,account,source:erp\nann@alder.example,<b>Ann</b>,alder,71\nbob@alder.example,Bob,alder,\n"


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
        ("", "Paste the lines"),
        ("name\nAnn\n", "missing: email, account"),
        (GOOD + "no address,Eve,alder,\n", "is no e-mail address"),
        (GOOD + "ann@alder.example,Ann,other,\n", "gives the address to 'other'"),
        (GOOD + "eve@alder.example,Eve,alder,10\n", "belongs to the account 'bakery'"),
        ("email,account\n" + "a@b.example,alder\n" * 501, "More than 500 lines"),
    ],
)
async def test_takes_nothing_of_a_file_with_a_mistake(portal: Portal, text: str, words: str) -> None:
    boss = await staff_at(portal, "admin")
    status, page = await told(boss, text, sure="yes")
    assert (status, words in page) == (422, True), re.findall(r'role="alert">([^<]*)', page)
    assert await invited(portal) == set()
    if text:
        assert text.splitlines()[1] in page, "what was written stays"


@SQLITE
async def test_is_for_admins(portal: Portal) -> None:
    sam = await staff_at(portal)
    assert (await sam.get(IMPORT)).status_code == 403
    assert (await sam.send("POST", IMPORT, contacts=GOOD, sure="yes")).status_code == 403
