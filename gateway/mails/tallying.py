"""Counting what other rules would have made of what happened lately, with what members have chosen."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from gateway.mails.choices import chosen_by, joined
from gateway.message_rules import Choice, Rules
from gateway.occasions import EVENTS, EventName
from gateway.records.database import Database
from gateway.records.mail_tables import MailRow
from gateway.records.tables import Member
from gateway.segments import EVERYBODY, Policy, is_sure
from gateway.sorting import sort

BACK = timedelta(days=90)
MOST = 20_000  # groups that are counted
UNSURE = None  # the place of accounts of which nobody knows the segment


class Sum(Struct, kw_only=True):
    """What became, or would have become, of some messages."""

    happened: int = 0  # for each member that could be told
    mails: int = 0  # of their own
    gathered: int = 0  # that go together with others
    shown: int = 0  # in inboxes


class Tally(Struct, frozen=True, kw_only=True):
    """What rules would have made. `days`: mails of the day, each one for all that it gathers.

    `segments`: the same by segment, `UNSURE` where it is not known which.
    """

    events: Mapping[EventName, Sum]
    segments: Mapping[str | None, Sum]
    days: int
    is_whole: bool

    @property
    def mails(self) -> int:
        return sum(each.mails for each in self.events.values()) + self.days


class Lately(Struct, frozen=True, kw_only=True):
    """What happened within the last 90 days, by member, account, kind and day; and who is in which segment."""

    rows: Sequence[Any]
    chosen: Mapping[str, Mapping[EventName, Choice]]
    policy: Policy
    segments: Mapping[str, tuple[str, ...]]


async def lately(db: Database, now: datetime) -> Lately:
    """Read it. Raises `DatabaseDown`."""
    day = sa.func.substr(sa.cast(MailRow.made_at, sa.String), 1, 10)
    group = (MailRow.member_id, MailRow.account_id, MailRow.names, day, Member.email.is_not(None))
    rows = (
        sa.select(*group, sa.func.count())
        .join(Member, Member.id == MailRow.member_id)
        .where(MailRow.made_at > now - BACK)
        .group_by(*group)
        .limit(MOST)
    )
    async with db.read() as session:
        found = (await session.execute(rows)).all()
        chosen = await chosen_by(session, sorted({member for member, *_ in found}))
        policy, segments = await sort(session, {account for _, account, *_ in found})
    return Lately(rows=found, chosen=chosen, policy=policy, segments=segments)


def tally(its: Lately, rules: Rules) -> Tally:
    """Say what it would have made by some rules."""
    events = {event: Sum() for event in EVENTS}
    segments: dict[str | None, Sum] = defaultdict(Sum)
    days: set[tuple[str, str]] = set()
    within = {names: rules.within(names) for names in set(its.segments.values())}
    for member, account, names, on, has_address, many in its.rows:
        called = names.split(",")
        each = joined(within[its.segments[account]], its.chosen.get(member, {}))
        fitting = [event for event in EVENTS if event in called]
        way = next((each[event].mail for event in fitting if event in each and each[event].mail != "none"), "none")
        is_mail = way != "none" and has_address
        is_shown = any(event in each and each[event].inbox for event in fitting)
        for its_sum in (events[min(fitting, key=called.index)], segments[place_of(its.segments[account])]):
            its_sum.happened += many
            its_sum.shown += many if is_shown else 0
            its_sum.mails += many if is_mail and way == "at_once" else 0
            its_sum.gathered += many if is_mail and way == "daily" else 0
        days |= {(member, on)} if is_mail and way == "daily" else set()
    return Tally(events=events, segments=segments, days=len(days), is_whole=len(its.rows) < MOST)


def place_of(segments: Collection[str]) -> str | None:
    """Say in which line an account is counted."""
    return next(iter(segments), EVERYBODY) if is_sure(segments) else UNSURE
