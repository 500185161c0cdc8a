"""No change without its line: every write there is, and every command."""

import ast
import re
import sqlite3
from collections.abc import Iterator
from typing import get_args

from click import Group
from support_cli import Hallway
from support_sandbox import RunningSandbox
from support_tree import ROOT

from gateway.cli.commands import hallway as root
from gateway.records.lines import What
from gateway.topics.file import default_text

# Writes that are no change of anybody's: why the trail is not told of them.
UNTOLD = {
    "auth.sessions:purge": "rows of sessions that ended long ago, of which the trail knows the end",
    "auth.sessions:_see": "that a session is used, once a minute",
    "gateway.usage:flush": "counts of what is viewed",
    "gateway.page_rows:write": "what members were shown, which they did not do",
    "gateway.page_rows:purge": "pages that were shown long ago",
    "gateway.usage:_purge": "counts that are old",
    "gateway.identity.arrival:_take_address": "an address, of which member.made or member.changed tells",
    "gateway.webhooks.intake:_store": "what a back office told, which changes nothing here by itself",
    "gateway.webhooks.counts:_write": "how often a back office told something",
    "gateway.webhooks.counts:_purge": "how often it did so last week",
    "gateway.lending:keep": "tokens of a consent, which becomes a source's with source.added or source.changed",
    "gateway.lending:_begin": "that tokens of a source are asked for",
    "gateway.lending:_take_turn": "which process asks for the next tokens",
    "gateway.lending:_write": "the tokens that a vendor gave next",
    "gateway.help.shelf:put": "articles, as their files and help desks have them",
    "gateway.help.shelf:drop_others": "articles of sources that are gone",
    "gateway.help.counting:flush": "counts of searches and answers, without whose they were",
    "gateway.help.counting:_purge": "counts that are old",
    "gateway.upkeep:_by_itself": "that the trail is checked, as on every day",
    "gateway.upkeep:_piece": "a piece of work, of whose beginning the trail is told",
    "gateway.inbox:_lease": "who works on it",
    "gateway.inbox:_settle": "that it was followed",
    "gateway.inbox:_purge": "what was followed a week ago",
    "gateway.conflicts:note": "what sources say, which nobody did",
    "gateway.purging:purge_past": "codes that have ended, and what sources agreed on again a month ago",
    "gateway.leases:take_lease": "whose turn it is",
    "gateway.leases:end_lease": "whose turn it was",
    "gateway.leases:keep_lease": "whose turn it still is",
    "gateway.feeds.rows:came_to_the_end": "how far a feed was followed",
    "gateway.feeds.rows:failed": "that it could not be",
    "gateway.troubles:flush": "what went wrong with a source, which nobody did",
    "gateway.troubles:_purge": "what was well again a month ago",
    "gateway.feeds.facts:_keep": "what systems say of customers, which nobody did",
    "gateway.feeds.facts:_forget": "what systems said of customers, for which nobody asks any more",
    "gateway.feeds.sweeps:go_on": "that all lists are read anew",
    "gateway.feeds.sweeps:came_to": "how many of them were",
    "gateway.feeds.sweeps:end": "that all were",
    "gateway.sources.drafts:begin": "that they went to the vendor's page",
    "gateway.sources.drafts:use": "that they came back",
    "gateway.sources.drafts:put": "what one of staff is filling in; saving it is told",
    "gateway.sources.drafts:drop": "that they began anew, or saved it",
    "gateway.takeout.files:_fetch": "a file on its way into a copy, which is no row",
    "gateway.takeout.files:_load": "the same, of what a member gave",
    "gateway.outbox.desk:take": "what a customer sends: its row says who sent it, and when",
    "gateway.outbox.desk:_change": "that they took it back, or wrote it anew, which its row says too",
    "gateway.feeds.noticing:_forget_after_a_rest": "what was known of lists, before mails were off for long",
    "gateway.sign_in_codes.taking:ask": "that a code is wanted, of which nobody knows whose it is",
    "gateway.sign_in_codes.taking:take": "a guess; session.began tells of the right one",
    "gateway.sign_in_codes.taking:take_link": "that a link was used, of which session.began tells",
    "gateway.sign_in_codes.sending:_take": "whose turn it is to send a code",
    "gateway.sign_in_codes.sending:_note": "what became of a mail with a code",
    "gateway.sign_in_codes.sending:ask_sources": "whose turn it is to ask the sources",
    "gateway.feeds.noticing:_settle": "what back offices say is new, of which nobody here did anything",
    "gateway.mails.turns:take": "whose turn it is to send a mail",
    "gateway.mails.turns:begin": "that it goes out",
    "gateway.mails.turns:end": "what has become of it",
    "gateway.mails.turns:mark_refused": "that a mail server refused an address",
    "gateway.mails.turns:purge": "messages that are long past",
    "gateway.mails.messages:mark": "what a member has read of what we told them",
    "gateway.mails.own:turn": "whom we tell what",
    "gateway.outbox.turns:take": "whose turn it is to send it",
    "gateway.outbox.turns:note": "what has become of it",
    "gateway.uploads.virus:_send": "bytes for the virus check, which are no row",
    "web.incoming:_add_to": "a temporary file",
    "gateway.asked:purge": "files of documents that were accepted long ago",
    "gateway.outbox.files:purge": "files of what has gone out",
    "gateway.profile:note_welcomed": "that they were shown around",
    "gateway.profile:choose_language": "in which language they read, which changes no right",
    "gateway.seeing.marks:_mark": "which segments accounts may be in, computed anew from what is there",
    "gateway.piecemeal:_piece": "segments of accounts, and verdicts on invitations, computed anew from what is there",
    "gateway.identity.opening:note_opened": "that a link was followed, which its row says",
    "gateway.mails.inviting:_take": "whose turn it is to send a mail",
    "gateway.mails.inviting:_note": "what has become of it",
    "gateway.identity.readiness:_keep": "what would be seen, computed anew from what is there",
    "gateway.cli.audit:run": "keys that are sealed anew; the other one tells",
}
LOGIN = ("https://login.example", "maya")
SAM = ("https://staff.example", "sam")
NAMED = ("--issuer", LOGIN[0], "--subject", LOGIN[1])
LINK = ("link", "--account", "bakery", "--source", "erp", "--customer", "10", "--fact", "contract", *NAMED)
MOVE = ("link", "--account", "hotel", "--account-name", "Hotel", *LINK[3:9], "--move")
# In this order, each has something to change.
CHANGES = {
    "sources apply": (("sources", "apply", "--yes"), ["source.added", "source.added"]),
    "topics apply": (("topics", "apply", "--yes"), ["topic.added"] * 6),
    "topics apply, and remove": (
        ("topics", "apply", "--yes"),
        ["topic.changed", "topic.removed", "topic.removed", "topic.removed", "topic.removed", "topic.removed"],
    ),
    "statuses apply": (("statuses", "apply", "--yes"), ["statuses.published"]),
    "statuses restore": (("statuses", "restore", "--yes", "0"), ["statuses.published"]),
    "visibility apply": (("visibility", "apply", "--yes"), ["visibility.published"]),
    "visibility rollback": (("visibility", "rollback", "--yes", "0"), ["visibility.published"]),
    "sources pause": (("sources", "pause", "erp"), ["source.paused"]),
    "sources resume": (("sources", "resume", "erp"), ["source.resumed"]),
    "link": (LINK, ["account.made", "customer.linked", "membership.added"]),
    "link, and move": (MOVE, ["account.made", "customer.moved"]),
    "link, and rename": (
        (*MOVE[:4], "Grand Hotel", *MOVE[5:]),
        ["account.renamed"],
    ),
    "owner add": (("owner", "add", *NAMED), ["owner.added"]),
    "staff add": (("staff", "add", *SAM, "--role", "support"), ["staff.role_given"]),
    "staff role": (("staff", "role", *SAM, "admin"), ["staff.role_given"]),
    "members disable": (("members", "disable", *LOGIN), ["member.disabled"]),
    "members enable": (("members", "enable", *LOGIN), ["member.enabled"]),
    "members rights": (("members", "rights", *LOGIN, "bakery", "--orders", "company"), ["membership.changed"]),
    "members is-person": (("members", "is-person", *LOGIN, "erp", "11", "--fact", "her card"), ["person.named"]),
    "members is-not-person": (("members", "is-not-person", *LOGIN, "erp", "11"), ["person.unnamed"]),
    "invitations add": (("invitations", "add", "ann@bakery.example", "--account", "hotel"), ["invitation.made"]),
    "unlink": (("unlink", "--account", "bakery", *NAMED), ["membership.removed"]),
    "unlink, a customer": (("unlink", "--source", "erp", "--customer", "10"), ["customer.unlinked"]),
    "customers merge": (
        ("customers", "merge", "--yes", "--reason", "one firm", "hotel", "bakery"),
        ["account.merged"],
    ),
    "customers split": (
        ("customers", "split", "--yes", "--reason", "a slip", "--back", "bakery", "hotel"),
        ["account.split"],
    ),
    "members erase": (("members", "erase", "--yes", *LOGIN), ["member.erased"]),
    "audit forget": (("audit", "forget", "account/bakery"), ["person.forgotten"]),
    "sources apply, and prune": (("sources", "apply", "--yes", "--prune"), ["source.removed", "source.removed"]),
}
LOOKS = {
    "audit show": ("audit", "show"),
    "audit verify": ("audit", "verify"),
    "sources list": ("sources", "list"),
    "sources export": ("sources", "export"),
    "statuses export": ("statuses", "export"),
    "statuses versions": ("statuses", "versions"),
    "visibility show": ("visibility", "show"),
    "visibility versions": ("visibility", "versions"),
    "topics list": ("topics", "list"),
    "topics defaults": ("topics", "defaults"),
    "staff list": ("staff", "list"),
    "webhooks list": ("webhooks", "list"),
    "status": ("status",),
    "sources test": ("sources", "test"),
    "doctor": ("doctor",),
    "invitations list": ("invitations", "list"),
    "documents list": ("documents", "list"),
    "conflicts list": ("conflicts", "list"),
    "conflicts show": ("conflicts", "show", "nobody"),
    "conflicts rate": ("conflicts", "rate"),
    "keys list": ("keys", "list"),
    "mails list": ("mails", "list"),
    "outbox list": ("outbox", "list"),
    "outbox show": ("outbox", "show", "nobody"),
    "help searches": ("help", "searches"),
    "help check": ("help", "check", "."),
    "queue list": ("queue", "list"),
    "queue show": ("queue", "show", "nobody"),
}
STATUSES = """
[[statuses.erp.orders]]
status = "sale"
label = "We have it"
"""
OTHERS = {
    "sources read-anew": "in test_sources_acts, as each begins anew",
    "sources remove": "in test_sources_acts, as it can be done once",
    "webhooks secret": "in test_sources_acts, as each is another one",
    "visibility rehearse": "tries what would be seen on what is kept, and changes nothing: in test_visible_file",
    "statuses rehearse": "tries words on what is kept, and changes nothing: in test_wording",
    "webhooks register": "in test_webhooks_cli, as it needs a vendor that has an API for it",
    "keys rotate": "in test_upkeep: the same values under another key",
    "webhooks replay": "in test_deliveries, as it needs a delivery",
    "mails resend": "in test_mail_desk, as it needs a mail that did not go out",
    "mails settle": "in test_mail_desk, as it needs a mail that did not go out",
    "conflicts ignore": "in test_conflicts_cli, as it needs a conflict",
    "conflicts reopen": "in test_conflicts_cli, as it needs a conflict",
    "outbox resend": "in test_outbox_stuck, as it needs something that could not be passed on",
    "outbox give-up": "in test_outbox_stuck, as it needs something that could not be passed on",
    "outbox settle": "in test_outbox_stuck, as it needs something that could not be passed on",
    "serve": "the portal itself, whose writes are told one by one",
    "worker": "what back offices have, which nobody here has changed",
    "demo": "a portal of its own",
    "migrate": "tables, not what is in them",
    "customers import": "in test_contacts, as it needs a file",
    "invitations erase": "in test_inviting_cli, as it needs somebody who never came",
    "readiness": "verdicts, computed anew from what is there",
    "recheck": "in test_rechecking, as it needs a source that changes",
    "invitations withdraw": "in test_identity_cli, as it needs an id",
    "invitations send": "in test_inviting_cli, as it needs a mail server",
    "invitations send-again": "in test_inviting_cli, as it needs a mail server",
    "documents ask": "in test_asked, as each asks anew",
    "documents accept": "in test_asked, as it needs a document",
    "documents withdraw": "in test_asked, as it needs a document",
    "documents refuse": "in test_asked, as it needs a document",
    "documents download": "in test_asked, as it needs a document",
    "queue decide": "in test_identity_cli, as it needs a question",
    "queue dismiss": "in test_identity_cli, as it needs a question",
    "audit reseal": "the same values under another key",
    "leakcheck": "asks a portal from outside, as browsers do",
}


def commands(group: Group, prefix: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        yield from commands(command, f"{prefix}{name} ") if isinstance(command, Group) else (f"{prefix}{name}",)


def calls(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == name
        for each in ast.walk(node)
    )


def functions(tree: ast.AST) -> Iterator[ast.AsyncFunctionDef]:
    """Every function without functions of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef):
            yield node


def writers(text: str, module: str) -> Iterator[tuple[str, bool]]:
    """Name each function that opens a transaction to write, and whether it tells the trail."""
    for function in functions(ast.parse(text)):
        if calls(function, "write"):
            yield f"{module}:{function.name}", calls(function, "record")


def test_tells_of_every_write() -> None:
    found = [
        writer
        for package in ("gateway", "auth", "web")
        for path in sorted((ROOT / package).rglob("*.py"))
        for writer in writers(path.read_text(), ".".join(path.relative_to(ROOT).with_suffix("").parts))
    ]
    assert len(found) > 15
    assert {name for name, tells in found if not tells} - UNTOLD.keys() == set()
    assert UNTOLD.keys() - {name for name, _ in found} == set(), "a reason for nothing"
    forgetful = "async def change(db):\n    async with db.write() as session:\n        await session.execute(1)\n"
    assert list(writers(forgetful, "new")) == [("new:change", False)]


def test_knows_of_every_command_whether_it_changes_something() -> None:
    known = {name.partition(",")[0] for name in CHANGES} | LOOKS.keys() | OTHERS.keys()
    assert sorted(commands(root)) == sorted(known)


def test_explains_every_kind_of_line_and_no_other() -> None:
    document = (ROOT / "docs/audit.md").read_text()
    explained = re.findall(r"`([a-z]+\.[a-z_]+)`", document)
    assert sorted(explained) == sorted(get_args(What))


class Rows:
    """All that is stored, apart from the trail and its keys."""

    def __init__(self, hallway: Hallway) -> None:
        self._path = hallway.folder / "data" / "hallway.db"

    def all(self) -> dict[str, list[object]]:
        with sqlite3.connect(self._path) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            found = {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names}
        database.close()
        return {name: rows for name, rows in found.items() if not name.startswith(("audit_", "sqlite_"))}

    def lines(self) -> list[str]:
        with sqlite3.connect(self._path) as database:
            found = [what for (what,) in database.execute("SELECT what FROM audit_lines ORDER BY number")]
        database.close()
        return found


def test_writes_a_line_for_everything_a_command_changes(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("migrate")
    rows = Rows(hallway)
    file = hallway.sources_of(sandbox)
    empty = hallway.write("", "empty.toml")
    topics = hallway.write(default_text(), "topics.toml")
    topic = hallway.write(
        default_text().partition("[topics.delivery]")[0].replace("A question", "Something"), "one.toml"
    )
    for name, (arguments, expected) in CHANGES.items():
        more = {
            "sources apply": [file],
            "sources apply, and prune": [empty],
            "topics apply": [topics],
            "statuses apply": [hallway.write(STATUSES, "statuses.toml")],
            "visibility apply": [hallway.write("[everybody]\n", "visible.toml")],
            "topics apply, and remove": [topic],
        }.get(name, [])
        before, told = rows.all(), rows.lines()
        assert hallway(*arguments, *more) == 0, hallway.err
        assert rows.lines()[len(told) :] == expected, name
        assert (rows.all() != before) == (name != "audit forget"), name
        assert hallway("audit", "verify") == 0, hallway.out
        told = rows.lines()
        hallway(*arguments, *more)
        assert rows.lines() == told, f"{name}: done again it does nothing"


def test_writes_nothing_when_somebody_only_looks(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    rows = Rows(hallway)
    before, told = rows.all(), rows.lines()
    for arguments in LOOKS.values():
        hallway(*arguments)
    assert (rows.all(), rows.lines()) == (before, told)
