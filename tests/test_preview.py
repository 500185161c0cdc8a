"""What the invited would see, told before they come, and asked again only where something changed."""

import asyncio
import csv
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from identity_cases import ACCOUNTS, mail
from support_cli import Hallway
from support_identity import World
from support_sandbox import RunningSandbox

from gateway.access import LinkRef
from gateway.identity import inputs
from gateway.identity.inputs import Contact
from gateway.identity.matching import Policy
from gateway.identity.readiness import Preview, Verdict
from gateway.rights import COMPANY, OWN, Rights

DAY = timedelta(days=1)


async def look(world: World, older_than: timedelta | None = DAY, policy: Policy = "off") -> dict[str, Verdict]:
    preview = Preview(world.db, world.offices, lambda: world.now, policy)
    verdicts = await preview.run(older_than=older_than, told=lambda _done, _total: None, patience=0.05)
    return {verdict.contact.email: verdict for verdict in verdicts}


class Turns:
    """Counts how often it is called between two turns of somebody else's."""

    def __init__(self, called: Callable[..., Contact]) -> None:
        self._called = called
        self._turn = 0
        self.each = Counter[int]()

    async def count(self) -> None:
        while True:
            self._turn += 1
            await asyncio.sleep(0)

    def __call__(self, *told: object) -> Contact:
        self.each[self._turn] += 1
        return self._called(*told)


def shown(verdict: Verdict) -> tuple[str, str | None]:
    return verdict.sees, verdict.reason


def at(email: str, account: str = "acme", rights: Rights = OWN) -> tuple[str, str, Rights]:
    return email, account, rights


@pytest.mark.parametrize(
    ("invited", "expected"),
    [
        (at("mary@acme.example"), ("everything", None)),
        (at("part@acme.example"), ("part", "not_in_every_source")),
        (at("nobody@acme.example"), ("none", "unknown_address")),
        (at("nobody@acme.example", rights=COMPANY), ("everything", None)),
        (at("two@acme.example"), ("ambiguous", "two_companies")),
        (at("info@acme.example"), ("ambiguous", "shared_mailbox")),
        (at("gl@globex.example"), ("ambiguous", "invitation_disagrees")),
        (at("gl@globex.example", rights=COMPANY), ("ambiguous", "invitation_disagrees")),
        (at("gl@globex.example", "globex"), ("part", "not_in_every_source")),
        (at("new@new.example", "new", COMPANY), ("none", "no_links")),
    ],
)
async def test_says_what_somebody_would_see(
    world: World, invited: tuple[str, str, Rights], expected: tuple[str, str | None]
) -> None:
    email, account, rights = invited
    await world.link({**ACCOUNTS, LinkRef("crm", "70"): "new"})
    if account == "new":
        await world.unlink("crm", "70")
    world.by_email = {
        ("crm", "mary@acme.example"): (mail("10", value="mary@acme.example"),),
        ("desk", "mary@acme.example"): (mail("org:1", "u7", "mary@acme.example"),),
        ("crm", "part@acme.example"): (mail("10", value="part@acme.example"),),
        ("crm", "two@acme.example"): (mail("10", value="two@acme.example"), mail("20", value="two@acme.example")),
        ("crm", "gl@globex.example"): (mail("20", value="gl@globex.example"),),
    }
    await world.invite(email, account, rights)
    assert shown((await look(world))[email]) == expected
    member = await world.sign_in("somebody", email, policy="off")
    assert bool(await world.persons(member)) == (rights == OWN and expected[0] in {"everything", "part"})


async def test_asks_again_only_about_what_changed_or_is_old(world: World) -> None:
    await world.link(ACCOUNTS)
    for name in ("ann", "bob"):
        await world.invite(f"{name}@acme.example", "acme")
    assert all(verdict.was_asked for verdict in (await look(world)).values())
    asked = len(world.asked)
    assert not any(verdict.was_asked for verdict in (await look(world)).values())
    assert len(world.asked) == asked
    await world.invite("cid@acme.example", "acme")
    assert [email for email, each in (await look(world)).items() if each.was_asked] == ["cid@acme.example"]
    world.now += DAY
    assert not any(verdict.was_asked for verdict in (await look(world, None)).values())
    assert all(verdict.was_asked for verdict in (await look(world)).values())
    assert all(verdict.was_asked for verdict in (await look(world, policy="email")).values())
    await world.unlink("crm", "10")
    assert all(verdict.was_asked for verdict in (await look(world, policy="email")).values())


async def test_lets_others_have_their_turn_while_it_reads(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "PART", 4)
    await world.link(ACCOUNTS)
    for number in range(12):
        await world.invite(f"u{number}@acme.example", "acme", COMPANY)
    await look(world)
    monkeypatch.setattr(inputs, "contact_of", seen := Turns(inputs.contact_of))
    others = asyncio.create_task(seen.count())
    verdicts, unknown = await Preview(world.db, world.offices, lambda: world.now, "off").known()
    others.cancel()
    assert (len(verdicts), unknown, sum(seen.each.values())) == (12, 0, 12)
    assert max(seen.each.values()) <= 4


async def test_asks_again_who_was_silent(world: World) -> None:
    await world.link(ACCOUNTS)
    await world.invite("mary@acme.example", "acme")
    world.silent = {"crm"}
    assert shown((await look(world))["mary@acme.example"]) == ("ambiguous", "source_silent")
    world.silent = set()
    assert shown((await look(world))["mary@acme.example"]) == ("none", "unknown_address")


async def test_tells_of_an_address_that_two_logins_have(world: World) -> None:
    await world.link(ACCOUNTS)
    for number in range(2):
        await world.sign_in("mary", "mary@acme.example", policy="off", issuer=f"https://{number}.example")
    await world.invite("mary@acme.example", "acme", COMPANY)
    assert shown((await look(world))["mary@acme.example"]) == ("ambiguous", "address_of_another_login")


async def test_tells_of_an_invitation_that_is_over(world: World) -> None:
    await world.link(ACCOUNTS)
    await world.invite("mary@acme.example", "acme", COMPANY, days=1)
    assert shown((await look(world))["mary@acme.example"]) == ("everything", None)
    world.now += DAY
    assert shown((await look(world, None))["mary@acme.example"]) == ("none", "invitation_expired")


def test_reports_on_the_command_line(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    contacts = hallway.write(
        "email,name,account,reach,source:erp\n"
        "maya@alderlane.example,=Maya,bakery,company,10\n"
        "info@alderlane.example,Info,bakery,own,10\n"
        "gone@nowhere.example,Gone,bakery,own,10\n",
        "contacts.csv",
    )
    assert hallway("customers", "import", contacts) == 0
    report = hallway.folder / "report.csv"
    assert hallway("readiness", "--csv", report) == 0
    first, *reasons = hallway.out.splitlines()
    assert first == "1 of 3 see everything, 1 ambiguous, 1 none"
    assert reasons[-1] == "the sources were asked about 3"
    assert hallway.err.splitlines() == ["3 of 3"]
    with report.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["email"], row["name"], row["sees"]) for row in rows] == [
        ("gone@nowhere.example", "Gone", "none"),
        ("info@alderlane.example", "Info", "ambiguous"),
        ("maya@alderlane.example", "'=Maya", "everything"),
    ]
    assert hallway("readiness", "--only-changed") == 0
    assert hallway.out.splitlines()[-1] == "the sources were asked about 0"
