"""What staff say about statuses: the rule, what is refused, the file, the draft, and the versions."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support_audit import BY, TRAIL, VAULT
from support_cli import Hallway
from support_sandbox import RunningSandbox

from connectors.records import Invoice, Kind, Money, Order, Origin, Record, Ticket, Wording
from connectors.registry import load_connectors
from gateway.audit_reading import Wanted, read
from gateway.dictionary.file import StatusesFileError, dump, parse
from gateway.dictionary.overview import rows_of, unmapped
from gateway.dictionary.versions import DICTIONARIES, change_entry, differences
from gateway.events import Book, compare, first_book, reworded
from gateway.occasions import Days, is_still_so
from gateway.publishing import ChangedMeanwhileError
from gateway.records.database import Database
from gateway.statuses import INVOICES, ORDERS, TICKETS, UNKNOWN, status_of, worded
from gateway.steps import steps_of
from gateway.unmapped import Unmapped
from gateway.wording import NOTHING, Entry, Said, Words, entry_of, faults, meanings, places, read_words, say, stored

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
TODAY = date(2026, 11, 22)
SOURCES = {"erp": load_connectors()["odoo"], "desk": load_connectors()["request_tracker"]}
ORIGIN = Origin(source="erp", id="7", changed_at=NOW, fetched_at=NOW)
EURO = Money("EUR", Decimal(1))
ORDER = Order(origin=ORIGIN, number="S1", state="unknown", vendor_state="WAIT_3PL", total=EURO)
TICKET = Ticket(origin=ORIGIN, number="1", state="working", vendor_state="open", subject="Door", created_at=NOW)
BILL = Invoice(origin=ORIGIN, number="I1", state="open", vendor_state="not_paid", total=EURO, open=EURO)
CARRIER = Entry(means="on_its_way", label="At the carrier", meaning="It is at the depot.", mails=False)
WORDS: Words = {"erp": {"orders": {"WAIT_3PL": CARRIER}}}

PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="<>"), min_size=1)
SHORT = st.none() | PLAIN.map(lambda text: text[:40])
STATUSES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


def entries(kind: Kind) -> st.SearchStrategy[Entry]:
    means = st.none() | st.sampled_from(meanings(kind))
    return st.builds(Entry, means=means, label=SHORT, meaning=SHORT, next_step=SHORT, mails=st.booleans())


KIND_ENTRIES = st.sampled_from(get_args(Kind)).flatmap(lambda kind: st.tuples(st.just(kind), entries(kind)))


def said(words: Any, number: int = 1) -> Said:
    return Said(number=number, kinds=words)


# The rule


def test_lets_staffs_words_count_word_by_word() -> None:
    (order,) = say("orders", (ORDER,), said({"orders": {"WAIT_3PL": CARRIER}}))
    usual = ORDERS["on_its_way"]
    shown = status_of(order, TODAY)
    assert (shown.label, shown.meaning) == ("At the carrier", "It is at the depot.")
    assert (shown.next_step, shown.tone, shown.step) == (usual.next_step, usual.tone, usual.step)
    assert [step.label for step in steps_of(order, TODAY) if step.state == "now"] == ["At the carrier"]
    (only,) = say("orders", (ORDER,), said({"orders": {"WAIT_3PL": Entry(label="Soon")}}))
    assert status_of(only, TODAY) == replace(UNKNOWN, label="Soon"), "what it means, the connector says"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (replace(BILL, due_on=TODAY - timedelta(days=1)), INVOICES["overdue"]),
        (replace(BILL, is_credit_note=True), INVOICES["credit_note"]),
        (replace(ORDER, state="confirmed", expected_on=TODAY - timedelta(days=1)), ORDERS["delayed"]),
        (replace(ORDER, state="quoted", valid_until=TODAY - timedelta(days=1)), ORDERS["expired"]),
    ],
)
def test_never_speaks_against_what_follows_from_a_day(record: Record, expected: object) -> None:
    kind: Kind = "invoices" if isinstance(record, Invoice) else "orders"
    (shown,) = say(kind, (record,), said({kind: {record.vendor_state: Entry(label="All is well")}}))
    assert shown.wording
    assert status_of(shown, TODAY) == expected


def test_leaves_a_list_the_very_same_where_nothing_is_said_of_it() -> None:
    records = (ORDER, replace(ORDER, vendor_state="sale", state="confirmed"))
    assert say("orders", records, Said()) is records
    assert say("orders", records, said({"orders": {"cancel": CARRIER}})) is records
    words = said({"orders": {"WAIT_3PL": CARRIER}})
    once = say("orders", records, words)
    assert say("orders", records, words) is once, "or what is kept of a list would be made anew for each page"
    assert once[1] is records[1]


@given(entry=KIND_ENTRIES, state=st.sampled_from(["unknown", "received"]))
def test_shows_staffs_words_or_the_usual_ones_and_never_the_vendors(entry: tuple[Kind, Entry], state: str) -> None:
    kind, its = entry
    assert list(faults(kind, "zqx_9", its)) == []
    record: Any = {"orders": ORDER, "invoices": BILL, "tickets": TICKET}[kind]
    record = replace(record, vendor_state="zqx_9", state=state)
    (shown,) = say(kind, (record,), said({kind: {"zqx_9": its}}))
    status = status_of(shown, TODAY)
    table = {"orders": ORDERS, "invoices": INVOICES, "tickets": TICKETS}[kind]
    usual = table.get(its.means or state, UNKNOWN)
    assert status == worded(usual, Wording(label=its.label, meaning=its.meaning, next_step=its.next_step))
    assert "zqx_9" not in repr(status)


# What is refused


@pytest.mark.parametrize(
    ("entry", "field", "fault"),
    [
        (Entry(label=" "), "label", "The label is empty"),
        (Entry(label="x" * 41), "label", "The label has 41 letters: 40 are the most that fit."),
        (Entry(meaning="x" * 161), "meaning", "The meaning has 161 letters"),
        (Entry(label="A\nB"), "label", "a sign in it that nobody sees"),
        (Entry(next_step="Do\u202eit"), "next_step", "a sign in it that nobody sees"),
        (Entry(label="<b>Soon</b>"), "label", "< or > in it"),
        (Entry(meaning="It is in WAIT_3PL now."), "meaning", "customers do not know what your system calls it"),
        (Entry(means="lost"), "means", "Choose one of these: quoted, received"),
    ],
)
def test_refuses_bad_words_with_a_sentence(entry: Entry, field: str, fault: str) -> None:
    ((where, text),) = faults("orders", "WAIT_3PL", entry)
    assert where == field
    assert fault in text
    assert text.endswith(".")


# The file


@given(STATUSES, KIND_ENTRIES)
def test_reads_back_the_file_that_it_writes(status: str, entry: tuple[Kind, Entry]) -> None:
    kind, its = entry
    words: Any = {"erp": {kind: {status: its}}} if not list(faults(kind, status, its)) else {}
    assert parse(dump(words), SOURCES) == words
    assert read_words(stored(words)) == (words if its != NOTHING else {})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[statuses", "not TOML"),
        ("statuses = 3", "statuses: write [[statuses.SOURCE.KIND]] tables"),
        ("[topics]", "topics: not known"),
        ('[[statuses.shop.orders]]\nstatus = "x"', "statuses.shop: there is no source 'shop' (there is: erp, desk)"),
        ('[[statuses.desk.orders]]\nstatus = "x"', "statuses.desk.orders: it has tickets"),
        ('[statuses.erp.orders]\nstatus = "x"', "write [[statuses.erp.orders]] tables"),
        ('[[statuses.erp.orders]]\nlabel = "x"', "statuses.erp.orders.1: Object missing required field `status`"),
        ('[[statuses.erp.orders]]\nstatus = "x"\nlable = "x"', "statuses.erp.orders.1.lable: not known; did you mean"),
        ('[[statuses.erp.orders]]\nstatus = "x"\nmails = 1', "statuses.erp.orders.1: Expected `bool`, got `int`"),
        ('[[statuses.erp.orders]]\nstatus = "x"\nlabel = ""', "statuses.erp.orders.1.label: The label is empty"),
        ('[[statuses.erp.orders]]\nstatus = "x"\n[[statuses.erp.orders]]\nstatus = "x"', "'x' is there twice"),
    ],
)
def test_names_the_place_of_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(StatusesFileError) as error:
        parse(text, SOURCES)
    assert problem in str(error.value)


# The draft and the versions


async def change(database: Database, seen: int, status: str, entry: Entry) -> None:
    await change_entry(
        database, trail=TRAIL, by=BY, now=NOW, seen=seen, source="erp", kind="orders", status=status, entry=entry
    )


async def test_publishes_a_draft_and_goes_back(database: Database) -> None:
    await change(database, 0, "WAIT_3PL", CARRIER)
    await change(database, 1, "sale", Entry(label="We have it"))
    draft = await DICTIONARIES.draft(database)
    assert (draft.version, places(draft.wanted)) == (2, [("erp", "orders", "WAIT_3PL"), ("erp", "orders", "sale")])
    assert (await DICTIONARIES.live(database)).number == 0, "nobody sees a draft"
    number = await DICTIONARIES.publish_draft(
        database, trail=TRAIL, by=BY, now=NOW, seen=0, draft=draft.version, is_quiet=True
    )
    assert number == 1
    assert (await DICTIONARIES.live(database)).content == draft.wanted
    assert (await DICTIONARIES.draft(database)).content is None
    assert await DICTIONARIES.restore(database, 0, trail=TRAIL, by=BY, now=NOW, seen=1) == 2
    assert await DICTIONARIES.restore(database, 1, trail=TRAIL, by=BY, now=NOW, seen=2) == 3
    found = await DICTIONARIES.latest(database)
    assert [(each.number, each.restored, len(places(each.content))) for each in found] == [
        (3, 1, 2),
        (2, 0, 0),
        (1, None, 2),
    ]
    lines = await read(database, VAULT, Wanted(latest=9))
    assert [line.what.partition(".")[2] for line in lines] == [
        "drafted",
        "drafted",
        "published",
        "published",
        "published",
    ]
    assert lines[2].details["changes"][0]["after"]["label"] == "At the carrier"


async def test_does_nothing_for_who_was_overtaken(database: Database) -> None:
    await change(database, 0, "WAIT_3PL", CARRIER)
    before = await DICTIONARIES.draft(database)
    for act in (
        change(database, 0, "sale", CARRIER),
        change(database, 7, "sale", CARRIER),
        DICTIONARIES.discard_draft(database, trail=TRAIL, by=BY, now=NOW, seen=0),
        DICTIONARIES.publish(database, {}, trail=TRAIL, by=BY, now=NOW, seen=1),
        DICTIONARIES.publish_draft(database, trail=TRAIL, by=BY, now=NOW, seen=0, draft=2, is_quiet=True),
        DICTIONARIES.publish_draft(database, trail=TRAIL, by=BY, now=NOW, seen=3, draft=1, is_quiet=True),
        DICTIONARIES.restore(database, 9, trail=TRAIL, by=BY, now=NOW, seen=0),
    ):
        with pytest.raises(ChangedMeanwhileError):
            await act
    assert await DICTIONARIES.draft(database) == before
    assert (await DICTIONARIES.live(database)).number == 0


async def test_keeps_no_draft_that_says_what_is_published(database: Database) -> None:
    await change(database, 0, "WAIT_3PL", CARRIER)
    await change(database, 1, "WAIT_3PL", NOTHING)
    draft = await DICTIONARIES.draft(database)
    assert (draft.content, draft.version) == (None, 2)
    await change(database, 2, "WAIT_3PL", CARRIER)
    await DICTIONARIES.discard_draft(database, trail=TRAIL, by=BY, now=NOW, seen=3)
    assert (await DICTIONARIES.draft(database)).content is None
    with pytest.raises(ChangedMeanwhileError):
        await change(database, 3, "WAIT_3PL", CARRIER)


def test_lists_first_what_nobody_has_words_for() -> None:
    offices: Any = {"erp": type("Office", (), {"connector": SOURCES["erp"], "title": "Orders"})}
    found = [
        Unmapped(source="erp", kind="orders", status=status, records=many, last_at=NOW)
        for status, many in (("WAIT_3PL", 7), ("hold/credit", 9), ("sale", 1))
    ]
    rows = rows_of(offices, found, {}, {})
    assert [row.status for row in unmapped(rows)] == ["hold/credit", "WAIT_3PL"]
    assert {row.status for row in rows if row.kind == "orders"} >= {*SOURCES["erp"].statuses["orders"], "WAIT_3PL"}
    after = rows_of(offices, found, WORDS, {})
    assert [row.status for row in unmapped(after)] == ["hold/credit"]
    assert [row.status for row in after if row.is_new] == ["WAIT_3PL"]
    assert [each.status for each in differences({}, WORDS)] == ["WAIT_3PL"]
    assert entry_of(WORDS, "erp", "orders", "WAIT_3PL") == CARRIER


# Mails


def test_takes_new_words_for_no_news_where_they_are_published_quietly() -> None:
    later = replace(TICKET, state="awaiting_customer")
    book: Book = first_book([TICKET], system="s", at=NOW - timedelta(days=1), days=Days(TODAY))
    _, loud = compare(book, [later], at=NOW, days=Days(TODAY))
    assert [event.names for event in loud] == [("request_waits",)]
    quiet, none = compare(reworded(book, [later], Days(TODAY)), [later], at=NOW, days=Days(TODAY))
    assert none == []
    moved = replace(later, origin=replace(ORIGIN, changed_at=NOW + timedelta(hours=1)))
    _, events = compare(reworded(book, [moved], Days(TODAY)), [moved], at=NOW, days=Days(TODAY))
    assert [event.names for event in events] == [("request_waits",)], "what has changed over there is news"
    gone = replace(ORDER, state="on_its_way")
    orders = first_book([ORDER], system="s", at=NOW, days=Days(TODAY))
    assert len(compare(orders, [gone], at=NOW, days=Days(TODAY))[1]) == 1
    assert compare(reworded(orders, [gone], Days(TODAY)), [gone], at=NOW, days=Days(TODAY))[1] == []
    assert quiet.entries["7"].state == "awaiting_customer"


def test_tells_by_no_mail_of_a_status_that_staff_keep_quiet_about() -> None:
    waits = replace(TICKET, state="awaiting_customer")
    assert is_still_so(["request_waits"], waits, TODAY) == "request_waits"
    assert is_still_so(["request_waits"], replace(waits, wording=Wording(mails=True)), TODAY) == "request_waits"
    assert is_still_so(["request_waits"], replace(waits, wording=Wording(mails=False)), TODAY) is None


# The command line


def test_publishes_a_file_on_the_command_line(hallway: Hallway, sandbox: RunningSandbox) -> None:
    assert hallway("sources", "apply", "--yes", hallway.sources_of(sandbox)) == 0, hallway.err
    assert hallway("statuses", "versions") == 0
    assert "nothing is published" in hallway.out
    file = hallway.write(dump(WORDS), "statuses.toml")
    assert hallway("statuses", "apply", "--yes", file) == 0, hallway.err
    assert '+ erp orders "WAIT_3PL"' in hallway.out
    assert 'label: as usual -> "At the carrier"' in hallway.out
    assert "Published as version 1." in hallway.out
    assert hallway("statuses", "apply", "--yes", file) == 0
    assert hallway.out == "No changes.\n"
    assert hallway("statuses", "export") == 0
    assert hallway.out == dump(WORDS)
    assert hallway("statuses", "restore", "--yes", "0") == 0
    assert hallway("statuses", "restore", "--yes", "7") == 1
    assert "there is no version 7" in hallway.err
    assert hallway("statuses", "versions") == 0
    assert [line[0] for line in hallway.out.splitlines()] == ["2", "1"]
    assert (
        hallway("statuses", "apply", "--yes", hallway.write('[[statuses.erp.orders]]\nstatus = "x"\nlabel = ""\n')) == 2
    )
    assert "statuses.erp.orders.1.label: The label is empty" in hallway.err
