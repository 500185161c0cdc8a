"""Mails that invite: what they say, and how each goes out once.

Whether the invitation can still be used is asked when the mail is sent. The link of each mail is its own, and a mail
that is tried again has the same one.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from msgspec import Struct

from auth.clock import Clock
from gateway.identity.invitations import MEMBER
from gateway.languages import gettext
from gateway.languages.writing import full_day
from gateway.mails.letters import Letters
from gateway.mails.post import Away, Declined, Line, Lost
from gateway.mails.sending import PAUSES
from gateway.mails.turns import LASTS, Ended
from gateway.mails.words import one_line
from gateway.records.customer_tables import InvitationMail
from gateway.records.database import Database
from gateway.records.identity_tables import Invitation
from gateway.records.stopping import stopped_among
from gateway.records.tables import Account, Member

log = structlog.get_logger()


class Words(Struct, frozen=True, kw_only=True):
    """What the mail says, as its template wants it."""

    subject: str
    heading: str
    sentence: str
    button: str


class Bidding(Struct, frozen=True, kw_only=True):
    """What a letter needs to know. `inviter`: the colleague who invites, None: staff do. `languages`: the colleague's.

    Who is invited has never been here: until they come, the language is a guess.
    """

    mail: str
    email: str
    account: str
    inviter: str | None
    until: datetime
    languages: tuple[str | None, ...] = ()


class Taken(Struct, frozen=True, kw_only=True):
    """A mail that is ours to send, until another process has a later `turn`. `bidding` None: nobody needs it."""

    id: str
    turn: int
    tries: int
    bidding: Bidding | None


class InvitationLetters:
    """Writes them. `sign` makes what a link holds."""

    def __init__(self, letters: Letters, sign: Callable[[str], str], zone: ZoneInfo) -> None:
        self._letters = letters
        self._sign = sign
        self._zone = zone

    def compose(self, of: Bidding) -> EmailMessage:
        """Write a letter, the same one for the same mail however often it is tried."""
        with self._letters.speaking_to(*of.languages):
            return self._write(of)

    def _write(self, of: Bidding) -> EmailMessage:
        sender, account = self._letters.sender, one_line(of.account)
        brand = one_line(sender.name)
        link = f"{sender.base_url}/invited/{self._sign(of.mail)}"
        stop = f"{link}/stop"
        said = Words(
            subject=gettext("{business} invites you to its customer portal", business=brand),
            heading=gettext("See how things stand with {business}", business=brand),
            sentence=gettext(
                "You can now look at what {account} has with us whenever you like, and ask us about it there.",
                account=account,
            ),
            button=gettext("Open the portal"),
        )
        day = full_day(of.until.astimezone(self._zone).date())
        why = (
            gettext("{person} invited you to act for {account}.", person=one_line(of.inviter), account=account)
            if of.inviter
            else gettext("We invited you because you are with {account}.", account=account)
        )
        context = {
            "said": said,
            "account": account,
            "how": gettext("Sign in with this address: {address}", address=of.email),
            "why": why,
            "until": gettext("The invitation ends on {day}.", day=day),
            "href": link,
            "stop": stop,
        }
        message = self._letters.post(of.mail, of.email, said.subject, "invitation", context)
        message["List-Unsubscribe"] = f"<{stop}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return message


class Inviting:
    """Sends what is due, beside all other mails and over the same line."""

    def __init__(self, db: Database, letters: InvitationLetters, clock: Clock) -> None:
        self._db = db
        self._letters = letters
        self._clock = clock

    async def is_due(self, now: datetime) -> bool:
        """Look before taking: a look keeps nobody from writing."""
        due = sa.select(sa.literal(1)).where(InvitationMail.due_at <= now).limit(1)
        async with self._db.read() as session:
            return await session.scalar(due) is not None

    async def one(self, line: Line) -> bool:
        """Send the mail that is due for longest. False: there is none. Raises `Away`."""
        mail = await self._take()
        if mail is None:
            return False
        if mail.bidding is None:
            await self._end(
                mail, Ended("dropped", "the invitation is used, withdrawn or has ended, or they want no mails")
            )
            return True
        try:
            message = self._letters.compose(mail.bidding).as_bytes()
        except Exception:  # of ours: the others' mails go on
            log.exception("invitation not written", mail=mail.id)
            await self._end(mail, Ended("failed", "it could not be written"))
            return True

        async def begin() -> bool:
            return await self._note(mail, {"handed_at": self._clock()})

        try:
            if await line.hand(mail.bidding.email, message, begin):
                await self._end(mail, Ended("sent", tried=True))
        except Away:
            await self._end(mail, Ended("waiting", after=timedelta(0)))
            raise
        except Lost as error:
            await self._end(mail, Ended("unknown", str(error), tried=True))
            raise Away(str(error)) from error
        except Declined as error:
            await self._decline(mail, error)
        return True

    async def _take(self) -> Taken | None:
        """Take a mail. One that a process died over when it had begun to go out may have arrived: it stays."""
        now = self._clock()
        due = sa.select(InvitationMail).where(InvitationMail.due_at <= now)
        due = due.order_by(InvitationMail.due_at, InvitationMail.id).limit(1)
        while True:
            async with self._db.write() as session:
                row = await session.scalar(due.with_for_update(skip_locked=True))
                if row is None:
                    return None
                if row.handed_at is None:
                    row.turn += 1
                    row.due_at = now + LASTS
                    of = sa.select(Invitation, Account.name).join(Account, Account.id == Invitation.account_id)
                    invitation, account = (await session.execute(of.where(Invitation.id == row.invitation_id))).one()
                    inviter = sa.select(Member).where(Member.id == invitation.made_by.removeprefix(MEMBER))
                    member = await session.scalar(inviter) if invitation.made_by.startswith(MEMBER) else None
                    is_stopped = bool(await stopped_among(session, [invitation.email]))
                    return _taken(
                        row, invitation, account, member, is_wanted=not is_stopped and _is_open(invitation, now)
                    )
                row.state, row.due_at, row.ended_at = "unknown", None, now
                row.error = "the process that sent it died"

    async def _decline(self, mail: Taken, error: Declined) -> None:
        tries = mail.tries + 1
        if not error.is_final and tries <= len(PAUSES):
            await self._end(mail, Ended("waiting", str(error), timedelta(seconds=PAUSES[tries - 1]), tried=True))
            return
        log.warning("invitation not taken", mail=mail.id, is_address=error.is_address)
        await self._end(mail, Ended("failed", str(error), tried=True), is_bounced=error.is_address)

    async def _end(self, mail: Taken, ended: Ended, *, is_bounced: bool = False) -> None:
        now = self._clock()
        values: dict[str, Any] = {
            "state": "bounced" if is_bounced else ended.state,
            "error": ended.error,
            "due_at": now + ended.after if ended.after is not None else None,
            "tries": mail.tries + ended.tried,
            "ended_at": None if ended.state == "waiting" else now,
        }
        if ended.state == "waiting":
            values["handed_at"] = None
        await self._note(mail, values)

    async def _note(self, mail: Taken, values: Mapping[str, Any]) -> bool:
        """Write it down, if the mail is still ours."""
        mine = sa.update(InvitationMail).where(InvitationMail.id == mail.id, InvitationMail.turn == mail.turn)
        async with self._db.write() as session:
            return await session.scalar(mine.values(**values).returning(InvitationMail.id)) is not None


def _is_open(of: Invitation, now: datetime) -> bool:
    """Say whether it can be used: otherwise it needs no mail."""
    return of.state == "made" and of.until > now


def _taken(row: InvitationMail, of: Invitation, account: str, inviter: Member | None, *, is_wanted: bool) -> Taken:
    """Say what is to be sent."""
    bidding = Bidding(
        mail=row.id,
        email=of.email,
        account=account,
        inviter=inviter.called if inviter else None,
        until=of.until,
        languages=(inviter.language, inviter.language_seen) if inviter else (),
    )
    return Taken(id=row.id, turn=row.turn, tries=row.tries, bidding=bidding if is_wanted else None)
