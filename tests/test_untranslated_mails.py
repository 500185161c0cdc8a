"""No text of ours is left in English in any mail about a record."""

import re
from datetime import date
from email.message import EmailMessage
from typing import get_args

import pytest
from support_mails import KEYS, SENDER
from support_untranslated import is_data, pieces, untranslated

from auth.clock import utc_now
from gateway.access import NOBODY
from gateway.languages.choosing import Languages
from gateway.mails.choices import Stops
from gateway.mails.letters import Item, Letters
from gateway.mails.trying import example
from gateway.message_rules import Rules
from gateway.occasions import EventName

MADE_UP = {"This is our answer", "Something to ask", "Example customer", "Trade licence", "Kestrel & Moor"}


@pytest.mark.parametrize("many", [1, 3])
@pytest.mark.parametrize("event", get_args(EventName))
def test_leaves_no_text_of_ours_in_english(pseudo_language: str, event: EventName, many: int) -> None:
    letters = Letters(SENDER, Stops(KEYS).sign, utc_now, Languages((pseudo_language,), pseudo_language))
    with letters.speaking_to(pseudo_language):
        subject = example(event, Rules(amounts=True, bodies=True), date(2026, 11, 23))
        mail = letters.write("mail", "maya@customer.example", [Item(NOBODY, subject)] * many)
    text, html = (content_of(part) for part in mail.iter_parts())
    said = re.sub(r"https?://\S+", "", f"{mail['Subject']}\n{text}")
    plain = [*(each for each in pieces(said) if not is_data(each)), *untranslated(html)]
    assert [each for each in plain if each not in MADE_UP] == []


def content_of(part: object) -> str:
    assert isinstance(part, EmailMessage)
    return str(part.get_content())
