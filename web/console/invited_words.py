"""What has become of an invitation, in words: where it stands, what that means, and what to do."""

import re
from typing import Protocol

from msgspec import Struct


class Stands(Protocol):
    """An invitation beside its mails, as `gateway.dossiers.Bidden` has it."""

    @property
    def state(self) -> str: ...
    @property
    def mail(self) -> str | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def opened_at(self) -> object: ...
    @property
    def is_stopped(self) -> bool: ...


class Fate(Struct, frozen=True):
    """`tone` is the chip's, `text` what it means."""

    tone: str
    label: str
    text: str


ENDED = {
    "used": Fate("ok", "Signed in", "They have come, and act for the account."),
    "withdrawn": Fate("idle", "Taken back", "Nobody can use it any more."),
    "expired": Fate("warn", "Ended", "Nobody came in time. Send it again, and it lasts 30 days more."),
}
STOPPED = Fate("warn", "Wants no mails", "They stopped mails about invitations. This one still works.")
OPENED = Fate("go", "Opened", "They followed the link, and have not signed in yet.")
UNWRITTEN = Fate("idle", "Not written to", "No mail has gone to them from here.")
MAILS = {
    "waiting": Fate("go", "On its way", "The mail waits for its turn."),
    "sent": Fate("go", "Sent", "Their mail server has taken it."),
    "bounced": Fate("bad", "Came back", "There is no such mailbox. Look at the address."),
    "unknown": Fate("warn", "May have arrived", "The connection broke while it went out, so it is not sent by itself."),
    "dropped": Fate("idle", "Not needed", "It was not sent, because the invitation could not be used any more."),
}
REASONS = (
    (re.compile(r"\b[45]\.2\.2\b|full|quota", re.IGNORECASE), "Their mailbox is full."),
    (re.compile(r"\b5\.7\.\d|spam|policy|block|denied", re.IGNORECASE), "Their mail server takes no mails from ours."),
    (re.compile(r"\b5\.3\.4\b|too large", re.IGNORECASE), "Their mail server finds the mail too large."),
    (re.compile(r"^4"), "Their mail server could not take it, however often we tried."),
)


def fate_of(of: Stands) -> Fate:
    if of.state in ENDED:
        return ENDED[of.state]
    if of.is_stopped:
        return STOPPED
    if of.opened_at is not None:
        return OPENED
    if of.mail is None:
        return UNWRITTEN
    return MAILS.get(of.mail) or Fate("bad", "Not taken", why_not_taken(of.error or ""))


def why_not_taken(error: str) -> str:
    """Say in plain words what a mail server said."""
    return next((text for sign, text in REASONS if sign.search(error)), "Their mail server did not take it.")
