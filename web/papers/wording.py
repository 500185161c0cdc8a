"""What a statement says in words: what it holds, what it lacks, and when each source was read."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from connectors.records import Money
from gateway.account_view import Part
from gateway.languages import gettext, gettext_noop, ngettext, pgettext, phrase
from gateway.statements import Period, Statement, Sums, is_counted
from web import words

Written = Callable[[datetime], str]

NOT_WHOLE = gettext_noop("This statement is not complete.")
OWN_ONLY = gettext_noop("It holds only the invoices that name you.")
OPEN_AS_OF = gettext_noop("What is paid and what is open is as of when each source was read, whatever days you chose.")
NOT_SHOWN = gettext_noop("Amounts are not shown here.")
UNSAID = gettext_noop("Entries")  # instead of a currency
NOT_ADDED = gettext_noop("Cancelled entries, and entries that we are still checking, are listed but not added up.")


class Said(Struct, frozen=True, kw_only=True):
    """`gaps`: why it is not complete; none where it is. `read`: when each source was. `remarks`: what else to know."""

    gaps: list[str]
    read: list[str]
    remarks: list[str]


class Figure(Struct, frozen=True, kw_only=True):
    """A sum with its name."""

    label: str
    amount: str
    weighs: bool = False


def said_of(statement: Statement, *, own_only: bool, written: Written) -> Said:
    outdated = [_outdated(part, written(part.fetched_at)) for part in statement.outdated if part.fetched_at]
    read = [f"{phrase(part.title)}, {written(part.fetched_at)}" for part in statement.parts if part.fetched_at]
    own = [gettext(OWN_ONLY)] if own_only else []
    return Said(
        gaps=[*dict.fromkeys([*map(_missing, statement.missing), *outdated])],
        read=[*dict.fromkeys(read)],
        remarks=[*own, *_undated(statement), gettext(OPEN_AS_OF), *map(gettext, _not_added(statement))],
    )


def period_of(period: Period) -> str:
    last = words.full_day(period.last)
    if period.first is None:
        return gettext("Up to {day}", day=last)
    if period.first == period.last:
        return last
    return pgettext("days", "{first} to {last}", first=words.full_day(period.first), last=last)


def figures_of(sums: Sums, period: Period) -> list[Figure]:
    """Name what a currency comes to, leaving out what is nothing: the first three make up the next one or two."""
    if not sums.currency:
        return []
    others = Money(sums.currency, sums.left.amount - sums.to_pay.amount)
    named = [
        (gettext("Invoiced"), sums.invoiced, True),
        (gettext("Credit notes"), sums.credit_notes, bool(sums.credit_notes.amount)),
        (gettext("Paid or settled so far"), Money(sums.currency, -sums.settled.amount), True),
        (gettext("To pay"), sums.to_pay, True),
        (_left_over(others), others, bool(others.amount)),
    ]
    figures = [
        Figure(label=label, amount=words.money(amount), weighs=amount is sums.to_pay)
        for label, amount, is_shown in named
        if is_shown
    ]
    if sums.to_pay_before and sums.to_pay_before.amount and period.first:
        before = gettext("To pay from before {day}", day=words.full_day(period.first))
        figures.append(Figure(label=before, amount=words.money(sums.to_pay_before)))
    if sums.to_pay_in_all and sums.to_pay_in_all != sums.to_pay:
        figures.append(Figure(label=gettext("To pay in all, of any day"), amount=words.money(sums.to_pay_in_all)))
    return figures


def _missing(part: Part) -> str:
    if part.fetched_at is None:
        return gettext("{source} has not answered, so what comes from there is missing.", source=phrase(part.title))
    return gettext(
        "Older invoices of {source} have not been read yet. Those of these days may be missing.",
        source=phrase(part.title),
    )


def _outdated(part: Part, at: str) -> str:
    source = phrase(part.title)
    if part.state == "paused":
        return gettext("{source} is paused by us. Its figures are those of {time}.", source=source, time=at)
    return gettext("{source} can’t be reached. Its figures are those of {time}.", source=source, time=at)


def _left_over(others: Money) -> str:
    return gettext("Credit that you have not used") if others.amount < 0 else gettext("Open, and not to pay")


def _undated(statement: Statement) -> list[str]:
    if not statement.undated:
        return []
    said = ngettext(
        "{n} invoice has no date and is on no statement. See the list of all invoices.",
        "{n} invoices have no date and are on no statement. See the list of all invoices.",
        statement.undated,
        n=words.whole(statement.undated),
    )
    return [said]


def _not_added(statement: Statement) -> list[str]:
    if any(item.record.total is None for item in statement.items):
        return [NOT_SHOWN]
    return [NOT_ADDED] if any(not is_counted(item.record) for item in statement.items) else []
