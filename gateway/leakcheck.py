"""Two sign-ins of two customers against a running portal: neither may get at anything of the other's.

What each may see is learnt from the portal's own JSON. Then the other one asks for every bit of it, under every form of
its id, and each refusal has to read like the one for something that does not exist.
"""

import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import httpx
from msgspec import Struct

from auth import cookies

AREAS = ("orders", "invoices", "requests")
PATIENCE = 30.0  # seconds for one answer
PER_PAGE = 200
SHORTEST = 6  # letters of a word that can only be one customer's
PAGES = ("/", "/orders?show=all", "/invoices?show=all", "/requests?show=all", "/documents", "/account", "/api/v1/home")
AWAY = {429, 502, 503}  # nobody can tell just now
TRIES = 3
CHANGING = {"date", "content-length", "set-cookie", "connection"}
TOKEN = re.compile(rb'(?<=data-token=")[^"]*|(?<=name="_token" value=")[^"]*')

# The forms of an id, as they go into an address.
FORMS: Mapping[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "encoded": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "encoded twice": lambda text: "".join(f"%25{byte:02x}" for byte in text.encode()),
    "in capitals": str.upper,
    "with a zero": lambda text: f"0{text}",
    "with a space": lambda text: f"{text}%20",
    "with a slash": lambda text: f"{text}/",
    "with an ending": lambda text: f"{text}.json",
    "after another": lambda text: f"x%2f..%2f{text}",
}


class LeakCheckError(Exception):
    """Nothing can be said: who is signed in, or what they have, does not let us compare."""


class Finding(Struct, frozen=True):
    """One line of the report."""

    is_leak: bool
    text: str


class Found(Struct, frozen=True):
    """Something of a customer's: its addresses as pages and JSON have them, and the words in it."""

    area: str
    source: str
    id: str
    addresses: tuple[str, ...]
    words: frozenset[str]


class Customer(Struct, kw_only=True):
    """A session, and what was learnt with it. `etags` are of their own answers."""

    client: httpx.AsyncClient
    account: str
    records: tuple[Found, ...]
    text: str  # all that their own JSON told them
    etags: tuple[str, ...]

    @property
    def names(self) -> set[tuple[str, str, str]]:
        return {(record.area, record.source, record.id) for record in self.records}


async def leakcheck(base_url: str, sessions: tuple[str, str], most: int) -> AsyncIterator[Finding]:
    """Check both ways, with up to `most` records of each kind. Raises `LeakCheckError`."""
    async with open_client(base_url, sessions[0]) as one, open_client(base_url, sessions[1]) as other:
        customers = [await learn(one, "first", most), await learn(other, "second", most)]
        shared = customers[0].names & customers[1].names
        for area, source, record_id in sorted(shared):
            yield Finding(True, f"/{area}/{source}/{record_id} is shown to both")
        for asking, having in (customers, customers[::-1]):
            private = [record for record in having.records if (record.area, record.source, record.id) not in shared]
            if not having.records:
                raise LeakCheckError(f"{having.account} has no records: take a customer who has some")
            async for finding in _reach(asking, having, private):
                yield finding
            async for finding in _words(asking, having, private):
                yield finding
    async for finding in _strangers(base_url, customers):
        yield finding


def open_client(base_url: str, session: str | None) -> httpx.AsyncClient:
    headers = {"Cookie": f"{cookies.SESSION}={session}"} if session else {}
    tls = ssl.create_default_context()
    return httpx.AsyncClient(base_url=base_url, headers=headers, timeout=PATIENCE, verify=tls, trust_env=False)


async def learn(client: httpx.AsyncClient, which: str, most: int) -> Customer:
    """Read what a session may see. Raises `LeakCheckError` where it is not signed in."""
    home = await _get(client, "/api/v1/home")
    if home.status_code != httpx.codes.OK:
        raise LeakCheckError(f"the {which} session opens nothing: the portal answered {home.status_code}")
    records, text, etags = [], [home.text], [home.headers.get("etag", "")]
    for area in AREAS:
        after, items = "", list[dict[str, Any]]()
        while len(items) < most:
            page = await _get(client, f"/api/v1/{area}?limit={PER_PAGE}{after}")
            if page.status_code == httpx.codes.NOT_FOUND:  # an area that this person does not see
                break
            if page.status_code != httpx.codes.OK:
                raise LeakCheckError(f"the {which} session’s {area} cannot be read: {page.status_code}")
            told = page.json()
            items += told["items"]
            text.append(page.text)
            etags.append(page.headers.get("etag", ""))
            if told["next"] is None:
                break
            after = f"&after={told['next']}"
        for item in items[:most]:
            whole = await _get(client, item["href"])
            text.append(whole.text)
            etags.append(whole.headers.get("etag", ""))
            more = whole.json()["item"] if whole.status_code == httpx.codes.OK else item
            records.append(_found(area, more))
    return Customer(
        client=client,
        account=str(home.json()["account"]),
        records=tuple(records),
        text="".join(text),
        etags=tuple(filter(None, etags)),
    )


def _found(area: str, item: Mapping[str, Any]) -> Found:
    told = [item, *(item.get("messages") or [])]
    files = [file for part in told for file in part.get("files", [])]
    words = {item["number"], item.get("reference"), item.get("subject"), item.get("title")}
    words |= {file["name"] for file in files}
    page = item["href"].removeprefix("/api/v1")
    return Found(
        area=area,
        source=item["source"],
        id=item["id"],
        addresses=(page, item["href"], *(file["href"] for file in files)),
        words=frozenset(str(word) for word in words if word and len(str(word)) >= SHORTEST and word != item["id"]),
    )


async def _reach(asking: Customer, having: Customer, records: list[Found]) -> AsyncIterator[Finding]:
    """Ask for each record in every form."""
    asked, unsure, leaks = 0, 0, 0
    for record in records:
        for address in record.addresses:
            for form, path in _forms(address, record.id):
                for headers in _headers(having):
                    answer = await _settled(asking.client, path, headers)
                    asked += 1
                    if answer.status_code in AWAY:
                        unsure += 1
                    elif answer.status_code < httpx.codes.BAD_REQUEST:
                        leaks += 1
                        yield Finding(True, f"{asking.account} was answered {answer.status_code} at {path} ({form})")
            if why := await _told_apart(asking.client, address, record.id):
                leaks += 1
                yield Finding(True, f"{asking.account} can tell {address} from what does not exist: {why}")
    if not leaks:
        what = f"{len(records)} records of {having.account}, asked for {asked} times"
        yield Finding(False, f"{asking.account} was refused {what}")
    if unsure:
        yield Finding(False, f"{unsure} answers told nothing, because a back office was away: check again later")


async def _words(asking: Customer, having: Customer, records: list[Found]) -> AsyncIterator[Finding]:
    """Look for words that are only in the other's records, where somebody looks around and searches."""
    words = {word for record in records for word in record.words if word not in asking.text}
    words -= {having.account, asking.account}
    found = False
    sought = sorted(words)[:10]
    for path in (*PAGES, *(f"/search?q={httpx.QueryParams({'q': word[:4]})['q']}" for word in sought)):
        answer = await _get(asking.client, path)
        for word in words:
            if word in answer.text:
                found = True
                yield Finding(True, f"{asking.account} read {word!r}, which is {having.account}'s, at {path}")
    if not found:
        yield Finding(False, f"{asking.account} read none of {len(words)} words that only {having.account} has")


async def _strangers(base_url: str, customers: list[Customer]) -> AsyncIterator[Finding]:
    """Who is not signed in, or pretends to be, gets nowhere."""
    leaks, asked = 0, 0
    for session in (None, "A" * 43):
        async with open_client(base_url, session) as client:
            for path in (*PAGES, *(record.addresses[0] for customer in customers for record in customer.records[:5])):
                answer = await _get(client, path)
                asked += 1
                if answer.status_code == httpx.codes.OK:
                    leaks += 1
                    yield Finding(True, f"{path} opens without a session")
    if not leaks:
        yield Finding(False, f"nobody gets in without a session: asked {asked} times")


async def _told_apart(client: httpx.AsyncClient, address: str, record_id: str) -> str | None:
    """Compare a refusal with the one for an id that nothing has. None: they are the same."""
    ghost = address.replace(f"/{record_id}", f"/{_ghost(record_id)}", 1)
    why = ""
    for _ in range(TRIES):  # a back office that comes or goes between two questions tells nothing
        one, other = await _settled(client, address, {}), await _settled(client, ghost, {})
        if {one.status_code, other.status_code} & AWAY:
            continue
        mine, theirs = _plainly(one, record_id), _plainly(other, _ghost(record_id))
        if mine == theirs:
            return None
        why = f"{one.status_code} and {other.status_code}" if one.status_code != other.status_code else "other words"
    return why or None


def _plainly(answer: httpx.Response, record_id: str) -> tuple[object, ...]:
    """What it says apart from the words of the question and the token that goes into forms."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in CHANGING)
    body = TOKEN.sub(b"", answer.content).replace(record_id.encode(), b"")
    return answer.status_code, headers, body


def _ghost(record_id: str) -> str:
    """An id of the same length and kind that hardly anything has."""
    return re.sub(r"[0-9]", "9", re.sub(r"[A-Za-z]", "z", record_id))


def _forms(address: str, record_id: str) -> Iterator[tuple[str, str]]:
    before, _, after = address.partition(f"/{record_id}")
    for form, write in FORMS.items():
        written = f"{before}/{write(record_id)}{after}"
        if form == "plain" or written != address:
            yield form, written


def _headers(having: Customer) -> Iterator[dict[str, str]]:
    yield {}
    yield {"HX-Request": "true", "Accept": "text/html"}
    yield {"If-None-Match": ", ".join(having.etags[-20:]), "Accept": "application/json"}


async def _settled(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> httpx.Response:
    answer = await _get(client, path, headers)
    for _ in range(TRIES - 1):
        if answer.status_code not in AWAY:
            break
        answer = await _get(client, path, headers)
    return answer


async def _get(client: httpx.AsyncClient, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    try:
        return await client.get(path, headers=headers)
    except httpx.HTTPError as error:
        raise LeakCheckError(f"{client.base_url} does not answer: {type(error).__name__}") from error
