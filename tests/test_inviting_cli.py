"""`hallway invitations send` and `send-again`."""

import re

import pytest
from support_cli import Hallway
from support_sandbox import RunningSandbox

KEY = "1:" + "A" * 43 + "="
LINK = ("link", "--account", "bakery", "--source", "erp", "--customer", "10", "--fact", "contract")


@pytest.fixture
def mailing(hallway: Hallway, sandbox: RunningSandbox) -> Hallway:
    """With an account, and a mail server that nobody asks."""
    hallway.environ["HALLWAY_KEYS"] = KEY
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    assert hallway(*LINK) == 0
    hallway.environ |= {"HALLWAY_SMTP_URL": "smtp://127.0.0.1:9", "HALLWAY_MAIL_FROM": "portal@kestrel.example"}
    return hallway


def test_writes_to_the_first_then_to_all_and_once_more_to_one(mailing: Hallway) -> None:
    for number in range(3):
        assert mailing("invitations", "add", f"p{number}@alder.example", "--account", "bakery") == 0
    assert mailing("invitations", "send", "--dry-run", "--first", "2") == 0
    assert mailing.out.splitlines() == [
        "p0@alder.example to bakery",
        "p1@alder.example to bakery",
        "2 of 3 would get a mail",
    ]
    assert mailing("invitations", "send", "--first", "2") == 0
    assert mailing.out == "2 mails are on the way, 1 people wait\n"
    assert mailing("invitations", "send", "--account", "bakery") == 0
    assert mailing.out == "1 mails are on the way, 0 people wait\n"
    assert mailing("invitations", "list") == 0
    assert [re.findall(r"mail \w+", line) for line in mailing.out.splitlines()] == [["mail waiting"]] * 3
    id_ = mailing.out.split()[0]
    assert mailing("invitations", "send-again", id_) == 0
    assert mailing.out == "a mail is on the way\n"
    assert mailing("invitations", "send-again", "nobody") == 0
    assert mailing.out == "no changes\n"
    assert mailing("invitations", "send-again") == 0
    assert mailing.out == "0 mails are on the way\n", "they were written to a moment ago"
    mailing("audit", "show")
    assert mailing.out.count("invitation.mailed") == 4
    assert mailing("audit", "verify") == 0


def test_invites_and_writes_at_once(mailing: Hallway) -> None:
    add = ("invitations", "add", "ann@alder.example", "--account", "bakery", "--mail")
    assert (mailing(*add), mailing.out) == (0, "invited ann@alder.example to 'bakery': a mail is on the way\n")
    assert (mailing(*add), mailing.out) == (0, "no changes\n")


def test_sends_nothing_without_a_mail_server(mailing: Hallway) -> None:
    del mailing.environ["HALLWAY_SMTP_URL"], mailing.environ["HALLWAY_MAIL_FROM"]
    for command in (("send",), ("send-again",), ("add", "ann@alder.example", "--account", "bakery", "--mail")):
        assert mailing("invitations", *command) != 0
        assert "no mail can go out" in mailing.err


def test_erases_who_never_came(mailing: Hallway) -> None:
    for name in ("ann", "ben"):
        assert mailing("invitations", "add", f"{name}@alder.example", "--account", "bakery", "--mail") == 0
    assert mailing("invitations", "erase", "ann@alder.example") == 2
    assert "nothing was erased" in mailing.err
    assert mailing("invitations", "erase", "--yes", "Ann@alder.example") == 0
    said = "erased what was kept of an address that was invited to bakery: invitations 1, mails 1, codes 0\n"
    assert mailing.out == said
    assert mailing("invitations", "list") == 0
    assert "ben@alder.example" in mailing.out
    assert "ann@" not in mailing.out
    assert mailing("invitations", "erase", "--yes", "ann@alder.example") == 2
    assert "nobody is invited by this address" in mailing.err
