"""The sources there are, as the file that `hallway sources apply` takes. Secrets are named in it, never written."""

import json
from collections.abc import Container, Iterable, Iterator, Mapping

import sqlalchemy as sa

from connectors.consents import KEPT_IN
from gateway.records.database import Database
from gateway.records.tables import Source
from gateway.records.webhook_tables import WebhookRegistration
from gateway.sources.given import REGISTERED

HEAD = "# The sources as they were. Secrets are named, never written: set what is named before you apply this.\n"


async def export(db: Database) -> str:
    """Write all of them. Applied with the same secrets it changes nothing."""
    async with db.read() as session:
        rows = (await session.scalars(sa.select(Source).order_by(Source.name))).all()
        registered = set(await session.scalars(sa.select(WebhookRegistration.source)))
    return HEAD + "".join(f"\n{line}\n" if line.startswith("[") else f"{line}\n" for line in _lines(rows, registered))


def variable(source: str, field: str) -> str:
    """Name the variable for a secret that was typed in the console, and is in no file yet."""
    return f"{source}_{field}".upper().replace("-", "_")


def _lines(rows: Iterable[Source], registered: Container[str]) -> Iterator[str]:
    wins: dict[str, list[str]] = {}
    for row in rows:
        unnamed = {KEPT_IN, *REGISTERED} if row.rotated_at or row.name in registered else {KEPT_IN}
        place = f"sources.{row.name}"
        yield f"[{place}]"
        yield from _table({"connector": row.connector, "title": row.title})
        if row.kinds:
            yield from _table({"kinds": row.kinds})
        yield f"[{place}.settings]"
        yield from _table(row.settings)
        for field in sorted(row.sealed):
            if field in row.refs or field not in unnamed:
                yield f"{field} = {_reference(row.refs.get(field) or {'env': variable(row.name, field)})}"
        if row.promises:
            yield f"[{place}.promises]"
            yield from _table(row.promises)
        wins |= row.wins
    for kind in sorted({fact.partition(".")[0] for fact in wins}):
        yield f"[agreement.{kind}]"
        yield from _table({fact.partition(".")[2]: wins[fact] for fact in sorted(wins) if fact.startswith(f"{kind}.")})


def _table(values: Mapping[str, object]) -> Iterator[str]:
    return (f"{name} = {_value(value)}" for name, value in values.items())


def _reference(ref: Mapping[str, str]) -> str:
    return "{ " + ", ".join(_table(ref)) + " }"


def _value(value: object) -> str:
    """Write a value as TOML has it: as JSON, but for the one letter that only TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
