"""What staff have written that customers can read: each of these may be said in other languages, too."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from gateway.appearance import Appearance
from gateway.dictionary.versions import DICTIONARIES
from gateway.languages import ENGLISH
from gateway.languages.catalogue import catalogue_of
from gateway.offices import Office
from gateway.records.database import Database
from gateway.seeing.file import LONGEST
from gateway.seeing.versions import POLICIES
from gateway.sources.desired import LONGEST_TITLE
from gateway.statuses import SHIPMENTS, UNKNOWN, WORDS
from gateway.topics.changes import topics
from gateway.topics.file import defaults
from gateway.topics.texts import texts_of
from gateway.topics.writing import HELP, LINE
from gateway.wording import LENGTHS, UNSEEN


class StaffText(Struct, frozen=True, kw_only=True):
    """A text, and where staff find it. `longest`: as many signs as may stand there, in any language."""

    text: str
    place: str
    href: str
    longest: int


async def staff_texts(
    db: Database, offices: Mapping[str, Office], appearance: Appearance, ways_in: Iterable[str]
) -> tuple[StaffText, ...]:
    """Give each once, where it stands first. `ways_in` is what buttons to sign in say. Raises `DatabaseDown`."""
    found: dict[str, StaffText] = {}
    statuses = await _statuses(db)
    for place, href, longest, texts in (
        ("The hours", "/staff/settings/appearance", LINE, _hours(appearance)),
        ("Notices", "/staff/visible", LONGEST["text"], await _notices(db)),
        *(("Statuses", "/staff/statuses", LENGTHS[field], texts) for field, texts in statuses.items()),
        ("Topics", "/staff/topics", HELP, [text for named in await topics(db) for text in texts_of(named.topic)]),
        ("Names of sources", "/staff/sources", LONGEST_TITLE, [office.title for office in offices.values()]),
        ("Ways to sign in", "/staff/settings", LINE, ways_in),
    ):
        for text in filter(str.strip, texts):
            most = max(longest, len(text))
            first = found.setdefault(text, StaffText(text=text, place=place, href=href, longest=most))
            found[text] = replace(first, longest=min(first.longest, most))
    return tuple(found.values())


def fault_of(text: StaffText, said: str) -> str | None:
    """Say what is wrong with how somebody says a text: it has to keep to what the text itself has to."""
    if len(said) > text.longest:
        return f"This has {len(said):,} characters, and {text.longest} fit where it stands. Shorten it."
    return "There is a sign in it that nobody sees: write it in plain letters." if UNSEEN.search(said) else None


def needs_words(text: str, language: str) -> bool:
    """Whether staff have to say it: our own catalogue does not, or we did not write it in English ourselves."""
    if language == ENGLISH:
        return text not in OURS
    return (None, text) not in catalogue_of(language).said


def _ours() -> Iterator[str]:
    for table in (*WORDS.values(), SHIPMENTS, {"": UNKNOWN}):
        for status in table.values():
            yield from (status.label, status.meaning, status.next_step)
    for named in defaults():
        yield from texts_of(named.topic)


OURS = frozenset(_ours())


def _hours(appearance: Appearance) -> Iterator[str]:
    if appearance.contact_hours:
        yield appearance.contact_hours


async def _notices(db: Database) -> list[str]:
    policy = (await POLICIES.live(db)).content
    seen = (policy.everybody, *(each.seen for each in policy.segments))
    return [each.notice.text for each in seen if each.notice]


async def _statuses(db: Database) -> dict[str, list[str]]:
    """Give the labels, then what explains them."""
    words = (await DICTIONARIES.live(db)).content
    entries = [entry for kinds in words.values() for its in kinds.values() for entry in its.values()]
    return {field: [text for entry in entries if (text := getattr(entry, field))] for field in LENGTHS}
