"""How sentences are said in the language of whoever reads."""

import asyncio
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import minijinja
import pytest
from babel import Locale

from connectors.records import Money
from gateway import languages, rules
from gateway.languages import (
    by_voice,
    catalogue,
    gettext,
    language,
    ngettext,
    pgettext,
    phrase,
    speak,
    speaking,
    voice,
    writing,
)
from gateway.languages.catalogue import parsed
from gateway.languages.choosing import Languages
from gateway.languages.sentences import MARKED
from gateway.statuses import ORDERS
from web import pieces, words

OF = "tlh"  # of nobody else's tests; dates and figures are German ones
PO = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n<5 ? 1 : 2);\\n"

msgid "Valid until {day}."
msgstr "Gültig bis <{day}>."

msgid "{n} day"
msgid_plural "{n} days"
msgstr[0] "ein Tag"
msgstr[1] "{n} Tage"
msgstr[2] "viele Tage: {n}"

msgctxt "order"
msgid "Open"
msgstr "Offen"

msgid "On its way"
msgstr "Unterwegs"

msgid "today {clock}"
msgstr "heute {clock}"

#, fuzzy
msgid "Not sure"
msgstr "Unsicher"

msgid "Not said"
msgstr ""
"""


@pytest.fixture(autouse=True)
def another() -> Iterator[None]:
    found = parsed("de", PO.encode())
    catalogue.add(
        catalogue.Catalogue(code=OF, locale=Locale("de"), said=found.said, plural=found.plural, missing=found.missing)
    )
    yield
    languages.know({})
    catalogue._others.pop(OF)
    languages._voices.clear()


def test_says_sentences_in_the_language_that_is_spoken() -> None:
    assert gettext("Valid until {day}.", day="x") == "Valid until x."
    with speaking(OF):
        assert language() == OF
        assert gettext("Valid until {day}.", day="x") == "Gültig bis <x>."
        assert pgettext("order", "Open") == "Offen"
        assert gettext("Open") == "Open"  # without its context it is another sentence
        with speaking("en"):
            assert pgettext("order", "Open") == "Open"
        assert language() == OF
    assert language() == "en"


@pytest.mark.parametrize(
    ("number", "said"), [(1, "ein Tag"), (3, "3 Tage"), (0, "0 Tage"), (1204, "viele Tage: 1.204")]
)
def test_counts_as_the_language_does(number: int, said: str) -> None:
    with speaking(OF):
        assert ngettext("{n} day", "{n} days", number) == said
    assert ngettext("{n} day", "{n} days", number) == ("1 day" if number == 1 else f"{number:,} days")


def test_says_in_english_what_it_cannot_say() -> None:
    with speaking(OF):
        assert [gettext("Not sure"), gettext("Not said"), gettext("Nowhere")] == ["Not sure", "Not said", "Nowhere"]
        assert ngettext("{n} hour", "{n} hours", 2) == "2 hours"
    assert catalogue.catalogue_of(OF).missing == ("Not sure", "Not said")
    assert OF not in catalogue.complete()


def test_knows_no_other_language() -> None:
    with pytest.raises(KeyError), speaking("../de"):
        pass


def test_lets_nobody_name_a_language_that_is_not_whole_or_not_there() -> None:
    for code, reason in ((OF, "lacks 2 sentences"), ("../de", "that the portal has: en, ")):
        with pytest.raises(ValueError, match=reason):
            rules.languages(f"en, {code}")
    assert rules.languages("DE en,de") == ("de", "en")


def test_escapes_what_stands_in_a_sentence_of_a_page() -> None:
    env = minijinja.Environment(
        templates={"a.html": '{{ _("Valid until {day}.", day=day) }} {{ _("Not <b>", x=1) }}'}, globals=dict(MARKED)
    )
    with speaking(OF):
        assert env.render_template("a.html", day="<i>") == "Gültig bis &lt;&lt;i&gt;&gt;. Not &lt;b&gt;"
        assert "<<time>x</time>>" not in env.render_template("a.html", day=minijinja.safe("<time>x</time>"))
        assert "<time>x</time>" in env.render_template("a.html", day=minijinja.safe("<time>x</time>"))


def test_takes_what_staff_say_before_our_own() -> None:
    with speaking(OF):
        assert phrase("On its way") == "Unterwegs"
        assert str(pieces.chip(ORDERS["on_its_way"])).endswith(">Unterwegs</span>")
    languages.know({OF: {"On its way": "Auf Achse"}})
    with speaking(OF):
        assert phrase("On its way") == "Auf Achse"
        assert str(pieces.chip(ORDERS["on_its_way"])).endswith(">Auf Achse</span>")  # nothing kept says it otherwise
        assert gettext("On its way") == "Unterwegs"
    assert phrase("On its way") == "On its way"


def test_keeps_words_for_each_language_apart() -> None:
    asked = []

    @by_voice
    def said(text: str) -> str:
        asked.append(language())
        return gettext(text)

    for code in ("en", OF, "en", OF):
        with speaking(code):
            assert said("On its way") == ("On its way" if code == "en" else "Unterwegs")
    assert asked == ["en", OF]


async def test_goes_on_in_another_language_in_every_task_of_a_request() -> None:
    async def find_out() -> None:
        speak(OF)

    async def request(code: str, *, is_known: bool) -> list[str]:
        with speaking(code):
            before = voice()
            if is_known:
                await asyncio.gather(find_out())  # a task of its own, as the framework makes them
            await asyncio.sleep(0)
            assert (voice() is before) is not is_known
            return [language(), await asyncio.create_task(later())]

    async def later() -> str:
        return language()

    one, other = await asyncio.gather(request("en", is_known=True), request("en", is_known=False))
    assert (one, other) == ([OF, OF], ["en", "en"])
    assert language() == "en"


def test_writes_figures_and_days_as_the_language_does() -> None:
    today, zone = date(2026, 11, 22), ZoneInfo("UTC")
    with speaking(OF):
        assert words.money(Money("EUR", Decimal("1234.5"))) == "1.234,50\xa0€"
        assert words.money(Money("KWD", Decimal("1234.5"))) == "1.234,500\xa0KWD"
        assert words.day(date(2026, 11, 12), today) == "12. November"
        assert words.day(date(2025, 11, 12), today) == "12. November 2025"
        assert words.short_day(date(2025, 11, 12), today) == "12. Nov. 2025"
        assert words.long_day(date(2026, 11, 12)) == "Donnerstag, 12. November"
        assert words.size(1_500_000) == "1,5 MB"
        assert words.number(3) == "3"
        assert words.moment(datetime(2026, 11, 22, 10, 42, tzinfo=zone), today, zone) == "heute 10:42"
        assert writing.all_of(["a", "b", "c"]) == "a, b und c"
    assert writing.all_of(["a", "b", "c"]) == "a, b and c"
    assert writing.all_of(["a"]) == "a"


OFFERED = Languages(("en", "de", "fr"), "de")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "de"),
        ("fr", "fr"),
        ("fr-CA, en;q=0.5", "fr"),
        ("FR-ca;q=0.4, EN-gb;q=0.5", "en"),
        ("es, en;q=0.1", "en"),
        ("es", "de"),
        ("en;q=0, fr;q=0.1", "fr"),
        ("es, *;q=0.5", "de"),
        ("de-AT-1996", "de"),
        ("fr;q=2, en", "en"),
        (",;q=,\x00 fr;;, en ; q=0.3", "en"),
        ("x" * 5000 + ",fr", "de"),
    ],
)
def test_gives_a_browser_what_it_asks_for(header: str, code: str) -> None:
    assert OFFERED.wanted(header) == code


def test_gives_only_what_is_offered() -> None:
    assert [OFFERED.of(code) for code in ("fr", "es", None)] == ["fr", None, None]


def test_counts_the_first_of_a_month_as_french_does() -> None:
    with speaking("fr"):
        assert writing.day(date(2026, 11, 1), date(2026, 3, 1)) == "1er novembre"
        assert writing.full_day(date(2027, 11, 11)) == "11 novembre 2027"
