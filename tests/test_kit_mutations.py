"""The kit has teeth: a connector that breaks one promise, in one named way, turns it red."""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from inspect import signature
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from support_tree import ROOT

from connectors.testing import Conformance

FIXTURES = ROOT / "connector_fixtures"

Edit = tuple[str, str, str]  # a module, what stands there, what is to stand there
Edited = Callable[[str, list[Edit]], type[Conformance]]

WAITS = '    response = await office.http.get(f"{REST}{path}", params=params)\n'
GIVES_UP = f"""\
    try:
    {WAITS}\
    except RateLimited as error:
        raise BadResponse(str(error)) from None
"""

MUTATIONS: dict[tuple[str, str], list[Edit]] = {
    ("odoo", "invents a status"): [("orders", 'STATES.get(state, "unknown")', 'STATES.get(state, "confirmed")')],
    ("zendesk", "makes a second webhook for one address"): [
        ("registration", "hook.endpoint == address", "not address")
    ],
    ("zendesk", "takes a webhook that is switched off for one that is not"): [
        ("registration", 'self.status == "active" and ', "")
    ],
    ("odoo", "swallows what it cannot read"): [
        ("models", "except ModelMissing:", "except (ModelMissing, BadResponse):")
    ],
    ("odoo", "shows a row on two pages"): [("models", "return rows[:PAGE], ", "return rows, ")],
    ("odoo", "asks for the last row again"): [
        ("models", '("id", "<", as_key(cursor))', '("id", "<=", as_key(cursor))')
    ],
    ("odoo", "shows an internal note"): [("messages", "if row.public", "")],
    ("odoo", "quotes an answer in an error"): [("refusals", "answered {data.name[:80]", "answered {data.message[:80]")],
    ("odoo", "takes a sign-in page for a PDF"): [("pdf", 'if b"%PDF-" not in head[:HEAD]:', "if not head:")],
    ("odoo", "takes a sign-in page for an attachment"): [
        ("attachments", 'check_is_file(response, ref.media_type, ref.size or 0, "Odoo")', "pass")
    ],
    ("odoo", "passes on less than the whole of an attachment"): [
        ("attachments", 'exactly(response, ref.size or 0, "Odoo")', "response.aiter_bytes()")
    ],
    ("odoo", "shows a delivery slip to whoever asks"): [("pdf", "or query.customer not in whose", "")],
    ("odoo", "holds a file whole"): [("pdf", "        chunks =", "        await response.aread()\n        chunks =")],
    ("odoo", "leaves an old unpaid invoice out of what is open"): [
        ("invoices", '("state", "=", "posted")', '("state", "=", "posted"), ("payment_state", "!=", "partial")')
    ],
    ("odoo", "gives all where only what is open is asked for"): [
        ("tickets", "*(OPEN if query.only_open else ())", "*()")
    ],
    ("odoo", "takes a change to a line for none"): [("feeds", "_changed(place, sorted(parts))", "_changed(place, [])")],
    ("odoo", "tells of a draft"): [("feeds", "lambda row: row.state in sales.SHOWN", "lambda row: True")],
    ("odoo", "is silent about what is gone"): [
        ("feeds", "gone=frozenset(str(row.id) for row in page) - {str(row.id) for row in shown}", "gone=frozenset()")
    ],
    ("odoo", "does not see what was archived"): [("feeds", "        archived=True,\n    )", "    )")],
    ("odoo", "takes our clock for theirs"): [("feeds", "await clock(office)", "query.asked_at")],
    ("odoo", "loses a change between two pages"): [("feeds", "page[-1].id if more", "rows[-1].id if more")],
    ("odoo", "stops after a page of changes"): [("feeds", "more = len(rows) > PAGE", "more = False")],
    ("odoo", "goes on from changes in any order"): [
        ("feeds", "if any(later <= earlier", "if False and any(later <= earlier")
    ],
    ("tryton", "gives a settled invoice as an open one"): [
        ("invoices", 'if not (query.only_open and is_done("invoices", each.record))', "")
    ],
    ("tryton", "asks for fields that a server may not have"): [
        ("shipments", "if field not in known", "if field in known")
    ],
    ("tryton", "gives a note of goods that have not left"): [("shipments", '("shipped", "done")', '("waiting",)')],
    ("tryton", "reads the oldest first"): [("rest", '("id", "DESC")', '("id", "ASC")')],
    ("odoo", "keeps its key as plain text"): [
        ("settings", "api_key: Annotated[\n        Secret,", "api_key: Annotated[\n        str,"),
        ("rpc", "config.api_key.reveal()", "config.api_key"),
    ],
    ("request_tracker", "shows a comment"): [
        ("conversation", '{"Create", "Correspond"}', '{"Create", "Correspond", "Comment"}')
    ],
    ("request_tracker", "believes the asker about the owner"): [
        (
            "tickets",
            "tuple(answer_of(office, row, query.asked_at) for row",
            "tuple(Answer(frozenset({query.customer}), answer_of(office, row, query.asked_at).record) for row",
        )
    ],
    ("request_tracker", "puts its secret into the address"): [
        (
            "api",
            'request.headers["Authorization"] = f"token {self._config.token.reveal()}"',
            'request.url = request.url.copy_merge_params({"token": self._config.token.reveal()})',
        )
    ],
    ("request_tracker", "takes a request to wait for nonsense"): [
        ("api", "import BadResponse, NotFound", "import BadResponse, NotFound, RateLimited"),
        (
            "api",
            WAITS,
            GIVES_UP,
        ),
    ],
    ("request_tracker", "gives all where only what is open is asked for"): [
        ("tickets", "*([OPEN] if query.only_open else [])", "*[]")
    ],
    ("hubspot", "names somebody who has left"): [("owners", " or its.has_left", "")],
    ("hubspot", "names another owner than the one of the company"): [("owners", "its.id != owner or ", "")],
    ("odoo", "names whoever comes for a salesperson"): [
        ("models", "if not rows or str(rows[0].id) != key:", "if not rows:")
    ],
    ("hubspot", "takes the search for the truth"): [("reading", 'if not is_done("orders", each.record)', "")],
    ("hubspot", "leaves an order without a stage out of what is open"): [
        ("orders", '"values": done}, without]', '"values": done}]')
    ],
    ("hubspot", "asks for the last order again"): [("listing", "if key < bound", "if key <= bound")],
    ("hubspot", "shows what the sales team only hopes for"): [
        ("deals", "OFFERED if stage.is_offer else None", "OFFERED if not stage.is_closed else None")
    ],
    ("hubspot", "takes a part of the answer for the whole"): [
        ("api", "if any(each.category != NONE for each in batch.errors):", "if False:")
    ],
    ("hubspot", "gives a line to every order"): [("lines", " if row.id in belonging[key]", "")],
    ("hubspot", "shows an order to whoever asks"): [("reading", " or query.customer not in answer.owners", "")],
    ("hubspot", "walks in a circle"): [("associations", "page.paging.next.after == after", "False")],
    ("zendesk", "shows an internal comment"): [
        ("comments", 'self.public is True and self.type == "Comment"', 'self.type == "Comment"')
    ],
    ("zendesk", "shows a private ticket"): [("tickets", "return self.is_public and", "return")],
    ("zendesk", "names the person behind an answer"): [("comments", "(author.alias or team)", "author.name")],
    ("zendesk", "offers a file with malware"): [
        ("comments", ' and self.malware_scan_result == "malware_not_found"', "")
    ],
    ("zendesk", "passes on less than the whole of a file"): [
        ("files", 'exactly(response, file.size, "Zendesk")', "response.aiter_bytes()")
    ],
    ("zendesk", "walks in a circle"): [("api", 'answer.meta.after_cursor in (None, "", cursor)', "False")],
    ("zendesk", "takes who knows of an address for its owner"): [("users", " and self.verified is True", "")],
    ("zendesk", "takes who is in copy for who asked"): [
        ("tickets", "    requester_id: Id\n", "    requester_id: Id\n    email_cc_ids: list[Id]\n"),
        ("tickets", "(user(self.requester_id),)", "tuple(map(user, (self.requester_id, *self.email_cc_ids)))"),
    ],
    ("zendesk", "lets somebody suspended go on"): [("users", " and self.suspended is False", "")],
    ("zendesk", "takes the first organization of a user for all"): [
        ("users", "each.organization_id), each", "row.organization_id or 0), each")
    ],
    ("hubspot", "tells of the last instant of a page twice"): [("changed", " if each.at < last)", ")")],
    ("hubspot", "never gets over an instant that fills a page"): [("changed", "if last == place.at:", "if False:")],
    ("hubspot", "asks for the last change again"): [("changed", '"operator": "GT"', '"operator": "GTE"')],
    ("hubspot", "never gets beyond an instant"): [("changed", "place.at + MOMENT", "place.at")],
    ("hubspot", "follows changes in a circle"): [("changed", "last <= place.after", "False")],
    ("hubspot", "takes a search for as new as its answer"): [
        ("changed", "at_rest(last, LAG)", "at_rest(last, LAG * 0)")
    ],
    ("hubspot", "forgets in a long look what was new when it began"): [
        ("changed", "newest=await _newest(office, object_type, last)", "newest=LATEST")
    ],
    ("hubspot", "never looks into the archive"): [("feed", "    if not stand.under_way:\n", "    if False:\n")],
    ("hubspot", "looks at the first page of the archive alone"): [
        ("archive", 'page.paging.next.after if page.paging.next else ""', '""')
    ],
    ("hubspot", "keeps showing what has lost its price"): [("feed", "in (*deleted, *ids)}", "in deleted}")],
    ("hubspot", "reads the same for ever"): [("feed", "before if before.count(MARK) == LOOKS else ", "")],
    ("hubspot", "takes one change for another"): [("feed", "{each.at.isoformat()} {each.id}", "{each.at.isoformat()}")],
    ("hubspot", "forgets where it was with the deals"): [
        ("feed", "else Told((), frozenset(), stand)", "else Told((), frozenset(), Stand(Place(query.since)))")
    ],
    ("hubspot", "looks for changes by our own clock"): [
        ("feed", "Stand(place_of(query))", "Stand(Place(query.asked_at))")
    ],
    ("zendesk", "keeps showing what was deleted"): [
        ("feed", "frozenset(map(str, latest.keys() - {each.id for each in shown}))", "frozenset()")
    ],
    ("zendesk", "tells of a private ticket"): [("feed", " and each.shown", "")],
    ("zendesk", "wants to know more of a ticket than is left of it"): [
        ("feed", "change if change.status == DELETED else ", "")
    ],
    ("zendesk", "believes what came first of a ticket that comes twice"): [
        ("feed", "in map(_ticket, export.tickets)}", "in map(_ticket, reversed(export.tickets))}")
    ],
    ("zendesk", "looks for changes by our own clock"): [("feed", "query.since - LAG", "query.asked_at - LAG")],
    ("zendesk", "begins with the first ticket that there ever was"): [
        ("feed", "int((query.since - LAG).timestamp())", "0")
    ],
    ("zendesk", "asks for the same changes again"): [
        ("feed", 'f"cursor:{export.after_cursor}" if export.after_cursor else cursor', "cursor")
    ],
    ("zendesk", "stops after a page of changes"): [("feed", "more=not export.end_of_stream", "more=False")],
    ("zendesk", "waits for changes without an end"): [("feed", "more=not export.end_of_stream", "more=True")],
    ("zendesk", "follows changes in a circle"): [("feed", "following == cursor and not export.end_of_stream", "False")],
    ("zendesk", "tells of a ticket otherwise than its lists"): [
        ("feed", "answer_of(office, each, query.asked_at)", "answer_of(office, each, query.asked_at, ())")
    ],
    ("request_tracker", "is silent about what was deleted"): [
        ("feeds", "gone = {key for key in events if key <= min(ends, default=key)} | ", "gone = ")
    ],
    ("request_tracker", "is silent about what was merged"): [("feeds", " | await _merged(office, sorted(rows))", "")],
    ("request_tracker", "tells of a reminder"): [("feeds", "if row.shown and", "if")],
    ("request_tracker", "tells of what lies behind the end of a page"): [
        ("feeds", "key in events if key <= min(ends, default=key)", "key in events")
    ],
    ("request_tracker", "asks for its own time in theirs"): [
        ("feeds", "(now - place.since + MARGIN)", "(query.asked_at - place.since + MARGIN)")
    ],
    ("request_tracker", "stops after a page of changes"): [("feeds", "more=bool(ends)", "more=False")],
    ("request_tracker", "takes a group for a person"): [("tickets", 'who.type == "user" and ', "")],
    ("request_tracker", "takes anybody for who was looked at"): [
        ("people", "person, lambda row: row.Name == person)", "person, lambda row: True)")
    ],
    ("odoo", "takes a company for a person"): [("partners", "self.is_company is False and ", "")],
    ("odoo", "takes an address for a person"): [("partners", ' and self.type == "contact"', "")],
    ("odoo", "gives the company in a person's place"): [
        ("partners", "return (partner.person,)", "return tuple(owners(partner.commercial_partner_id))")
    ],
    ("odoo", "knows somebody archived"): [("partners", '[("active", "=", True)], person', "[], person")],
    ("odoo", "finds the company and not the person"): [("partners", 'row.person if fact == "email" else None', "None")],
    ("odoo", "takes a domain for a person's address"): [
        ("partners", 'row.person if fact == "email" else None', "row.person")
    ],
    ("hubspot", "knows somebody archived"): [("api", "found.id != key or found.archived", "found.id != key")],
    ("hubspot", "gives an order to nobody"): [("sales", ", people=contacts_of(whose)", "")],
    ("hubspot", "takes a company for a person"): [("associations", 'if each.startswith("contact:")', "")],
    ("hubspot", "makes one candidate of two people"): [("people", 'email, f"contact:{key}")', "email)")],
    ("tryton", "takes a shipment for none of the order's business"): [
        ("feeds", "_changed(place.since, watched.parts)", "_changed(place.since, [])")
    ],
    ("tryton", "tells of a draft"): [("feeds", "if watched.is_shown(row)", "")],
    ("tryton", "is silent about what is gone"): [
        ("feeds", "gone=frozenset(str(row.id) for row in rows) - {str(row.id) for row in shown}", "gone=frozenset()")
    ],
    ("tryton", "loses a change between two pages"): [
        ("feeds", "after=rows[-1].id if more", "after=rows[-1].id + 1 if more")
    ],
    ("tryton", "stops after a page of changes"): [("feeds", "more=more", "more=False")],
    ("tryton", "counts on our clock"): [
        ("feeds", "rows, _, now = await", "now = datetime.now(UTC)\n        rows, _, _ = await"),
        ("feeds", "import datetime, timedelta", "import UTC, datetime, timedelta"),
    ],
    ("tryton", "knows an address that was deactivated"): [("parties", '        ("active", "=", True),\n', "")],
    ("tryton", "takes a phone for a person"): [("orders", " and self.contact.type == EMAIL", "")],
    ("tryton", "finds the party and not the person"): [("parties", 'str(row.id) if fact == "email" else None', "None")],
}


LONG = ("hostile", "corpus")  # checks that need seconds, and are not what these mutations are about


@pytest.mark.parametrize(("vendor", "mutation"), MUTATIONS)
def test_notices_a_connector_that(edited: Edited, given: dict[str, Any], vendor: str, mutation: str) -> None:
    assert next(complaints(edited(vendor, MUTATIONS[vendor, mutation]), given), None) is not None


@pytest.mark.parametrize("vendor", ["odoo", "request_tracker", "hubspot", "zendesk"])
def test_has_nothing_against_a_copy_without_a_change(edited: Edited, given: dict[str, Any], vendor: str) -> None:
    assert list(complaints(edited(vendor, []), given, but_for=(*LONG, "failure"))) == []


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edited]:
    """Make an edited copy of a connector, and the kit's class for it."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def edit(vendor: str, edits: list[Edit]) -> type[Conformance]:
        package = f"edited_{vendor}"
        copy = tmp_path / package
        shutil.copytree(ROOT / "connectors" / "vendors" / vendor, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for module, old, new in edits:
            path = copy / f"{module}.py"
            text = path.read_text()
            assert old in text, f"{module} has changed: adapt the mutation"
            path.write_text(text.replace(old, new))
        for path in copy.glob("*.py"):
            path.write_text(path.read_text().replace(f"connectors.vendors.{vendor}", package))
        connector = importlib.import_module(package).connector
        return type("Edited", (Conformance,), {"connector": connector, "folder": FIXTURES / vendor})

    yield edit
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def given(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return {"caplog": caplog, "capsys": capsys}


def complaints(kit: type[Conformance], given: dict[str, Any], but_for: tuple[str, ...] = LONG) -> Iterator[str]:
    """Run the kit as pytest would, but in this process and only as far as it is asked for."""
    bench = kit()
    cases: dict[str, list[Any]] = {name: [value] for name, value in given.items()} | bench.cases()
    names = [name for name in dir(bench) if name.startswith("test_") and not any(word in name for word in but_for)]
    runs = {
        name: list(product(*(cases[each] for each in signature(getattr(bench, name)).parameters))) for name in names
    }
    for name in sorted(names, key=lambda name: len(runs[name])):
        for values in runs[name]:
            try:
                getattr(bench, name)(*values)
            except Exception as error:  # noqa: BLE001  # whatever makes a test red
                yield f"{name}{values}: {error!r}"
