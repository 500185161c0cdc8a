"""How a member hears of what: as staff say, until they choose. A way out of one kind works without signing in."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from auth.same import same
from gateway.audit import Trail
from gateway.identity.invitation_links import InvitationLinks
from gateway.identity.mailboxes import is_plain
from gateway.keyring import Keyring
from gateway.mails.times import Times
from gateway.message_rules import Choice, Rules, Way, loosest, read_rules, within_accounts
from gateway.occasions import EVENTS, EventName
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.mail_tables import MessageChoice, MessageTimes, RefusedAddress
from gateway.records.tables import Member, Membership
from gateway.records.upsert import insert

MAC_BYTES = 16
Stopped = Literal[EventName, "daily"]  # "daily": all that come in the mail of the day


class OwnTimes(Struct, frozen=True, kw_only=True):
    """What a member has set of when mails come. None: as the business has it."""

    zone: str | None = None
    quiet: bool | None = None
    quiet_from: int | None = None
    quiet_until: int | None = None
    daily_at: int | None = None

    def over(self, rules: Rules, zone: str) -> Times:
        """Put them over what staff say. No quiet hours are hours of no length."""
        usual = (rules.quiet_from, rules.quiet_until)
        own = (self.quiet_from, self.quiet_until)
        begins, ends = usual if self.quiet is None or None in own else own if self.quiet else (0, 0)
        return Times(
            zone=self.zone or zone,
            quiet_from=begins or 0,
            quiet_until=ends or 0,
            daily_at=rules.daily_at if self.daily_at is None else self.daily_at,
        )


class Choices(Struct, frozen=True, kw_only=True):
    """What a member hears of and how, without what they cannot. `refused`: a mail server refused the address.

    It is of all of their accounts together: what is told in any of them. `rules` are as staff wrote them, `own` is
    what they have said themselves. `may_come`: nobody has disabled them. `languages`: in which they read, best first.
    """

    each: Mapping[EventName, Choice]
    own: Mapping[EventName, Choice]
    times: OwnTimes
    rules: Rules
    amounts: bool
    address: str | None
    refused: bool
    may_come: bool
    languages: tuple[str | None, ...]

    def within(self, segments: Collection[str]) -> "Choices":
        """Give what counts in an account that may be in any of these segments."""
        rules = self.rules.within(segments)
        return replace(self.by(rules), rules=rules)

    def by(self, rules: Rules) -> "Choices":
        """Give what counts where these rules do."""
        return replace(self, each=joined(rules, self.own), amounts=rules.amounts)

    def way(self, event: EventName) -> Way:
        return self.each[event].mail if event in self.each else "none"

    @property
    def is_writable(self) -> bool:
        """Whether their address is one that mails can be written to."""
        return self.address is not None and is_plain(self.address)

    @property
    def wanted(self) -> frozenset[EventName]:
        """Events of which they get mails."""
        return frozenset(event for event, choice in self.each.items() if choice.mail != "none")

    @property
    def shown(self) -> frozenset[EventName]:
        """Events that are in their inbox."""
        return frozenset(event for event, choice in self.each.items() if choice.inbox)


class Stop(Struct, frozen=True):
    """What a link in a mail stops."""

    member: str
    event: Stopped


class Stops:
    """Signs the links in mails by which they are stopped. The last key of the ring signs, each of them is believed."""

    def __init__(self, keyring: Keyring) -> None:
        self._keys = [key.derive(b"stops of mails") for key in keyring.keys]

    def sign(self, stop: Stop) -> str:
        """Make what a link holds."""
        return f"{stop.member}.{stop.event}.{_mac(self._keys[-1], stop)}"

    def read(self, token: str) -> Stop | None:
        """Read what a link holds. None: it is not ours."""
        member, _, rest = token.partition(".")
        name, _, mac = rest.partition(".")
        all_events: tuple[Stopped, ...] = (*EVENTS, "daily")
        event = next((event for event in all_events if event == name), None)
        if event is None:
            return None
        stop = Stop(member, event)
        return stop if any(same(mac, _mac(key, stop)) for key in self._keys) else None


class MailChoices:
    """Reads and sets what members want."""

    def __init__(self, db: Database, trail: Trail) -> None:
        self._db = db
        self._trail = trail

    async def of(self, member: str) -> Choices:
        """Raises `DatabaseDown`."""
        async with self._db.read() as session:
            return await read_choices(session, member)

    async def choose(
        self, member: str, wanted: Mapping[EventName, Choice], by: By, times: OwnTimes | None = None
    ) -> None:
        """Set how a member hears of some events, and when, None: as before. Raises `DatabaseDown`."""
        async with self._db.write() as session:
            before = await read_choices(session, member)
            changed = {event: choice for event, choice in wanted.items() if before.each.get(event) != choice}
            await _write(session, member, changed)
            if times is not None and times != before.times:
                await _write_times(session, member, times)
            if changed or (times is not None and times != before.times):
                details: dict[str, object] = {
                    "before": {event: _told(before.each.get(event)) for event in sorted(changed)},
                    "after": {event: _told(changed[event]) for event in sorted(changed)},
                }
                if times is not None and times != before.times:
                    details["times"] = True
                await self._trail.record(session, _line(member, by, details))

    async def stop(self, stop: Stop, by: By) -> None:
        """Send a member no more mails of one event. Whom there is no more, we need not know. Raises `DatabaseDown`."""
        async with self._db.write() as session:
            if await session.get(Member, stop.member) is None:
                return
            rules = (await read_rules(session)).rules
            own = (await chosen_by(session, [stop.member])).get(stop.member, {})
            all_of_them = {event: own.get(event, rules.choice(event)) for event in EVENTS}
            stopped = {
                event: Choice(mail="none", inbox=choice.inbox)
                for event, choice in all_of_them.items()
                if (event == stop.event and (event not in own or choice.mail != "none")) or choice.mail == stop.event
            }
            if stopped:
                await _write(session, stop.member, stopped)
                await self._trail.record(session, _line(stop.member, by, {"stopped": stop.event}))

    async def try_again(self, member: str, by: By) -> None:
        """Believe in an address again that was refused once. Raises `DatabaseDown`."""
        async with self._db.write() as session:
            gone = sa.delete(RefusedAddress).where(RefusedAddress.member_id == member)
            if await session.scalar(gone.returning(RefusedAddress.member_id)):
                await self._trail.record(session, _line(member, by, {"address": "tried again"}))


class MailDesk:
    """What pages need for mails. `is_on`: there is a mail server; `mailbox`: where all mails land, in a demo.

    `zone` is the business's.
    """

    def __init__(
        self,
        db: Database,
        trail: Trail,
        keyring: Keyring,
        *,
        is_on: bool,
        zone: ZoneInfo,
        mailbox: Path | None = None,
    ) -> None:
        self.choices = MailChoices(db, trail)
        self.stops = Stops(keyring)
        self.invitations = InvitationLinks(keyring)
        self.is_on = is_on
        self.zone = zone
        self.mailbox = mailbox


async def read_choices(session: AsyncSession, member: str) -> Choices:
    """Read what counts in all accounts of a member together."""
    choices = await read_own(session, member)
    theirs = sa.select(Membership.account_id).where(Membership.member_id == member)
    accounts = list(await session.scalars(theirs)) if choices.rules.segments else []
    anywhere = loosest((await within_accounts(session, choices.rules, accounts)).values())
    return choices if anywhere is None else choices.by(anywhere)


async def read_own(session: AsyncSession, member: str) -> Choices:
    """Read what a member has chosen, and what surely counts in any account: `Choices.within` says what in one."""
    row = (
        sa.select(Member, RefusedAddress.address, MessageTimes)
        .outerjoin(RefusedAddress, RefusedAddress.member_id == Member.id)
        .outerjoin(MessageTimes, MessageTimes.member_id == Member.id)
    )
    found = (await session.execute(row.where(Member.id == member))).one_or_none()
    who, address, times = found or (None, None, None)
    email = who.email if who else None
    rules = (await read_rules(session)).rules
    own = (await chosen_by(session, [member])).get(member, {})
    strictest = rules.within(())
    return Choices(
        each=joined(strictest, own),
        own=own,
        times=_times(times) if times else OwnTimes(),
        rules=rules,
        amounts=strictest.amounts,
        address=email,
        refused=email is not None and email == address,
        may_come=who is not None and who.disabled_at is None,
        languages=(who.language, who.language_seen) if who else (),
    )


async def chosen_by(session: AsyncSession, members: list[str]) -> dict[str, dict[EventName, Choice]]:
    """Give what some members have chosen themselves."""
    found: dict[str, dict[EventName, Choice]] = {}
    for row in await session.scalars(sa.select(MessageChoice).where(MessageChoice.member_id.in_(members))):
        event = next((event for event in EVENTS if event == row.event), None)
        if event:
            way: Way = row.mail  # type: ignore[assignment]  # as it was written
            found.setdefault(row.member_id, {})[event] = Choice(mail=way, inbox=row.inbox)
    return found


def joined(rules: Rules, own: Mapping[EventName, Choice]) -> dict[EventName, Choice]:
    """Say how somebody hears of what, by staff's rules and their own choices."""
    return {event: own.get(event, rules.choice(event)) for event in EVENTS if event not in rules.off}


async def _write(session: AsyncSession, member: str, changed: Mapping[EventName, Choice]) -> None:
    for event, choice in changed.items():
        new = {"mail": choice.mail, "inbox": choice.inbox}
        row = insert(session, MessageChoice).values(member_id=member, event=event, **new)
        keys = [MessageChoice.member_id, MessageChoice.event]
        await session.execute(row.on_conflict_do_update(index_elements=keys, set_=new))


async def _write_times(session: AsyncSession, member: str, times: OwnTimes) -> None:
    new = {name: getattr(times, name) for name in OwnTimes.__struct_fields__}
    row = insert(session, MessageTimes).values(member_id=member, **new)
    await session.execute(row.on_conflict_do_update(index_elements=[MessageTimes.member_id], set_=new))


def _times(row: MessageTimes) -> OwnTimes:
    return OwnTimes(**{name: getattr(row, name) for name in OwnTimes.__struct_fields__})


def _told(choice: Choice | None) -> str:
    if choice is None:
        return "off"
    return f"{choice.mail}, inbox" if choice.inbox else choice.mail


def _line(member: str, by: By, details: dict[str, object]) -> Line:
    about = f"member/{member}"
    return Line(what="mails.chosen", by=by, about=about, details=details, owner=about)


def _mac(key: bytes, stop: Stop) -> str:
    code = hmac.new(key, f"{stop.member}.{stop.event}".encode(), sha256).digest()[:MAC_BYTES]
    return urlsafe_b64encode(code).rstrip(b"=").decode()
