"""`hallway leakcheck` against a running portal: silent where all is well, and not where a check is missing."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace
from support_cli import Hallway
from support_leak_world import PARTNERS, World, leak_world
from support_redis import RedisProcess
from support_sandbox import free_port

from connectors.errors import NotFound
from connectors.records import Kind
from connectors.scope import Admitted
from gateway import pull
from gateway.access import LinkRef
from gateway.account_view import AccountView, Part


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    shutil.copy(migrated_sqlite, tmp_path / "hallway.db")
    return f"sqlite:///{tmp_path}/hallway.db"


class Served:
    """A portal on a port, and files with the cookies of two customers."""

    def __init__(self, world: World, url: str, folder: Path, hallway: Hallway) -> None:
        self.world = world
        self.url = url
        self._folder = folder
        self._hallway = hallway

    def write(self, name: str, cookie: str) -> Path:
        path = self._folder / name
        path.write_text(f"{cookie}\n")
        return path

    async def check(self, one: Path, other: Path, *more: str) -> tuple[int, str, str]:
        """Run the command as an operator does, while the portal is served from this loop."""
        hallway = self._hallway
        arguments = ("leakcheck", "--url", self.url, "--session-a", str(one), "--session-b", str(other), *more)
        code = await asyncio.to_thread(hallway, *arguments)
        return code, hallway.out, hallway.err

    async def check_ann_and_bob(self) -> tuple[int, str, str]:
        ann, bob = await self.world.sign_in("ann", "alder"), await self.world.sign_in("bob", "birch")
        return await self.check(self.write("a", f"__Host-hallway={ann}"), self.write("b", bob), "--most", "2")


@pytest_asyncio.fixture
async def served(
    tmp_path: Path, database_url: str, redis_process: RedisProcess, hallway: Hallway
) -> AsyncIterator[Served]:
    port = free_port()
    async with leak_world(tmp_path, database_url, redis_process, port=port) as world:
        yield Served(world, f"http://127.0.0.1:{port}", tmp_path, hallway)


async def test_says_what_was_refused(served: Served) -> None:
    code, out, err = await served.check_ann_and_bob()
    assert (code, err) == (0, "")
    assert "LEAK" not in out
    assert "nmalder Ltd was refused 6 records of nmbirch Ltd" in out
    assert "nmbirch Ltd was refused 6 records of nmalder Ltd" in out
    assert "nobody gets in without a session" in out


async def test_ends_with_1_where_both_are_shown_the_same(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.world.offices.leaky = True
    monkeypatch.setattr(pull, "admit", lambda answers, _: Admitted(tuple(each.record for each in answers), ()))
    code, out, _ = await served.check_ann_and_bob()
    assert code == 1
    assert re.search(r"^LEAK /orders/(east|west)/\d+ is shown to both$", out, re.MULTILINE)


async def test_ends_with_1_where_an_id_opens_what_no_list_shows(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = AccountView.one

    async def unasked(self: AccountView, kind: Kind, source: str, record_id: str) -> Part:
        """Do what a program does that looks a record up by its id alone."""
        for account, customer in PARTNERS.get(source, {}).items():
            scope = replace(self._scope, account_id=account, links=(LinkRef(source, str(customer)),))
            other = AccountView(scope, self.offices, self._supply, self._until)
            with suppress(NotFound):
                return await one(other, kind, source, record_id)
        raise NotFound("nobody's")

    monkeypatch.setattr(AccountView, "one", unasked)
    code, out, _ = await served.check_ann_and_bob()
    assert code == 1
    assert re.search(r"^LEAK nmalder Ltd was answered 200 at /orders/(east|west)/\d+ \(plain\)$", out, re.MULTILINE)


async def test_asks_for_two_sessions_that_say_something(served: Served) -> None:
    ann = served.write("a", await served.world.sign_in("ann", "alder"))
    assert (await served.check(ann, served.write("b", "x" * 43)))[::2] == (
        1,
        "hallway: the second session opens nothing: the portal answered 401\n",
    )
    dan = served.write("d", await served.world.sign_in("dan", None))
    code, _, err = await served.check(ann, dan)
    assert (code, "has no records" in err) == (1, True)
    code, _, err = await served.check(ann, served.write("e", "two words"))
    assert (code, "holds no session cookie" in err) == (2, True)


def test_tells_in_a_sentence_that_nobody_answers(hallway: Hallway, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x" * 43)
    url = f"http://127.0.0.1:{free_port()}"
    assert hallway("leakcheck", "--url", url, "--session-a", tmp_path / "a", "--session-b", tmp_path / "a") == 1
    assert hallway.err == f"hallway: {url} does not answer: ConnectError\n"
    assert hallway("leakcheck", "--url", "x", "--session-a", tmp_path / "a", "--session-b", tmp_path / "a") == 2
