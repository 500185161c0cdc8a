"""Whether what a connector gave may be stored and shown: of the declared types all through, and finite."""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from connectors.records import KINDS
from connectors.testing.performing import Outcome


def check_sound(outcome: Outcome) -> None:
    """Fail for a value that the types forbid: msgspec checks what it decodes, never what code builds."""
    for answer in outcome.answers:
        record = answer.record
        assert type(record) in KINDS.values()
        packed = msgspec.msgpack.encode(record)
        assert msgspec.msgpack.decode(packed, type=type(record)) == record
        assert all(map(_is_named, (*answer.owners, *record.people)))
        assert len(set(record.people)) == len(record.people)
        _check_values(record)
    assert outcome.cursor is None or _is_named(outcome.cursor)
    assert all(map(_is_named, outcome.gone))
    assert not outcome.gone & {answer.record.origin.id for answer in outcome.answers}, "there, and gone"
    for candidate in outcome.candidates:
        assert _is_named(candidate.customer)
        assert candidate.matched, "a candidate without a fact is a guess"
        assert candidate.person is None or _is_named(candidate.person)
    for article in outcome.articles:
        assert _is_named(article.id)
        assert article.title.strip()
        assert article.html.strip()
        _check_values(article)
    assert len({article.id for article in outcome.articles}) == len(outcome.articles)
    if counterpart := outcome.counterpart:
        told = (counterpart.name, counterpart.email, counterpart.phone)
        assert all(_is_named(each) and each.strip() == each and each.isprintable() for each in told if each is not None)
    if person := outcome.person:
        assert person.customers, "somebody who acts for nobody is no customer's person"
        assert all(map(_is_named, (person.id, *person.customers, *person.emails)))


def _is_named(key: object) -> bool:
    return isinstance(key, str) and key != ""


def _check_values(value: object) -> None:
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            _check_values(getattr(value, name))
    elif isinstance(value, tuple):
        for each in value:
            _check_values(each)
    elif isinstance(value, Decimal):
        assert value.is_finite()
    elif isinstance(value, datetime):
        assert value.utcoffset() is not None
        assert not value.utcoffset(), "instants are in UTC"
