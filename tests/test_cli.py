"""The command line: plain sentences, exit codes for scripts, and never a secret or a traceback."""

import os
import pty
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support_cli import SOURCES, Hallway
from support_sandbox import RunningSandbox

from connectors.sandbox.faults import Fault
from gateway.cli import commands

LINK = ("link", "--account", "bakery", "--source", "erp", "--customer", "10", "--fact", "customer number")
LOGIN = ("--issuer", "https://login.example", "--subject", "maya")


def run(hallway: Hallway, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **hallway.environ, **more}
    command = [sys.executable, "-m", "gateway.cli", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_tells_its_version(hallway: Hallway) -> None:
    result = run(hallway, "--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, "hallway 0.1.0\n", "")


def test_tells_every_wrong_setting_at_once_and_ends_with_2(hallway: Hallway) -> None:
    result = run(hallway, "serve", HALLWAY_PORT="many", HALLWAY_WROKERS="2")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("hallway: these settings need a change:\n  HALLWAY_PORT: ")
    assert "HALLWAY_WROKERS: there is no such setting" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["link"], "Missing option"),
        (["link", "--subject", "maya", *LINK[1:]], "--issuer and --subject go together"),
        (["unlink", "--source", "erp"], "give --source and --customer, or"),
        (["unlink", "--source", "erp", "--customer", "1", "--account", "bakery"], "give --source and --customer, or"),
        (["owner", "add"], "give --issuer and --subject"),
        (["sources", "apply", "/nowhere.toml"], "does not exist"),
        ([*LINK], "there is no source 'erp'"),
        (["sources", "test", "erp"], "there is no source 'erp' (there is: none yet)"),
    ],
)
def test_ends_with_2_when_it_cannot_be_meant_so(hallway: Hallway, arguments: list[str], sentence: str) -> None:
    assert hallway(*arguments) == 2
    assert sentence in hallway.err
    assert hallway.out == ""


def test_ends_in_a_sentence_when_it_fails_itself(hallway: Hallway, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ValueError("unthought of\nand a row with a name in it")

    monkeypatch.setattr(commands, "load", broken)
    assert hallway("migrate") == 1
    assert hallway.err.startswith("hallway: Hallway itself failed, at tests.test_cli:")
    assert hallway.err.count("\n") == 1


def test_migrates_and_then_has_nothing_to_do(hallway: Hallway, new_database_url: str) -> None:
    hallway.environ["HALLWAY_DATABASE_URL"] = new_database_url
    hallway.environ["HALLWAY_KEYS"] = "1:" + "A" * 43 + "="
    assert hallway("migrate") == 0
    assert hallway.out.startswith("0001")
    assert hallway("migrate") == 0
    assert hallway.out == "nothing to do\n"


def test_leaves_the_moment_to_migrate_a_shared_database_to_its_admin(hallway: Hallway, new_database_url: str) -> None:
    hallway.environ["HALLWAY_DATABASE_URL"] = new_database_url
    hallway.environ["HALLWAY_KEYS"] = "1:" + "A" * 43 + "="
    code = hallway("sources", "list")
    if new_database_url.startswith("sqlite"):
        assert code == 0
    else:
        assert code == 1
        assert "run `hallway migrate`" in hallway.err


def test_says_when_the_database_is_away(hallway: Hallway) -> None:
    hallway.environ["HALLWAY_DATABASE_URL"] = "postgresql://me:canary-password@127.0.0.1:1/hallway"
    hallway.environ["HALLWAY_KEYS"] = "1:" + "A" * 43 + "="
    assert hallway("sources", "list") == 1
    assert hallway.err.startswith("hallway: ")
    assert "canary" not in hallway.err


def test_shows_a_diff_applies_it_and_then_has_no_changes(hallway: Hallway, sandbox: RunningSandbox) -> None:
    file = hallway.sources_of(sandbox)
    assert hallway("sources", "apply", "--yes", file) == 0
    assert hallway.out.startswith("+ erp\n")
    assert f"credentials will be sent to {sandbox.url}" in hallway.out
    assert "    api_key: (secret)\n" in hallway.out
    assert hallway.out.endswith("Applied. Try it with: hallway sources test\n")
    assert hallway("sources", "apply", file) == 0
    assert hallway.out == "= erp\n= helpdesk\nNo changes.\n"
    assert hallway("sources", "list") == 0
    assert hallway.out.startswith('erp: Odoo, for orders, invoices, tickets, called "Invoices"\n')


def test_says_that_there_are_no_sources_yet(hallway: Hallway) -> None:
    assert hallway("sources", "list") == 0
    assert hallway.out == "there are no sources yet: write a sources file and run `hallway sources apply FILE`\n"


def test_applies_nothing_where_it_cannot_ask(hallway: Hallway, sandbox: RunningSandbox) -> None:
    assert hallway("sources", "apply", hallway.sources_of(sandbox)) == 2
    assert "+ erp" in hallway.out
    assert "add --yes" in hallway.err
    assert hallway("sources", "test") == 1
    assert "there are no sources yet" in hallway.err


@pytest.mark.parametrize(
    ("answer", "code", "last"), [("y", 0, "Applied."), ("n", 1, "Apply? [y/N]: "), ("", 1, "Apply?")]
)
def test_asks_at_a_terminal(hallway: Hallway, sandbox: RunningSandbox, answer: str, code: int, last: str) -> None:
    file = hallway.sources_of(sandbox)
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    result = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "sources", "apply", file],
        env={**os.environ, **hallway.environ},
        stdin=theirs,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert result.returncode == code
    assert last in result.stdout.splitlines()[-1]
    assert hallway("sources", "apply", file) == (0 if code == 0 else 2), (
        "the second time there is nothing to do, or still all"
    )


def test_tells_every_problem_of_a_sources_file(hallway: Hallway) -> None:
    file = hallway.write(SOURCES.replace('{ env = "ODOO_KEY" }', '"canary"').replace("RT_TOKEN", "RT_TOKNE"))
    assert hallway("sources", "apply", file) == 2
    assert "sources.erp.settings.api_key: a secret is never written into this file" in hallway.err
    assert "sources.helpdesk.settings.token: the environment variable RT_TOKNE is not set" in hallway.err
    assert "canary" not in hallway.err


def test_refuses_a_sources_file_that_is_not_text(hallway: Hallway) -> None:
    file = hallway.write("")
    file.write_bytes(b"\xff")
    assert hallway("sources", "apply", file) == 2
    assert "is not text in UTF-8" in hallway.err


def test_tries_the_sources_and_says_who_we_are_there(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    assert hallway("sources", "test") == 0
    erp, helpdesk = hallway.out.splitlines()
    assert erp.startswith("erp: OK: Odoo knows us as ")
    assert helpdesk.startswith("helpdesk: OK: Request Tracker knows us as ")
    assert hallway("sources", "test", "helpdesk") == 0
    assert hallway.out == f"{helpdesk}\n"


def test_says_what_to_do_when_a_source_refuses_our_credentials(hallway: Hallway, sandbox: RunningSandbox) -> None:
    file = hallway.sources_of(sandbox)
    hallway.environ["RT_TOKEN"] = "1-14-wrong"
    hallway("sources", "apply", "--yes", file)
    assert hallway("sources", "test") == 1
    assert "erp: OK: " in hallway.out
    assert "helpdesk: FAILED: " in hallway.out
    assert "    Renew the credentials there" in hallway.out


def test_says_what_to_do_when_an_address_is_not_allowed(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    del hallway.environ["HALLWAY_ALLOW_PRIVATE_SOURCES"]
    assert hallway("sources", "test", "erp") == 1
    assert "HALLWAY_ALLOW_PRIVATE_SOURCES=true" in hallway.out
    assert "    Correct the address" in hallway.out


def test_says_what_to_do_when_a_source_is_down(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    sandbox.rt_fault(Fault(kind="unavailable"))
    assert hallway("sources", "test", "helpdesk") == 1
    assert "    Check that the system is up" in hallway.out


def test_reports_a_source_whose_secret_no_longer_opens(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    (hallway.folder / "data" / "keys").unlink()
    assert hallway("sources", "test") == 1
    assert hallway.out.count(": FAILED: ") == 2
    assert "sealed with a different key" in hallway.out
    assert hallway("sources", "list") == 0
    assert "erp: broken: " in hallway.out


def test_reports_a_source_whose_connector_is_not_installed(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    with sqlite3.connect(hallway.folder / "data" / "hallway.db") as rows:
        rows.execute("UPDATE sources SET connector = 'gone' WHERE name = 'erp'")
    rows.close()
    assert hallway("sources", "test") == 1
    assert "erp: FAILED: the connector 'gone' is not installed" in hallway.out
    assert "helpdesk: OK: " in hallway.out
    assert hallway("sources", "list") == 0
    assert "erp: broken: the connector 'gone' is not installed" in hallway.out


def test_links_unlinks_and_says_what_it_did(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    assert hallway(*LINK, *LOGIN, "--account-name", "Alder Lane Bakery") == 0
    assert hallway.out == (
        "made the account 'bakery'\n"
        "linked customer '10' of 'erp' to 'bakery'\n"
        "let 'maya' of https://login.example act for 'bakery'\n"
    )
    assert hallway(*LINK, *LOGIN) == 0
    assert hallway.out == "no changes\n"
    assert hallway("link", "--account", "hotel", *LINK[3:]) == 2
    assert "belongs to the account 'bakery'" in hallway.err
    assert hallway("link", "--account", "hotel", *LINK[3:], "--move", "--by", "Ann") == 0
    assert "moved customer '10' of 'erp' from 'bakery' to 'hotel'" in hallway.out
    assert hallway("unlink", "--account", "bakery", *LOGIN) == 0
    assert hallway.out == "taken away\n"
    assert hallway("unlink", "--source", "erp", "--customer", "10") == 0
    assert hallway.out == "taken away\n"
    assert hallway("unlink", "--source", "erp", "--customer", "10") == 0
    assert hallway.out == "no changes\n"


def test_adds_an_owner_once(hallway: Hallway) -> None:
    assert hallway("owner", "add", *LOGIN, "--name", "Maya") == 0
    assert hallway.out == "added\n"
    assert hallway("owner", "add", *LOGIN) == 0
    assert hallway.out == "no changes\n"
