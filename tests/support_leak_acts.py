"""What members do and are sent, as scenes of the crawl: nobody else sees it, does it for them, or gets it by mail."""

import asyncio
import email
import email.policy
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_door import litestar_of
from support_leak import Answer, Crawl, Viewer
from support_leak_targets import numbers, owner, person
from support_leak_world import COMPANIES, DESK, KIM, KIMS, ORDERS, QUOTES, mark, owner_of, paper_mark, person_mark
from support_mails import SENDER
from support_portal import ISSUER

from auth.clock import utc_now
from connectors.config import Secret
from connectors.records import Kind
from connectors.sandbox.faults import Fault
from gateway.asked import ask
from gateway.events import Event, Topic
from gateway.links import Login
from gateway.mails.choices import MailDesk, read_choices
from gateway.mails.letters import Letters
from gateway.mails.post import server_of
from gateway.mails.queue import Queue
from gateway.mails.sending import Mailing
from gateway.occasions import EventName
from gateway.records.database import Database
from gateway.records.mail_tables import MailRow, MessageChoice
from gateway.records.outbox_tables import OutboxRow

MEMBERS = ("ann", "bob", "cleo", "olga", "ora", "dora", "dan", "mallory")
STATEMENTS = tuple(f"/invoices/statement{ending}?from=&to=2099-12-31" for ending in ("", ".csv", ".pdf"))
HANDED = re.compile(r'/handed/(\w+)/back"')
KINDS: tuple[tuple[Kind, str, EventName], ...] = (
    ("orders", "east", "order_shipped"),
    ("invoices", "east", "invoice_new"),
    ("tickets", "desk", "request_answered"),
)
TOLD = 3  # records of a list of which mails tell
ARRIVES = 100  # tries, a tenth of a second apart
SETTLES = 5  # tries
SEE_OTHER, FORBIDDEN = 303, 403


class Play:
    """What every scene is made of."""

    def __init__(self, crawl: Crawl) -> None:
        self.crawl = crawl
        self.world = crawl.world

    async def _look(self, name: str, *paths: str) -> None:
        for path in paths:
            await self.crawl.ask(self.crawl.viewers[name], "GET", path)

    async def _alone(self, name: str) -> Viewer:
        """Give somebody in a new session, where nobody walks along and nothing is known of them yet."""
        viewer = replace(self.crawl.viewers[name], etags=[], links=[])
        await self.crawl.sign_in(viewer)
        await self.crawl.learn_token(viewer)
        return viewer

    async def _post(self, viewer: Viewer, path: str, **form: str) -> Answer:
        return await self._submit(
            viewer, path, "application/x-www-form-urlencoded", lambda token: urlencode({**form, "_token": token})
        )

    async def _send(self, name: str, path: str, file: str, **form: str) -> Answer:
        """Post a form with a text file of this name, whose text is its name."""
        end = f"end{secrets.token_hex(8)}"
        head = f'--{end}\r\nContent-Disposition: form-data; name="files"; filename="{file}"\r\nContent-Type: text/plain'

        def written(token: str) -> str:
            fields = "".join(
                f'--{end}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
                for key, value in {"_token": token, **form}.items()
            )
            return f"{fields}{head}\r\n\r\n{file}\r\n--{end}--\r\n"

        return await self._submit(self.crawl.viewers[name], path, f"multipart/form-data; boundary={end}", written)

    async def _submit(self, viewer: Viewer, path: str, type_: str, written: Callable[[str], str]) -> Answer:
        """Post with the viewer's token, and once more with a new one: they may have been signed in anew meanwhile."""
        headers = {"Content-Type": type_, "Origin": self.world.portal.base_url}
        answer = await self.crawl.ask(viewer, "POST", path, headers, body=written(viewer.token).encode())
        if answer.status != FORBIDDEN:
            return answer
        await self.crawl.learn_token(viewer)
        return await self.crawl.ask(viewer, "POST", path, headers, body=written(viewer.token).encode())

    async def down(self) -> None:
        self.world.offices.switches["desk"].fault = Fault(kind="unavailable")

    async def calm(self) -> None:
        self.world.offices.calm()

    async def believed(self) -> None:
        """Let everything be there, and wait until Redis is believed again, so that what is known outlasts a fault."""
        await self.calm()
        for _ in range(ARRIVES):
            page = await self.crawl.ask(self.crawl.viewers["ann"], "GET", "/api/v1/orders")
            if b'"ontime"' in page.body and not any(word in page.body for word in (b'"late"', b'"down"')):
                break
            await asyncio.sleep(0.2)

    async def emptied(self) -> None:
        await self.world.redis.flushdb()
        self.crawl.poison.clear()


class Acts(Play):
    @property
    def acts(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        return (self.papers, self.attached, self.ordered, self.stated, self.described, self.mailed, self.stopped)

    async def papers(self) -> None:
        """Each company is asked for papers, and Ann for one of her own: nobody else sees or sends any of them.

        Those of staff who serve customers read what is asked of them and what they sent; the others of staff do not.
        """
        card = await ask(
            self.world.database,
            trail=TRAIL,
            by=BY,
            account="alder",
            label=f"Card of {person_mark('ann')}",
            due_on=None,
            login=Login(ISSUER, "ann"),
            now=utc_now(),
        )
        theirs = {"ann": {"alder", "ann"}, "bob": {"birch"}, "cleo": {str(self.crawl.viewers["cleo"].account)}}
        for name in ("bob", "cleo", "olga", "ora", "dora", "dan", "mallory", "ann"):
            await self._look(name, "/", "/documents", "/api/v1/home")
            for id_ in (*(f"{whose}-{state}" for whose in (*COMPANIES, "x") for state in ("asked", "received")), card):
                path, whose = f"/documents/asked/{id_}", "ann" if id_ == card else id_.partition("-")[0]
                is_theirs = whose in theirs.get(name, set())
                seen = await self.crawl.ask(self.crawl.viewers[name], "GET", path)
                sent = await self._send(name, path, f"{paper_mark('alder')}.txt") if not is_theirs else seen
                is_out = any(b"/sign-in" in answer.header(b"location") for answer in (seen, sent))
                if not is_theirs and not is_out and (seen.status, sent.status) not in {(404, 404), (401, 401)}:
                    self.crawl.find(f"{name} was answered {seen.status} and {sent.status} at {path}: it is not theirs")
        await self._send("ann", f"/documents/asked/{card}", f"{paper_mark('alder')}{person_mark('ann')}.txt")
        for name in MEMBERS:
            await self._look(name, "/documents", f"/documents/asked/{card}")
        asked = [card, *(f"{company}-{state}" for company in COMPANIES for state in ("received", "refused"))]
        pages = [f"/staff/documents/one/{id_}" for id_ in asked]
        for name in ("desk", "staff", "ann", "nobody"):
            viewer = self.crawl.viewers[name]
            for path in ("/staff/documents", "/staff/documents.csv", *pages, *(f"{page}/files/0" for page in pages)):
                answer = await self.crawl.ask(viewer, "GET", path)
                self.crawl.own[name, "paper"] += paper_mark("alder").encode() in answer.body
            for page in pages[1:]:  # without a reason it is not refused, and shown again
                await self._post(viewer, f"{page}/refuse")

    async def attached(self) -> None:
        """Both companies answer a request with a file: each has its own, in the conversation and to download."""
        await self.calm()
        tickets = {"ann": f"/requests/desk/{DESK + 4}", "bob": f"/requests/desk/{DESK + 3}"}
        for name, page in tickets.items():
            await self._look(name, page)
            form = {"nonce": secrets.token_urlsafe(24), "text": mark(str(self.crawl.viewers[name].account))}
            await self._send(name, f"{page}/reply", f"scan-{form['text']}.txt", **form)
        waiting = sa.select(sa.func.count()).where(OutboxRow.action == "reply", OutboxRow.due_at.is_not(None))
        for _ in range(ARRIVES):
            async with self.world.database.read() as session:
                if not await session.scalar(waiting):
                    break
            await asyncio.sleep(0.1)
        await self.emptied()
        for name, page in tickets.items():
            for viewer in (name, *MEMBERS):
                await self._look(viewer, page)
            for link in sorted({link for link in self.crawl.viewers[name].links if link.startswith(f"{page}/files/")}):
                for viewer in (name, "ann", "bob", "dora", "dan"):
                    await self._look(viewer, link)

    async def ordered(self) -> None:
        """Ann orders again and answers a quote while the source is away. Nobody does so for her, or takes it back."""
        await self.believed()
        ann = self.crawl.viewers["ann"]
        quote = next(ORDERS + place for place in QUOTES if owner_of("east", place) == "alder")
        order = next(
            number
            for number in numbers("orders", "east")
            if (owner("orders", "east", number), person("orders", "east", number)) == ("alder", "kim")
        )
        his = next(number for number in numbers("orders", "east") if owner("orders", "east", number) == "birch")
        hers = {"again": f"/orders/east/{order}", "accept": f"/orders/east/{quote}", "decline": f"/orders/east/{quote}"}
        forms = {act: await self._form(ann, f"{page}/{act}") for act, page in hers.items()}
        for act in ("again", "decline"):
            for _ in range(SETTLES):  # a busy machine may keep her order from her for a moment
                self.world.offices.switches["east"].fault = Fault(kind="unavailable")
                sent = await self._post(ann, f"{hers[act]}/{act}", **forms[act])
                if sent.status == SEE_OTHER:
                    break
                await self.believed()
                forms[act] = await self._form(ann, f"{hers[act]}/{act}")
            else:
                self.crawl.find(f"ann could not {act}: {sent.status}")
        handed = [
            f"{page}/handed/{id_}/back"
            for page in set(hers.values())
            for id_ in HANDED.findall((await self.crawl.ask(ann, "GET", page)).body.decode())
        ]
        others = [f"/orders/east/{his}/handed/{path.split('/')[5]}/back" for path in handed]
        for name in ("bob", "olga", "dan", "mallory"):
            viewer = self.crawl.viewers[name]
            answers = [await self._post(viewer, f"{page}/{act}", **forms[act]) for act, page in hers.items()]
            answers += [await self._post(viewer, path) for path in (*handed, *others)]
            await self._look(name, *(f"{page}/{act}" for act, page in hers.items()), *hers.values())
            if any(answer.status == SEE_OTHER for answer in answers if b"/sign-in" not in answer.header(b"location")):
                self.crawl.find(f"{name} ordered for ann, or took back what she had ordered")
        async with self.world.database.write() as session:  # nothing is to be made over there, whose ids are known
            mine = sa.update(OutboxRow).where(OutboxRow.action.in_(("order_again", "accept", "decline")))
            await session.execute(mine.values(state="cancelled", due_at=None, turn=OutboxRow.turn + 1))
        await self.calm()

    async def _form(self, viewer: Viewer, path: str) -> dict[str, str]:
        page = (await self.crawl.ask(viewer, "GET", path)).body.decode()
        return dict(re.findall(r'name="(nonce|total|currency)" value="([^"]*)"', page))

    async def stated(self) -> None:
        """Everybody takes a statement, to look at, as a table and on paper, one right after the other."""
        await self.calm()
        for name in ("ann", "bob", "olga", "ora", "cleo", "dan"):
            for path in STATEMENTS:
                viewer = self.crawl.viewers[name]
                answer = await self.crawl.ask(viewer, "GET", path)
                if answer.status == 200 and viewer.is_member and "invoices" not in viewer.areas:
                    self.crawl.find(f"{name} was given {path}: they have no invoices")

    async def described(self) -> None:
        """Ann, who is Kim over there, has a detail changed. Nobody else sees what, or has hers changed."""
        await self.calm()
        ann = self.crawl.viewers["ann"]
        customers = {"ann": "10", "bob": "30"}
        form = {"source": "east", "person": KIM["east"], "was_job_title": "", "nonce": secrets.token_urlsafe(24)}
        self.world.offices.switches["east"].fault = Fault(kind="unavailable")
        sent = await self._post(
            ann, "/account/details/send", **form, customer=customers["ann"], job_title=f"{KIMS} {mark('alder')}"
        )
        if sent.status != SEE_OTHER:
            self.crawl.find(f"ann could not have a detail changed: {sent.status}")
        await self._look("ann", "/account/details")
        for name in ("bob", "olga", "ora", "dora", "dan"):
            form |= {"nonce": secrets.token_urlsafe(24), "job_title": "x"}
            for customer in customers.values():
                answer = await self._post(self.crawl.viewers[name], "/account/details/send", **form, customer=customer)
                if answer.status == SEE_OTHER and b"/sign-in" not in answer.header(b"location"):
                    self.crawl.find(f"{name} had a detail of ann's changed")
            await self._look(name, "/account/details")
        async with self.world.database.write() as session:
            mine = sa.update(OutboxRow).where(OutboxRow.action == "change_details")
            await session.execute(mine.values(state="cancelled", due_at=None, turn=OutboxRow.turn + 1))
        await self.calm()
        edit = f"/account/details/edit?source=east&person={KIM['east']}"
        for name in MEMBERS:
            await self._look(name, "/account/details", edit)

    async def mailed(self) -> None:
        """There is news of everything. Each mail goes to its reader alone, and has no word that they may not read."""
        await self.believed()
        await self._look("ann", "/orders", "/invoices", "/requests")
        box, state = Box(), litestar_of(self.world.portal.app).state
        desk: MailDesk = state.mails
        mailing = Mailing(
            self.world.database,
            state.account_views,
            Letters(SENDER, desk.stops.sign, utc_now),
            server_of(Secret("smtp://127.0.0.1:9")),
            clock=utc_now,
            zone=ZoneInfo("UTC"),
            sender=SENDER.address,
            rate=6000,
        )
        async with self.world.database.write() as session:
            await session.execute(sa.delete(MessageChoice))  # forms that were tried have stopped some
        await self._tell(self.world.database)
        while await mailing.one(box):  # type: ignore[arg-type]  # a line with a box at its end
            pass
        for to, text in box.letters:
            viewer = next((each for each in self.crawl.viewers.values() if f"{person_mark(each.name)}@" in to), None)
            if viewer is None:
                self.crawl.find(f"a mail went to {to}")
                continue
            own = {
                word(company).encode() for company in viewer.names for word in (mark, paper_mark)
            }  # of whichever account it is
            for word in self.crawl.foreign(viewer):
                if word not in own and word.decode() in text.lower():
                    self.crawl.find(f"{viewer.name} read {word.decode()!r} in a mail: {text[:200]}")
            self.crawl.own[viewer.name, "mail"] += mark(str(viewer.account)) in text
        async with self.world.database.read() as session:
            told = list(await session.scalars(sa.select(MailRow.id).order_by(MailRow.id)))
        for name in MEMBERS:
            await self._look(name, "/account/mails", "/inbox", *(f"/inbox/{id_}" for id_ in told[:: len(told) // 20]))
        if (await self.crawl.ask(self.crawl.viewers["nobody"], "GET", "/demo/mailbox")).status != 404:
            self.crawl.find("anybody can look into the mailbox of a demo, where none runs")

    async def _tell(self, database: Database) -> None:
        """Write down mails, as whoever notices that something has happened."""
        for company in COMPANIES:
            for kind, source, name in KINDS:
                area = "requests" if kind == "tickets" else kind
                theirs = [number for number in numbers(area, source) if owner(area, source, number) == company]
                events = [
                    Event(names=(name,), record=str(number), about=secrets.token_hex(8)) for number in theirs[:TOLD]
                ]
                async with database.write() as session:
                    await Queue().tell(session, Topic(company, source, kind), events, utc_now())

    async def stopped(self) -> None:
        """Nobody stops the mails of another by a link that we did not write. Eve herself never says what she wants."""
        eve = await self.world.member("eve")
        for token in (f"{eve}.invoice_new.{'A' * 22}", f"{eve}.invoice_new.", f"{eve}.invoice_new"):
            for name in ("nobody", "ann"):
                await self.crawl.ask(self.crawl.viewers[name], "GET", f"/mails/stop/{token}")
                await self._post(self.crawl.viewers[name], f"/mails/stop/{token}")
        async with self.world.database.read() as session:
            if "invoice_new" not in (await read_choices(session, eve)).wanted:
                self.crawl.find("somebody stopped eve's mails")


class Box:
    """Keeps letters, as a line to a mail server that takes all: to whom, and every word of it."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, str]] = []

    async def hand(self, to: str, message: bytes, begin: Callable[[], Awaitable[bool]]) -> bool:
        await begin()
        parsed: Any = email.message_from_bytes(message, policy=email.policy.default)
        bodies = [part.get_content() for part in parsed.iter_parts()]
        self.letters.append((to, "\n".join([*map(str, parsed.values()), *bodies])))
        return True
