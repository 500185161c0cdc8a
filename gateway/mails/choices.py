"""Which mails a member wants: all, until they say otherwise. A way out of one kind works without signing in."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.same import same
from gateway.audit import Trail
from gateway.events import EVENTS, EventName
from gateway.keyring import Keyring
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.mail_tables import RefusedAddress, UnwantedMail
from gateway.records.tables import Member
from gateway.records.upsert import insert

MAC_BYTES = 16


class Choices(Struct, frozen=True, kw_only=True):
    """What a member wants, and where it goes to. `refused`: the address is one that a mail server refused."""

    wanted: frozenset[EventName]
    address: str | None
    refused: bool


class Stop(Struct, frozen=True):
    """What a link in a mail stops."""

    member: str
    event: EventName


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
        event = next((event for event in EVENTS if event == name), None)
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

    async def choose(self, member: str, wanted: Collection[EventName], by: By) -> None:
        """Set which events a member wants mails of. Raises `DatabaseDown`."""
        async with self._db.write() as session:
            unwanted = sorted(set(EVENTS) - set(wanted))
            before = await _unwanted(session, member)
            if before == set(unwanted):
                return
            await session.execute(sa.delete(UnwantedMail).where(UnwantedMail.member_id == member))
            if unwanted:
                rows = [{"member_id": member, "event": event} for event in unwanted]
                await session.execute(insert(session, UnwantedMail).values(rows))
            details = {"before": {"unwanted": sorted(before)}, "after": {"unwanted": unwanted}}
            await self._trail.record(session, _line(member, by, details))

    async def stop(self, stop: Stop, by: By) -> None:
        """Send a member no more mails of one event. Whom there is no more, we need not know. Raises `DatabaseDown`."""
        async with self._db.write() as session:
            if await session.get(Member, stop.member) is None:
                return
            row = insert(session, UnwantedMail).values(member_id=stop.member, event=stop.event)
            told = await session.scalar(row.on_conflict_do_nothing().returning(UnwantedMail.event))
            if told:
                await self._trail.record(session, _line(stop.member, by, {"stopped": stop.event}))

    async def try_again(self, member: str, by: By) -> None:
        """Believe in an address again that was refused once. Raises `DatabaseDown`."""
        async with self._db.write() as session:
            gone = sa.delete(RefusedAddress).where(RefusedAddress.member_id == member)
            if await session.scalar(gone.returning(RefusedAddress.member_id)):
                await self._trail.record(session, _line(member, by, {"address": "tried again"}))


class MailDesk:
    """What pages need for mails. `is_on`: there is a mail server; `mailbox`: where all mails land, in a demo."""

    def __init__(
        self, db: Database, trail: Trail, keyring: Keyring, *, is_on: bool, mailbox: Path | None = None
    ) -> None:
        self.choices = MailChoices(db, trail)
        self.stops = Stops(keyring)
        self.is_on = is_on
        self.mailbox = mailbox


async def read_choices(session: AsyncSession, member: str) -> Choices:
    unwanted = await _unwanted(session, member)
    email = await session.scalar(sa.select(Member.email).where(Member.id == member))
    refused = await session.scalar(sa.select(RefusedAddress.address).where(RefusedAddress.member_id == member))
    return Choices(
        wanted=frozenset(event for event in EVENTS if event not in unwanted),
        address=email,
        refused=email is not None and email == refused,
    )


async def _unwanted(session: AsyncSession, member: str) -> set[str]:
    return set(await session.scalars(sa.select(UnwantedMail.event).where(UnwantedMail.member_id == member)))


def _line(member: str, by: By, details: dict[str, object]) -> Line:
    about = f"member/{member}"
    return Line(what="mails.chosen", by=by, about=about, details=details, owner=about)


def _mac(key: bytes, stop: Stop) -> str:
    code = hmac.new(key, f"{stop.member}.{stop.event}".encode(), sha256).digest()[:MAC_BYTES]
    return urlsafe_b64encode(code).rstrip(b"=").decode()
