"""Invitations and the queue on the command line."""

import asyncio
from datetime import UTC, datetime

import pytest
from support_audit import TRAIL
from support_cli import SOURCES, Hallway
from support_sandbox import RunningSandbox

from auth.provider import Identity
from connectors.contract import Candidate
from gateway.access import remember
from gateway.identity.matching import Answer, Proven
from gateway.identity.proving import facts_of
from gateway.identity.questions import put_question
from gateway.records.database import Database
from gateway.records.lines import By
from gateway.records.tables import Member

KEY = "1:" + "A" * 43 + "="
FOUND = Answer("erp", (Candidate(customer="10", name="Alder Lane", matched={"email": "maya@a.example"}, person="11"),))
LINK = ("link", "--account", "bakery", "--source", "erp", "--customer", "10", "--fact", "contract")


@pytest.fixture
def ready(hallway: Hallway, sandbox: RunningSandbox) -> Hallway:
    hallway.environ["HALLWAY_KEYS"] = KEY
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    assert hallway(*LINK) == 0
    return hallway


def ask(hallway: Hallway, subject: str) -> str:
    """Let somebody come and wait, and give the question's id."""

    async def run() -> None:
        db = Database(f"sqlite:///{hallway.folder}/data/hallway.db")
        now = datetime.now(UTC)
        who = Identity(issuer="https://login.example", subject=subject, email=f"{subject}@a.example", name="Maya")
        member_id = await remember(db, who, now, trail=TRAIL)
        proven = Proven(email=who.email)
        async with db.write() as session:
            member = await session.get_one(Member, member_id)
            found = facts_of(proven, [FOUND, Answer("helpdesk", None)], {})
            by = By(f"member/{member_id}", "portal")
            line = await put_question(session, by, member, reason="source_silent", found=found, now=now)
            assert line
            await TRAIL.record(session, line)
        await db.close()

    asyncio.run(run())
    assert hallway("queue", "list") == 0
    return next(line for line in hallway.out.splitlines() if f"<{subject}@" in line).split()[0]


def told(hallway: Hallway) -> list[str]:
    assert hallway("audit", "verify") == 0, hallway.out
    hallway("audit", "show")
    return hallway.out.splitlines()


def test_invites_lists_and_withdraws(ready: Hallway) -> None:
    assert ready("invitations", "add", "Maya@a.example", "--account", "bakery", "--reach", "company") == 0
    made = ready.out.split()[-1]
    assert ready("invitations", "list", "--account", "bakery") == 0
    assert ready.out.startswith(f"{made} made, until ")
    assert "maya@a.example to bakery" in ready.out
    assert ready("invitations", "withdraw", made) == 0
    assert (ready("invitations", "withdraw", made), ready.out) == (0, "no changes\n")
    ready("invitations", "list")
    assert ready.out.startswith(f"{made} withdrawn: ")
    assert [line for line in told(ready) if "invitation.withdrawn" in line]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("add", "maya", "--account", "bakery"), "that is not an e-mail address"),
        (("add", "maya@a.example", "--account", "nowhere"), "there is no account 'nowhere'"),
    ],
)
def test_says_why_nobody_was_invited(ready: Hallway, arguments: tuple[str, ...], sentence: str) -> None:
    assert ready("invitations", *arguments) == 2
    assert sentence in ready.err


def test_shows_a_question_and_decides_it(ready: Hallway) -> None:
    question = ask(ready, "maya")
    assert ready("queue", "show", question) == 0
    assert "Maya <maya@a.example>, open: a source did not answer in time" in ready.out
    assert "erp: Alder Lane (customer 10, not linked, person 11) by" in ready.out
    assert "helpdesk: did not answer" in ready.out
    decide = ("queue", "decide", question, "--account", "bakery", "--fact", "rang her")
    assert ready(*decide, "--person", "11") == 2
    assert ready(*decide, "--person", "erp=12") == 2
    assert ready(*decide, "--person", "erp=11") == 0
    assert ready.out.splitlines()[-1] == "answered the question"
    assert ready(*decide) == 2
    assert ready("queue", "list") == 0
    assert ready.out == "nobody is waiting\n"
    lines = "".join(told(ready))
    assert all(what in lines for what in ("membership.added", "person.named", "question.decided"))


def test_dismisses_a_question(ready: Hallway) -> None:
    question = ask(ready, "maya")
    assert ready("queue", "dismiss", question) == 0
    assert ready("queue", "dismiss", question) == 2
    assert ready("queue", "list", "--state", "dismissed") == 0
    assert question in ready.out
    assert [line for line in told(ready) if "question.dismissed" in line]


LOGIN = ("--issuer", "https://login.example", "--subject", "maya")


def test_links_no_customer_whom_the_source_does_not_know(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    wrong = (*LINK[:6], "999999", *LINK[7:])
    assert hallway(*wrong) == 2
    assert "'erp' has nothing of customer '999999'" in hallway.err
    assert hallway(*wrong, "--unchecked") == 0


def test_links_nobody_while_the_source_is_away(hallway: Hallway) -> None:
    sources = SOURCES.replace('"ODOO"', '"http://127.0.0.1:1"').replace('"RT"', '"http://127.0.0.1:1"')
    hallway("sources", "apply", "--yes", hallway.write(sources))
    assert hallway(*LINK) == 2
    assert "'erp' could not be asked whether it knows customer '10'" in hallway.err
    assert hallway(*LINK, "--unchecked") == 0


def test_links_no_login_of_an_issuer_that_the_settings_do_not_name(ready: Hallway) -> None:
    assert ready(*LINK, *LOGIN) == 0  # no provider is set: nobody can tell
    provider = {"CLIENT_ID": "portal", "CLIENT_SECRET": "secret"}
    main = {"ISSUER": "https://login.example/", **provider}
    staff = {"ISSUER": "https://login.example", **provider, "FOR": "staff", "CLIENT_ID": "staff"}
    ready.environ |= {f"HALLWAY_OIDC_{name}": value for name, value in main.items()}
    ready.environ |= {f"HALLWAY_OIDC_2_{name}": value for name, value in staff.items()}
    assert ready(*LINK, *LOGIN) == 2
    assert "no customer signs in at https://login.example: the settings have https://login.example/" in ready.err
    ready.environ |= {"HALLWAY_OIDC_ISSUER": "https://login.example"}
    assert ready(*LINK, *LOGIN) == 0
