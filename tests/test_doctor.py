"""The doctor: every line says that all is well, or what is wrong and what to do."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support_cli import Hallway
from support_op import Op
from support_redis import RedisProcess
from support_sandbox import RunningSandbox
from support_tree import ROOT

from connectors.sandbox.faults import Fault

MIGRATIONS = len(list((ROOT / "gateway/records/migrations/versions").glob("[0-9]*.py")))


@dataclass
class Installation:
    """The command line, and everything that it depends on."""

    hallway: Hallway
    sandbox: RunningSandbox
    op: Op
    redis: RedisProcess


@pytest.fixture
def healthy(hallway: Hallway, sandbox: RunningSandbox, op: Op, redis_process: RedisProcess) -> Installation:
    """An installation with nothing wrong."""
    hallway.environ |= {
        "HALLWAY_OIDC_ISSUER": op.issuer,
        "HALLWAY_OIDC_CLIENT_ID": "portal",
        "HALLWAY_OIDC_CLIENT_SECRET": "canary-client-secret",
        "HALLWAY_REDIS_URL": redis_process.url,
    }
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    return Installation(hallway, sandbox, op, redis_process)


def test_finds_nothing_wrong_where_nothing_is(healthy: Installation) -> None:
    assert healthy.hallway("doctor") == 0
    lines = healthy.hallway.out.splitlines()
    assert [line[:6] for line in lines] == ["OK    "] * 8
    assert "OK    keys: open all 2 stored secret(s)" in lines
    assert f"OK    sign-in: {healthy.op.issuer} answers, and is who it says" in lines
    assert "canary" not in healthy.hallway.out


def lose_redis(it: Installation) -> None:
    it.redis.kill()


def lose_the_virus_check(it: Installation) -> None:
    it.hallway.environ["HALLWAY_CLAMD"] = str(it.hallway.folder / "clamd")


def lose_the_keys(it: Installation) -> None:
    (it.hallway.folder / "data" / "keys").unlink()


def damage_the_keys(it: Installation) -> None:
    (it.hallway.folder / "data" / "keys").write_text("nonsense")


def open_the_folder(it: Installation) -> None:
    (it.hallway.folder / "data").chmod(0o755)


def mistype_the_issuer(it: Installation) -> None:
    it.op.metadata["issuer"] = f"{it.op.issuer}/"


def stop_the_provider(it: Installation) -> None:
    it.hallway.environ["HALLWAY_OIDC_ISSUER"] = "http://127.0.0.1:1"


def forget_the_provider(it: Installation) -> None:
    for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"):
        del it.hallway.environ[f"HALLWAY_OIDC_{name}"]


def stop_the_helpdesk(it: Installation) -> None:
    it.sandbox.rt_fault(Fault(kind="unavailable"))


def let_others_in(it: Installation) -> None:
    it.hallway.environ["HALLWAY_HOST"] = "0.0.0.0"


def start_over(it: Installation) -> None:
    (it.hallway.folder / "data" / "hallway.db").unlink()


def lose_the_database(it: Installation) -> None:
    it.hallway.environ["HALLWAY_DATABASE_URL"] = "postgresql://me:canary@127.0.0.1:1/hallway"
    it.hallway.environ["HALLWAY_KEYS"] = "1:" + "A" * 43 + "="


def remove_the_sources(it: Installation) -> None:
    it.hallway("sources", "apply", "--yes", "--prune", it.hallway.write("", "empty.toml"))


def help_folder(it: Installation) -> Path:
    folder = it.hallway.folder / "help"
    folder.mkdir()
    it.hallway.environ["HALLWAY_HELP"] = str(folder)
    (folder / "pay.md").write_text("---\ntitle: Paying\n---\nBy transfer.\n")
    return folder


def test_says_that_the_help_articles_can_be_used(healthy: Installation) -> None:
    folder = help_folder(healthy)
    assert healthy.hallway("doctor") == 0
    assert f"OK    help: 1 article(s) in {folder} can be used" in healthy.hallway.out.splitlines()


def test_says_of_each_help_article_what_is_wrong(healthy: Installation) -> None:
    folder = help_folder(healthy)
    for name, content in {
        "a-b.md": "---\nsummary: No title.\n---\nText.\n",
        "c-d.md": "Just text.\n",
        "e-f.md": "---\ntitle: X\nabuot: orders\n---\nText.\n",
        "PAY.md": "---\ntitle: Paying once more\n---\nBy card.\n",
        "ship.MD": "---\ntitle: Shipping\n---\nBy sea.\n",
        "_draft.md": "nothing of this is read",
    }.items():
        (folder / name).write_text(content)
    (folder / "g-h.md").write_bytes(b"---\ntitle: X\n---\n\xff\n")
    (folder / "i-j.md").symlink_to(folder)
    assert healthy.hallway("doctor") == 1
    told = [line for line in healthy.hallway.out.splitlines() if "help: " in line]
    assert [line.partition("help: ")[2] for line in told] == [
        "ship.MD: is left out: only what ends with .md is read",
        "PAY.md: would have the same address as pay.md: give it another name",
        "a-b.md:3: title is missing",
        "c-d.md:1: begin with a line ---, then title: ..., then ---",
        "e-f.md:3: 'abuot' is not known; did you mean about?",
        "g-h.md:4: is not UTF-8 text",
    ]


@pytest.mark.parametrize(
    ("break_it", "wrong", "remedy"),
    [
        (lose_redis, "redis: does not answer", "HALLWAY_REDIS_URL"),
        (lose_the_virus_check, "virus check: ", "No files are taken meanwhile"),
        (lose_the_keys, "keys: ", "apply the sources file again"),
        (damage_the_keys, "keys: ", "Restore the keys from a backup"),
        (open_the_folder, "data folder: others may look into", "chmod 700"),
        (mistype_the_issuer, "sign-in: ", "exactly as the provider writes it"),
        (stop_the_provider, "sign-in: ", "Check that it is up, and can be reached from this machine. HALLWAY"),
        (forget_the_provider, "sign-in: no provider is set", "Set HALLWAY_OIDC_ISSUER"),
        (stop_the_helpdesk, "source helpdesk: ", "Check that the system is up"),
        (let_others_in, "address: ", "HALLWAY_BASE_URL"),
        (start_over, f"database: {MIGRATIONS} migration(s) have not run", "hallway migrate"),
        (lose_the_database, "database: ", "HALLWAY_DATABASE_URL"),
        (remove_the_sources, "sources: there are none yet", "hallway sources apply FILE"),
    ],
)
def test_finds_what_is_wrong_and_says_what_to_do(
    healthy: Installation, break_it: Callable[[Installation], None], wrong: str, remedy: str
) -> None:
    break_it(healthy)
    assert healthy.hallway("doctor") == 1
    lines = healthy.hallway.out.splitlines()
    found = [number for number, line in enumerate(lines) if line.startswith("WRONG ")]
    assert len(found) == (3 if break_it is lose_the_keys else 1), "and nothing that has nothing to do with it"
    assert lines[found[0]].startswith(f"WRONG {wrong}")
    assert remedy in lines[found[0] + 1]
    assert "canary" not in healthy.hallway.out


def test_looks_at_every_provider(healthy: Installation, other_op: Op) -> None:
    healthy.hallway.environ |= {
        "HALLWAY_OIDC_3_ISSUER": other_op.issuer,
        "HALLWAY_OIDC_3_CLIENT_ID": "portal",
        "HALLWAY_OIDC_3_CLIENT_SECRET": "canary-client-secret",
        "HALLWAY_OIDC_3_FOR": "staff",
    }
    assert healthy.hallway("doctor") == 0
    assert f"OK    sign-in 3: {other_op.issuer} answers, and is who it says" in healthy.hallway.out.splitlines()
    other_op.replies["/.well-known/openid-configuration"] = (500, b"")
    assert healthy.hallway("doctor") == 1
    (wrong,) = [line for line in healthy.hallway.out.splitlines() if line.startswith("WRONG ")]
    assert wrong.startswith(f"WRONG sign-in 3: {other_op.issuer} cannot be used")
    assert "HALLWAY_OIDC_3_ISSUER must be" in healthy.hallway.out
    forget_the_provider(healthy)
    assert healthy.hallway("doctor") == 1
    assert "WRONG sign-in: no provider is set for customers" in healthy.hallway.out


def test_looks_at_the_mail_server_and_knows_codes(healthy: Installation) -> None:
    healthy.hallway.environ |= {
        "HALLWAY_SMTP_URL": "smtp://canary:canary@127.0.0.1:1",
        "HALLWAY_MAIL_FROM": "portal@kestrel.example",
        "HALLWAY_SIGN_IN": "code",
    }
    forget_the_provider(healthy)
    assert healthy.hallway("doctor") == 1
    lines = healthy.hallway.out.splitlines()
    assert [line for line in lines if line.startswith("WRONG ")] == [
        "WRONG mail server: 127.0.0.1 takes no mails (SMTPConnectError)"
    ]
    assert "OK    sign-in by e-mail: customers get a code by mail" in lines
    assert "canary" not in healthy.hallway.out


def test_finds_the_redis_that_serve_would_start(healthy: Installation) -> None:
    del healthy.hallway.environ["HALLWAY_REDIS_URL"]
    assert healthy.hallway("doctor") == 0
    assert "OK    redis: `hallway serve` starts its own, " in healthy.hallway.out
