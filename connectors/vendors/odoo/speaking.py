"""What the portal says in Odoo for customers: in whose name, and how it is known again by our reference.

What is said as text, Odoo 16 reads as HTML, and later ones as text unless they are told that it is HTML.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from html import escape

from connectors.actions import Asked
from connectors.errors import NotFound
from connectors.vendors.odoo.models import Leaf, Row, as_key, search
from connectors.vendors.odoo.partners import fetch_person
from connectors.vendors.odoo.rpc import Odoo, execute_once, version

TELLS_HTML = 17  # the first one that has to be told


class SaidRow(Row):
    res_id: int


async def author_of(office: Odoo, asked: Asked) -> int:
    """Say in whose name we speak: a person's who asks and acts for the customer, or the customer's."""
    for each in asked.persons:
        with suppress(NotFound):
            person = await fetch_person(office, each)
            if asked.customer in person.customers:
                return int(person.id)
    return as_key(asked.customer)


def mark(reference: str) -> str:
    """Write a reference as it stands in what was said. No search takes any of it for a wildcard."""
    return f"[{reference}]"


async def is_said(office: Odoo, model: str, record: int, reference: str) -> bool:
    """Whether something carries our reference among what was said about a record."""
    within: list[Leaf] = [("model", "=", model), ("res_id", "=", record), ("body", "ilike", mark(reference))]
    return bool(await search(office, SaidRow, "mail.message", within, order="id", limit=1))


def as_html(text: str, below: str) -> str:
    """Write plain text as HTML, and a line below it. No database takes a zero byte as text."""
    lines = (escape(line, quote=False) for line in re.split(r"\r?\n", text.replace("\0", "")))
    return f"<p>{'<br>'.join(lines)}</p><p>{escape(below, quote=False)}</p>"


async def is_told_html(office: Odoo) -> bool:
    found = re.search(r"[0-9]+", (await version(office)).server_serie)  # also of "saas~18.2"
    return found is not None and int(found[0]) >= TELLS_HTML


async def say(  # noqa: PLR0917  # a sentence has so many parts
    office: Odoo, model: str, record: int, author: int, html: str, files: Sequence[int], *, told: bool
) -> None:
    """Say something in public, in a partner's name: what is no comment, customers do not read. `told`: it is HTML."""
    message: dict[str, object] = {
        "body": html,
        "message_type": "comment",
        "subtype_xmlid": "mail.mt_comment",
        "author_id": author,
    }
    if files:
        message["attachment_ids"] = list(files)
    if told:
        message["body_is_html"] = True
    await execute_once(office, object, model, "message_post", [record], **message)
