"""Merging and splitting on the command line: nothing is done that was not seen when it was asked for."""

import sqlite3

import pytest
from support_cli import Hallway
from support_sandbox import RunningSandbox

PROOF = ("--source", "erp", "--fact", "contract", "--customer")


@pytest.mark.parametrize(
    ("command", "changed"),
    [
        (("merge", "hotel", "bakery", "--numbers", "erp=both"), "hotel"),
        (("split", "bakery", "new", "--link", "erp=10"), "bakery"),
    ],
)
def test_does_nothing_that_was_not_seen(
    hallway: Hallway,
    sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    changed: str,
) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    for account, customer in (("bakery", "10"), ("hotel", "30")):
        assert hallway("link", "--account", account, *PROOF, customer) == 0, hallway.err

    def rename(*_: object, **__: object) -> None:
        database = sqlite3.connect(hallway.folder / "data" / "hallway.db")
        with database:
            database.execute("UPDATE accounts SET name = 'Other' WHERE id = ?", (changed,))
        database.close()

    with monkeypatch.context() as asked:
        asked.setattr("gateway.cli.moving._ask", rename)
        assert hallway("customers", *command, "--reason", "x") == 1
    assert "nothing was changed: somebody changed one of them after you were asked" in hallway.err
    assert hallway("customers", *command, "--reason", "x", "--yes") == 0, hallway.err
