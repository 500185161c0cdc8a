"""Two mirrored companies in one portal: the same ids, numbers and amounts of records, and different words in each.

Every text of every record carries the mark of its company, so that one look at an answer tells whose words are in it,
and of the one there whose own it is: Sam, Kim, or nobody. Who is not its own is copied in, which gives nobody a right.
`east` and `west` are two Odoos: what is one company's id in the one is the other's in the other. `desk` is a Request
Tracker whose ids they share.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from support_audit import ALL, BY, TRAIL
from support_portal import BASE, ISSUER, LAX, Portal, listening, running, settings_for
from support_redis import RedisProcess
from support_sandbox import FIXTURES, ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RT_TOKEN, serving
from support_sent import add_asked

from auth import cookies
from auth.clock import utc_now
from auth.principals import Role
from auth.provider import Identity
from cache.client import CacheDown, Client, connect
from connectors.registry import load_connectors
from connectors.sandbox.asgi import Receive, Scope, Send, mount
from connectors.sandbox.faults import Fault, Switch
from connectors.sandbox.odoo.app import odoo_app
from connectors.sandbox.odoo.seed import load_odoo
from connectors.sandbox.rt.app import rt_app
from connectors.sandbox.rt.seed import load_rt
from gateway.access import remember, remember_staff
from gateway.app import make_app
from gateway.links import Login, Proof, link
from gateway.persons import name_person
from gateway.records.database import Database
from gateway.records.tables import Member, Membership, Session
from gateway.rights import COMPANY, OWN
from gateway.sources.changes import apply, plan
from gateway.sources.desired import parse

COMPANIES = ("alder", "birch")
EACH = 6  # records of a kind that a company has in a source
ARCHIVED = 210  # and old requests at the desk: more than are read at once
INTERNAL = "INTERNAL-CANARY"
KIMS = "kimsjob"  # what Ann asks to be called, who is Kim over there
PARTNERS = {"east": {"alder": 10, "birch": 30}, "west": {"alder": 30, "birch": 10}}
# The id before the first of each, and the first archived; long enough to be found nowhere else.
ORDERS, INVOICES, TICKETS, DESK, ARCHIVE = 41_100, 52_500, 63_020, 74_800, 85_001
SAM = {"east": "11", "west": "31"}  # whom the Odoos call Sam of alder
KIM = {"east": "12", "west": "32"}  # and Kim, who is Ann
BIRCH_SAM = {"east": "31", "west": "11"}  # who is Bob
QUOTES = (2 * EACH - 1, 2 * EACH)  # places of orders that are still offers
# Three at alder: Olga is Sam, Ora sees orders, and Dora opens no documents.
COLLEAGUES = {
    "olga": OWN,
    "ora": replace(COMPANY, invoices="none", requests="none", documents="none"),
    "dora": replace(COMPANY, documents="none"),
}
WANDERERS = (INVOICES + 2 * EACH - 1, INVOICES + 2 * EACH)  # invoices that may change hands

ODOO = f"""
[sources.NAME]
connector = "odoo"
title = "NAME"
promises = {{orders = 5, invoices = 5, tickets = 5}}
[sources.NAME.settings]
base_url = "URL/NAME"
database = "{ODOO_DATABASE}"
login = "{ODOO_LOGIN}"
api_key = {{ env = "ODOO_KEY" }}
"""
RT = """
[sources.desk]
connector = "request_tracker"
title = "desk"
promises = {tickets = 5}
[sources.desk.settings]
base_url = "URL/desk"
token = { env = "RT_TOKEN" }
"""


def mark(company: str) -> str:
    """Stands in every text of its records, and in nothing else."""
    return f"zq{company}"


def own_mark(company: str, place: int) -> str:
    """Stands in every text of a record of that place: its company's mark, and whose own it is."""
    return f"{mark(company)}{person_of(place) or 'all'}"


def person_of(place: int) -> str | None:
    """Say whose own the record of a place is in its company; a third of them is nobody's."""
    return (None, "sam", "kim")[((place + 1) // 2) % 3]


def paper_mark(company: str) -> str:
    """Stands in what a company is asked for and in what it sends, which staff who serve customers read too."""
    return f"pz{company}"


def paper(company: str) -> str:
    """What a company is asked for, which of its own people only those read who see all of its documents."""
    return f"Paper of {paper_mark(company)}"


def name_mark(company: str) -> str:
    """Stands in the account's name, which who may act for it reads elsewhere too."""
    return f"nm{company}"


def person_mark(subject: str) -> str:
    return f"person{subject}"


class BackOffices:
    """The three systems. `leaky` makes the Odoos forget whom a question was for, as a vendor's bug would."""

    def __init__(self, folder: Path) -> None:
        now = datetime.now(UTC)
        self.switches = {name: Switch() for name in ("east", "west", "desk")}
        self.stores = {name: load_odoo(_odoo_seed(folder / name, name), now, helpdesk=True) for name in PARTNERS}
        self.rt = load_rt(_rt_seed(folder / "desk"), now)
        self.leaky = False
        apps = {name: odoo_app(store, self.switches[name]) for name, store in self.stores.items()}
        self._app = mount({**apps, "desk": rt_app(self.rt, self.switches["desk"])})

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.leaky or scope["type"] != "http" or not scope["path"].endswith("/jsonrpc"):
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        question = json.loads(body)
        body = json.dumps(_for_everybody(question)).encode()
        headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
        scope = {**scope, "headers": [*headers, (b"content-length", b"%d" % len(body))]}

        async def again() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    def calm(self) -> None:
        self.leaky = False
        for switch in self.switches.values():
            switch.fault = Fault()

    @contextmanager
    def moved(self, source: str, invoice: int, company: str) -> Iterator[None]:
        """Let an invoice be another company's for a moment, in the other's words."""
        row = self.stores[source].rows["account.move"][invoice]
        before = dict(row)
        partner = PARTNERS[source][company]
        row |= {"commercial_partner_id": partner, "partner_id": partner, "name": f"INV-moved-{mark(company)}"}
        try:
            yield
        finally:
            row |= before


class World(Struct):
    """A running portal over the back offices, and what the crawl needs to ill-treat it."""

    portal: Portal
    offices: BackOffices
    database: Database
    redis: Client
    process: RedisProcess

    async def restart_redis(self) -> None:
        """Let it crash and come back empty, and wait until it is believed again."""
        self.process.restart()
        while True:
            try:
                await self.redis.ping()
            except CacheDown:
                await asyncio.sleep(0.1)
            else:
                return

    async def sign_in(self, subject: str, account: str | None) -> str:
        """Begin a session, whether or not that member may act for that account."""
        name = f"{subject} {person_mark(subject)}"
        identity = Identity(issuer=ISSUER, subject=subject, email=f"{person_mark(subject)}@example.com", name=name)
        return await self.portal.sessions.create(
            await remember(self.database, identity, utc_now(), trail=TRAIL), account, None
        )

    async def sign_in_staff(self, subject: str, role: Role) -> str:
        identity = Identity(issuer=ISSUER, subject=subject, email=None, name=f"Staff {person_mark(subject)}")
        staff = await remember_staff(self.database, identity, utc_now(), role=role, trail=TRAIL)
        return await self.portal.sessions.create_for_staff(staff, None, None, "main")

    async def use_all_sessions(self, subject: str) -> None:
        """Let each session of a member be used in this very moment, so that all of them know the same last visit."""
        async with self.database.write() as session:
            member = sa.select(Member.id).where(Member.subject == subject).scalar_subquery()
            await session.execute(sa.update(Session).where(Session.member_id == member).values(seen_at=utc_now()))

    async def member(self, subject: str) -> str:
        async with self.database.read() as session:
            return (await session.scalars(sa.select(Member.id).where(Member.subject == subject))).one()

    async def allow(self, subject: str, account: str) -> None:
        async with self.database.write() as session:
            member = await session.scalar(sa.select(Member.id).where(Member.subject == subject))
            session.add(Membership(member_id=member, account_id=account, rights=ALL, created_at=utc_now()))

    async def move(self, act: str, account: str, **form: str) -> None:
        """Have one of staff merge or split an account at the console."""
        cookie = await self.sign_in_staff("boss", "admin")
        session = await self.portal.sessions.get(cookie)
        assert session
        path = f"/staff/customers/{account}/{act}"
        wanted: dict[str, str] = {key: value for key, value in form.items() if key in {"into", "to"}}
        async with self.portal.stranger() as browser:
            browser.headers.update({"Cookie": f"{cookies.SESSION}={cookie}", "Sec-Fetch-Site": "same-origin"})
            page = await browser.get(path, params=wanted)
            seen = re.search(r'name="seen" value="(\w+)"', page.text)
            assert seen, page.text
            sent = {"_token": session.csrf_token, "seen": seen[1], "reason": "a scene", "sure": "yes", **form}
            done = await browser.post(path, data=sent)
        assert done.status_code == 303, done.text

    async def forbid(self, subject: str, account: str) -> None:
        async with self.database.write() as session:
            member = sa.select(Member.id).where(Member.subject == subject).scalar_subquery()
            await session.execute(
                sa.delete(Membership).where(Membership.member_id == member, Membership.account_id == account)
            )


@asynccontextmanager
async def leak_world(
    folder: Path, database_url: str, process: RedisProcess, *, port: int | None = None
) -> AsyncIterator[World]:
    """Start everything over a migrated database and a Redis of our own; with `port`, to be reached over HTTP."""
    offices = BackOffices(folder)
    redis_url = f"{process.url}?socket_timeout=5&socket_connect_timeout=5"
    settings = settings_for(database_url, redis_url, folder, f"http://127.0.0.1:{port}" if port else BASE)
    database = Database(database_url)
    redis = connect(redis_url)
    with (
        serving(offices.app) as offices_port,
        patch("cache.client.DEADLINE", 5.0),  # this machine may be busy
        patch("connectors.breaker.PROBE_EVERY", 0.5),  # what a scene has taken away is back in the next one
    ):
        portal = Portal(make_app(settings), database, settings)
        await _furnish(portal, database, f"http://127.0.0.1:{offices_port}")
        try:
            async with listening(portal.app, port) if port else running(portal.app):
                yield World(portal, offices, database, redis, process)
        finally:
            offices.calm()
            await portal.aclose()
            await redis.aclose()
            await database.close()


async def _furnish(portal: Portal, database: Database, url: str) -> None:
    text = "".join(ODOO.replace("NAME", name) for name in PARTNERS) + RT
    environ = {"ODOO_KEY": ODOO_KEY, "RT_TOKEN": RT_TOKEN}
    connectors = load_connectors()
    wanted = parse(text.replace("URL", url), connectors, LAX, environ=environ, folder=Path())
    await apply(
        database, portal.vault, await plan(database, portal.vault, connectors, wanted), utc_now(), trail=TRAIL, by=BY
    )
    proof = Proof(fact="customer number", decided_by="test", decided_at=utc_now())
    for company in COMPANIES:
        customers = {name: str(partners[company]) for name, partners in PARTNERS.items()}
        for source, customer in {**customers, "desk": requestor(company)}.items():
            for subject in ("ann", "bob", "cleo", "eve"):
                theirs = {"ann": "alder", "bob": "birch", "eve": "alder"}.get(subject, company)
                if theirs == company:
                    login = Login(ISSUER, subject)
                    name = f"{name_mark(company)} Ltd"
                    await link(
                        database,
                        trail=TRAIL,
                        by=BY,
                        account=company,
                        source=source,
                        customer=customer,
                        proof=proof,
                        name=name,
                        login=login,
                        rights=COMPANY,
                    )
        await add_asked(database, company, prefix=f"{company}-", label=paper(company))
    await _furnish_colleagues(database, proof)


async def _furnish_colleagues(database: Database, proof: Proof) -> None:
    """Let Kim's requests be the company's too, and three more look at alder, each within rights."""
    kim = requestor("alder", "kim")
    told: dict[str, Any] = {"trail": TRAIL, "by": BY, "proof": proof}
    await link(database, **told, account="birch", source="desk", customer=requestor("birch", "kim"))
    for subject, persons in (("ann", KIM), ("bob", BIRCH_SAM)):
        for source, person in persons.items():
            await name_person(database, **told, login=Login(ISSUER, subject), source=source, person=person)
    for subject, rights in COLLEAGUES.items():
        login = Login(ISSUER, subject)
        known = told | {"login": login}
        await link(database, **known, account="alder", source="desk", customer=kim, rights=rights)
        for source, person in {**SAM, "desk": requestor("alder")}.items():
            await name_person(database, **known, source=source, person=person)


def requestor(company: str, person: str = "sam") -> str:
    """Name somebody at the desk, which staff may read. Kim's name is not what Kim's records carry."""
    return f"{'kim.' if person == 'kim' else ''}{name_mark(company)}@example.com"


def owner_of(source: str, number: int) -> str:
    """Say whose the record of a place is: odd and even take turns, and `west` is the mirror of `east`."""
    return COMPANIES[(number + (source == "east")) % 2]


def _for_everybody(value: Any) -> Any:
    """Let every question about one customer be one about all of them."""
    if isinstance(value, list):
        if len(value) == 3 and str(value[0]).endswith("commercial_partner_id"):
            return [value[0], "!=", False]
        return [_for_everybody(each) for each in value]
    return {key: _for_everybody(each) for key, each in value.items()} if isinstance(value, dict) else value


def _odoo_seed(folder: Path, source: str) -> Path:
    folder.mkdir(parents=True)
    spec = json.loads((FIXTURES / "odoo.json").read_bytes())
    helpdesk = json.loads((FIXTURES / "helpdesk.json").read_bytes())
    spec["rows"]["res.partner"] = [row for row in spec["rows"]["res.partner"] if row["id"] < 10]
    for company, partner in PARTNERS[source].items():
        word = mark(company)
        people = [
            {"id": partner + number, "name": f"{name} {word}", "email": f"{name}.{word}@example.com"}
            for number, name in ((1, "Sam"), (2, "Kim"))
        ]
        whole = {"id": partner, "name": f"{word} Ltd", "email": f"office.{word}@example.com", "is_company": True}
        spec["rows"]["res.partner"] += [whole, *(person | {"parent_id": partner} for person in people)]
    spec |= {"orders": [], "invoices": [], "history": []}
    helpdesk["tickets"] = []
    for place in range(1, 2 * EACH + 1):
        company = owner_of(source, place)
        word, pair = own_mark(company, place), (place + 1) // 2
        partner = PARTNERS[source][company] + {"sam": 1, "kim": 2}.get(person_of(place) or "", 0)
        lines = [[f"Mixer {word}", pair, "10.00"], [f"Fitting {word}", 1, "5.00"]]
        order = {"id": ORDERS + place, "name": f"SO-{pair}-{word}", "partner_id": partner, "currency": "EUR"}
        order |= {"client_order_ref": f"ref {word}", "date_order": f"-{pair + 3}d 09:12", "lines": lines}
        order |= {"delivery_status": ("full", "pending", "partial")[pair % 3], "state": "sale"}
        if place in QUOTES:
            order |= {"state": "sent", "validity_date": "+12d"}
        spec["orders"].append(order)
        invoice = {"id": INVOICES + place, "name": f"INV-{pair}-{word}", "partner_id": partner}
        invoice |= {"currency": "EUR", "lines": lines, "invoice_origin": order["name"], "ref": f"ref {word}"}
        if INVOICES + place in WANDERERS:  # whose they are is only in the name
            invoice |= {"lines": [["Mixer", 1, "10.00"]], "invoice_origin": None, "ref": None}
        invoice |= {"payment_state": ("not_paid", "paid", "partial")[pair % 3], "invoice_date": f"-{pair}d"}
        spec["invoices"].append(invoice | {"invoice_date_due": f"+{pair}d"})
        helpdesk["tickets"].append(_odoo_ticket(TICKETS + place, partner, word, pair))
    (folder / "odoo.json").write_text(json.dumps(spec))
    (folder / "helpdesk.json").write_text(json.dumps(helpdesk))
    (folder / "odoo_models.json").write_bytes((FIXTURES / "odoo_models.json").read_bytes())
    return folder


def _odoo_ticket(key: int, contact: int, word: str, days: int) -> dict[str, Any]:
    file = {"name": f"photo-{word}.txt", "mimetype": "text/plain", "text": f"a photo of {word}"}
    hidden = {"name": f"{INTERNAL}-{word}.txt", "mimetype": "text/plain", "text": f"{INTERNAL} {word}"}
    asked = {"date": f"-{days}d 09:15", "author_id": contact, "body": f"<p>It hums, {word}</p>", "files": [file]}
    noted = {"date": f"-{days}d 09:20", "author_id": 3, "subtype_id": 2, "body": f"<p>{INTERNAL} {word}</p>"}
    told = {"date": f"-{days}d 09:30", "author_id": 3, "body": f"<p>We come, {word}</p>"}
    ticket = {
        "id": key,
        "name": f"Hums {word}",
        "description": f"<p>{word}</p>",
        "partner_id": contact,
        "priority": "1",
    }
    ticket |= {"stage_id": 2, "user_id": 2, "create_date": f"-{days}d 08:30", "write_date": f"-{days}d 10:00"}
    return ticket | {"messages": [asked, noted | {"files": [hidden]}, told]}


def _rt_seed(folder: Path) -> Path:
    folder.mkdir(parents=True)
    spec = json.loads((FIXTURES / "rt.json").read_bytes())
    spec["users"] = [user for user in spec["users"] if user["id"] < 30]
    spec |= {"tickets": [], "archive": []}
    for number, company in enumerate(COMPANIES):
        word = mark(company)
        for place, person in enumerate(("Sam", "Kim")):
            name = requestor(company, person.lower())
            user = {"id": 31 + 2 * number + place, "Name": name, "RealName": f"{person} {word}", "Privileged": 0}
            spec["users"].append(user | {"EmailAddress": name})
        past = {"requestor": requestor(company), "by": "tom", "Queue": 3, "count": ARCHIVED, "every_days": 1}
        spec["archive"].append(past | {"first_id": ARCHIVE + number * ARCHIVED, "subjects": [f"Old {word}"]})
    for place in range(1, 2 * EACH + 1):
        company = owner_of("desk", place)
        spec["tickets"].append(_rt_ticket(DESK + place, company, place))
    (folder / "rt.json").write_text(json.dumps(spec))
    return folder


def _rt_ticket(key: int, company: str, place: int) -> dict[str, Any]:
    """Make a ticket of Sam's or of Kim's, who read along in each other's."""
    asker, reader = ("kim", "sam") if person_of(place) == "kim" else ("sam", "kim")
    word, days, who = f"{mark(company)}{asker}", (place + 1) // 2, requestor(company, asker)
    file = {"name": f"plan-{word}.txt", "type": "text/plain", "text": f"a plan of {word}"}
    asked = {"Type": "Create", "by": who, "at": f"-{days}d 15:20", "text": f"Which door? {word}"}
    noted = {"Type": "Comment", "by": "priya", "at": f"-{days}d 16:00", "text": f"{INTERNAL} {word}"}
    told = {"Type": "Correspond", "by": "priya", "at": f"-{days}d 17:00", "text": f"The yard, {word}", "files": [file]}
    ticket = {"id": key, "Queue": 3, "Subject": f"Delivery {word}", "Status": "open", "Requestor": [who]}
    ticket["Cc"] = [requestor(company, reader)]
    return ticket | {"Owner": "priya", "history": [asked, noted, told]}
