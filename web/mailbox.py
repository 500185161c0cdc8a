"""The mailbox of a demo: all mails that it wrote, whoever they are to, for whoever looks. There is none elsewhere."""

import email
import email.policy
import mailbox
from datetime import datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Struct

from auth.guards import PUBLIC
from web.view import render

MOST = 50
# The mail's own styles count, as in a mail program, and nothing else does.
LIKE_A_MAIL_PROGRAM = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


class Letter(Struct, frozen=True, kw_only=True):
    """A mail as the list shows it."""

    key: str
    to: str
    subject: str
    at: datetime
    text: str


@get("/demo/mailbox", opt=PUBLIC, include_in_schema=False, sync_to_thread=True)
def show_mailbox(request: Request[Any, Any, Any]) -> Response[str]:
    box = _open(request)
    found = sorted((_letter(key, _read(box, key)) for key in box.keys()), key=lambda each: each.at, reverse=True)  # noqa: SIM118  # no dict
    return render(request, "mailbox.html", letters=found[:MOST])


@get("/demo/mailbox/{key:str}", opt=PUBLIC, include_in_schema=False, sync_to_thread=True)
def show_mail(request: Request[Any, Any, Any], key: FromPath[str]) -> Response[str]:
    """Show a mail's HTML as a mail program does."""
    box = _open(request)
    if key not in box.keys():  # noqa: SIM118  # no dict
        raise NotFoundException
    part = _read(box, key).get_body(("html",))
    if part is None:
        raise NotFoundException
    headers = {"Content-Security-Policy": LIKE_A_MAIL_PROGRAM}
    return Response(str(part.get_content()), media_type=MediaType.HTML, headers=headers)


def _open(request: Request[Any, Any, Any]) -> mailbox.Maildir:
    folder: Path = request.app.state.mails.mailbox
    return mailbox.Maildir(folder, factory=None)


def _read(box: mailbox.Maildir, key: str) -> EmailMessage:
    return email.message_from_bytes(box.get_bytes(key), policy=email.policy.default)


def _letter(key: str, mail: EmailMessage) -> Letter:
    part = mail.get_body(("plain",))
    return Letter(
        key=key,
        to=str(mail["To"]),
        subject=str(mail["Subject"]),
        at=parsedate_to_datetime(str(mail["Date"])),
        text=str(part.get_content()) if part else "",
    )


DEMO = (show_mailbox, show_mail)
