"""The kinds of fields that a topic's form may have, and what each makes of what somebody wrote.

What is in the names of this module is what staff write in a topics file: a field's `kind` is the tag of its class.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from babel.numbers import format_decimal
from msgspec import Meta, Struct

from connectors.records import Kind
from gateway.languages import gettext, gettext_noop, locale

LINE = 200  # characters
LETTER = 10_000
PHONE = re.compile(r"[+0-9 ()/.-]{5,40}")
FEWEST_DIGITS = 5
NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
MISSING = gettext_noop("Fill this in.")

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,30}\Z")]
Words = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\n\r\t]*\Z")]
Help = Annotated[str, Meta(max_length=300, pattern=r"^[^\n\r\t]*\Z")]


class Field(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """One question of a form. `name` stands for the answer in the topic's subject."""

    longest: ClassVar[int] = LINE

    name: Name
    label: Words
    help: Help = ""
    required: bool = True

    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)

    def tidy(self, value: str) -> str:
        """Give what was written in the form that counts: one line."""
        return " ".join(value.split())

    def problem(self, value: str, today: date) -> str | None:
        """Say to the customer what is wrong with a tidy value."""
        if not value:
            return gettext(MISSING) if self.required else None
        if len(value) > self.longest:
            length, most = (format_decimal(number, locale=locale()) for number in (len(value), self.longest))
            return gettext(
                "This has {length} characters, and {most} can be sent. Shorten it.", length=length, most=most
            )
        return self._problem(value, today)

    def said(self, value: str) -> str:
        """Give the answer as people read it."""
        return value

    def _problem(self, value: str, today: date) -> str | None:  # noqa: ARG002  # for those that have rules
        return None


class Text(Field, frozen=True, kw_only=True, tag="text"):
    """`prefill` is what we know of the person: it stands there already, and can be changed."""

    prefill: Literal["name", "email"] | None = None


class LongText(Field, frozen=True, kw_only=True, tag="long_text"):
    longest: ClassVar[int] = LETTER

    def tidy(self, value: str) -> str:
        return value.replace("\r\n", "\n").strip()


class Choice(Field, frozen=True, kw_only=True, tag="choice"):
    choices: Annotated[tuple[Words, ...], Meta(min_length=2, max_length=30)]

    def _problem(self, value: str, today: date) -> str | None:  # noqa: ARG002
        return None if value in self.choices else gettext("Choose one of these.")


class Day(Field, frozen=True, kw_only=True, tag="date"):
    """`past` False: the day has yet to come."""

    past: bool = True

    def _problem(self, value: str, today: date) -> str | None:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return gettext("Write the day as year, month and day, such as {example}.", example=today.isoformat())
        return gettext("Choose a day from today on.") if day < today and not self.past else None

    def said(self, value: str) -> str:
        day = date.fromisoformat(value)
        return f"{day:%A} {day.day} {day:%B %Y}"


class Number(Field, frozen=True, kw_only=True, tag="number"):
    """`unit` is written behind it: "kg"."""

    least: int | None = None
    most: int | None = None
    unit: Annotated[str, Meta(max_length=20)] = ""

    def tidy(self, value: str) -> str:
        return super().tidy(value).replace(",", ".")

    def _problem(self, value: str, today: date) -> str | None:  # noqa: ARG002
        if not NUMBER.fullmatch(value):
            return gettext("Write a number, such as 12 or 2.5.")
        number = Decimal(value)
        if self.least is not None and number < self.least:
            return gettext("Write {least} or more.", least=self.least)
        if self.most is not None and number > self.most:
            return gettext("Write {most} or less.", most=self.most)
        return None

    def said(self, value: str) -> str:
        return f"{value} {self.unit}".strip()


class YesNo(Field, frozen=True, kw_only=True, tag="yes_no"):
    def _problem(self, value: str, today: date) -> str | None:  # noqa: ARG002
        return None if value in {"yes", "no"} else gettext("Choose yes or no.")

    def said(self, value: str) -> str:
        return value.title()


class Phone(Field, frozen=True, kw_only=True, tag="phone"):
    """A number to call somebody back. A topic that has one is where "Ask us to call you back" leads."""

    def _problem(self, value: str, today: date) -> str | None:  # noqa: ARG002
        digits = sum(sign.isdigit() for sign in value)
        is_one = PHONE.fullmatch(value) and digits >= FEWEST_DIGITS
        return None if is_one else gettext("Write a phone number, such as 020 7946 0182.")


class RecordField(Field, frozen=True, kw_only=True):
    """One of the customer's own records. A value is the address of one, which the page looks up as this customer."""

    record: ClassVar[Kind]
    noun: ClassVar[str]


class OrderField(RecordField, frozen=True, kw_only=True, tag="order"):
    record: ClassVar[Kind] = "orders"
    noun: ClassVar[str] = "Order"


class InvoiceField(RecordField, frozen=True, kw_only=True, tag="invoice"):
    record: ClassVar[Kind] = "invoices"
    noun: ClassVar[str] = "Invoice"


AnyField = Text | LongText | Choice | Day | Number | YesNo | Phone | OrderField | InvoiceField
KINDS: Mapping[str, type[Field]] = {str(each.__struct_config__.tag): each for each in AnyField.__args__}
