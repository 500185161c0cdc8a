"""What staff say in other languages: kept, shown at once, exported and taken in."""

import re
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from html import unescape

import httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support_audit import BY, TRAIL, VAULT
from support_portal import BAKERY, Portal, running
from support_sandbox import RunningSandbox
from support_staff import Staff, staff_at
from support_statuses import add_statuses

from gateway import languages
from gateway.app import make_app
from gateway.audit_reading import Wanted, read
from gateway.languages import phrase, speaking
from gateway.phrase_files import PhraseFileError, dump, load
from gateway.phrases import Phrases, PhrasesChanged, key_of, read_book, save
from gateway.records.database import Database
from gateway.settings import Settings
from gateway.staff_texts import StaffText, needs_words

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
PAGE = "/staff/languages/de"
HOURS = "On weekdays, as long as there is light"


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    languages.know({})


@pytest_asyncio.fixture
async def german(portal_settings: Settings, database: Database, sandbox: RunningSandbox) -> AsyncIterator[Portal]:
    settings = replace(portal_settings, languages=("en", "de"), contact_phone="+44 117 496 0123", contact_hours=HOURS)
    portal = Portal(make_app(settings), database, settings)
    await portal.connect(sandbox)
    await portal.link("maya", "bakery", *BAKERY)
    await add_statuses(database)
    async with running(portal.app):
        yield portal
    await portal.aclose()


async def say(database: Database, seen: int = 0, **said: str) -> int:
    return await save(database, "de", said, seen=seen, trail=TRAIL, by=BY, now=NOW)


async def test_says_what_staff_said_in_every_process_that_looks(database: Database) -> None:
    here = Phrases(database)
    await here.look()
    assert await say(database, Dispute="Einspruch", Other="") == 1
    with speaking("de"):
        assert phrase("Dispute") == "Dispute"
        await here.look()
        assert phrase("Dispute") == "Dispute"  # what has begun goes on as it began
    with speaking("de"):
        assert phrase("Dispute") == "Einspruch"
    with speaking("fr"):
        assert phrase("Dispute") == "Dispute"
    assert await say(database, seen=1, Dispute="") == 1
    await here.look()
    with speaking("de"):
        assert phrase("Dispute") == "Dispute"


async def test_takes_no_change_of_what_somebody_else_has_changed(database: Database) -> None:
    await say(database, Dispute="Einspruch")
    with pytest.raises(PhrasesChanged):
        await say(database, Dispute="Streit")
    assert (await read_book(database, "de")).said == {"Dispute": "Einspruch"}
    assert await say(database, seen=1, Dispute="Einspruch") == 0
    assert (await read_book(database, "de")).version == 1
    (line,) = await read(database, VAULT, Wanted(latest=9))
    assert (line.what, line.details["phrases"]) == ("phrases.changed", ["Dispute"])


async def test_says_the_hours_of_staff_in_other_words_once(german: Portal) -> None:
    languages.know({"de": {HOURS: "Tagsüber", "Tagsüber": "Nachts"}})
    page = (await german.stranger().get("/sign-in", headers={"accept-language": "de"})).text
    assert "Tagsüber" in page
    assert "Nachts" not in page


@pytest.mark.parametrize(("text", "needed"), [("Packed", False), ("Sent with the night train", True)])
def test_asks_staff_for_what_our_own_catalogue_does_not_say(text: str, *, needed: bool) -> None:
    assert needs_words(text, "en") is needed


async def test_shows_customers_what_staff_said(german: Portal) -> None:
    staff = await staff_at(german, "admin")
    page = await staff.get(PAGE)
    original = text_in(page)
    assert f">{original}</span>" in page.text
    answer = await staff.send("POST", PAGE, seen="0", **{key_of(original): " Wie  gesagt <b> "})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?done=1")
    assert "1 text saved." in (await staff.get(f"{PAGE}?done=1")).text
    same = await staff.send("POST", PAGE, seen="1", **{key_of(original): " Wie  gesagt <b> "})
    assert (same.status_code, same.headers["location"]) == (303, f"{PAGE}?done=0")
    assert " saved." not in (await staff.get(f"{PAGE}?done=0")).text
    assert (await read_book(german.database, "de")).said == {original: "Wie gesagt <b>"}
    with speaking("de"):
        assert phrase(original) == "Wie gesagt <b>"
    again = (await staff.get(PAGE)).text
    assert 'value="Wie gesagt &lt;b&gt;"' in again
    assert "<b>Wie" not in again
    assert (await staff.send("POST", PAGE, seen="0", **{key_of(original): "x"})).status_code == 409
    assert (await staff.send("POST", PAGE, seen="1", **{key_of(original): "x" * 3000})).status_code == 422
    assert (await staff.send("POST", PAGE, seen="1", **{key_of("nobody wrote this"): "x"})).status_code == 303
    assert len((await read_book(german.database, "de")).said) == 1


async def test_says_the_hours_of_every_page_as_staff_do(german: Portal) -> None:
    maya, staff = await german.browser("maya", "bakery"), await staff_at(german, "admin")
    foots = []
    for answer in (None, {"seen": "0", key_of(HOURS): "Werktags, solange es hell ist"}):
        if answer:
            await staff.send("POST", PAGE, **answer)
        page = await maya.get("/", headers={"accept-language": "de"})
        foots.append(page.text.partition('<footer class="foot">')[2])
    assert [HOURS in foot for foot in foots] == [True, False]
    assert [" solange es hell ist" in foot for foot in foots] == [False, True]


async def test_gives_a_file_to_translators_and_takes_it_back(german: Portal) -> None:
    staff = await staff_at(german, "admin")
    original = text_in(await staff.get(PAGE))
    file = (await staff.get(f"{PAGE}/phrases.po")).content
    filled = file.replace(f'msgid "{original}"\nmsgstr ""'.encode(), f'msgid "{original}"\nmsgstr "Übersetzt"'.encode())
    assert filled != file
    answer = await send(staff, filled)
    assert answer.status_code == 200
    assert "1 text saved." in answer.text
    assert (await read_book(german.database, "de")).said == {original: "Übersetzt"}


async def test_shows_what_nobody_reads_any_more_and_takes_it_away(german: Portal) -> None:
    admin, support = await staff_at(german, "admin"), await staff_at(german, "support")
    said = {HOURS: "Werktags", "Gone <b>": "Weg"}
    await save(german.database, "de", said, seen=0, trail=TRAIL, by=BY, now=NOW)
    assert "Take them away" not in (await support.get(PAGE)).text
    assert (await support.send("POST", f"{PAGE}/unread", seen="1")).status_code == 403
    page = (await admin.get(PAGE)).text
    assert "Gone &lt;b&gt;" in page.partition("No longer read")[2]
    assert HOURS not in page.partition("No longer read")[2]
    assert (await admin.send("POST", f"{PAGE}/unread", seen="0")).status_code == 409
    assert len((await read_book(german.database, "de")).said) == 2
    answer = await admin.send("POST", f"{PAGE}/unread", seen="1")
    assert (answer.status_code, "1 translation removed." in answer.text) == (200, True)
    assert "No longer read" not in answer.text
    assert (await read_book(german.database, "de")).said == {HOURS: "Werktags"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "says anything"),
        (b"\xff\xfe\x00", "no .po file"),
        (b"nonsense\n", "no .po file"),
        (b'msgid ""\nmsgstr "Language: fr\\n"\n\nmsgid "a"\nmsgstr "b"\n', "another language"),
        (b'msgid "Nobody reads this"\nmsgstr "b"\n', "Nothing in this file"),
        (b'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "c"\nmsgstr[1] "d"\n', "several numbers"),
        (f'msgid "{HOURS}"\nmsgstr "{"x" * 101}"\n'.encode(), "Shorten it"),
        (f'msgid "{HOURS}"\nmsgstr "a\u202eb"\n'.encode(), "nobody sees"),
        (f'msgid "{HOURS}"\nmsgstr "a\0b"\n'.encode(), "nobody sees"),
    ],
)
async def test_says_what_is_wrong_with_a_file(german: Portal, content: bytes, said: str) -> None:
    answer = await send(await staff_at(german, "admin"), content)
    assert answer.status_code == 422
    assert said in answer.text.replace("&#x27;", "'")
    assert (await read_book(german.database, "de")).said == {}


async def test_lets_only_admins_write(german: Portal) -> None:
    staff = await staff_at(german, "support")
    page = await staff.get(PAGE)
    assert " readonly" in page.text
    assert (await staff.send("POST", PAGE, seen="0", **{key_of(text_in(page)): "x"})).status_code == 403
    assert (await send(staff, b"")).status_code == 403
    assert (await staff.get("/staff/languages/fr")).status_code == 404  # which is not offered


@pytest.mark.parametrize(
    ("named", "language", "offered", "fits"),
    [
        ("de_DE", "de", ("en", "de"), True),
        ("DE-at", "de", ("de",), True),
        ("pt", "pt-BR", ("en", "pt-BR"), True),
        ("pt_BR", "pt-BR", ("pt", "pt-BR"), True),
        ("pt", "pt-BR", ("pt", "pt-BR"), False),
        ("den", "de", ("en", "de"), False),
    ],
)
def test_takes_a_file_of_this_language_however_it_is_named(
    named: str, language: str, offered: tuple[str, ...], *, fits: bool
) -> None:
    content = f'\ufeffmsgid ""\nmsgstr "Language: {named}\\n"\n\nmsgid "a"\nmsgstr "b"\n'.encode()
    with nullcontext() if fits else pytest.raises(PhraseFileError, match="another language"):
        assert load(content, language, offered).said == {"a": "b"}


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1).filter(str.strip),
        st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=99).map(str.strip).filter(bool),
        min_size=1,
    )
)
def test_reads_what_it_wrote(said: dict[str, str]) -> None:
    texts = [StaffText(text=text, place="Topics", href="/", longest=99) for text in said]
    assert load(dump(texts, said, "de"), "de").said == said


LINES = (
    *(b'msgid "c"', b'msgstr "d"', b'msgstr ""', b'" "', b'"' + b"x" * 2000 + b'"', b"#, fuzzy", b"#~ msgid"),
    *(b'msgid "', b'msgctxt "e"', b"", b"\xff", b'msgid_plural "f"', b'msgstr[0] "g"', b"["),
)


@given(st.lists(st.sampled_from(LINES) | st.binary(max_size=50), max_size=12).map(b"\n".join))
def test_reads_no_file_to_its_own_harm(junk: bytes) -> None:
    """Whatever it gives says something."""
    with suppress(PhraseFileError):
        said = load(b'msgid "a"\nmsgstr "b"\n' + junk, "de").said
        assert all(said)
        assert all(text and text == text.strip() for text in said.values())


def test_makes_no_room_for_as_many_numbers_as_a_file_says() -> None:
    header = b'msgid ""\nmsgstr "Plural-Forms: nplurals=1000000; plural=0;\\n"\n\n'
    load(b'msgid "a"\nmsgstr "b"\n', "de")  # what is imported is no room
    tracemalloc.start()
    try:
        with pytest.raises(PhraseFileError, match="several numbers"):
            load(header + b'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "c"\n', "de")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


async def test_leaves_what_somebody_else_said_meanwhile(german: Portal) -> None:
    one, other = await staff_at(german, "admin"), await staff_at(german, "owner")
    opened = form_of(await one.get(PAGE))
    mine, theirs, both = (f for f in list(opened)[2:7:2])
    await other.send("POST", PAGE, **{**opened, theirs: "Von ihr", both: "Beide, sie"})
    late = await one.send("POST", PAGE, **{**opened, mine: "Von mir", both: "Beide, ich"})
    again = form_of(late)
    assert (late.status_code, again["seen"]) == (409, "1")
    assert [again[each] for each in (mine, theirs, both)] == ["Von mir", "Von ihr", "Beide, ich"]
    assert re.findall("Somebody else has just written: “([^”]*)”", late.text) == ["Beide, sie"]
    answer = await one.send("POST", PAGE, **again)
    assert answer.headers["location"] == f"{PAGE}?done=2"
    said = (await read_book(german.database, "de")).said
    assert sorted(said.values()) == ["Beide, ich", "Von ihr", "Von mir"]
    gone = await one.send("POST", PAGE, **{**form_of(await one.get(PAGE)), theirs: ""})
    assert gone.headers["location"] == f"{PAGE}?done=1"
    assert len((await read_book(german.database, "de")).said) == 2


async def test_does_not_forget_when_a_form_was_opened_that_has_to_be_mended(german: Portal) -> None:
    one, other = await staff_at(german, "admin"), await staff_at(german, "owner")
    opened = form_of(await one.get(PAGE))
    mine, theirs = (f for f in list(opened)[2:5:2])
    await other.send("POST", PAGE, **{**opened, theirs: "Von ihr"})
    wrong = await one.send("POST", PAGE, **{**opened, mine: "x" * 301})
    assert wrong.status_code == 422
    mended = await one.send("POST", PAGE, **{**form_of(wrong), mine: "Von mir"})
    assert mended.status_code == 409
    assert (await one.send("POST", PAGE, **form_of(mended))).status_code == 303
    assert set((await read_book(german.database, "de")).said.values()) == {"Von mir", "Von ihr"}


@pytest.mark.parametrize(
    ("said", "fault"), [("x" * 41, "40 fit where it stands"), ("a\u202eb", "nobody sees"), ("a\0b", "nobody sees")]
)
async def test_holds_what_is_said_to_what_the_text_itself_is_held_to(german: Portal, said: str, fault: str) -> None:
    staff = await staff_at(german, "admin")
    opened = form_of(page := await staff.get(PAGE))
    label = re.findall(r'name="(\w{64})"[^>]* maxlength="40"', page.text)[0]
    answer = await staff.send("POST", PAGE, **{**opened, label: said})
    assert answer.status_code == 422
    assert fault in answer.text
    assert (await staff.send("POST", PAGE, **{**opened, "seen": "9" * 5000, label: "x"})).status_code == 409
    assert (await read_book(german.database, "de")).said == {}


def form_of(page: httpx.Response) -> dict[str, str]:
    """What a browser would send of the form with the texts: the two that are hidden, then each as it was and is."""
    fields = re.findall(
        r'<input [^>]*name="((?:was-)?\w+)" value="([^"]*)"',
        page.text.partition(f'action="{PAGE}"')[2].partition("</form>")[0],
    )
    found = {name: unescape(value) for name, value in fields if name != "_token"}
    return {"seen": found.pop("seen"), **found}


def text_in(page: httpx.Response) -> str:
    """The first text that a page asks for, of those without signs that HTML writes otherwise."""
    labels = [part.partition("</span>")[0] for part in page.text.split('<span class="break">')[1:]]
    return next(label for label in labels if label and "&" not in label)


async def send(staff: Staff, content: bytes) -> httpx.Response:
    session = await staff.portal.sessions.get(staff.cookie)
    page = await staff.get(PAGE)
    seen = page.text.partition('name="seen" value="')[2].partition('"')[0] or "0"
    return await staff.http.post(
        f"{PAGE}/import",
        data={"_token": session.csrf_token if session else "", "seen": seen},
        files={"file": ("de.po", content)},
        headers={"Cookie": f"__Host-hallway={staff.cookie}", "Sec-Fetch-Site": "same-origin"},
    )
