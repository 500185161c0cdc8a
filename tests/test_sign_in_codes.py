"""Signing in by e-mail, and all that somebody may try who does not have the mailbox."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from html import unescape

import pytest
import sqlalchemy as sa
import time_machine
from httpx import Response
from litestar.datastructures import State
from structlog.testing import capture_logs
from support_audit import BY, TRAIL, VAULT
from support_browser import Visitor
from support_codes import ANN, STRANGER, Codes, CodesAt, code_in, invite_to_acme, link_in, mailing_of, text_of
from support_door import litestar_of
from support_identity import World
from support_mails import sink
from support_op import Op

from auth import cookies
from auth.clock import utc_now
from auth.code_limits import OF_ADDRESS, OF_BOTH, WRONG, WRONG_OF_CALLER
from auth.mailbox import ISSUER
from auth.provider import Identity
from cache.client import CacheDown, Client
from connectors.contract import Candidate
from gateway.access import remember
from gateway.audit_reading import Wanted, read
from gateway.keeping import Keeping
from gateway.links import LinkError, Login, check_login
from gateway.members import disable, erase
from gateway.purging import purge_past
from gateway.records.code_tables import SignInCode
from gateway.records.database import Database
from gateway.records.tables import AuditLine, Member, Membership, Session
from gateway.sign_in_codes.digits import in_groups, new_code, read_code
from gateway.sign_in_codes.rows import GUESSES, LIFETIME
from gateway.sign_in_codes.taking import Codes as Taking
from gateway.staff import add_staff

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

OF_PEOPLE = re.compile("sign_in_codes|members|addresses|invitations|staff")


async def live_sessions(database: Database) -> list[Session]:
    async with database.read() as session:
        return list(await session.scalars(sa.select(Session).where(Session.ended_at.is_(None))))


async def members(database: Database) -> list[Member]:
    async with database.read() as session:
        return list(await session.scalars(sa.select(Member).order_by(Member.id)))


def is_in(answer: Response, place: str = "/") -> bool:
    return (answer.status_code, answer.headers.get("Location")) == (303, place)


def other_than(code: str) -> str:
    return f"{(int(code.replace(' ', '')) + 1) % 10**8:08}"


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is asked of a database about people and codes, in order."""
    found: list[str] = []
    engines = [database._reader.sync_engine, database._writer.sync_engine]

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        found.extend([statement] if OF_PEOPLE.search(statement) else [])

    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    yield found
    for engine in engines:
        sa.event.remove(engine, "before_cursor_execute", note)


async def test_lets_in_who_types_the_code(codes: Codes) -> None:
    ann = codes.browser()
    door = await ann.go("/sign-in?next=/invoices%3Fshow%3Dpaid")
    assert 'name="next" value="/invoices?show=paid"' in unescape(door.text)
    code = await codes.code_for(ann, next="/invoices?show=paid")
    page = await ann.go("/sign-in/code")
    assert 'autocomplete="one-time-code"' in page.text
    assert 'inputmode="numeric"' in page.text
    assert ANN in page.text
    answer = await ann.submit("/sign-in/code", code=f" {code} ")
    assert is_in(answer, "/invoices?show=paid")
    assert ann.cookies.keys() == {cookies.SESSION}
    assert (await ann.go("/account")).status_code == 200
    (member,) = await members(codes.database)
    assert (member.issuer, member.subject, member.email, member.name) == (ISSUER, ANN, ANN, None)
    async with codes.database.read() as session:
        assert [row.account_id for row in await session.scalars(sa.select(Membership))] == ["acme"], "by the invitation"
    (row,) = await live_sessions(codes.database)
    assert (row.provider, row.id_token) == ("code", None)
    assert is_in(await ann.submit("/sign-out", _token=await ann.token()), "/signed-out")


async def test_lets_in_by_the_link_and_not_by_looking_at_it(codes: Codes) -> None:
    ann = codes.browser()
    await codes.code_for(ann, next="/account")
    link = link_in(codes.server.mails[-1][1])
    for scanner in (codes.browser(), codes.browser()):
        seen = await scanner.go(link, site="cross-site")
        assert "Type the code instead" in seen.text
        assert "Safari on an iPhone" in seen.text
        assert "<form" not in seen.text
        assert ANN not in seen.text
        assert scanner.cookies == {}
    for _ in range(2):
        page = await ann.go(link, site="cross-site")
        assert f'action="{link}"' in page.text
    assert await live_sessions(codes.database) == []
    assert is_in(await ann.submit(link), "/account")
    assert (await ann.go("/account")).status_code == 200
    assert "no longer good" in (await ann.go(link)).text


async def test_signs_in_no_other_browser(codes: Codes) -> None:
    """Neither by a link in a mail that was passed on, nor by one that somebody sends to sign others in as himself."""
    ann, eve, bob = codes.browser(), codes.browser(), codes.browser()
    await invite_to_acme(codes.database, STRANGER)
    code, link = await codes.code_for(ann), link_in(codes.server.mails[-1][1])
    await codes.code_for(eve, STRANGER)
    for other in (eve, bob):
        assert (await other.submit(link)).status_code == 400
        assert (await other.submit("/sign-in/code", code=code)).status_code in {400, 422}
    bob.cookies[cookies.CODE] = "B" * 43
    assert (await bob.submit(link)).status_code == 400
    assert await live_sessions(codes.database) == []
    assert is_in(await ann.submit("/sign-in/code", code=code)), "theirs did not use it up"


async def test_answers_the_same_whoever_it_is(codes: Codes) -> None:
    known, unknown = codes.browser(), codes.browser()
    asked: dict[str, list[str]] = {}
    for who, address in ((known, ANN), (unknown, STRANGER)):
        with statements(codes.own_database) as asked[address]:
            await codes.ask(who, address)
            await who.go("/sign-in/code")
            await codes.mailing.turn()
            for _ in range(GUESSES + 1):
                await who.submit("/sign-in/code", code="12345678")
    assert asked[ANN] == asked[STRANGER]
    assert len(asked[ANN]) > GUESSES
    for one, other in zip(known.answers, unknown.answers, strict=True):
        assert one.status_code == other.status_code
        assert masked(one) == masked(other)
        assert one.text.replace(ANN, "X") == other.text.replace(STRANGER, "X")
    assert [to for to, _ in codes.server.mails] == [ANN]
    assert await codes.states() == ["sent", "nobody"]


def masked(answer: Response) -> list[tuple[str, str]]:
    """The headers, without what is random or the time of day."""
    random = re.compile(r"__Host-hallway-code=[\w-]{43}")
    return [(name, random.sub("C", value)) for name, value in answer.headers.multi_items() if name != "content-length"]


async def test_kills_a_code_after_five_wrong_ones(codes: Codes) -> None:
    ann = codes.browser()
    code = await codes.code_for(ann)
    for left in range(GUESSES - 1, 0, -1):
        answer = await ann.submit("/sign-in/code", code=other_than(code))
        assert answer.status_code == 422
        assert ("once more" if left == 1 else f"{left} more times") in answer.text
    assert "Ask for a new code" in (await ann.submit("/sign-in/code", code=other_than(code))).text
    assert (await ann.submit("/sign-in/code", code=code)).status_code == 400
    assert (await ann.submit(link_in(codes.server.mails[-1][1]))).status_code == 400
    assert await live_sessions(codes.database) == []


async def test_counts_no_guess_for_what_is_no_code(codes: Codes) -> None:
    ann = codes.browser()
    code = await codes.code_for(ann)
    for typed in ("", "1234567", "123456789", "abcdefgh", "1" * 10_000):
        answer = await ann.submit("/sign-in/code", code=typed)
        assert (answer.status_code, "eight digits." in answer.text) == (422, True), typed
    assert is_in(await ann.submit("/sign-in/code", code=code))


async def test_counts_guesses_that_come_at_once(codes: Codes) -> None:
    ann = codes.browser()
    code = await codes.code_for(ann)
    taking: Taking = _taking(codes)
    wrong = [taking.take(ann.cookies[cookies.CODE], other_than(code)) for _ in range(20)]
    answers = await asyncio.gather(*wrong)
    assert len([answer for answer in answers if answer is not None]) == GUESSES


@pytest.mark.parametrize(("typed", "clicked"), [(50, 0), (0, 50), (25, 25)])
async def test_lets_in_one_of_fifty_that_come_at_once(codes: Codes, typed: int, clicked: int) -> None:
    ann = codes.browser()
    code, link = (await codes.code_for(ann)).replace(" ", ""), link_in(codes.server.mails[-1][1])
    taking, cookie = _taking(codes), ann.cookies[cookies.CODE]
    by_code = [taking.take(cookie, code) for _ in range(typed)]
    by_link = [taking.take_link(cookie, link.rpartition("/")[2]) for _ in range(clicked)]
    answers = await asyncio.gather(*by_code, *by_link)
    assert len([answer for answer in answers if answer is not None]) == 1


async def test_makes_one_session_of_many_forms_that_come_at_once(codes: Codes) -> None:
    ann = codes.browser()
    code = await codes.code_for(ann)
    answers = await asyncio.gather(*(ann.submit("/sign-in/code", code=code) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [303, *[400] * 9]
    assert len(await live_sessions(codes.database)) == 1


def _taking(codes: Codes) -> Taking:
    found: Taking = litestar_state(codes).codes
    return found


@SQLITE
async def test_takes_a_code_once_and_for_ten_minutes(codes: Codes) -> None:
    ann = codes.browser()
    code = await codes.code_for(ann)
    kept = dict(ann.cookies)
    assert is_in(await ann.submit("/sign-in/code", code=code))
    again = codes.browser()
    again.cookies |= kept
    assert (await again.submit("/sign-in/code", code=code)).status_code == 400
    assert is_in(await again.go("/sign-in/code"), "/sign-in")
    late = codes.browser()
    code, link = await codes.code_for(late), link_in(codes.server.mails[-1][1])
    with time_machine.travel(utc_now() + LIFETIME):
        assert (await late.submit("/sign-in/code", code=code)).status_code == 400
        late.cookies |= kept
        assert (await late.submit(link)).status_code == 400
    assert len(await live_sessions(codes.database)) == 1


@SQLITE
async def test_takes_the_code_of_the_mail_before_too(codes: Codes) -> None:
    """Who asks twice may read the mails in any order; who asks for somebody else does not mean the first."""
    ann = codes.browser()
    first = await codes.code_for(ann)
    before = ann.cookies[cookies.CODE]
    await codes.code_for(ann)
    assert ann.cookies[cookies.CODE] != before, "no browser keeps a cookie that it brought"
    third = await codes.code_for(ann)
    wrong = await ann.submit("/sign-in/code", code=first)
    assert wrong.status_code == 422, "two live at once"
    assert is_in(await ann.submit("/sign-in/code", code=third))
    eve = codes.browser()
    code = await codes.code_for(eve)
    await codes.ask(eve, STRANGER)
    assert (await eve.submit("/sign-in/code", code=code)).status_code == 422
    assert [row.address for row in await codes.rows() if row.ended_at is None] == [STRANGER]


@SQLITE
async def test_sends_no_mail_that_nobody_waits_for(codes: Codes) -> None:
    ann = codes.browser()
    await codes.ask(ann)
    await codes.ask(ann, STRANGER)
    late = codes.browser()
    await codes.ask(late)
    with time_machine.travel(utc_now() + LIFETIME - timedelta(seconds=30)):
        await codes.mailing.turn()
    assert codes.server.mails == []
    assert await codes.states() == ["waiting", "failed", "failed"]


@SQLITE
@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "/sign-in", "javascript:alert(1)", ""]
)
async def test_leads_to_pages_of_ours_alone(codes: Codes, wanted: str) -> None:
    ann = codes.browser()
    code = await codes.code_for(ann, next=wanted)
    assert is_in(await ann.submit("/sign-in/code", code=code), "/")


@SQLITE
async def test_takes_no_form_of_another_site(codes: Codes) -> None:
    ann = codes.browser()
    code = await codes.code_for(ann)
    forged = {"Accept": "text/html", "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    for path, fields in (
        ("/sign-in/address", {"address": ANN}),
        ("/sign-in/code", {"code": code}),
        (link_in(codes.server.mails[-1][1]), {}),
    ):
        assert (await ann.send("POST", path, forged, data=fields)).status_code == 403, path
    assert len(await codes.rows()) == 1
    assert await live_sessions(codes.database) == []


@SQLITE
async def test_says_nothing_of_a_code_but_in_the_mail(codes: Codes) -> None:
    ann = codes.browser()
    with capture_logs() as logs:
        code = await codes.code_for(ann)
        link = link_in(codes.server.mails[-1][1])
        await ann.go(link)
        await ann.submit("/sign-in/code", code=other_than(code))
        cookie = ann.cookies[cookies.CODE]
        await ann.submit("/sign-in/code", code=code)
    secrets = [code, code.replace(" ", ""), link.rpartition("/")[2], cookie, other_than(code)]
    kept = repr([{each.name: getattr(row, each.name) for each in row.__table__.columns} for row in await codes.rows()])
    trail = repr(await read(codes.database, VAULT, Wanted(latest=1000)))
    async with codes.database.read() as session:
        trail += repr([line.details for line in await session.scalars(sa.select(AuditLine))])
    for secret in secrets:
        assert secret not in repr(logs)
        assert secret not in kept
        assert secret not in trail
        assert secret not in str(codes.server.mails[-1][1]["Subject"])
    assert "session.began" in trail
    assert {"event": "sign-in failed", "log_level": "warning", "reason": "wrong code"} in logs


@SQLITE
async def test_writes_a_mail_that_says_who_asked(codes: Codes) -> None:
    ann = codes.browser()
    code = await codes.code_for(ann)
    (to, mail) = codes.server.mails[-1]
    assert (to, mail["Subject"], mail["Reply-To"]) == (
        ANN,
        "Your code to sign in at Kestrel & Moor",
        "priya@kestrel.example",
    )
    assert mail["List-Unsubscribe"] is None
    text = text_of(mail)
    html = mail.get_body(("html",))
    assert html is not None
    for part in (text, str(html.get_content())):
        assert code in part
        assert "in Safari on an iPhone" in part
        assert "10 minutes" in part
        assert "Was it not you?" in part
    links = re.findall(r'href="([^"]+)"|src="([^"]+)"', str(html.get_content()))
    assert links == [(f"https://portal.example{link_in(mail)}", "")], "one link, and nothing to load"


@SQLITE
async def test_puts_no_word_of_the_asker_into_a_mail(codes: Codes) -> None:
    ann = codes.browser()
    headers = {"Sec-Fetch-Site": "same-origin", "User-Agent": "Win a prize at https://evil.example on Windows"}
    await ann.send("POST", "/sign-in/address", headers, data={"address": ANN, "next": "/win-a-prize"})
    await codes.mailing.turn()
    assert "prize" not in codes.server.raw[-1].decode().casefold()
    assert "in a browser on Windows" in text_of(codes.server.mails[-1][1])


@SQLITE
async def test_bounds_what_one_address_is_sent(codes: Codes) -> None:
    """From one place, and from everywhere; and it is the same for an address that nobody knows."""
    for address in (ANN, STRANGER):
        answers = [await codes.ask(codes.browser(), address) for _ in range(OF_BOTH + 1)]
        assert [answer.status_code for answer in answers] == [*[303] * OF_BOTH, 429]
        assert "Too many codes" in answers[-1].text
        assert answers[-1].headers["Retry-After"]
    limits = litestar_state(codes).code_limits
    allowed = [await limits.allow(f"10.0.0.{caller}", ANN) for caller in range(OF_ADDRESS)]
    assert allowed.count(True) == OF_ADDRESS - OF_BOTH


def litestar_state(codes: Codes) -> State:
    return litestar_of(codes.app).state


@SQLITE
async def test_takes_links_alone_while_codes_are_guessed_everywhere(codes: Codes) -> None:
    ann = codes.browser()
    code = await codes.code_for(ann)
    limits = litestar_state(codes).code_limits
    for number in range(WRONG):
        assert await limits.listens("10.0.1.1")
        await limits.note_wrong(f"10.0.0.{number % (WRONG // WRONG_OF_CALLER)}")
    answer = await ann.submit("/sign-in/code", code=code)
    assert (answer.status_code, "button in the mail" in answer.text) == (429, True)
    assert is_in(await ann.submit(link_in(codes.server.mails[-1][1])))


@SQLITE
async def test_lets_nobody_alone_shut_out_everybody(codes: Codes) -> None:
    ann = codes.browser()
    code = await codes.code_for(ann)
    limits = litestar_state(codes).code_limits
    for _ in range(WRONG):
        await limits.note_wrong("10.0.0.1")
    assert not await limits.listens("10.0.0.1")
    assert is_in(await ann.submit("/sign-in/code", code=code))


@SQLITE
async def test_goes_on_without_redis(codes: Codes, redis: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise CacheDown("away")

    state = litestar_state(codes)
    monkeypatch.setattr(state.code_limits._both._redis, "asking", down)
    ann = codes.browser()
    assert is_in(await ann.submit("/sign-in/code", code=await codes.code_for(ann)))
    answers = [await codes.ask(codes.browser()) for _ in range(OF_BOTH + 1)]
    assert answers[-1].status_code == 429


@SQLITE
async def test_gives_no_code_where_a_provider_guards(codes: Codes, op: Op) -> None:
    """Who signs in at a provider is told so by mail, and their mailbox opens nothing."""
    await Visitor(codes.app).sign_in()
    (member,) = await members(codes.database)
    assert (member.issuer, member.email) == (op.issuer, ANN)
    eve = codes.browser()
    assert is_in(await codes.ask(eve), "/sign-in/code")
    await codes.mailing.turn()
    mail = codes.server.mails[-1][1]
    assert mail["Subject"] == "Signing in at Kestrel & Moor"
    assert "choose “Sign in with Acme”" in text_of(mail)
    assert not re.search(r"[0-9]{2} [0-9]{2} [0-9]{2}|/link/", text_of(mail))
    (row,) = await codes.rows()
    assert (row.state, row.code, row.link) == ("elsewhere", None, None)


@SQLITE
async def test_keeps_two_logins_apart_that_share_an_address(codes: Codes, op: Op) -> None:
    """A later login at the provider with the same address is somebody else, until a person says otherwise."""
    ann = codes.browser()
    await ann.submit("/sign-in/code", code=await codes.code_for(ann))
    await invite_to_acme(codes.database, ANN)
    visitor = Visitor(codes.app)
    await visitor.sign_in()
    found = {member.issuer: member.id for member in await members(codes.database)}
    assert found.keys() == {ISSUER, op.issuer}
    async with codes.database.read() as session:
        theirs = set(await session.scalars(sa.select(Membership.member_id)))
    assert theirs == {found[ISSUER]}
    again = codes.browser()
    assert is_in(await again.submit("/sign-in/code", code=await codes.code_for(again))), "and goes on by code"


@SQLITE
async def test_keeps_out_who_is_disabled_and_forgets_who_is_erased(codes: Codes) -> None:
    ann = codes.browser()
    await ann.submit("/sign-in/code", code=await codes.code_for(ann))
    login = Login(ISSUER, ANN)
    await disable(codes.database, trail=TRAIL, by=BY, login=login, now=utc_now())
    assert (await ann.go("/account")).status_code == 303, "signed out everywhere"
    again = codes.browser()
    answer = await again.submit("/sign-in/code", code=await codes.code_for(again))
    assert (answer.status_code, "Call us" in answer.text) == (400, True)
    assert again.cookies == {}
    await erase(codes.database, trail=TRAIL, by=BY, login=login, now=utc_now())
    assert await codes.rows() == []
    await codes.ask(codes.browser())
    sent = len(codes.server.mails)
    await codes.mailing.turn()
    assert len(codes.server.mails) == sent, "nobody knows the address any more"


@SQLITE
async def test_leads_by_the_domain_of_an_address(codes_at: CodesAt, database: Database, redis: Client) -> None:
    domains = {"OIDC_DOMAINS": "big.example acme.example"}
    async with codes_at(**domains) as codes:
        ann = codes.browser()
        assert is_in(await codes.ask(ann, ANN, next="/account"), "/sign-in/with/main?next=/account")
        page = await ann.go("/sign-in/with/main?next=/account")
        assert page.headers["Refresh"] == "0; url=/auth/start?next=/account"
        assert 'href="/auth/start?next=/account"' in unescape(page.text)
        assert is_in(await codes.ask(ann, "Carl@BIG.example"), "/sign-in/with/main")
        assert is_in(await codes.ask(ann, "carl@notbig.example"), "/sign-in/code")
        assert (await ann.go("/sign-in/with/main?next=//evil.example")).headers["Refresh"] == "0; url=/auth/start"
        assert (await ann.go("/sign-in/with/9")).status_code == 404
        assert len(await codes.rows()) == 1
    async with codes_at(SIGN_IN="provider", **domains) as codes:
        assert is_in(await codes.ask(codes.browser(), ANN), "/sign-in/with/main")
        answer = await codes.ask(codes.browser(), "carl@small.example")
        assert (answer.status_code, "Choose below" in answer.text) == (422, True)


@SQLITE
async def test_has_no_codes_unless_they_are_wanted(codes_at: CodesAt, database: Database, redis: Client) -> None:
    async with codes_at(SIGN_IN="provider") as codes:
        ann = codes.browser()
        assert "/sign-in/address" not in (await ann.go("/sign-in")).text
        assert (await codes.ask(ann)).status_code == 404
        assert (await ann.submit("/sign-in/code", code="12345678")).status_code == 400
        assert await codes.rows() == []


@SQLITE
async def test_lets_staff_in_by_code_only_where_it_is_set(codes_at: CodesAt, database: Database, redis: Client) -> None:
    login = Login(ISSUER, "sam@kestrel.example")
    await add_staff(database, trail=TRAIL, by=BY, login=login, role="support", now=utc_now())
    async with codes_at() as codes:
        sam = codes.browser()
        assert "for=staff" not in (await sam.go("/sign-in")).text
        assert (await codes.ask(sam, login.subject, **{"for": "staff"})).status_code == 404
        await codes.ask(sam, login.subject)
        await codes.mailing.turn()
        assert await codes.states() == ["nobody"], "no customer"
    async with codes_at(STAFF_CODES="true") as codes:
        sam, ann = codes.browser(), codes.browser()
        assert "/sign-in?for=staff" in unescape((await sam.go("/sign-in")).text)
        assert 'name="for" value="staff"' in (await sam.go("/sign-in?for=staff")).text
        code = await codes.code_for(sam, login.subject, **{"for": "staff"})
        assert is_in(await sam.submit("/sign-in/code", code=code), "/staff")
        assert (await sam.go("/staff")).status_code == 200
        await codes.ask(ann, ANN, **{"for": "staff"})
        await codes.mailing.turn()
        assert (await codes.states())[-1] == "nobody", "a customer is none of staff"


@SQLITE
async def test_tries_again_with_another_code_when_the_server_is_busy(codes: Codes) -> None:
    ann = codes.browser()
    codes.server.data = ["451 4.3.0 Try later"]
    await codes.ask(ann)
    await codes.mailing.turn()
    (row,) = await codes.rows()
    assert (row.state, row.tries) == ("waiting", 1)
    first = row.code
    with time_machine.travel(utc_now() + timedelta(seconds=11)):
        await codes.mailing.turn()
        (row,) = await codes.rows()
        assert (row.state, row.tries) == ("sent", 2)
        assert row.code not in {first, None}
        assert is_in(await ann.submit("/sign-in/code", code=code_in(codes.server.mails[-1][1])))


@SQLITE
@pytest.mark.parametrize(
    ("fault", "state", "mails"),
    [({"rcpt": ["550 5.1.1 No such user"]}, "failed", 0), ({"data": ["drop"]}, "unknown", 1)],
    ids=["refused", "lost"],
)
async def test_sends_nothing_twice_that_may_have_arrived(
    codes: Codes, fault: dict[str, list[str]], state: str, mails: int
) -> None:
    for name, answers in fault.items():
        setattr(codes.server, name, answers)
    await codes.ask(codes.browser())
    await codes.mailing.turn()
    with time_machine.travel(utc_now() + timedelta(minutes=4)):
        await codes.mailing.turn()
    assert (await codes.states(), len(codes.server.mails)) == ([state], mails)


@SQLITE
@pytest.mark.parametrize("address", ["ann.@acme.example", "an..n@acme.example", "=?x?q?y?=@acme.example"])
async def test_takes_no_address_that_no_mail_can_be_written_to(codes: Codes, address: str) -> None:
    answer = await codes.ask(codes.browser(), address)
    assert (answer.status_code, address in unescape(answer.text)) == (422, True)
    assert await codes.rows() == []


async def test_holds_up_nobody_for_an_address_that_no_mail_can_be_written_to(codes: Codes) -> None:
    await invite_to_acme(codes.database, STRANGER)
    for address in (STRANGER, ANN):
        await codes.ask(codes.browser(), address)
    async with codes.database.write() as session:
        this = sa.update(SignInCode).where(SignInCode.address == STRANGER)
        await session.execute(this.values(address="stranger.@acme.example", state="known"))
    await codes.mailing.turn()
    assert (await codes.states(), [to for to, _ in codes.server.mails]) == (["failed", "sent"], [ANN])


@SQLITE
async def test_waits_for_a_server_that_is_away(codes: Codes) -> None:
    ann = codes.browser()
    codes.server.mail = ["421 4.3.2 Going down"]
    await codes.ask(ann)
    await codes.mailing.turn()
    await codes.mailing.turn()
    assert codes.server.mails == []
    with time_machine.travel(utc_now() + timedelta(seconds=3)):
        await codes.mailing.turn()
        assert is_in(await ann.submit("/sign-in/code", code=code_in(codes.server.mails[-1][1])))


@SQLITE
async def test_forgets_what_was_asked_an_hour_after_its_end(codes: Codes) -> None:
    await codes.ask(codes.browser())
    later: datetime = utc_now() + timedelta(hours=1, minutes=11)
    await purge_past(codes.database, Keeping(codes.database, {"documents": 90}), lambda: later)
    assert await codes.rows() == []


@SQLITE
async def test_asks_the_sources_where_they_may_tie(world: World, codes: Codes) -> None:
    """Beside the mails, so that a source that is silent keeps nobody waiting."""
    carl = "carl@acme.example"
    world.found = {"crm": (Candidate(customer="1", name="Acme", matched={"email": "Carl@acme.example"}),)}
    near = Candidate(customer="2", name="Acme", matched={"domain": "acme.example"})
    async with sink() as server:
        mailing = mailing_of(codes.database, server, world.offices, policy="email")
        await codes.ask(codes.browser(), carl)
        await mailing.turn()
        assert (await codes.states(), server.mails) == (["asking"], [])
        await mailing.ask_sources()
        await mailing.turn()
        assert (await codes.states(), [to for to, _ in server.mails]) == (["sent"], [carl])
        world.found = {"crm": (near,)}
        world.silent = {"desk"}
        await codes.ask(codes.browser(), STRANGER)
        await mailing.turn()
        await mailing.ask_sources()
        assert (await codes.states())[-1] == "asking"
        world.silent = set()
        with time_machine.travel(utc_now() + timedelta(seconds=21)):
            await mailing.ask_sources()
        assert (await codes.states())[-1] == "nobody"
        assert len(server.mails) == 1


async def test_asks_no_source_about_whom_nobody_waits_for(world: World, codes: Codes) -> None:
    world.silent = {"desk"}
    async with sink() as server:
        mailing = mailing_of(codes.database, server, world.offices, policy="email")
        ann = codes.browser()
        for _ in range(3):  # the third takes the place of the first
            await codes.ask(ann, STRANGER)
            await mailing.turn()
        ended = sa.update(SignInCode).where(SignInCode.ended_at.is_not(None))
        async with codes.database.write() as session:  # as where it was under way when it ended
            await session.execute(ended.values(due_at=utc_now()))
        await mailing.ask_sources()
        assert await codes.states() == ["failed", "asking", "asking"]
        asked = len(world.asked)
        assert asked == 2 * len(await world.offices.all())
        with time_machine.travel(utc_now() + timedelta(minutes=9, seconds=1)):
            await mailing.ask_sources()
        assert await codes.states() == ["failed"] * 3
        assert len(world.asked) == asked
        assert all(row.due_at is None for row in await codes.rows())


FULL_WIDTH = "".join(chr(0xFF10 + digit) for digit in range(8))
ARABIC = "".join(chr(0x0660 + digit) for digit in range(8))
SPACED = "\u00a001\u200923\u202f45 67\n"


@pytest.mark.parametrize(
    "typed", ["01234567", "01 23 45 67", "0123-4567", SPACED, FULL_WIDTH, ARABIC, "\u200e01.23.45.67"]
)
def test_reads_a_code_as_people_type_it(typed: str) -> None:
    assert read_code(typed) == "01234567"


@pytest.mark.parametrize(
    "typed", ["", "0123456", "012345678", "0123456a", "\u00b2\u00b21234567", "01234567" + " " * 40]
)
def test_reads_no_code_where_there_is_none(typed: str) -> None:
    assert read_code(typed) is None


def test_makes_codes_of_eight_digits() -> None:
    made = {new_code() for _ in range(500)}
    assert len(made) > 490
    assert all(re.fullmatch("[0-9]{8}", code) for code in made)
    assert {read_code(in_groups(code)) for code in made} == made


@pytest.mark.parametrize("subject", ["Ann@acme.example", "ann"])
def test_takes_for_a_mailbox_only_its_address_in_small_letters(subject: str) -> None:
    with pytest.raises(LinkError, match="small letters"):
        check_login(Login(ISSUER, subject))
    check_login(Login("https://login.example", subject))


async def test_finds_a_person_by_the_mailbox_and_not_by_another_issuer(codes: Codes) -> None:
    """What a provider calls its people opens no mailbox's login, even if it is the same text."""
    identity = Identity(issuer="https://evil.example", subject=ANN, email=ANN, name=None)
    other = await remember(codes.database, identity, utc_now(), trail=TRAIL)
    ann = codes.browser()
    await ann.submit("/sign-in/code", code=await codes.code_for(ann))
    (row,) = await live_sessions(codes.database)
    assert row.member_id != other
