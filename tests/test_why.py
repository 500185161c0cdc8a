"""The proof of every record of a fixture world: it allows, and without any one of its facts it does not."""

from typing import Any

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from litestar import Litestar
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_portal import BAKERY, ISSUER, Portal

from auth.clock import utc_now
from gateway.access import Scope, scope_of
from gateway.account_view import AccountView, AccountViews
from gateway.grants import set_rights
from gateway.grounds import grounds_of
from gateway.links import Login
from gateway.links import Proof as Reason
from gateway.persons import name_person, unname_person
from gateway.proofs import Proof, decide
from gateway.records.tables import Link, Member, Membership, Person
from gateway.rights import AREA_OF, COMPANY, OWN, Rights

FACTS = ("identity", "acting", "linked", "read", "named")
JOSEPH = (("erp", "13"), ("helpdesk", "joseph@alderlane.example"))


async def join(portal: Portal, subject: str, rights: Rights, *persons: tuple[str, str]) -> str:
    """Let somebody act for the bakery, and give their id."""
    await portal.link(subject, "bakery", *BAKERY)
    login = Login(ISSUER, subject)
    await set_rights(portal.database, trail=TRAIL, by=BY, login=login, account="bakery", change=lambda _: rights)
    reason = Reason(fact="their card", decided_by="Priya Nair", decided_at=utc_now())
    for source, person in persons:
        await name_person(portal.database, trail=TRAIL, by=BY, login=login, source=source, person=person, proof=reason)
    async with portal.database.read() as session:
        return str(await session.scalar(sa.select(Member.id).where(Member.subject == subject)))


async def look(portal: Portal, member: str) -> AccountView:
    scope = await scope_of(portal.database, member, "bakery")
    assert isinstance(scope, Scope)
    app: Any = portal.app
    while not isinstance(app, Litestar):
        app = app._app
    views: AccountViews = app.state.account_views
    return await views.of(scope)


async def proofs(portal: Portal, member: str) -> list[Proof]:
    """Prove every record that the member sees, as the page of each does."""
    grounds = await grounds_of(portal.database, member, "bakery")
    found = []
    for part in await (await look(portal, member)).parts(tuple(AREA_OF)):
        for record in part.records:
            why = await (await look(portal, member)).why(part.kind, part.source, record.origin.id)
            found.append(grounds.under(why))
    return found


@pytest.mark.parametrize(("rights", "at_least"), [(COMPANY, 30), (OWN, 3)], ids=["company", "own"])
async def test_proves_every_record_by_no_more_than_is_needed(portal: Portal, rights: Rights, at_least: int) -> None:
    member = await join(portal, "joseph", rights, *JOSEPH)
    found = await proofs(portal, member)
    assert len(found) >= at_least
    assert {proof.asked.kind for proof in found} == set(AREA_OF)
    for written in map(msgspec.json.encode, found):
        proof = msgspec.json.decode(written, type=Proof)
        assert decide(proof) is None, proof
        assert proof.linked is not None
        assert proof.linked.because is not None
        assert proof.linked.because.decided_by == "test"
        needed = [fact for fact in FACTS if getattr(proof, fact) is not None]
        assert needed == [fact for fact in FACTS if fact != "named" or rights is OWN]
        for fact in needed:
            assert decide(replace(proof, **{fact: None})) is not None, (fact, proof)


async def test_shows_to_each_what_names_them_and_to_nobody_what_names_nobody(portal: Portal) -> None:
    """Two people of a company see different records, and the company sees more than both together."""
    maya = await join(portal, "mo", OWN, ("erp", "11"), ("helpdesk", "maya@alderlane.example"))
    joseph = await join(portal, "joseph", OWN, *JOSEPH)
    boss = await join(portal, "boss", COMPANY)
    seen = [{(each.asked.kind, each.asked.source, each.asked.id) for each in await proofs(portal, who)}
            for who in (maya, joseph, boss)]  # fmt: skip
    assert all(seen)
    assert not {key for key in seen[0] & seen[1] if key[1] == "erp"}, "an order has one contact"
    assert seen[0] | seen[1] < seen[2]


async def test_a_fact_that_is_taken_away_takes_the_records_with_it(portal: Portal) -> None:
    """Each row that a proof rests on, one after the other, for somebody whose page is open."""
    joseph = await join(portal, "joseph", OWN, *JOSEPH)
    browser = await portal.browser("joseph", "bakery")
    mine = (await browser.get("/api/v1/invoices")).json()["items"]
    path = f"/invoices/{mine[0]['source']}/{mine[0]['id']}"
    why = f"{path}/why"
    rows: dict[type[Any], dict[str, str]] = {
        Person: {"member_id": joseph, "source": "erp"},
        Link: {"account_id": "bakery", "source": "erp"},
        Membership: {"member_id": joseph, "account_id": "bakery"},
    }
    for table, named in rows.items():
        assert [(await browser.get(each)).status_code for each in (path, why)] == [200, 200], table
        this = sa.select(table).filter_by(**named)
        async with portal.database.read() as session:
            kept = [
                {column.key: getattr(row, column.key) for column in sa.inspect(table).columns}
                for row in await session.scalars(this)
            ]
        async with portal.database.write() as session:
            await session.execute(sa.delete(table).filter_by(**named))
        await portal.forget_records()
        assert [(await browser.get(each)).status_code for each in (path, why, f"/api/v1{path}")] == [404] * 3, table
        async with portal.database.write() as session:
            session.add_all([table(**row) for row in kept])
        await portal.forget_records()


async def test_taking_a_person_away_counts_at_once(portal: Portal) -> None:
    await join(portal, "joseph", OWN, *JOSEPH)
    browser = await portal.browser("joseph", "bakery")
    assert (await browser.get("/api/v1/invoices")).json()["items"]
    login = Login(ISSUER, "joseph")
    told = await unname_person(portal.database, trail=TRAIL, by=BY, login=login, source="erp", person="13")
    assert (told.is_changed, len(told.sessions)) == (True, 1)
    again = await unname_person(portal.database, trail=TRAIL, by=BY, login=login, source="erp", person="13")
    assert not again.is_changed


async def test_says_to_who_sees_their_own_what_names_them(portal: Portal) -> None:
    await join(portal, "joseph", OWN, *JOSEPH)
    joseph = await portal.browser("joseph", "bakery")
    mine = (await joseph.get("/api/v1/orders")).json()["items"][0]
    page = (await joseph.get(f"/orders/{mine['source']}/{mine['id']}/why")).text
    for words in ("You may see the orders that name you.", "There you are person 13.", "The order names you"):
        assert words in page
    assert "maya" not in (await joseph.get("/account")).text, "what the company is called may be a colleague's name"


async def test_finds_nothing_of_a_colleague_or_a_stranger(portal: Portal) -> None:
    """By page, proof, paper or JSON: as if it did not exist."""
    await join(portal, "joseph", OWN, *JOSEPH)
    joseph, maya, ines = [
        await portal.browser(who, where)
        for who, where in (("joseph", "bakery"), ("maya", "bakery"), ("ines", "hotel"))
    ]  # fmt: skip
    mine = await every(joseph)
    for whose in (maya, ines):
        theirs = await every(whose) - mine
        assert len(theirs) > 20
        for area, source, number in sorted(theirs)[::7]:
            path = f"/{area}/{source}/{number}"
            for each in (path, f"{path}/why", f"{path}/files/pdf", f"/api/v1{path}"):
                assert (await joseph.get(each)).status_code == 404, each


async def every(browser: httpx.AsyncClient) -> set[tuple[str, str, str]]:
    found = set()
    for area in ("orders", "invoices", "requests"):
        items = (await browser.get(f"/api/v1/{area}?limit=200")).json()["items"]
        found |= {(area, item["source"], item["id"]) for item in items}
    return found
