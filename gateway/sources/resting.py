"""What rests on a source: segments whose rule asks it, and topics whose requests go to it."""

from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.database import Database
from gateway.records.status_tables import VisibilityDraft
from gateway.records.topic_tables import TopicRow
from gateway.segments import Policy, read_policy
from gateway.sorting import NEWEST

STRICTEST = "nobody knows who is in it, and everybody sees only what the strictest settings show"


class Resting(Struct, frozen=True, kw_only=True):
    """What staff call it. `drafted`: segments that rest on the source in the draft alone."""

    segments: tuple[str, ...] = ()
    drafted: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


async def resting_on(session: AsyncSession, source: str) -> Resting:
    published = _of(read_policy(await session.scalar(NEWEST)), source)
    content = await session.scalar(sa.select(VisibilityDraft.content))
    drafted = {} if content is None else _of(read_policy(content), source)
    rows = await session.scalars(sa.select(TopicRow.topic).order_by(TopicRow.place))
    return Resting(
        segments=tuple(published.values()),
        drafted=tuple(title for name, title in drafted.items() if name not in published),
        topics=tuple(topic["label"] for topic in rows if topic.get("source") == source),
    )


async def segments_of(db: Database) -> dict[str, list[str]]:
    """Give the published segments by the source that their rule asks."""
    async with db.read() as session:
        policy = read_policy(await session.scalar(NEWEST))
    found: dict[str, list[str]] = {}
    for segment in policy.segments:
        found.setdefault(segment.rule.source, []).append(segment.title)
    return found


def without_it(resting: Resting) -> Iterator[str]:
    """Say what it means for customers that the source goes."""
    for title in resting.segments:
        yield f"The segment “{title}” can be told no longer: until you change its rule, {STRICTEST}."
    for title in resting.drafted:
        yield f"The segment “{title}” of the draft can be told no longer: change its rule before you publish it."
    for label in resting.topics:
        yield f"The topic “{label}” goes to it: customers cannot choose it any more."


def while_paused(segments: Iterable[str]) -> Iterator[str]:
    """Say what it means for customers that the source is asked nothing for long."""
    for title in segments:
        yield f"After a day the segment “{title}” can be told no longer: until it is resumed, {STRICTEST}."


def _of(policy: Policy, source: str) -> dict[str, str]:
    return {each.name: each.title for each in policy.segments if each.rule.source == source}
