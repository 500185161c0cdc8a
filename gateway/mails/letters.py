"""The letters: what happened, and the way to it, as text and as HTML, with the ways to stop them.

Whatever is in a record, it stays text: subjects and names cannot end a header, and HTML is escaped.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import minijinja
from msgspec import Struct

from auth.clock import Clock
from gateway.access import Scope
from gateway.languages import ENGLISH, gettext, language, locale, ngettext, speaking
from gateway.languages.choosing import Languages
from gateway.languages.sentences import MARKED, PLAIN
from gateway.mails.choices import Stop, Stopped
from gateway.mails.subjects import Subject
from gateway.mails.words import WHEN, one_line

HERE = Path(__file__).parent
ENGLISH_ALONE = Languages((ENGLISH,), ENGLISH)


class Sender(Struct, frozen=True, kw_only=True):
    """Who writes. `address` is what mails are from; answers go to `reply_to`, where there is one."""

    base_url: str
    name: str
    address: str
    reply_to: str | None
    accent: str
    accent_ink: str


class Item(Struct, frozen=True):
    """One thing that a letter tells, to whoever acts for that account."""

    scope: Scope
    subject: Subject


class Letters:
    """Writes mails, in the language that is spoken. `sign` makes what a link holds to stop them."""

    def __init__(
        self, sender: Sender, sign: Callable[[Stop], str], clock: Clock, languages: Languages = ENGLISH_ALONE
    ) -> None:
        self._languages = languages
        self._sign = sign
        self._clock = clock
        self._html, self._text = _templates(MARKED), _templates(PLAIN)
        self.send_as(sender)

    def send_as(self, sender: Sender) -> None:
        """Write in this name, from now on."""
        self.sender = sender
        self._html.add_global("sender", sender)
        self._text.add_global("sender", sender)

    def speaking_to(self, *wishes: str | None) -> AbstractContextManager[None]:
        """Write everything within in the first language of these that is offered, else in the business's own."""
        code = next(filter(None, map(self._languages.of, wishes)), self._languages.default)
        return speaking(code)

    def write(self, mail: str, to: str, items: Sequence[Item]) -> EmailMessage:
        """Write a mail of one thing, or of several together; of the same id for the same `mail`, however often."""
        stopped: Stopped = items[0].subject.name if len(items) == 1 else "daily"
        stop = f"{self.sender.base_url}/mails/stop/{self._sign(Stop(items[0].scope.member_id, stopped))}"
        context = {
            "items": [self._told(item) for item in items],
            "accounts": sorted({one_line(item.scope.account_name) for item in items}),
            "stop": stop,
            "choose": f"{self.sender.base_url}/account/mails",
            "when": gettext(WHEN[stopped]),
        }
        first = items[0].subject.said.subject
        more = len(items) - 1
        subject = ngettext("{first}, and {n} more", "{first}, and {n} more", more, first=first) if more else first
        message = self.post(mail, to, subject, "mail" if len(items) == 1 else "mails", context)
        message["List-Unsubscribe"] = f"<{stop}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return message

    def post(self, id_: str, to: str, subject: str, template: str, context: dict[str, Any]) -> EmailMessage:
        """Write a mail of a template, `.txt` and `.html`. The subject is one line, as `one_line` makes it."""
        message = EmailMessage(policy=SMTP)
        message["Subject"] = subject
        message["From"] = Address(one_line(self.sender.name), addr_spec=self.sender.address)
        message["To"] = Address(addr_spec=to)
        if self.sender.reply_to:
            message["Reply-To"] = Address(addr_spec=self.sender.reply_to)
        message["Date"] = format_datetime(self._clock())
        message["Message-ID"] = f"<{id_}@{_host(self.sender)}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        context = {"title": subject, "language": language(), "direction": locale().text_direction, **context}
        message.set_content(self._text.render_template(f"{template}.txt", **context), cte="quoted-printable")
        html = self._html.render_template(f"{template}.html", **context)
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        message["Content-Language"] = language()  # at the end: a part takes whatever headers about content there are
        return message

    def _told(self, item: Item) -> dict[str, Any]:
        said = item.subject.said
        account = one_line(item.scope.account_name)
        return {"said": said, "href": self.sender.base_url + place_of(item), "account": account}


def place_of(item: Item) -> str:
    """Give the address of a page, for whoever acts for that account or can."""
    return f"/open/{quote(item.scope.account_id, safe='')}{item.subject.place}"


def _templates(said: Mapping[str, Callable[..., Any]]) -> minijinja.Environment:
    return minijinja.Environment(loader=_load, undefined_behavior="strict", debug=False, globals=dict(said))


def _host(sender: Sender) -> str:
    return urlsplit(sender.base_url).hostname or "localhost"


def _load(name: str) -> str | None:
    path = HERE / "templates" / name
    return path.read_text(encoding="utf-8") if path.is_file() else None
