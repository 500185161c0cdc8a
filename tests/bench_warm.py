"""Home and its JSON, warm, beside the same server that gives the same bytes and thinks nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from bench_load import Page, Question, ask, per_second
from bench_report import QUICK, Finding, Rounds, ratio_of_rounds
from bench_server import FLOOR, PORTAL, Server, running
from bench_world import World, world

ROUNDS, SECONDS = (2, 1) if QUICK else (7, 2)
ADDED_BY_SERVER = {"connection", "date", "server", "transfer-encoding"}
SHOWN = (b"INV-", b">Order S", b"The ")  # of both sources


def home_kept() -> Iterator[tuple[str, Finding]]:
    """B1: the page from memory, with the session and the version looked up for each request."""
    with world() as built, running(PORTAL, built.environ) as portal:
        page = home_of(portal, built)
        ratio = against_floor(portal, built, question(built, "/"))
    what = f"Home of 60 records ({len(page.body) / 1000:.0f} kB), signed in, warm / floor"
    yield "B1", Finding(what=what, value=ratio.value, spread=ratio.spread, at_least=0.60, unit="x floor")


def home_unchanged() -> Iterator[tuple[str, Finding]]:
    """B2: the answer that nothing has changed."""
    with world() as built, running(PORTAL, built.environ) as portal:
        first = ask(portal.port, question(built, "/api/v1/home"))
        etag = next(value.decode() for name, value in first.headers if name.lower() == b"etag")
        unchanged = question(built, "/api/v1/home", {"If-None-Match": etag}, status=304)
        ratio = against_floor(portal, built, unchanged)
    what = "/api/v1/home unchanged (304) / floor that returns 304"
    yield "B2", Finding(what=what, value=ratio.value, spread=ratio.spread, at_least=0.60, unit="x floor")


def home_rebuilt() -> Iterator[tuple[str, Finding]]:
    """B3: no page is kept; each request reads the snapshots, merges and renders."""
    with world() as built, running(PORTAL, {**built.environ, "HALLWAY_PAGE_CACHE": "0"}) as portal:
        page = home_of(portal, built)
        ratio = against_floor(portal, built, question(built, "/"))
    what = f"Home of 60 records ({len(page.body) / 1000:.0f} kB), rebuilt on every request / floor"
    yield "B3", Finding(what=what, value=ratio.value, spread=ratio.spread, at_least=0.12, unit="x floor")


def question(built: World, path: str, headers: Mapping[str, str] | None = None, status: int = 200) -> Question:
    return Question(path, {"Cookie": built.cookie, **(headers or {})}, status)


def home_of(portal: Server, built: World) -> Page:
    """Make sure that it is the page we think: with records from both sources, and none of them missing."""
    page = ask(portal.port, question(built, "/"))
    for wanted in SHOWN:
        if wanted not in page.body:
            raise RuntimeError(f"Home does not show {wanted.decode()}")
    return page


def against_floor(portal: Server, built: World, asked: Question) -> Rounds:
    page = ask(portal.port, asked)
    with floor_under(page, built) as floor:
        return ratio_of_rounds(
            ROUNDS,
            lambda: per_second(portal.port, asked, SECONDS),
            lambda: per_second(floor.port, asked, SECONDS),
        )


@contextmanager
def floor_under(page: Page, built: World) -> Iterator[Server]:
    """Serve the same answer as ready bytes, less what the server adds by itself."""
    headers = [(name.lower(), value) for name, value in page.headers if name.lower().decode() not in ADDED_BY_SERVER]
    file = Path(built.environ["HALLWAY_DATA_DIR"]) / "floor"
    file.write_bytes(msgspec.msgpack.encode(Page(page.status, headers, page.body)))
    with running(FLOOR, {**built.environ, "BENCH_FLOOR": str(file)}) as floor:
        yield floor
