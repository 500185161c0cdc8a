"""A crawler that looks for one company's words in what anybody else is told: every answer, cached value, log line."""

import asyncio
import hashlib
import html
import io
import json
import logging
import random
import re
import zipfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import count
from urllib.parse import unquote_to_bytes, urlsplit

import structlog
from msgspec import Struct, field
from pypdf import PdfReader
from pypdf.errors import PyPdfError
from support_leak_targets import (
    OTHER_METHODS,
    SOURCES,
    Route,
    Target,
    fill,
    ghost,
    numbers,
    owner,
    person,
    question,
    routes_of,
)
from support_leak_world import (
    COMPANIES,
    EACH,
    INTERNAL,
    KIMS,
    ORDERS,
    WANDERERS,
    World,
    mark,
    name_mark,
    paper_mark,
    person_mark,
)
from support_redis import as_read

from auth import cookies
from auth.principals import Role
from gateway.log import configure

WORKERS = 6
PEOPLE = ("ann", "bob", "cleo", "eve", "olga", "ora", "dora", "dan", "mallory", "staff", "desk", "onlooker")
ALONE = {"cleo", "eve", "onlooker"}  # only scenes use them
PATIENCE = 60  # seconds for one answer, however busy the machine is
LINK = re.compile(rb'(?:href|action)="((?:/|&#x2f;)[^"]*)"')
TOKEN = re.compile(rb'(?:data-token="|name="_token" value=")([^"]+)"')
CHANGING = re.compile(rb"(?i)^(date|set-cookie)$")  # headers that differ from answer to answer
AREAS = ("orders", "invoices", "requests")
# What stands in every invoice and in every request, and on no page that is not about one.
MONEY_AND_TALK = ("hums zq", "delivery zq", "old zq", *(f"inv-{pair}-zq" for pair in range(1, EACH + 1)))
PICTURES = ("a photo of zq", "a plan of zq")  # files of requests
PAPER = ("paper of pz", KIMS)  # what the company is asked for, and what Ann wants to be called
AWAY = {503}  # what we say on purpose when a neighbour is away
KINDS = {b"text/html": "page", b"application/json": "json"}


class Answer(Struct, frozen=True):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key.lower() == name), b"")

    @property
    def kind(self) -> str:
        return KINDS.get(self.header(b"content-type").partition(b";")[0], "file")


class Viewer(Struct):
    """Somebody who looks. `account` is what they act for, `names` are the accounts whose names they may read.

    `role` is of staff, and `people` whose words they may read besides their own. Staff with a role that lets them
    serve customers read what any company is asked for and sends, and no record.
    """

    name: str
    subject: str | None = None
    account: str | None = None
    names: tuple[str, ...] = ()
    role: Role | None = None
    people: tuple[str, ...] = ()
    person: str | None = None  # whose own records alone are theirs to see
    areas: tuple[str, ...] = AREAS
    opens: bool = True  # files
    words: tuple[str, ...] = ()  # that colleagues may read, and they may not
    cookie: str | None = None
    token: str = ""
    etags: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    @property
    def is_member(self) -> bool:
        return self.subject is not None and self.role is None

    @property
    def start(self) -> str:
        """A page that holds a token for them."""
        return "/staff" if self.role else "/account"

    def sees(self, area: str | None, owner: str | None, person: str | None) -> bool:
        """Whether a record of that area, company and person is theirs to see."""
        is_of_company = self.account in self.names and owner == self.account
        return is_of_company and area in self.areas and self.person in {None, person}

    @property
    def session(self) -> str:
        return hashlib.sha256((self.cookie or "").encode()).hexdigest()


class Enough(Exception):  # noqa: N818  # no error: somebody asked for the first finding only
    pass


class Crawl:
    """One walk through everything. `findings` are sentences; `seen` counts what was answered, to show it was no void.

    `opening` names the scene to begin with, for a walk that is to end with its first finding.
    """

    def __init__(self, world: World, seed: int, requests: int, *, opening: str | None = None) -> None:
        self.world = world
        self.rng = random.Random(seed)
        self.requests = requests
        self.opening = opening
        self.routes = routes_of(world.portal.app)
        self._deck: list[Route] = []
        self.detailed = [route for route in self.routes if route.area and "{record}" in route.path]
        self.log = io.StringIO()
        self.asked = 0
        self.findings: list[str] = []
        self.seen: Counter[tuple[str, str, int]] = Counter()
        self.own: Counter[tuple[str, str]] = Counter()
        self.cursors: list[str] = []
        self.files = ["pdf", "8001", "8002"]
        self.poison: dict[bytes, bytes] = {}  # what the crawl itself put where it does not belong
        self.scanned = Counter[str]()
        self.compared = 0
        self.viewers = {
            viewer.name: viewer
            for viewer in (
                Viewer("ann", "ann", "alder", ("alder",)),
                Viewer("ann too", "ann", "alder", ("alder",)),
                Viewer("ann again", "ann", "alder", ("alder",)),
                Viewer("bob", "bob", "birch", ("birch",)),
                Viewer("cleo", "cleo", "alder", COMPANIES),
                Viewer("cleo at birch", "cleo", "birch", COMPANIES),
                Viewer("eve", "eve", "alder", ("alder",)),
                Viewer("olga", "olga", "alder", ("alder",), person="sam", words=("zqalderkim", "zqalderall", *PAPER)),
                Viewer("ora", "ora", "alder", ("alder",), areas=("orders",), words=(*MONEY_AND_TALK, *PAPER)),
                Viewer("dora", "dora", "alder", ("alder",), opens=False, words=(*PICTURES, *PAPER)),
                Viewer("dan", "dan"),
                Viewer("mallory", "mallory", "birch"),  # a session that names an account, and no right to it
                Viewer("staff", "staff", role="none"),
                Viewer("desk", "desk", None, COMPANIES, role="support", people=PEOPLE),
                Viewer("onlooker", "onlooker", None, COMPANIES, role="support", people=PEOPLE),
                Viewer("nobody"),
            )
        }

    async def sign_in(self, viewer: Viewer) -> None:
        if viewer.subject is not None and viewer.role is not None:
            viewer.cookie = await self.world.sign_in_staff(viewer.subject, viewer.role)
        elif viewer.subject is not None:
            viewer.cookie = await self.world.sign_in(viewer.subject, viewer.account)

    async def learn_token(self, viewer: Viewer) -> None:
        viewer.token = ""
        if viewer.cookie:
            answer = await ask(self.world, viewer, "GET", viewer.start)
            found = TOKEN.search(answer.body)
            viewer.token = found[1].decode() if found else ""

    def foreign(self, viewer: Viewer) -> Iterator[bytes]:
        """List the words that must not be in anything that this viewer is told."""
        may_read = viewer.account if viewer.account in viewer.names else None
        yield from (mark(company).encode() for company in COMPANIES if company != may_read)
        if viewer.role in {None, "none"}:
            yield from (paper_mark(company).encode() for company in COMPANIES if company != may_read)
        yield from (name_mark(company).encode() for company in COMPANIES if company not in viewer.names)
        yield from (word.encode() for word in viewer.words)
        people = {other.subject for other in self.viewers.values() if other.subject}
        yield from (person_mark(subject).encode() for subject in people - {viewer.subject, *viewer.people})
        yield from (
            other.token.lower().encode() for other in self.viewers.values() if other.token not in {"", viewer.token}
        )
        yield INTERNAL.lower().encode()

    def find(self, text: str) -> None:
        self.findings.append(f"request {self.asked}: {text}")
        if self.opening:
            self.requests = 0
            raise Enough

    async def ask(
        self,
        viewer: Viewer,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        *,
        body: bytes = b"",
        route: Route | None = None,
    ) -> Answer:
        """Ask, and search the whole answer."""
        self.asked += 1
        foreign = list(self.foreign(viewer))
        answer = await ask(self.world, viewer, method, path, headers, body=body)
        headed = [name + b": " + value for name, value in answer.headers]
        everything = b"\n".join([*headed, unpacked(answer.body)]).lower()
        for word in foreign:
            if word in everything and word in set(self.foreign(viewer)):
                self.find(f"{viewer.name} read {word.decode()!r} at {method} {path[:200]} ({answer.status})")
        if answer.status >= 500 and answer.status not in AWAY:
            traces = [line for line in self.log.getvalue().splitlines()[-50:] if '"trace"' in line]
            self.find(f"{viewer.name} broke {method} {path[:200]} ({answer.status}): {traces[-1:]}")
        where = route.path if route else "followed"
        self.seen[viewer.name, where, answer.status] += 1
        if viewer.account and mark(viewer.account).encode() in everything:
            self.own[viewer.name, "file" if "/files/" in path else answer.kind] += 1
            if (headers or {}).get("X-Account", viewer.account) != viewer.account and answer.kind == "page":
                self.find(f"{viewer.name} got {viewer.account} on a page for another account: {path[:200]}")
        self._learn(viewer, path, answer)
        return answer

    def _learn(self, viewer: Viewer, path: str, answer: Answer) -> None:
        if answer.status == 200 and answer.kind == "page":
            links = {html.unescape(link.decode()).partition("#")[0] for link in LINK.findall(answer.body)}
            viewer.links = [*viewer.links[-300:], *sorted(links)]
            files = sorted({link.rpartition("/")[2] for link in links if "/files/" in link})
            self.files = [*self.files[-40:], *files]
        elif answer.status == 200 and answer.kind == "json" and b'"next":"' in answer.body:
            self.cursors = [*self.cursors[-100:], str(json.loads(answer.body)["next"])]
        if etag := answer.header(b"etag").decode():
            viewer.etags = [*viewer.etags[-200:], etag]

    async def run(self) -> None:
        """Walk, and search what was written down meanwhile."""
        with listened() as self.log:
            try:
                for viewer in self.viewers.values():
                    await self.sign_in(viewer)
                for viewer in self.viewers.values():
                    await self.learn_token(viewer)
                from support_leak_scenes import Scenes  # noqa: PLC0415  # they know the crawl, as it knows them

                scenes = Scenes(self)
                if self.opening:  # alone, so that nobody who walks along hides what it shows
                    await getattr(scenes, self.opening)()
                jobs = [self._walk() for _ in range(WORKERS - 1)]
                await gather(scenes.play(), *jobs)
                await self.scan()
            except Enough:
                pass
            self._read_log()

    async def _walk(self) -> None:
        everyone = [viewer for viewer in self.viewers.values() if viewer.name not in ALONE]
        steps: list[tuple[Callable[[Viewer], Awaitable[object]], int]] = [
            (self.try_route, 60),
            (self.follow, 25),
            (self.compare, 8),
            (self.revalidate, 5),
        ]
        walks, weights = zip(*steps, strict=True)
        while self.asked < self.requests:
            (walk,) = self.rng.choices(walks, weights)
            await walk(self.rng.choice(everyone))

    async def try_route(self, viewer: Viewer) -> None:
        """Ask for something by a route, in some form, with some method, headers, query and body."""
        rng = self.rng
        if not self._deck:  # none is left out, however much of the walk the scenes take up
            self._deck = rng.sample(self.routes, len(self.routes))
        route = self._deck.pop()
        target = fill(route, rng, self.files)
        method = rng.choice(route.methods if rng.random() < 0.93 else OTHER_METHODS)
        headers, body = self._headers(viewer), b""
        if method not in {"GET", "HEAD", "OPTIONS"}:
            token = rng.choice([viewer.token, viewer.token, self.viewers["bob"].token, ""])
            body = f"_token={token}&account={rng.choice((*COMPANIES, 'x', ''))}&page=home&member=1".encode()
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.world.portal.base_url}
        answer = await self.ask(
            viewer, method, target.path + question(route, rng, self.cursors), headers, body=body, route=route
        )
        self.judge(viewer, method, target, answer)
        if method not in {"GET", "HEAD"} and viewer.cookie:
            await self._still(viewer)

    def judge(self, viewer: Viewer, method: str, target: Target, answer: Answer) -> None:
        """Say what is wrong with an answer beyond the words in it."""
        where = f"{method} {target.path[:200]}"
        route = target.route
        to_sign_in = answer.status == 303 and answer.header(b"location").startswith(b"/sign-in")
        if route is None or method not in {"GET", "POST"} or answer.status >= 400 or to_sign_in:
            return
        is_theirs = viewer.sees(route.area, target.owner, target.person)
        is_theirs &= viewer.opens or "{file}" not in route.path
        if target.is_plain and "{record}" in route.path and not is_theirs:
            self.find(f"{viewer.name} was answered {answer.status} at {where}: it is not theirs")
        if viewer.is_member and route.area and route.area not in viewer.areas and answer.status == 200:
            self.find(f"{viewer.name} was answered at {where}: they have no {route.area}")
        if route.staff and viewer.is_member:
            self.find(f"{viewer.name} was let in among staff at {where}")
        if viewer.cookie is None and not route.public and answer.status == 200:
            self.find(f"{where} is open to anybody")
        if viewer.role and not (route.public or route.staff) and answer.status == 200:
            self.find(f"staff were let in as a customer at {where}")

    def _headers(self, viewer: Viewer) -> dict[str, str]:
        rng = self.rng
        headers = {"Accept": rng.choice(("text/html", "application/json", "*/*"))}
        if rng.random() < 0.2:
            headers["HX-Request"] = "true"
        if rng.random() < 0.2:
            headers["X-Account"] = rng.choice((*COMPANIES, "x"))
        if rng.random() < 0.1:
            etags = rng.choice(list(self.viewers.values())).etags
            headers["If-None-Match"] = rng.choice(etags) if etags else "*"
        if rng.random() < 0.05:
            headers["Range"] = "bytes=0-99"
        if rng.random() < 0.05:
            headers["X-Original-URL"] = headers["X-Rewrite-URL"] = f"/orders/east/{ORDERS + rng.choice((1, 2))}"
        if rng.random() < 0.05:
            headers["X-Forwarded-User"] = headers["X-Account-Id"] = rng.choice(COMPANIES)
        return headers

    async def follow(self, viewer: Viewer) -> None:
        """Follow a link: an own one, or one that only somebody else was shown."""
        whose = viewer if self.rng.random() < 0.6 else self.rng.choice(list(self.viewers.values()))
        links = [link for link in whose.links if not wanders(link)] or ["/", "/orders", "/api/v1/requests"]
        link = self.rng.choice(links)
        if not link.startswith(("/sign-out", "/account/")):
            await self.ask(viewer, "GET", link, self._headers(viewer))

    async def revalidate(self, viewer: Viewer) -> None:
        """Ask with somebody else's ETag. That nothing has changed is true only of what one was told oneself."""
        entitled = [other for other in self.viewers.values() if other.account in other.names]
        other = self.rng.choice(entitled)
        etags = [etag for etag in other.etags if etag not in viewer.etags]
        if not etags or viewer not in entitled or (other.account, other.subject) == (viewer.account, viewer.subject):
            return
        path = self.rng.choice(("/api/v1/home", "/api/v1/orders", "/api/v1/invoices", "/api/v1/requests"))
        for etag in self.rng.sample(etags, min(3, len(etags))):
            answer = await self.ask(viewer, "GET", path, {"If-None-Match": etag})
            if answer.status == 304:
                self.find(f"{viewer.name} was told that {other.name}'s answer of {path} still holds")

    async def compare(self, viewer: Viewer) -> None:
        """Compare at any route that names a record."""
        route, source = self.rng.choice(self.detailed), self.rng.choice(SOURCES)
        if viewer.is_member:
            await self.compare_at(viewer, route, source)

    async def compare_at(self, viewer: Viewer, route: Route, source: str) -> None:
        """What is somebody else's has to be refused in the very words of what does not exist."""
        rng, area = self.rng, route.area or ""
        foreign = [
            number
            for number in numbers(area, source)
            if not viewer.sees(area, owner(area, source, number), person(area, source, number))
        ]
        if not foreign:
            return
        number, nothing, file = rng.choice(foreign), ghost(area, source, rng), rng.choice(self.files)
        headers = self._headers(viewer)
        for waits in range(4):  # a source that goes or comes between two questions tells nothing
            await asyncio.sleep(waits)  # calls that are under way come to an end
            told = [
                _plainly(await self.ask(viewer, "GET", path, headers, route=route), str(each))
                for each in (number, nothing)
                for path in [_named(route, source, each, file)]
            ]
            self.compared += 1
            if told[0] == told[1]:
                return
        self.find(f"{viewer.name} can tell {route.path} {source}/{number} from nothing: {_difference(*told)}")

    async def _still(self, viewer: Viewer) -> None:
        """Sign in again after what may have ended the session, and follow where a change of account led."""
        for other in self.viewers.values():
            if other.cookie and other.subject == viewer.subject and other.name not in ALONE:
                answer = await ask(self.world, other, "GET", other.start)
                if answer.status in {303, 401}:
                    await self.sign_in(other)
                    await self.learn_token(other)

    async def scan(self) -> None:
        """Read all of Redis: under a key of one account there may be nothing of another, in name or in value."""
        sessions = {viewer.session.encode(): viewer for viewer in self.viewers.values() if viewer.cookie}
        keys = [key async for key in self.world.redis.scan_iter(count=1000)]
        for key, value in zip(keys, await self.world.redis.mget(keys) if keys else [], strict=True):
            if not isinstance(value, bytes) or self.poison.get(key) == value:
                continue
            family = key.split(b":")[1]
            held = (key + b"\n" + as_read(family, value)).lower()
            self.scanned[family.decode()] += 1
            for company in COMPANIES:
                if b"{%d:%b}" % (len(company), company.encode()) in key:
                    others = [other for other in COMPANIES if other != company]
                    if any(word(other).encode() in held for other in others for word in (mark, paper_mark)):
                        self.find(f"under Redis' key {key.decode()} lies what is not {company}'s")
            for name, viewer in sessions.items():
                if name in key and any(word in held for word in self.foreign(viewer)):
                    self.find(f"the {family.decode()} copy of {viewer.name} holds somebody else's words")
            if INTERNAL.lower().encode() in held:
                self.find(f"under Redis' key {key.decode()} lies what is internal")

    def summary(self) -> list[str]:
        """Say what was looked at, in lines."""
        statuses = Counter[int]()
        for (_, _, status), times in self.seen.items():
            statuses[status] += times
        return [
            f"{self.asked} requests at {len({where for _, where, _ in self.seen})} routes: "
            + ", ".join(f"{times} x {status}" for status, times in sorted(statuses.items())),
            f"{sum(self.own.values())} answers told somebody their own records, {self.compared} pairs were compared",
            "searched: " + ", ".join(f"{many} {what}" for what, many in sorted(self.scanned.items())),
            f"{len(self.findings)} findings",
        ]

    def _read_log(self) -> None:
        lines = self.log.getvalue().splitlines()
        self.scanned["log lines"] = len(lines)
        words = [
            *map(mark, COMPANIES),
            *map(paper_mark, COMPANIES),
            INTERNAL.lower(),
            *map(person_mark, ("ann", "bob", "cleo")),
        ]
        for line in lines:
            if any(word in line.lower() for word in words):
                self.findings.append(f"a log line tells a customer's words: {line[:300]}")


async def gather(*jobs: Awaitable[object]) -> None:
    """Run together until all have ended, and raise what the first that failed has raised."""
    for result in await asyncio.gather(*jobs, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def unpacked(body: bytes) -> bytes:
    """Give what is in a copy of somebody's data or on a paper, and anything else as it is, also a copy cut off."""
    if body.startswith(b"%PDF"):
        return body + _printed(body)
    if not zipfile.is_zipfile(io.BytesIO(body)):
        return body
    with zipfile.ZipFile(io.BytesIO(body)) as copy:
        return b"\n".join(name.encode() + copy.read(name) for name in copy.namelist())


def _printed(body: bytes) -> bytes:
    """Read a PDF, also where a word goes over two lines. What is none has no text."""
    try:
        text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(body)).pages)
    except PyPdfError:
        return b""
    return f"{text}\n{re.sub(r'[^!-~]', '', text)}".encode()


async def ask(
    world: World, viewer: Viewer, method: str, path: str, headers: dict[str, str] | None = None, *, body: bytes = b""
) -> Answer:
    """Send a request exactly as it is written: a client library would tidy it up."""
    raw, _, query = path.partition("?")
    sent = {"Host": urlsplit(world.portal.base_url).netloc, "Accept": "text/html", **(headers or {})}
    if viewer.cookie:
        sent["Cookie"] = f"{cookies.SESSION}={viewer.cookie}"
    if body:
        sent["Content-Length"] = str(len(body))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": unquote_to_bytes(raw).decode("utf-8", "replace"),
        "raw_path": raw.encode("latin-1", "replace"),
        "query_string": query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in sent.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 443),
    }
    over, pieces, starts, number = asyncio.Event(), list[bytes](), list[dict[str, object]](), count()

    async def receive() -> dict[str, object]:
        if next(number) == 0:
            return {"type": "http.request", "body": body, "more_body": False}
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            starts.append(message)
        else:
            pieces.append(message.get("body", b""))  # type: ignore[arg-type]
            if not message.get("more_body"):
                over.set()

    try:
        async with asyncio.timeout(PATIENCE):
            await world.portal.app(scope, receive, send)  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
        if not starts:
            return Answer(599, [], repr(error).encode())
        pieces.append(b"")  # it broke off, as a connection would
    return Answer(starts[0]["status"], list(starts[0]["headers"]), b"".join(pieces))  # type: ignore[arg-type, call-overload]


@contextmanager
def listened() -> Iterator[io.StringIO]:
    """Hear every line of the log, of ours and of libraries."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lines = io.StringIO()
    with redirect_stdout(lines):
        configure("info")
    try:
        yield lines
    finally:
        structlog.configure(**before)
        root.handlers[:] = handlers
        root.setLevel(level)


def wanders(link: str) -> bool:
    return any(f"/{number}" in link for number in WANDERERS)


def _named(route: Route, source: str, number: int, file: str) -> str:
    return route.path.replace("{source}", source).replace("{record}", str(number)).replace("{file}", file)


def _plainly(answer: Answer, number: str) -> tuple[object, ...]:
    """What an answer says apart from the words of the question."""
    headers = sorted((name, value) for name, value in answer.headers if not CHANGING.match(name))
    asked = number.encode()
    return (
        answer.status,
        tuple((name, value.replace(asked, b"#")) for name, value in headers),
        answer.body.replace(asked, b"#"),
    )


def _difference(one: tuple[object, ...], other: tuple[object, ...]) -> str:
    return "; ".join(
        f"{mine!r:.300} / {theirs!r:.300}" for mine, theirs in zip(one, other, strict=True) if mine != theirs
    )
