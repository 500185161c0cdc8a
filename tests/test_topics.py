"""Topics: the file that staff write, what is stored of it, and what becomes of answers."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from support_audit import BY, TRAIL
from support_cli import Hallway

from connectors.registry import load_connectors
from gateway import office_hours
from gateway.languages import speaking
from gateway.office_hours import OfficeHours
from gateway.records.database import Database
from gateway.topics.changes import TopicsChangedError, apply, plan, topics
from gateway.topics.fields import AnyField, Choice, Day, LongText, Number, Phone, Text, YesNo
from gateway.topics.file import TopicsFileError, default_text, defaults, parse
from gateway.topics.topic import Topic, subject_of, text_of

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SOURCES = {"desk": load_connectors()["request_tracker"], "crm": load_connectors()["tryton"]}
GOOD = """
[topics.gone]
label = "Lost"
subject = "{what}"
source = "desk"
route = "Parcels"
[[topics.gone.fields]]
name = "what"
kind = "text"
label = "What is gone?"
"""


def field(rest: str) -> str:
    return f'[topics.t]\nlabel = "T"\nsubject = "S"\n[[topics.t.fields]]\nname = "f"\n{rest}'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("topics = 3", "topics: define one at least"),
        ("", "topics: define one at least"),
        ("[topics", "not TOML"),
        ("[other]\n" + GOOD, "other: not known"),
        (GOOD.replace("gone", "Gone"), "topics.Gone: a name is made of a-z"),
        (GOOD.replace("label", "lable"), "topics.gone.lable: not known; did you mean label?"),
        (GOOD.replace('"Lost"', "3"), "topics.gone.label: Expected `str`, got `int`"),
        (GOOD.replace("{what}", "{wat}"), "topics.gone.subject: there is no field 'wat' to put in; there is what"),
        (GOOD.replace('"desk"', '"erp"'), "topics.gone.source: there is no source 'erp' (there is: desk, crm)"),
        (GOOD.replace('"desk"', '"crm"'), "topics.gone.source: Tryton takes no new requests"),
        ('[topics.t]\nlabel = "T"\nsubject = "S"', "topics.t.fields: missing"),
        (field('kind = "text"'), "topics.t.fields.f.label: missing"),
        (field('kind = "txet"\nlabel = "F"'), "topics.t.fields.f.kind: Invalid value 'txet'"),
        (field('kind = "number"\nlabel = "F"\nleest = 1'), "topics.t.fields.f.leest: not known; did you mean least?"),
        (field('kind = "choice"\nlabel = "F"\nchoices = ["one"]'), "topics.t.fields.f.choices: Expected `array` of"),
        (field('kind = "text"\nlabel = "a\\nb"'), "topics.t.fields.f.label: Expected `str` matching regex"),
        (field('kind = "text"\nlabel = "F"\n[[topics.t.fields]]\nname = "f"\nkind = "date"\nlabel = "F"'), "two are"),
    ],
)
def test_names_the_place_of_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(TopicsFileError) as error:
        parse(text, SOURCES)
    assert problem in str(error.value)


def test_tells_all_that_is_wrong_at_once() -> None:
    with pytest.raises(TopicsFileError) as error:
        parse(f"{GOOD.replace('Lost', '')}\n{field('kind = 3')}", SOURCES)
    assert len(error.value.problems) == 2


async def test_has_a_set_that_holds_until_staff_apply_theirs(database: Database) -> None:
    assert await topics(database) == defaults() == parse(default_text(), SOURCES)
    for each in defaults():
        assert each.topic.source is None
    await apply(database, await plan(database, parse(GOOD, SOURCES)), NOW, trail=TRAIL, by=BY)
    assert await topics(database) == parse(GOOD, SOURCES)


async def test_keeps_the_order_of_the_file_and_removes_what_is_not_in_it(database: Database) -> None:
    for wanted in (defaults(), defaults()[::-1], defaults()[2:4]):
        changes = await plan(database, wanted)
        await apply(database, changes, NOW, trail=TRAIL, by=BY)
        assert await topics(database) == wanted
        assert {change.action for change in await plan(database, wanted)} == {"keep"}


async def test_applies_nothing_that_was_overtaken(database: Database) -> None:
    changes = await plan(database, defaults())
    await apply(database, await plan(database, defaults()[:1]), NOW, trail=TRAIL, by=BY)
    with pytest.raises(TopicsChangedError):
        await apply(database, changes, NOW, trail=TRAIL, by=BY)
    assert await topics(database) == defaults()[:1]


def test_is_applied_from_a_file_that_can_be_printed(hallway: Hallway) -> None:
    assert hallway("topics", "defaults") == 0
    assert hallway.out == default_text()
    file = hallway.write(default_text(), "topics.toml")
    assert hallway("topics", "apply", file) == 2, "nobody is asked without a terminal"
    assert hallway("topics", "apply", "--yes", file) == 0
    assert "+ call-back" in hallway.out
    assert hallway("topics", "list") == 0
    assert 'call-back: "Call me back", to any helpdesk, asks for who, phone, when, text' in hallway.out
    assert (
        hallway("topics", "apply", "--yes", hallway.write(default_text().replace("Call me", "Phone me"), "b.toml")) == 0
    )
    assert 'label: "Call me back" -> "Phone me back"' in hallway.out
    assert hallway("topics", "apply", "--yes", hallway.write("[topics.x]", "c.toml")) == 2
    assert "topics.x.label: missing" in hallway.err


@pytest.mark.parametrize(
    ("asked", "written", "problem"),
    [
        (Text(name="f", label="F"), "a\nb ", None),
        (Text(name="f", label="F"), " ", "Fill this in."),
        (Text(name="f", label="F", required=False), " ", None),
        (Text(name="f", label="F"), "x" * 201, "This has 201 characters, and 200 can be sent. Shorten it."),
        (Choice(name="f", label="F", choices=("a", "b")), "c", "Choose one of these."),
        (Day(name="f", label="F"), "2020-02-30", "Write the day as year, month and day, such as 2026-11-22."),
        (Day(name="f", label="F"), "2020-02-28", None),
        (Day(name="f", label="F", past=False), "2026-11-21", "Choose a day from today on."),
        (Day(name="f", label="F", past=False), "2026-11-22", None),
        (Number(name="f", label="F"), "2,5", None),
        (Number(name="f", label="F"), "NaN", "Write a number, such as 12 or 2.5."),
        (Number(name="f", label="F"), "1e999999999", "Write a number, such as 12 or 2.5."),
        (Number(name="f", label="F", least=1), "0", "Write 1 or more."),
        (Phone(name="f", label="F"), "+44 (0)20 7946-0182", None),
        (Phone(name="f", label="F"), "()()()", "Write a phone number, such as 020 7946 0182."),
        (YesNo(name="f", label="F"), "maybe", "Choose yes or no."),
    ],
)
def test_checks_what_was_written(asked: AnyField, written: str, problem: str | None) -> None:
    assert asked.problem(asked.tidy(written), TODAY) == problem


def test_writes_the_ticket_from_the_answers() -> None:
    topic = Topic(
        label="T",
        subject="{a}: {b}",
        fields=(Text(name="a", label="What?"), Text(name="b", label="Where"), LongText(name="c", label="More")),
    )
    assert subject_of(topic, {"a": "x"}) == "x"
    assert subject_of(topic, {}) == "T"
    assert subject_of(topic, {"a": "{b}", "b": "y"}) == "{b}: y"
    assert len(subject_of(topic, {"a": "x" * 200})) == 120
    assert text_of(topic, {"a": "x", "b": "y", "c": "long\n\ntext"}) == "What? x\nWhere: y\n\nlong\n\ntext"
    assert text_of(topic, {"c": "text"}, "Order 1") == "Order 1\n\ntext"


def test_says_all_of_a_subject_that_had_to_be_shortened() -> None:
    topic = Topic(label="T", subject="{a}", fields=(Text(name="a", label="What?"), LongText(name="c", label="More")))
    whole, long = "x" * 120, f"{'word ' * 30}and the end"
    assert text_of(topic, {"a": whole, "c": "text"}) == "text", "it is not said twice"
    assert subject_of(topic, {"a": long}) in long
    assert text_of(topic, {"a": long, "c": "text"}) == f"What? {long}\n\ntext"


@pytest.mark.parametrize(
    "text",
    ["", "Mon", "8-17", "Mon 17-8", "Mon-Fri 8:75-17", "Fri-Mon 8-17", "Mon 8-25", "Mon 8-12, Mon 11-17", "x 1-2"],
)
def test_reads_no_hours_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="must be days and times such as"):
        office_hours.parse(text)


@pytest.mark.parametrize(
    "days",
    [
        "closed",
        "closed Monday",
        "closed 2026-13-01",
        "closed 2026-12-26 to 2026-12-24",
        "closed 2026-01-01 to 2027-01-01",
    ],
)
def test_reads_no_closed_days_that_are_none(days: str) -> None:
    with pytest.raises(ValueError, match="must name closed days such as"):
        office_hours.parse(f"Mon-Fri 8-17, {days}")


def test_wants_hours_beside_closed_days() -> None:
    with pytest.raises(ValueError, match="must be days and times such as"):
        office_hours.parse("closed 2026-12-24")


def test_knows_when_nobody_is_there() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    written = "Mon-Fri 8:00-17:00, closed 2026-12-24 to 2026-12-25, Closed 2026-12-31"
    hours = office_hours.parse(written)
    assert (hours.text, str(hours)) == ("Mon–Fri 8:00–17:00", written)
    assert office_hours.parse(str(hours)) == hours
    eve = datetime(2026, 12, 23, 16, tzinfo=berlin)
    assert hours.is_open(eve)
    assert not hours.is_open(eve + timedelta(days=1))
    assert hours.opens_next(eve + timedelta(days=1)) == datetime(2026, 12, 28, 8, tzinfo=berlin)
    assert hours.after(eve, 2) == datetime(2026, 12, 28, 9, tzinfo=berlin)
    assert hours.after(datetime(2026, 12, 30, 16, tzinfo=berlin), 2) == datetime(2027, 1, 1, 9, tzinfo=berlin)


@pytest.fixture
def hours() -> OfficeHours:
    return office_hours.parse("Mon-Fri 8:00-12:00, mon - thu 13-17, Sat 9:00 - 12:00")


def test_names_its_days_in_the_language_of_the_reader(hours: OfficeHours) -> None:
    assert hours.said == hours.text
    with speaking("de"):
        assert hours.said == "Mo–Fr 8:00–12:00, Mo–Do 13–17, Sa 9:00–12:00"
    with speaking("fr"):
        assert hours.said == "lun–ven 8:00–12:00, lun–jeu 13–17, sam 9:00–12:00"


def test_knows_when_somebody_is_there(hours: OfficeHours) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    friday = datetime(2026, 11, 20, 11, tzinfo=berlin)
    assert hours.text == "Mon–Fri 8:00–12:00, mon–thu 13–17, Sat 9:00–12:00"
    assert hours.is_open(friday)
    assert not hours.is_open(friday + timedelta(hours=1))
    assert hours.opens_next(friday) == friday
    assert hours.opens_next(friday + timedelta(hours=3)) == datetime(2026, 11, 21, 9, tzinfo=berlin)
    assert hours.after(friday, 1) == datetime(2026, 11, 20, 12, tzinfo=berlin)
    assert hours.after(friday, 5) == datetime(2026, 11, 23, 9, tzinfo=berlin)
    assert hours.after(friday, 400) > friday + timedelta(weeks=9)
