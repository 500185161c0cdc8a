"""What becomes of mails that are due: which of them go out, in which letter, and which wait or are not needed."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from msgspec import Struct

from auth.clock import Clock
from gateway.access import Scope, scope_of
from gateway.account_view import AccountViews
from gateway.mails.choices import Choices, read_own
from gateway.mails.letters import Item, Letters
from gateway.mails.subjects import Ask, Subject, Subjects
from gateway.mails.turns import Ended, Mail
from gateway.records.database import Database

NOT_KNOWN_YET = timedelta(minutes=5)  # until the next look for a record that nobody can tell of now
TOO_LATE = timedelta(days=2)  # after an event: then it is no news any more
GONE = Ended("dropped", "not a member any more, not wanted, or no address")

log = structlog.get_logger()


class Prepared(Struct, frozen=True, kw_only=True):
    """One letter about some mails, and what became of the others. `going` empty: there is no letter."""

    to: str = ""
    message: bytes = b""
    going: tuple[Mail, ...] = ()
    ended: tuple[tuple[Mail, Ended], ...] = ()


class Preparing:
    """Looks whether a member may see it, wants to hear of it now, and it is still so; then writes the letter."""

    def __init__(self, db: Database, views: AccountViews, letters: Letters, *, clock: Clock, zone: ZoneInfo) -> None:
        self._db = db
        self._subjects = Subjects(db, views)
        self._letters = letters
        self._clock = clock
        self._zone = zone

    async def prepare(self, mails: Sequence[Mail]) -> Prepared:
        """Look at mails of one member that are due together. Raises `DatabaseDown`."""
        now = self._clock()
        member = mails[0].member
        async with self._db.read() as session:
            choices = await read_own(session, member)
        fates: dict[str, Ended] = {mail.id: Ended("failed", "too late") for mail in mails if _is_late(mail, now)}
        in_time = [mail for mail in mails if mail.id not in fates]
        quiet = choices.times.over(choices.rules, self._zone.key).quiet_for(now)
        if not _can_go(choices):
            fates |= {mail.id: GONE for mail in in_time}
        elif quiet:
            fates |= {mail.id: Ended("waiting", "quiet hours", after=quiet) for mail in in_time}
        else:
            with self._letters.speaking_to(*choices.languages):
                found = await self._found(in_time, choices, now)
                fates |= {mail: each for mail, each in found.items() if isinstance(each, Ended)}
                items = {mail: each for mail, each in found.items() if isinstance(each, Item)}
                going = tuple(mail for mail in mails if mail.id in items)
                if going:
                    return self._written(choices.address or "", going, items, _ended(mails, fates))
        return Prepared(ended=_ended(mails, fates))

    async def _found(self, mails: Sequence[Mail], choices: Choices, now: datetime) -> Mapping[str, Item | Ended]:
        """Look at mails that may go out now, of each account that they are about."""
        found: dict[str, Item | Ended] = {}
        for account in dict.fromkeys(mail.account for mail in mails):
            scope = await scope_of(self._db, mails[0].member, account)
            found |= await self._look(scope, [mail for mail in mails if mail.account == account], choices, now)
        return found

    def _written(
        self,
        to: str,
        going: tuple[Mail, ...],
        items: Mapping[str, Item],
        ended: tuple[tuple[Mail, Ended], ...],
    ) -> Prepared:
        try:
            letter = self._letters.write(going[0].id, to, [items[mail.id] for mail in going])
            return Prepared(to=to, message=letter.as_bytes(), going=going, ended=ended)
        except Exception:  # of ours: the others' mails go on
            log.exception("mail not written", mail=going[0].id)
            return Prepared(ended=(*ended, *((mail, Ended("failed", "it could not be written")) for mail in going)))

    async def _look(
        self, scope: Scope | None, mails: Sequence[Mail], choices: Choices, now: datetime
    ) -> Mapping[str, Item | Ended]:
        """Look at mails about one account."""
        if scope is None:
            return {mail.id: GONE for mail in mails}
        choices = choices.within(scope.segments)
        daily = choices.times.over(choices.rules, self._zone.key).daily_in(now)
        gathered = Ended("waiting", "for the mail of the day", after=daily, gathered=True)
        found: dict[str, Item | Ended] = {}
        to_find: list[Mail] = []
        for mail in mails:
            ways = {choices.way(name) for name in mail.names} - {"none"}
            if not ways:
                found[mail.id] = GONE
            elif ways == {"daily"} and not mail.gathered:
                found[mail.id] = gathered
            else:
                to_find.append(mail)
        today = now.astimezone(self._zone).date()
        ask = Ask(wanted=choices.wanted, today=today, rules=choices.rules, is_news=True)
        subjects = await self._subjects.find(scope, to_find, ask) if to_find else {}
        for mail in to_find:
            match subjects[mail.id]:
                case Subject() as subject:
                    waits = choices.way(subject.name) == "daily" and not mail.gathered
                    found[mail.id] = gathered if waits else Item(scope, subject)
                case "not known":
                    found[mail.id] = Ended("waiting", "the source has not answered", after=NOT_KNOWN_YET)
                case "not so":
                    found[mail.id] = Ended("dropped", "not so any more")
                case _:
                    found[mail.id] = Ended("dropped", "not theirs to see")
        return found


def _ended(mails: Sequence[Mail], fates: Mapping[str, Ended]) -> tuple[tuple[Mail, Ended], ...]:
    return tuple((mail, fates[mail.id]) for mail in mails if mail.id in fates)


def _is_late(mail: Mail, now: datetime) -> bool:
    return now - mail.made_at > TOO_LATE


def _can_go(choices: Choices) -> bool:
    return choices.may_come and choices.is_writable and not choices.refused
