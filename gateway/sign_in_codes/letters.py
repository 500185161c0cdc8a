"""What a mail with a code says. Nothing in it is from whoever asked but the words that we have for their device."""

from datetime import datetime
from email.message import EmailMessage
from zoneinfo import ZoneInfo

from msgspec import Struct

from gateway.languages import gettext, phrase
from gateway.mails.letters import Letters
from gateway.mails.words import minute, one_line
from gateway.sign_in_codes.devices import said
from gateway.sign_in_codes.digits import in_groups
from gateway.sign_in_codes.rows import LIFETIME


class Asker(Struct, frozen=True, kw_only=True):
    """Who asked, as far as it helps to know again: when, and by what. `language`: in which they read."""

    at: datetime
    device: str | None
    language: str | None = None


class CodeLetters:
    """Writes them, as `letters` writes all mails. Times are told in `zone`."""

    def __init__(self, letters: Letters, zone: ZoneInfo) -> None:
        self._letters = letters
        self._zone = zone

    def with_code(self, mail: str, to: str, asker: Asker, *, code: str, token: str) -> EmailMessage:
        """Write the mail with a code, and with a link that does the same. `mail` names it among all."""
        sender = self._letters.sender
        with self._letters.speaking_to(asker.language):
            context = {
                "code": in_groups(code),
                "href": f"{sender.base_url}/sign-in/link/{token}",
                "minutes": LIFETIME.seconds // 60,
                "asked": self._asked(asker),
            }
            subject = gettext("Your code to sign in at {business}", business=one_line(sender.name))
            return self._letters.post(mail, to, subject, "code", context)

    def to_provider(self, mail: str, to: str, asker: Asker, *, way: str) -> EmailMessage:
        """Write to somebody who signs in at a provider. `way` is what its button says."""
        sender = self._letters.sender
        with self._letters.speaking_to(asker.language):
            context = {"way": phrase(way), "href": f"{sender.base_url}/sign-in", "asked": self._asked(asker)}
            subject = gettext("Signing in at {business}", business=one_line(sender.name))
            return self._letters.post(mail, to, subject, "elsewhere", context)

    def _asked(self, asker: Asker) -> str:
        """Say when it was asked, to the minute, and by what."""
        at, zone = minute(asker.at.astimezone(self._zone)), self._zone.key
        if asker.device is None:
            return gettext("Asked for on {moment} ({zone}).", moment=at, zone=zone)
        return gettext("Asked for on {moment} ({zone}), in {device}.", moment=at, zone=zone, device=said(asker.device))
