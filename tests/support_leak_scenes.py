"""What happens around the crawl: scenes that need an order of events, and the weather.

The scenes alone use `cleo` and `eve`, so that what those two may see is known at every moment.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from support_leak import Answer, Crawl, Viewer, gather
from support_leak_acts import Acts
from support_leak_contacts import Naming
from support_leak_segments import Sorting
from support_leak_targets import SOURCES, Target, numbers, owner, person
from support_leak_world import COMPANIES, DESK, INVOICES, ORDERS, PARTNERS, TICKETS, WANDERERS, mark, owner_of
from support_streams import hearing

from cache.keys import VERSION
from cache.live import Live
from cache.snapshots import version_of
from connectors.sandbox.faults import Fault

LISTS = ("/orders?show=all", "/invoices?show=all", "/requests?show=all", "/api/v1/orders", "/api/v1/requests")
STATEMENT = "/invoices/statement.csv?from=&to=2099-12-31"
OWN = ("/account", "/account/details", "/account/mails", "/account/delete")
PLACES = ("/", "/api/v1/home", *LISTS, STATEMENT, "/documents", "/search?q=mixer", *OWN)
CODE = re.compile(rb"Code <b>([0-9A-Z ]{11})</b>")
OK, SEE_OTHER, FORBIDDEN, UNPROCESSABLE = 200, 303, 403, 422
SETTLES, WAITS = 0.5, 20  # seconds, and tries
BETWEEN = 10  # of the crawl's requests, at least, from one scene to the next
RESTARTS_EVERY = 10_000  # requests: for ten seconds after it nothing is believed of Redis' copies


class Scenes(Sorting, Naming, Acts):
    def __init__(self, crawl: Crawl) -> None:
        super().__init__(crawl)
        self.scenes: tuple[Callable[[], Awaitable[None]], ...] = (
            self.all_answer_for_all,
            self.swapped_snapshots,
            self.swapped_sessions,
            self.swapped_standings,
            self.two_sessions_of_one,
            self.at_once,
            self.right_taken,
            self.moved_on,
            self.moved_by_staff,
            self.wrong_account,
            self.page_of_before,
            self.changed_hands,
            self.file_of_another,
            self.strangers,
            self.code_read_out,
            self.looked_on,
            self.streamed,
            self.answered,
            self.copied,
            self.segments_apart,
            self.looked_after,
            self.asked,
            *self.acts,
            self.colleagues,
            self.refusals,
        )
        self.played: list[str] = []
        self._restarts = 0

    async def play(self) -> None:
        """Play every scene again and again, with other weather between them."""
        crawl = self.crawl
        weathers = (self.leaky, self.slow, self.calm, self.emptied, self.leaky, self.down, self.calm)
        rounds = 0
        while crawl.asked < crawl.requests or not rounds:
            crawl.rng.shuffle(scenes := list(self.scenes))
            scenes.sort(key=lambda scene: scene.__name__ != crawl.opening)
            for place, scene in enumerate(scenes):
                if rounds and crawl.asked >= crawl.requests:
                    break
                await scene()
                self.played.append(scene.__name__)
                await crawl.scan()
                if place % 2 and rounds + place > 1:
                    await weathers[(rounds * 6 + place // 2) % len(weathers)]()
                for _ in range(BETWEEN):
                    await crawl.try_route(crawl.viewers["ann"])
            rounds += 1
            if crawl.asked > RESTARTS_EVERY * (self._restarts + 1) or crawl.asked >= crawl.requests:
                self._restarts += 1
                await self.restarted()
        self.world.offices.calm()

    # Scenes

    async def all_answer_for_all(self) -> None:
        """The back offices forget whom a question was for; each answer is judged by what it says of itself."""
        self.world.offices.leaky = True
        await self.emptied()
        await gather(*(self._look(name, *LISTS) for name in ("ann", "bob")))
        for name in ("ann", "bob"):
            for source in PARTNERS:
                for place in (3, 4):
                    await self._look(
                        name, f"/orders/{source}/{ORDERS + place}", f"/requests/{source}/{TICKETS + place}"
                    )
        self.world.offices.leaky = False

    async def swapped_snapshots(self) -> None:
        """Redis holds one company's records under the other's key."""
        await gather(*(self._look(name, *LISTS) for name in ("ann", "bob")))
        for family in ("list", "detail"):
            theirs, mine = (
                await self._keys(f"{VERSION}:{family}:{{5:birch}}*"),
                await self._keys(f"{VERSION}:{family}:{{5:alder}}*"),
            )
            for key, other in zip(sorted(mine, key=_kind), sorted(theirs, key=_kind), strict=False):
                value: Any = await self.world.redis.get(other)
                if value is not None and _kind(key) == _kind(other):
                    self.crawl.poison[key] = value
                    await self.world.redis.set(key, value, px=60_000)
        await self._look("ann", *LISTS)

    async def _keys(self, pattern: str) -> list[bytes]:
        return [key async for key in self.world.redis.scan_iter(pattern, count=1000)]

    async def swapped_sessions(self) -> None:
        """Redis gives somebody else's session for ours."""
        await self._swap("session", rename=False)

    async def swapped_standings(self) -> None:
        """Redis says that we are somebody else, as a program that mixed up its rows would have written it."""
        await self._swap("visit", rename=False)
        for _ in range(3):  # either may just have signed in anew
            await self._swap("visit", rename=True)

    async def _swap(self, family: str, *, rename: bool) -> None:
        ann, bob = self.crawl.viewers["ann too"], self.crawl.viewers["bob"]
        await self.world.redis.delete(f"{VERSION}:{family}:{{64:{bob.session}}}")  # its copy is to be a new one
        await self._look("bob", "/account")
        await self._look("ann too", "/account")
        keys = [f"{VERSION}:{family}:{{64:{viewer.session}}}".encode() for viewer in (ann, bob)]
        value: Any = await self.world.redis.get(keys[1])
        if value is None or not value.startswith(b"{"):
            return
        if rename:
            value = json.dumps(json.loads(value) | {"name": ann.session}).encode()
        self.crawl.poison[keys[0]] = value
        await self.world.redis.set(keys[0], value, px=3000)
        await self._look("ann too", "/account", "/orders?show=all", "/api/v1/invoices", "/")
        await self.world.redis.delete(keys[0])

    async def two_sessions_of_one(self) -> None:
        """One person at two machines, and another person: finished answers lie side by side."""
        await self.world.use_all_sessions("ann")
        for name in ("ann", "ann too"):
            await self._forget_standing(name)
        for name in ("ann", "ann too", "bob", "cleo at birch") * 3:
            await self._look(name, "/", "/", "/api/v1/home", "/api/v1/home")

    async def at_once(self) -> None:
        """Two companies ask the same things in the same moment, with nothing in the cache: calls are shared."""
        await self.emptied()
        await gather(*(self._look(name, path) for path in PLACES for name in ("ann", "bob", "cleo", "ann too")))

    async def right_taken(self) -> None:
        """Somebody may act for the account no longer, and is signed in still."""
        eve = self.crawl.viewers["eve"]
        for _ in range(3):
            await self._look("eve", "/", "/", "/", "/api/v1/home")
            await self.world.forbid("eve", "alder")
            eve.names = ()
            await self._forget_standing("eve")
            await self._look("eve", "/", "/", "/api/v1/home", "/api/v1/home")
            await self._look("eve", *PLACES, f"/orders/east/{ORDERS + 2}", f"/invoices/east/{INVOICES + 2}/files/pdf")
            await self.world.allow("eve", "alder")
            await self._forget_standing("eve")
            eve.names = ("alder",)

    async def moved_on(self) -> None:
        """Somebody with two accounts goes from one to the other; the old session opens nothing."""
        cleo = self.crawl.viewers["cleo"]
        await self._look("cleo", *PLACES)
        old = Viewer("cleo before", cookie=cleo.cookie)
        other = next(company for company in COMPANIES if company != cleo.account)
        answer = await self._use("cleo", other)
        cookie = answer.partition("=")[2].partition(";")[0]
        if not cookie:
            return
        cleo.cookie, cleo.account = cookie, other
        await self.crawl.learn_token(cleo)
        await self._look("cleo", *PLACES)
        for path in PLACES:
            await self.crawl.ask(old, "GET", path)

    async def moved_by_staff(self) -> None:
        """Somebody is parted from a company, becomes part of another, and comes back: at no moment they see both."""
        eve, member = self.crawl.viewers["eve"], await self.world.member("eve")
        way: tuple[tuple[str, str, dict[str, str], str], ...] = (
            ("split", "alder", {"to": "parted", "name": "Parted", "person": member}, "parted"),
            ("merge", "parted", {"into": "birch"}, "birch"),
            ("split", "birch", {"to": "parted", "person": member}, "parted"),
            ("merge", "parted", {"into": "alder"}, "alder"),
        )
        for act, of, form, account in way:
            await self._look("eve", "/", "/", "/", "/api/v1/home", "/orders?show=all")
            await self.world.move(act, of, **form)
            eve.account, eve.names = account, (account,) if account in COMPANIES else ()
            await self._look("eve", "/", "/", "/api/v1/home", "/api/v1/home")
            await self._look("eve", *PLACES, f"/orders/east/{ORDERS + 2}", f"/invoices/east/{INVOICES + 2}/files/pdf")
            await self._look("eve", f"/orders/east/{ORDERS + 3}", f"/invoices/east/{INVOICES + 3}/files/pdf")

    async def wrong_account(self) -> None:
        """Nobody goes to an account that is not theirs, or learns whether there is one."""
        for name, account in (("ann too", "birch"), ("bob", "alder"), ("dan", "alder"), ("mallory", "birch")):
            if await self._use(name, account):
                self.crawl.find(f"{name} was let in to {account}")
                return

    async def _use(self, name: str, account: str) -> str:
        answer = await self._post(self.crawl.viewers[name], "/account/use", account=account)
        return answer.header(b"set-cookie").decode()

    async def page_of_before(self) -> None:
        """A page of one account asks for news of itself, but the browser has gone on to another."""
        for account in (*COMPANIES, "x"):
            for path in ("/", "/orders", f"/invoices/east/{INVOICES + 2}", "/requests"):
                headers = {"X-Account": account}
                await self._look("cleo", path, path)
                await self.crawl.ask(self.crawl.viewers["cleo"], "GET", path, headers)

    async def changed_hands(self) -> None:
        """An invoice is another company's now; what is shown may be old, but its paper is fetched anew."""
        for source in PARTNERS:
            for invoice in WANDERERS:
                was = owner_of(source, invoice - INVOICES)
                now = next(company for company in COMPANIES if company != was)
                paper = f"/invoices/{source}/{invoice}/files/pdf"
                before, after = (next(name for name in ("ann", "bob") if self._is(name, who)) for who in (was, now))
                await self._look(before, "/invoices?show=all")
                self.world.offices.leaky = True  # the paper is judged by what it says of itself
                with self.world.offices.moved(source, invoice, now):
                    await self._look(before, paper, f"/invoices/{source}/{invoice}")
                    await self._look(after, "/invoices?show=all", paper)
                await self._look(after, paper)
                self.world.offices.leaky = False

    async def file_of_another(self) -> None:
        """Each asks for the papers and files of the other, which the other has just opened."""
        for mine, other in (("ann", "bob"), ("bob", "ann")):
            for place in (3, 4):
                await self._look(other, f"/requests/east/{TICKETS + place}", f"/requests/desk/{DESK + place}")
            links = [link for link in self.crawl.viewers[other].links if "/files/" in link]
            for link in sorted(set(links))[:12]:
                await self._look(other, link)
                await self._look(mine, link)

    async def strangers(self) -> None:
        """Who has no account, or is no customer at all, looks at everything that customers have."""
        for name in ("dan", "mallory", "staff", "nobody"):
            await self._look(name, *PLACES, f"/orders/east/{ORDERS + 2}", f"/invoices/east/{INVOICES + 2}/files/pdf")
            await self._look(name, "/staff", "/staff/customers", "/staff/customers?q=nm", "/staff/pages")

    async def code_read_out(self) -> None:
        """Ann reads out the code of her page: who looks it up sees hers, and only who may look up sees it."""
        page = await self.crawl.ask(self.crawl.viewers["ann too"], "GET", "/orders?show=all")
        code = CODE.search(page.body)
        if code is None:
            return
        form = {"code": code[1].decode().replace(" ", "")}
        desk = Viewer("desk with a code", role="support", account="alder", names=("alder",), people=("ann",))
        desk.cookie, desk.token = self.crawl.viewers["desk"].cookie, self.crawl.viewers["desk"].token
        for _ in range(30):  # until the page has been written down
            answer = await self._post(desk, "/staff/pages", **form)
            if b"srcdoc=" in answer.body:
                break
            await asyncio.sleep(0.1)
        for name in ("staff", "bob", "nobody", "dan"):
            await self._post(self.crawl.viewers[name], "/staff/pages", **form)

    async def looked_on(self) -> None:
        """One of staff looks at what Ann sees, and can do nothing; before and after they see no customer's page."""
        onlooker = self.crawl.viewers["onlooker"]
        await self._look("onlooker", *PLACES)
        began = await self._post(onlooker, "/staff/view-as", member=await self.world.member("ann"), account="alder")
        if began.status != SEE_OTHER:
            return
        looking = Viewer("onlooker as ann", role="support", account="alder", names=("alder",), people=("ann",))
        looking.cookie = _cookie_of(began)
        await self.crawl.learn_token(looking)
        for path in (*PLACES, f"/orders/east/{ORDERS + 2}", f"/invoices/east/{INVOICES + 2}/files/pdf"):
            await self.crawl.ask(looking, "GET", path)
        for path in ("/account/use", "/account/sign-out-elsewhere", "/usage/left", "/sign-out"):
            answer = await self._post(looking, path, account="alder", page="home")
            if answer.status != FORBIDDEN:
                self.crawl.find(f"one of staff who looks was answered {answer.status} at POST {path}")
        stopped = await self._post(looking, "/staff/view-as/stop")
        before = Viewer("onlooker before", role="support", cookie=looking.cookie)
        onlooker.cookie = _cookie_of(stopped)
        await self.crawl.learn_token(onlooker)
        for viewer in (before, onlooker):
            for path in PLACES:
                await self.crawl.ask(viewer, "GET", path)

    async def streamed(self) -> None:
        """Pages of both companies are open while something of Birch's changes. Alder's hear of their own alone."""
        ann, bob, portal = self.crawl.viewers["ann"], self.crawl.viewers["bob"], self.world.portal
        watch = Live(self.world.redis)
        with watch.following(version_of("alder")) as own:
            async with (
                hearing(portal.app, portal.base_url, str(ann.cookie)) as at_ann,
                hearing(portal.app, portal.base_url, str(bob.cookie)) as at_bob,
            ):
                await asyncio.sleep(SETTLES)
                await own.wait(0)
                before, others = at_ann.changes, at_bob.changes
                for _ in range(WAITS):
                    await self.world.redis.publish(version_of("birch"), secrets.token_hex(8))
                    await asyncio.sleep(SETTLES / 5)
                    if at_bob.changes > others:
                        break
                told = at_ann.changes - before
                await asyncio.sleep(SETTLES)
                if told and not await own.wait(0):
                    self.crawl.find(f"ann was told {told} times of changes that are not her company's")
            for viewer, heard in ((ann, at_ann), (bob, at_bob)):
                for word in self.crawl.foreign(viewer):
                    if word in heard.text.lower():
                        self.crawl.find(f"{viewer.name} heard {word.decode()!r} at /live")
                self.crawl.own[viewer.name, "stream"] += heard.changes
        await watch.aclose()

    async def answered(self) -> None:
        """Ann answers a request while the help desk is away. Nobody else can take that back, or answer for her."""
        await self.calm()
        for name, paths in self._tickets.items():
            await self._look(name, *paths)
        await self.down()
        (hers,), (his,) = self._tickets.values()
        await self._post(
            self.crawl.viewers["ann"], f"{hers}/reply", text=mark("alder"), nonce=secrets.token_urlsafe(24)
        )
        page = await self.crawl.ask(self.crawl.viewers["ann"], "GET", hers)
        handed = [each.decode() for each in re.findall(rb'/reply/(\w+)/back"', page.body)]
        for name in ("bob", "dan", "ora"):
            viewer = self.crawl.viewers[name]
            answers = [await self._post(viewer, f"{hers}/reply", text="x", nonce=secrets.token_urlsafe(24))]
            answers += [await self._post(viewer, f"{path}/reply/{id_}/back") for id_ in handed for path in (hers, his)]
            if any(answer.status == SEE_OTHER for answer in answers):
                self.crawl.find(f"{name} answered for ann, or took back what she had written")
            await self.crawl.ask(viewer, "GET", hers)
        await self.calm()

    async def copied(self) -> None:
        """Everybody takes a copy of their data: it holds what they may see, and nothing of anybody else's."""
        await self.calm()
        for name in ("ann", "bob", "cleo", "dan", "olga", "dora"):
            await self._post(self.crawl.viewers[name], "/account/data")
            await self._look(name, "/account/details", "/account/delete")

    async def asked(self) -> None:
        """Ann sends a new request while the help desk is away. Nobody else sees it, changes it or asks of her order."""
        await self.believed()
        ann = self.crawl.viewers["ann"]
        hers = next(number for number in numbers("orders", "east") if owner("orders", "east", number) == "alder")
        for _ in range(20):  # her order is known before its source is away
            if (await self.crawl.ask(ann, "GET", f"/orders/east/{hers}")).status == OK:
                break
        await self.down()
        nonce = secrets.token_urlsafe(24)
        form = {"nonce": nonce, "what": "Another question", "text": mark("alder")}
        for _ in range(20):  # a busy machine may keep it from her for a moment, and nothing is sent
            sent = await self._post(ann, "/requests/new/order", **form, order=f"east/orders/{hers}")
            if sent.status != UNPROCESSABLE:
                break
            await asyncio.sleep(SETTLES)
        page = sent.header(b"location").decode()
        if not page.startswith("/requests/sent/"):
            self.crawl.find(f"ann could not send a request: {sent.status}")
        await self.crawl.ask(ann, "GET", page)
        form["text"] = "Not ann's"  # which a form that comes back repeats
        for name in ("bob", "dan", "ora"):
            viewer = self.crawl.viewers[name]
            await self.crawl.ask(viewer, "GET", page)
            answers = [await self._post(viewer, f"{page}/back"), await self._post(viewer, f"{page}/correct", **form)]
            if name == "bob":
                for about in (
                    f"/requests/new?about=east/orders/{hers}",
                    f"/requests/new/order?about=east/orders/{hers}",
                ):
                    await self.crawl.ask(viewer, "GET", about)
                answers.append(await self._post(viewer, "/requests/new/order", **form, order=f"east/orders/{hers}"))
            if any(answer.status == SEE_OTHER for answer in answers):
                self.crawl.find(f"{name} changed what ann had sent, or asked about her order")
        await self.calm()

    @property
    def _tickets(self) -> dict[str, list[str]]:
        """One of each company's at the desk."""
        return {"ann": [f"/requests/desk/{DESK + 2}"], "bob": [f"/requests/desk/{DESK + 1}"]}

    async def colleagues(self) -> None:
        """Those with fewer rights look at what the others of their company have just looked at."""
        for name in ("ann", "olga", "ora", "dora"):
            viewer = self.crawl.viewers[name]
            await self._look(name, *PLACES, "/requests", "/invoices")
            for route in self.crawl.detailed:
                for source in SOURCES:
                    for number in list(numbers(route.area or "", source))[:6]:
                        whose = (owner(route.area, source, number), person(route.area, source, number))
                        if whose[0] == "alder":
                            path = route.path.replace("{source}", source).replace("{record}", str(number))
                            target = Target(path.replace("{file}", "pdf"), route, *whose, is_plain=True)
                            answer = await self.crawl.ask(viewer, "GET", target.path, route=route)
                            self.crawl.judge(viewer, "GET", target, answer)
            for link in sorted({link for link in self.crawl.viewers["ann"].links if "/files/" in link})[:12]:
                answer = await self.crawl.ask(viewer, "GET", link)
                if answer.status == 200 and not viewer.opens:
                    self.crawl.find(f"{name} opened {link}")

    async def refusals(self) -> None:
        """One after the other, at every route that names a record."""
        for name in ("ann", "bob", "olga", "ora"):
            for route in self.crawl.detailed:
                for source in SOURCES:
                    await self.crawl.compare_at(self.crawl.viewers[name], route, source)

    # Weather

    async def leaky(self) -> None:
        self.world.offices.leaky = True

    async def slow(self) -> None:
        """What forgets whom a question was for is not slow, too: it would tell by its slowness what exists."""
        self.world.offices.leaky = False
        self.world.offices.switches["west"].fault = Fault(kind="slow", seconds=0.3)

    async def restarted(self) -> None:
        """Redis crashes while people look."""
        looks = [self.crawl.try_route(self.crawl.viewers[name]) for name in ("ann", "bob") for _ in range(20)]
        await gather(self.world.restart_redis(), *looks)
        self.crawl.poison.clear()

    async def emptied(self) -> None:
        await self.world.redis.flushdb()
        self.crawl.poison.clear()

    async def _forget_standing(self, name: str) -> None:
        """Do as if ten seconds had passed."""
        await self.world.redis.delete(f"{VERSION}:visit:{{64:{self.crawl.viewers[name].session}}}")

    def _is(self, name: str, company: str) -> bool:
        return self.crawl.viewers[name].account == company


def _cookie_of(answer: Answer) -> str:
    return answer.header(b"set-cookie").decode().partition("=")[2].partition(";")[0]


def _kind(key: bytes) -> tuple[bytes, ...]:
    """Read the source and the kind of record out of a key, to find the same of another account."""
    parts, rest = [], key.partition(b"}")[2]
    while rest:
        length, _, rest = rest.partition(b":")
        parts.append(rest[: int(length)])
        rest = rest[int(length) :]
    return parts[0], parts[3]  # after it come the version and the customer, then the record
