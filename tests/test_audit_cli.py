"""`hallway audit` and `hallway members`, as an operator sees them."""

import json
import os
import pwd
import sqlite3
from pathlib import Path

import pytest
from redis import Redis
from support_cli import Hallway
from support_redis import RedisProcess

from cache.copies import MARK
from cache.embedded import url_of_running
from cache.keys import key

LOGIN = ("https://login.example", "maya")
ME = f"operator/{pwd.getpwuid(os.getuid()).pw_name}"
NOON = "2026-11-22 12:00:00.000000"


@pytest.fixture
def owner(hallway: Hallway) -> Hallway:
    """With one line in the trail."""
    assert hallway("owner", "add", "--issuer", LOGIN[0], "--subject", "sam\x1b[2J") == 2, "nothing unseen"
    assert hallway("owner", "add", "--issuer", LOGIN[0], "--subject", "sam", "--name", "Sam") == 0
    return hallway


@pytest.fixture
def member(hallway: Hallway) -> Hallway:
    """With somebody who is signed in."""
    hallway("migrate")
    run(
        hallway,
        f"INSERT INTO members (id, issuer, subject, created_at) VALUES ('m1', '{LOGIN[0]}', 'maya', '{NOON}')",
        "INSERT INTO sessions (id_hash, kind, member_id, csrf_token, provider, created_at, seen_at, expires_at) "
        f"VALUES (x'{'ab' * 32}', 'member', 'm1', 't', 'main', '{NOON}', '{NOON}', '{NOON}')",
    )
    return hallway


def run(hallway: Hallway, *statements: str) -> None:
    with sqlite3.connect(hallway.folder / "data" / "hallway.db") as rows:
        for statement in statements:
            rows.execute(statement)
    rows.close()


def test_shows_lines_to_people(owner: Hallway) -> None:
    assert owner("audit", "show") == 0
    first, second, *details = owner.out.splitlines()
    assert first.startswith("1  2")
    assert first.endswith("Z  owner.added")
    assert second.startswith(f"    by {ME} (command line), about staff/")
    assert details == [
        '    after: "owner"',
        "    before: null",
        f'    issuer: "{LOGIN[0]}"',
        '    subject: "sam"',
    ]


def test_shows_lines_to_programs(owner: Hallway) -> None:
    assert owner("audit", "show", "--json", "-n", "1") == 0
    told = json.loads(owner.out)
    assert (told["number"], told["what"], told["who"], told["via"]) == (1, "owner.added", ME, "command line")
    assert told["personal"] == {"issuer": LOGIN[0], "subject": "sam"}
    assert len(told["hash"]) == 64


def test_does_not_believe_the_environment_about_who_asks(owner: Hallway, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody")
    owner("owner", "add", "--issuer", LOGIN[0], "--subject", "eve")
    owner("audit", "show", "-n", "1", "--json")
    assert json.loads(owner.out)["who"] == ME


def test_filters(owner: Hallway) -> None:
    for given, found in (
        (("--what", "owner"), True),
        (("--what", "session"), False),
        (("--who", ME), True),
        (("--who", "operator/x"), False),
        (("--account", "acme"), False),
    ):
        assert owner("audit", "show", *given) == 0
        assert bool(owner.out) == found


def test_verifies_and_gives_a_hash_to_note(owner: Hallway) -> None:
    assert owner("audit", "verify") == 0
    assert owner.out.startswith("whole: 1 line, the last hash is ")
    last = owner.out.splitlines()[0].rpartition(" ")[2]
    owner("owner", "add", "--issuer", LOGIN[0], "--subject", "eve")
    assert owner("audit", "verify", "--expect", last) == 0
    assert owner("audit", "verify", "--expect", "0" * 63 + "1") == 1
    assert owner.out.startswith("BROKEN the hash that was noted is not in the trail")


def test_ends_with_1_when_it_is_broken(owner: Hallway) -> None:
    run(owner, "DROP TRIGGER audit_lines_stay", "UPDATE audit_lines SET who = 'operator/eve'")
    assert owner("audit", "verify") == 1
    assert owner.out.splitlines() == [
        "BROKEN line 1 was changed after it was written, or stands in another line's place",
        "Somebody changed the database without Hallway. Compare it with a backup of before.",
    ]


def test_tells_no_more_problems_than_anybody_reads(owner: Hallway) -> None:
    for number in range(25):
        owner("owner", "add", "--issuer", LOGIN[0], "--subject", f"s{number}")
    run(owner, "DROP TRIGGER audit_lines_stay", "UPDATE audit_lines SET who = 'operator/eve'")
    assert owner("audit", "verify") == 1
    assert owner.out.count("BROKEN") == 20
    assert "and 6 more" in owner.out


def test_forgets_an_owner_of_values(owner: Hallway) -> None:
    assert owner("audit", "forget", "sam") == 2
    assert "account/acme" in owner.err
    owner("audit", "show", "--json")
    about = json.loads(owner.out)["about"]
    assert owner("audit", "forget", about) == 0
    assert owner.out == "destroyed\n"
    assert owner("audit", "forget", about) == 0
    assert owner.out == "no changes\n"
    assert owner("audit", "show") == 0
    assert "sam" not in owner.out
    assert "(personal values: erased)" in owner.out
    assert owner("audit", "verify") == 0


def test_seals_anew_before_a_key_goes(owner: Hallway) -> None:
    keys = (owner.folder / "data" / "keys").read_text().strip()
    new = "2:" + "B" * 42 + "A="
    owner.environ["HALLWAY_KEYS"] = new
    assert owner("audit", "verify") == 1
    assert "the head cannot be trusted" in owner.out
    owner("audit", "show")
    assert "(personal values: sealed with a key that is not in the key ring)" in owner.out
    assert owner("audit", "reseal") == 1
    assert "not in the key ring" in owner.err
    owner.environ["HALLWAY_KEYS"] = f"{keys},{new}"
    assert owner("audit", "reseal") == 0
    assert owner.out == "sealed anew: 2\n"
    owner.environ["HALLWAY_KEYS"] = new
    assert owner("audit", "verify") == 0


def test_disables_and_enables(member: Hallway) -> None:
    assert member("members", "disable", *LOGIN) == 0
    assert member.out == "disabled member/m1, 1 session ended; pages that are open end within ten seconds\n"
    assert member("members", "disable", *LOGIN) == 0
    assert member.out == "no changes\n"
    assert member("members", "enable", *LOGIN) == 0
    assert member.out == "enabled member/m1\n"
    assert member("members", "enable", *LOGIN) == 0
    assert member.out == "no changes\n"


@pytest.mark.parametrize("command", ["disable", "enable", "erase"])
def test_knows_nobody_by_another_name(member: Hallway, command: str) -> None:
    more = ["--yes"] if command == "erase" else []
    assert member("members", command, LOGIN[0], "Maya", *more) == 2
    assert "there is no such member" in member.err


def test_erases_only_on_purpose(member: Hallway) -> None:
    assert member("members", "erase", *LOGIN) == 2
    assert "Add --yes" in member.err
    assert member("members", "erase", *LOGIN, "--yes") == 0
    assert member.out.startswith("erased member/m1, 1 session ended")
    assert member("members", "disable", *LOGIN) == 2


def test_tells_redis_at_once(member: Hallway, redis_process: RedisProcess) -> None:
    member.environ["HALLWAY_REDIS_URL"] = redis_process.url
    assert member("members", "disable", *LOGIN) == 0
    with Redis.from_url(redis_process.url) as redis:
        assert redis.get(key("session", "ab" * 32)) == MARK


def test_needs_no_redis(member: Hallway) -> None:
    member.environ["HALLWAY_REDIS_URL"] = "redis://127.0.0.1:1/0"
    assert member("members", "disable", *LOGIN) == 0


def test_finds_the_redis_that_serve_has_started(tmp_path: Path) -> None:
    assert url_of_running(tmp_path) is None
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "socket").write_text("/run/a socket")
    assert url_of_running(tmp_path) == "unix:///run/a%20socket"
