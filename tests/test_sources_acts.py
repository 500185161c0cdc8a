"""Pausing, reading anew, a new secret and removing, on the command line."""

import re

from support_cli import Hallway
from support_sandbox import RunningSandbox


def test_does_the_same_on_the_command_line(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    assert hallway("sources", "pause", "erp") == 0
    assert hallway("sources", "pause", "erp") == 0
    assert hallway.out == "no changes\n"
    hallway("sources", "list")
    assert ", paused\n" in hallway.out
    hallway("status")
    assert "paused for" in hallway.out
    assert hallway("sources", "test", "erp") == 1
    assert "hallway sources resume" in hallway.out
    assert hallway("sources", "resume", "erp") == 0
    assert hallway("sources", "pause", "nothing") == 2
    assert hallway("sources", "read-anew", "erp") == 0
    assert hallway("sources", "read-anew", "nothing") == 2
    assert hallway("webhooks", "secret", "erp") == 0
    assert re.fullmatch(r"[A-Za-z0-9]{44}\n", hallway.out)
    assert hallway("webhooks", "secret", "nothing") == 2
    assert hallway("sources", "remove", "nothing", "--yes") == 2
    assert hallway("sources", "remove", "erp", "--yes") == 0
    assert "kinds that no other source has: orders, invoices" in hallway.out
    hallway("sources", "list")
    assert "erp" not in hallway.out
    hallway("audit", "show", "--what", "source")
    assert hallway("audit", "verify") == 0
