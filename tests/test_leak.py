"""The leak gate: nobody is told a word of a company that is not theirs, and each check that sees to it is needed."""

import inspect
import secrets
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from support_leak import Crawl
from support_leak_scenes import Scenes
from support_leak_world import leak_world, requestor
from support_redis import RedisProcess

from auth.guards import let_in, visiting_as
from auth.principals import StaffPrincipal
from auth.sessions import Sessions
from cache import snapshots
from cache.copies import Copies
from connectors import scope
from connectors.vendors.odoo import pdf
from connectors.vendors.request_tracker import tickets
from gateway import access, account_view, asked, counterparts, proofs, segments
from gateway import details as asking_details
from gateway.mails import choices
from gateway.mails.choices import Stops
from gateway.mails.queue import Queue
from gateway.mails.subjects import Subjects
from gateway.outbox import files
from gateway.outbox.desk import Desk
from gateway.pull import Pull
from gateway.sight import Sight
from gateway.standing import Standing, Standings
from web.console import documents, merging
from web.console.pages import show_page_seen
from web.lane import Lane
from web.live import Stream
from web.portal import details
from web.portal.routes import provide_visit
from web.portal.statements import get_sheet, get_table
from web.portal.switch import use_account
from web.ready import Ready

REQUESTS = 2000
MUTATED = 700  # requests at most, once a check is out


class Cut(Struct, frozen=True):
    """What is taken out of a function, and what stands there instead."""

    function: Any
    old: str
    new: str = ""

    def make(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fails where the check is not there, or is there twice: then this list is out of date."""
        source = textwrap.dedent(inspect.getsource(self.function))
        assert source.count(self.old) == 1, f"{self.function.__qualname__} has changed"
        lines = source.replace(self.old, self.new).splitlines()
        start = next(place for place, line in enumerate(lines) if line.startswith(("def ", "async def ")))
        names: dict[str, Any] = {}
        exec(compile("\n".join(lines[start:]), "a cut", "exec"), dict(self.function.__globals__), names)
        monkeypatch.setattr(self.function, "__code__", names[self.function.__name__].__code__)


class Opened(Struct, frozen=True):
    """A route of staff's that asks for no role any more."""

    handler: Any

    def make(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.handler.opt["staff"] != "none"
        monkeypatch.setitem(self.handler.opt, "staff", "none")
        monkeypatch.setattr("support_once.registered", {})


class Mutation(Struct, frozen=True):
    """`opening`: the scene in which it is expected to show."""

    without: str
    opening: str
    cuts: tuple[Cut | Opened, ...]


KEY = "(self.account, self.source, self.office.version, self.customer, self.kind)"
EVERYBODY = tuple(requestor("alder", person) for person in ("sam", "kim"))
WIDE = '__import__("msgspec").structs.replace(scope, rights=__import__("gateway.rights", fromlist=["_"]).COMPANY)'
UNAVAILABLE = '__import__("connectors.errors", fromlist=["_"]).Unavailable'
MUTATIONS = (
    Mutation(
        "the membership",
        "wrong_account",
        (Cut(access.read_access, "held.get((member, account))", "next(iter(held.values()), None)"),),
    ),
    Mutation(
        "the account of a link",
        "all_answer_for_all",
        (
            Cut(access._links, ".where(Link.account_id.in_(accounts))"),
            Cut(access.read_access, "links.get(account, ())", "sum(links.values(), [])"),
        ),
    ),
    Mutation(
        "the owner in an answer",
        "all_answer_for_all",
        (Cut(scope.admit, "if customer in answer.owners", "if customer"),),
    ),
    Mutation(
        "the owner in a snapshot", "swapped_snapshots", (Cut(snapshots._read, "snapshot.owner != owner", "not owner"),)
    ),
    Mutation(
        "account and customer in the key of a record",
        "at_once",
        (Cut(Pull.key.fget, KEY, "(self.kind, self.source, self.kind)"),),  # type: ignore[attr-defined]
    ),
    Mutation("the name in a copy", "swapped_sessions", (Cut(Copies.believe, "copy.name != name", "not name"),)),
    Mutation(
        "whose a standing is",
        "swapped_standings",
        (Cut(Standing.is_of, "(self.member_id, self.account_id) == (who.member_id, who.account_id)", "True"),),
    ),
    Mutation(
        "the session of a finished answer",
        "two_sessions_of_one",
        (
            Cut(Ready.find, "(session, path)", '("", path)'),
            Cut(Ready.keep, "replaced = self", 'session = ""; replaced = self'),
        ),
    ),
    Mutation(
        "the standing behind a finished answer",
        "right_taken",
        (Cut(Ready.is_true, "and answer.standing == standing"),),
    ),
    Mutation(
        "the headers in front of a finished answer",
        "page_of_before",
        (Cut(Lane.__call__, " and is_plain(scope)"),),
    ),
    Mutation(
        "the account that a page is of",
        "page_of_before",
        (Cut(provide_visit, 'request.headers.get("x-account", account) != account', "False"),),
    ),
    Mutation(
        "the right to change to an account",
        "wrong_account",
        (Cut(use_account.fn, "is None:\n        raise NotFoundException", "is None:\n        pass"),),
    ),
    Mutation(
        "the end of the session before a change",
        "moved_on",
        (Cut(Sessions._go_on, "self._copies.mark_ended(old.hex())", "self._copies.get('')"),),
    ),
    Mutation(
        "the id of a record",
        "all_answer_for_all",
        (Cut(account_view._only, "if record.origin.id == record_id"),),
    ),
    Mutation("the owner of a paper", "changed_hands", (Cut(pdf._wanted, "or query.customer not in whose"),)),
    Mutation(
        "who is staff",
        "strangers",
        (Cut(let_in, "if not isinstance(who, StaffPrincipal)", "if False"),),
    ),
    Mutation(
        "who is a customer",
        "strangers",
        (Cut(visiting_as, "if who.viewing and who.reaches(VIEW_AS) else None", "if who.viewing else who"),),
    ),
    Mutation("who is signed in at all", "strangers", (Cut(let_in, "raise SignInNeeded", "return"),)),
    Mutation("the role of staff", "strangers", (Cut(let_in, "if not who.reaches(least)", "if False"),)),
    Mutation("the order of roles", "strangers", (Cut(StaffPrincipal.reaches, "ROLES.index(self.role) >= ", "0 <= "),)),
    Mutation("the role for documents of customers", "papers", (Opened(documents.show_document),)),
    Mutation("the role for files of customers", "papers", (Opened(documents.open_given),)),
    Mutation("the role for looking up a page", "code_read_out", (Opened(show_page_seen),)),
    Mutation(
        "that who looks can do nothing",
        "looked_on",
        (Cut(let_in, "who.viewing and not is_safe and least is None", "False"),),
    ),
    Mutation(
        "the account of a stream",
        "streamed",
        (Cut(Stream.__init__, "version_of(account)", 'version_of("birch")'),),
    ),
    Mutation(
        "the area of a right",
        "colleagues",
        (
            Cut(proofs.decide, 'if "none" in reaches:', "if False:"),
            Cut(Sight._reaches, 'return reach == "company" or', "return True or"),
        ),
    ),
    Mutation("who the member is", "colleagues", (Cut(Sight._named, " if each in theirs"),)),
    Mutation(
        "the people of a record",
        "colleagues",
        (Cut(proofs.decide, '"own" in reaches and not', "False and not"),),
    ),
    Mutation(
        "that who is copied in is nobody",
        "colleagues",
        (Cut(tickets.answer_of, "people=row.people", f"people={EVERYBODY}"),),
    ),
    Mutation(
        "the right to documents",
        "colleagues",
        (
            Cut(proofs.Asked.areas.fget, "if self.files else", "if False else"),  # type: ignore[attr-defined]
            Cut(Sight.opens, 'and self._reaches("documents", source)'),
        ),
    ),
    Mutation(
        "that refusals look like what is not there",
        "refusals",
        (Cut(tickets.find_ticket, "raise NotFound(", f"raise {UNAVAILABLE}("),),
    ),
    Mutation(
        "whose it is that is taken back",
        "answered",
        (
            Cut(
                Desk._find,
                "OutboxRow.account_id == scope.account_id, OutboxRow.member_id == scope.member_id",
                "sa.true()",
            ),
        ),
    ),
    Mutation(
        "whose it is that was sent",
        "asked",
        (
            Cut(
                Desk._find,
                "OutboxRow.account_id == scope.account_id, OutboxRow.member_id == scope.member_id",
                "sa.true()",
            ),
        ),
    ),
    Mutation(
        "whose it is that was ordered",
        "ordered",
        (
            Cut(
                Desk._find,
                "OutboxRow.account_id == scope.account_id, OutboxRow.member_id == scope.member_id",
                "sa.true()",
            ),
        ),
    ),
    Mutation(
        "the account of a document that is asked for",
        "papers",
        (Cut(asked.asked_of, "AskedDocument.account_id == scope.account_id", "sa.true()"),),
    ),
    Mutation(
        "whom a document is asked of",
        "papers",
        (Cut(asked.asked_of, "AskedDocument.member_id.is_(None)", "sa.true()"),),
    ),
    Mutation(
        "the right to what is asked of the company",
        "papers",
        (Cut(asked.asked_of, "reach = scope.rights.documents", 'reach = "company"'),),
    ),
    Mutation(
        "whose a document is that is sent",
        "papers",
        (Cut(asked.find_asked, "await asked_of(session, scope)", "await _listed(session)"),),
    ),
    Mutation(
        "with what a file goes",
        "attached",
        (Cut(files.load, "OutboxFile.outbox_id == outbox_id", "sa.true()"),),
    ),
    Mutation("the right to a table", "stated", (Cut(get_table.fn, 'visit.require("invoices")', "pass"),)),
    Mutation("the right to a paper", "stated", (Cut(get_sheet.fn, 'visit.require("invoices")', "pass"),)),
    Mutation(
        "whose a paper is",
        "stated",
        (
            Cut(
                get_sheet.fn,
                "= await printer.print(sheet)",
                '= vars(printer).setdefault("", await printer.print(sheet))',
            ),
        ),
    ),
    Mutation(
        "whose a change of details is",
        "described",
        (Cut(details._is_own, " and PersonRef(each.source, each.asked.person) in persons"),),
    ),
    Mutation(
        "who the person is whose details are changed",
        "described",
        (Cut(details.send_details.fn, " or whom not in visit.scope.persons"),),
    ),
    Mutation(
        "who the person is whose details are read",
        "described",
        (
            Cut(access._persons, ".where(Person.member_id.in_(members))"),
            Cut(access.read_access, "persons.get(member, ())", "sum(persons.values(), [])"),
            Cut(asking_details._ask, " if link.customer in held.customers"),
        ),
    ),
    Mutation(
        "the account of whom a mail goes to",
        "mailed",
        (
            Cut(Queue._wanted, "Membership.account_id == account, "),
            Cut(access.read_access, "held.get((member, account))", "next(iter(held.values()), None)"),
        ),
    ),
    Mutation(
        "the rights of whom a mail goes to",
        "mailed",
        (Cut(Subjects.find, "self._views.of(scope)", f"self._views.of({WIDE})"),),
    ),
    Mutation(
        "whose the address of a mail is",
        "mailed",
        (
            Cut(
                choices.read_own,
                "session.execute(row.where(Member.id == member))).one_or_none()",
                "session.execute(row)).first()",
            ),
        ),
    ),
    Mutation(
        "whom somebody looks after",
        "looked_after",
        (
            Cut(counterparts.counterparts_of, "Link.account_id.in_(accounts), "),
            Cut(Standings._read, "counterparts.get(its.scope.account_id, ())", "sum(counterparts.values(), ())"),
        ),
    ),
    Mutation(
        "the end of what is kept of somebody who was moved",
        "moved_by_staff",
        (
            Cut(
                merging.forget_copies,
                "await sessions.forget_copies([*done.switched, *done.looking])\n"
                "    await request.app.state.standings.forget(done.sessions)",
                "pass",
            ),
        ),
    ),
    Mutation(
        "the segment of whom a page is for",
        "segments_apart",
        (Cut(segments.Policy.seen_by, "_seen(Same(self), names)", "self.segments[0].seen"),),
    ),
    Mutation(
        "who wrote the link that stops mails",
        "stopped",
        (Cut(Stops.read, "same(mac, _mac(key, stop))", "True"),),
    ),
)


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    shutil.copy(migrated_sqlite, tmp_path / "hallway.db")
    return f"sqlite:///{tmp_path}/hallway.db"


async def test_nobody_is_told_a_word_of_a_company_that_is_not_theirs(
    tmp_path: Path, database_url: str, redis_process: RedisProcess
) -> None:
    seed = secrets.randbelow(1_000_000)
    async with leak_world(tmp_path, database_url, redis_process) as world:
        crawl = Crawl(world, seed, REQUESTS)
        await crawl.run()
    assert not crawl.findings, f"seed {seed}: {crawl.findings[:10]}"
    assert crawl.asked >= REQUESTS
    assert {route.path for route in crawl.routes} == {where for _, where, _ in crawl.seen} - {"followed"}
    told = {"ann": 3, "bob": 3, "cleo at birch": 2, "olga": 2, "ora": 2, "dora": 2}
    for name, kinds in told.items():  # what nobody could see, nobody could leak
        assert min(crawl.own[name, kind] for kind in ("page", "json", "file")[:kinds]) > 0, (seed, name, crawl.own)
    assert min(crawl.own[name, "stream"] for name in ("ann", "bob")) > 0, (seed, crawl.own)
    mails = {name: crawl.own[name, "mail"] for name in ("eve", "cleo")}  # who choose none by chance
    assert min(mails.values()) > 0, (seed, mails)
    assert crawl.own["desk", "paper"] > 0, (seed, crawl.own)  # else it would not show who else reads them
    assert crawl.compared > 20
    assert {"list", "detail", "session", "visit"} <= set(crawl.scanned)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.without for mutation in MUTATIONS])
async def test_without(
    mutation: Mutation,
    tmp_path: Path,
    database_url: str,
    redis_process: RedisProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for cut in mutation.cuts:
        cut.make(monkeypatch)
    async with leak_world(tmp_path, database_url, redis_process) as world:
        crawl = Crawl(world, 1, MUTATED, opening=mutation.opening)
        assert mutation.opening in {scene.__name__ for scene in Scenes(crawl).scenes}
        await crawl.run()
    assert crawl.findings, f"nothing is noticed without {mutation.without}"
    print(f"without {mutation.without}: {crawl.findings[0][:300]}")  # noqa: T201  # for whoever reads along: -s
