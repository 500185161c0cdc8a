"""A statement to print. Another process sets it, which is ended if it takes too long: its words are other people's."""

import asyncio
import os
import sys
from collections.abc import Iterable
from datetime import date

import msgspec
from msgspec import Struct

from connectors.records import Invoice
from gateway.home import Item
from gateway.languages import gettext, locale, ngettext, pgettext, phrase
from gateway.statements import Statement, Sums, currency_of, is_counted
from gateway.statuses import status_of
from web import words
from web.papers.wording import NOT_WHOLE, UNSAID, Figure, Said, figures_of, period_of

MOST = 2000  # entries on one statement, which are about seventy pages
SECONDS = 20.0  # for setting one; a thousand entries take half of one
AT_ONCE = 2  # of each process of ours
LONGEST = 120  # letters of a number or a reference
UNBROKEN = 14  # letters, after which a word may go on in the next line
PASSED_ON = ("PATH", "PYTHONPATH", "HOME", "LANG", "SYSTEMROOT")  # of our environment: no secrets


class NotSet(Exception):  # noqa: N818  # named as what happened
    """The statement could not be set, or not in time."""


class Row(Struct, frozen=True):
    """An entry, as it is printed. `counts`: it is added up."""

    number: str
    about: str
    issued: str
    due: str
    status: str
    amount: str
    left: str
    counts: bool


class Currency(Struct, frozen=True):
    name: str
    said: str
    figures: list[Figure]
    rows: list[Row]


class Sheet(Struct, frozen=True, kw_only=True):
    """All that is printed, as text that nobody takes for anything else.

    `page` has places for {page} and {pages}. `head` are the names of the columns.
    """

    language: str
    business: str
    accent: str
    account: str
    title: str
    period: str
    made: str
    not_whole: str
    gaps: list[str]
    read: str
    remarks: list[str]
    nothing: str
    page: str
    head: list[str]
    currencies: list[Currency]


class Printer:
    """Sets some statements at once, and lets the others wait."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(AT_ONCE)

    async def print(self, sheet: Sheet) -> bytes:
        """Give a PDF. Raises `NotSet`."""
        try:
            async with asyncio.timeout(SECONDS), self._room:
                return await _set(msgspec.json.encode(sheet))
        except TimeoutError:
            raise NotSet(f"not set within {SECONDS:.0f} s") from None


def sheet_of(
    statement: Statement, said: Said, today: date, *, business: str, accent: str, account: str, made: str
) -> Sheet:
    return Sheet(
        language=locale().language,
        business=plain(business),
        accent=accent,
        account=plain(account),
        title=gettext("Statement of invoices"),
        period=period_of(statement.period),
        made=gettext("Made on {time}", time=made),
        not_whole=gettext(NOT_WHOLE),
        gaps=[plain(gap, None) for gap in said.gaps],
        read=gettext("Read from: {sources}.", sources="; ".join(plain(each, None) for each in said.read))
        if said.read
        else "",
        remarks=said.remarks,
        nothing=gettext("No invoices in these days."),
        page=gettext("Page {page} of {pages}"),
        head=_head(),
        currencies=[_currency(statement, sums, today) for sums in statement.sums],
    )


def plain(text: str, longest: int | None = LONGEST) -> str:
    """Leave out what cannot be seen or turns a line around, shorten the rest, and let long words be broken."""
    seen = "".join(letter if letter.isprintable() else " " for letter in text)
    if longest and len(seen) > longest:
        seen = f"{seen[: longest - 1]}…"
    return " ".join(_breakable(word) for word in seen.split())


def _breakable(word: str) -> str:
    return "\u200b".join(word[start : start + UNBROKEN] for start in range(0, len(word), UNBROKEN))


def _head() -> list[str]:
    return [
        pgettext("column", "Number"),
        gettext("Issued"),
        pgettext("invoice", "Due"),
        gettext("Status"),
        gettext("Amount"),
        gettext("Still open"),
    ]


def _currency(statement: Statement, sums: Sums, today: date) -> Currency:
    its = [item for item in statement.items if currency_of(item.record.total) == sums.currency]
    return Currency(
        name=plain(sums.currency or gettext(UNSAID)),
        said=ngettext("{n} entry", "{n} entries", sums.count, n=words.whole(sums.count)),
        figures=figures_of(sums, statement.period),
        rows=[_row(item, today) for item in its],
    )


def _row(item: Item[Invoice], today: date) -> Row:
    invoice = item.record
    return Row(
        number=plain(invoice.number),
        about=" · ".join(_about(invoice)),
        issued=words.short_day(invoice.issued_on, date.min) if invoice.issued_on else "–",
        due=words.short_day(invoice.due_on, date.min) if invoice.due_on else "–",
        status=phrase(status_of(invoice, today).label),
        amount=words.money(invoice.total) if invoice.total else "–",
        left=words.money(invoice.open) if invoice.open else "–",
        counts=is_counted(invoice),
    )


def _about(invoice: Invoice) -> Iterable[str]:
    if invoice.order_number:
        yield gettext("Order {number}", number=plain(invoice.order_number))
    if invoice.reference:
        yield gettext("Your reference {reference}", reference=plain(invoice.reference))


async def _set(data: bytes) -> bytes:
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "web.papers.typesetter"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    try:
        pdf, said = await process.communicate(data)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise NotSet(said.decode(errors="replace")[-500:])
    return pdf
