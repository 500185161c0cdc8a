"""Finding articles, on both databases: by words, by what they are about, among many, and whatever is asked."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.records import Invoice, Money, Order, Origin, Ticket
from gateway.help.article import Article, subjects_of
from gateway.help.counting import HelpCounts
from gateway.help.finding import fitting, listed, search
from gateway.help.overview import Searched, rated, searches
from gateway.help.shelf import drop_others, put
from gateway.help.words import words_in
from gateway.keeping import BY_ITSELF
from gateway.languages import speaking
from gateway.records.database import Database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = NOW.date()
ARTICLES = (
    Article(
        name="late",
        title="When does my order come?",
        html="<p>The carrier needs <b>two</b> days.</p>",
        subjects=("topic:order", "orders", "orders/delayed"),
    ),
    Article(name="damaged", title="Something is broken", html="<p>Send a photo.</p>", subjects=("topic:delivery",)),
    Article(name="pay", title="How to pay an invoice", html="<p>By bank transfer.</p>", subjects=("invoices",)),
    Article(name="zahlen", title="Rechnung bezahlen", html="<p>Per Überweisung, mit Skonto.</p>", language="de"),
)


async def names(database: Database, question: str) -> list[str]:
    return [found.name for found in await search(database, question)]


async def test_finds_by_words_and_their_beginnings(database: Database) -> None:
    await put(database, "", ARTICLES, NOW)
    assert await names(database, "invoice") == ["pay"]
    assert await names(database, "INVOI pay") == ["pay"]
    assert await names(database, "uberweis") == ["zahlen"], "without accents"
    assert await names(database, "ÜBERWEISUNG") == ["zahlen"]
    assert await names(database, "where is my order?") == ["late"], "half of what is told"
    assert await names(database, "zeppelin") == []
    assert await names(database, "photo transfer") == ["damaged", "pay"], "the half of it"


async def test_puts_what_is_in_the_title_first(database: Database) -> None:
    body = Article(name="body", title="Another thing", html="<p>" + "word " * 40 + "refund " + "word " * 40 + "</p>")
    title = Article(name="title", title="A refund", html="<p>" + "word " * 80 + "</p>")
    await put(database, "", (body, title), NOW)
    assert await names(database, "refund") == ["title", "body"]


@pytest.mark.parametrize("question", ["Rueckgabe", "rückgabe", "Ruckgabe", "kuendigung", "groesse", "GRÖSSE", "Größe"])
async def test_finds_umlauts_however_they_are_written(database: Database, question: str) -> None:
    back = Article(name="back", title="Rückgabe", html="<p>Die Ku\u0308ndigung, und jede Größe.</p>")
    await put(database, "", (back,), NOW)
    assert await names(database, question) == ["back"]


async def test_writes_anew_what_is_to_be_found_by_other_words(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr("gateway.help.shelf.FOUND_BY", 1)
        before.setattr("gateway.help.shelf.spellings_in", words_in)
        await put(database, "", ARTICLES, NOW)
    assert await names(database, "ueberweisung") == []
    assert await put(database, "", ARTICLES, NOW) == len(ARTICLES)
    assert await names(database, "ueberweisung") == ["zahlen"]


@pytest.mark.parametrize("question", ["neue", "Israel", "maestro", "neue maestro israel"])
async def test_still_finds_what_only_looks_like_an_umlaut(database: Database, question: str) -> None:
    await put(database, "", (Article(name="new", title="Neue Maestro-Karte", html="<p>In Israel.</p>"),), NOW)
    assert await names(database, question) == ["new"]


async def test_finds_without_an_ending_where_it_finds_nothing_else(database: Database) -> None:
    articles = (
        Article(name="livraison", title="La livraison", html="<p>Elle prend deux jours.</p>"),
        Article(name="bestellung", title="Eine Bestellung ändern", html="<p>Vor dem Versand.</p>"),
        Article(name="parcel", title="A parcel", html="<p>It is on its way.</p>"),
        Article(name="parcels", title="Several parcels", html="<p>They come one by one.</p>"),
    )
    await put(database, "", articles, NOW)
    assert await names(database, "livraisons") == ["livraison"]
    assert await names(database, "mes livraisons") == ["livraison"]
    assert await names(database, "Bestellungen") == ["bestellung"]
    assert await names(database, "parcels") == ["parcels"], "what has the word as it is goes alone"
    assert await names(database, "zeppelins") == []


def in_languages(*languages: str | None) -> list[Article]:
    return [
        Article(
            name=f"{number}-{language or 'none'}".lower().replace("_", "-"),
            title="Paypal",
            html="<p>Skonto.</p>",
            language=language,
            subjects=("orders",),
        )
        for number, language in enumerate(languages)
    ]


@pytest.mark.parametrize("german", ["de", "de-DE", "de-de", "de_AT", "DE"])
async def test_puts_articles_in_the_readers_language_first(database: Database, german: str) -> None:
    mine = f"5-{german.lower().replace('_', '-')}"
    await put(database, "", in_languages("en", "den", "en-US", "fr", None, german), NOW)
    with speaking("de"):
        first = [each.name for each in await fitting(database, ["orders"])]
        assert first == [mine, "4-none", "0-en"], "about the same"
        first = [each.name for each in await fitting(database, [], "paypal skonto")]
        assert first == [mine, "4-none", "0-en"], "with the same words"
        assert (await names(database, "paypal"))[:3] == [mine, "4-none", "0-en"]
        assert (await names(database, "paypal zeppelin"))[:3] == [mine, "4-none", "0-en"], "half of the words"
        pages = [(await listed(database, page, 2))[0] for page in (1, 2, 3)]
        assert [each.name for page in pages for each in page] == [
            *(mine, "4-none", "0-en"),
            *("1-den", "2-en-us", "3-fr"),
        ]
    with speaking("fr"):
        assert (await names(database, "paypal"))[0] == "3-fr"


async def test_keeps_to_the_readers_language_however_many_others_there_are(database: Database) -> None:
    await put(database, "", in_languages(*["en"] * 250, "de"), NOW)
    with speaking("de"):
        assert (await fitting(database, ["orders"]))[0].language == "de"
        assert (await fitting(database, [], "paypal"))[0].language == "de"
        assert (await search(database, "paypal", 1))[0].language == "de"
        assert (await search(database, "paypal zeppelin", 1))[0].language == "de"
        assert (await listed(database, 1, 1))[0][0].language == "de"
    with speaking("fr"):
        assert len(await search(database, "paypal")) == 20, "what there is, if none is in their language"


async def test_finds_more_of_the_words_before_the_readers_language(database: Database) -> None:
    english = Article(name="english", title="Paypal and Skonto", html="<p>Both.</p>", language="en")
    german = [
        Article(name=f"g{number}", title="Paypal", html="<p>Nur das.</p>", language="de", subjects=("orders",))
        for number in range(40)
    ]
    await put(database, "", (*german, english), NOW)
    with speaking("de"):
        assert await names(database, "paypal skonto") == ["english"]
        assert (await names(database, "paypal skonto both zeppelin"))[0] == "english"


async def test_keeps_what_has_not_changed_and_drops_what_is_gone(database: Database) -> None:
    assert await put(database, "", ARTICLES, NOW) == 4
    assert await put(database, "", ARTICLES, NOW) == 0
    assert await put(database, "desk", [Article(name="desk.1", title="Of the desk", html="<p>transfer</p>")], NOW) == 1
    assert sorted(await names(database, "transfer")) == ["desk.1", "pay"]
    assert await put(database, "", ARTICLES[:1], NOW) == 3
    assert await names(database, "transfer") == ["desk.1"]
    await drop_others(database, [""])
    assert await names(database, "transfer") == []
    assert [found.name for found in (await listed(database, 1, 10))[0]] == ["late"]


async def test_suggests_what_fits_the_words_and_what_it_is_about(database: Database) -> None:
    await put(database, "", ARTICLES, NOW)

    async def fits(*subjects: str, text: str = "", most: int = 3) -> list[str]:
        return [found.name for found in await fitting(database, subjects, text, most=most)]

    assert await fits("topic:order") == ["late"]
    assert await fits("orders/delayed", "orders") == ["late"]
    assert await fits("orders/delivered", "orders") == ["late"], "of the kind, if of no state"
    assert await fits("invoices/paid", text="a photo of what is broken") == ["damaged"]
    assert await fits("invoices", text="a photo of what is broken") == ["damaged", "pay"]
    assert await fits("invoices", text="a photo of what is broken", most=1) == ["damaged"]
    assert await fits(text="is it on the way?") == []
    assert await fits() == []


def test_says_what_a_record_is_about() -> None:
    origin = Origin(source="erp", id="1", fetched_at=NOW)
    money = Money("EUR", Decimal(1))
    order = Order(origin=origin, number="1", state="confirmed", vendor_state="", total=money)
    assert subjects_of(order, TODAY) == ("orders/confirmed", "orders")
    late = Order(
        origin=origin, number="1", state="confirmed", vendor_state="", total=money, expected_on=date(2026, 11, 1)
    )
    assert subjects_of(late, TODAY) == ("orders/delayed", "orders")
    invoice = Invoice(
        origin=origin, number="1", state="open", vendor_state="", total=money, open=money, due_on=date(2026, 11, 1)
    )
    assert subjects_of(invoice, TODAY) == ("invoices/overdue", "invoices")
    ticket = Ticket(origin=origin, number="1", state="solved", vendor_state="", subject="x", created_at=NOW)
    assert subjects_of(ticket, TODAY) == ("requests/solved", "requests")


ODD = (
    '"',
    "a AND",
    "NEAR(",
    "a* OR",
    "^",
    "title:",
    "':*",
    "a & | !",
    "\\",
    "\0",
    "(",
    ":",
    "💥",
    "\u017f",
    "½",
    "'; --",
)


@pytest.mark.parametrize("question", ODD)
async def test_takes_any_question(database: Database, question: str) -> None:
    await put(database, "", ARTICLES, NOW)
    assert isinstance(await search(database, question), tuple)
    assert isinstance(await fitting(database, ["orders"], question), tuple)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
async def test_takes_any_text_whatever(database: Database, question: str) -> None:
    assert isinstance(await search(database, question), tuple)
    assert isinstance(await fitting(database, ["orders"], question), tuple)


async def test_finds_one_among_ten_thousand(database: Database) -> None:
    many = [
        Article(
            name=f"a{number}",
            title=f"About part {number}",
            html=f"<p>How to order spare part {number} and fit it.</p>" + "<p>More words about parts.</p>" * 5,
            subjects=("orders",),
        )
        for number in range(9_999)
    ]
    needle = Article(name="needle", title="Haystacks", html="<p>Find the part in them.</p>")
    assert await put(database, "", [*many, needle], NOW) == 10_000
    assert await names(database, "haystack") == ["needle"]
    assert await names(database, "part haystacks") == ["needle"]
    assert await names(database, "part 4711") == ["a4711"]
    assert len(await names(database, "part")) == 20
    assert len(await fitting(database, ["orders"], "where is the spare part")) == 3
    found, count = await listed(database, 200, 50)
    assert (len(found), count) == (50, 10_000)
    assert await put(database, "", [*many, needle], NOW) == 0


async def test_counts_searches_and_answers_without_knowing_who(database: Database) -> None:
    await put(database, "", ARTICLES, NOW)
    now = NOW
    counts = HelpCounts(database, lambda: now)
    for question in ("Refund?", "refund", "  REFUND "):
        counts.searched(question, found=False)
    counts.searched("invoice", found=True)
    counts.searched("mail ann@example.com about 4711 please", found=False)
    counts.searched("12345", found=False)
    counts.answered("pay", "Invoice", yes=False)
    counts.answered("pay", "", yes=True)
    counts.answered("late", "order", yes=False)
    await counts.flush()
    now = NOW + timedelta(days=1)
    counts.searched("refund", found=False)
    await counts.flush()
    assert (await searches(database))[0] == (
        Searched(words="refund", times=4, empty=4, unanswered=0),
        Searched(words="invoice", times=1, empty=0, unanswered=1),
        Searched(words="mail about please", times=1, empty=1, unanswered=0),
        Searched(words="order", times=0, empty=0, unanswered=1),
    )
    said = [(each.name, each.yes, each.no) for each in (await rated(database))[0]]
    assert said == [("late", 0, 1), ("pay", 1, 1), ("zahlen", 0, 0), ("damaged", 0, 0)]
    now = NOW + timedelta(days=BY_ITSELF["searches"]) + timedelta(days=1)
    await counts._purge(now)
    assert [each.times for each in (await searches(database))[0]] == [1], "what is older is forgotten"


async def test_has_room_for_so_many_searches_of_a_day(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.help.counting.ROOM", 3)
    counts = HelpCounts(database, lambda: NOW)
    for turn in range(4):
        for word in ("one", "two", "three", "four"):
            counts.searched(f"{word} {turn if turn > 1 else ''}", found=False)
        await counts.flush()
    assert (await searches(database))[1] == 3
