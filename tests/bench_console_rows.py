"""Very many rows for the pages of staff: accounts with their people, what they sent, and what back offices told.

One seed gives the same rows again. Nothing of it is sealed or linked to a back office that answers.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import sqlalchemy as sa
from bench_records import COLOURS, MISHAPS, STUFFS, THINGS
from support_audit import ALL as RIGHTS
from support_audit import TRAIL

from gateway.records.base import Base
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument
from gateway.records.help_tables import HelpSearch
from gateway.records.identity_tables import ContactCheck, Ground, Invitation, Question
from gateway.records.ids import first_id
from gateway.records.lines import By, Line, What
from gateway.records.mail_tables import MailRow
from gateway.records.outbox_tables import OutboxRow
from gateway.records.status_tables import CustomerFacts
from gateway.records.tables import Account, Link, Member, Membership, Source
from gateway.records.webhook_tables import InboxRow

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
AT_ONCE = 5_000  # rows of one transaction
WORDS = COLOURS.split() + STUFFS.split() + THINGS.split()
KINDS = ("Hospitality", "Retail", "Trade", "Public", "Gold", "Silver", "Export", "Online")
DELIVERIES = ("waiting", "done", "done", "done", "done", "done", "done", "dead")
SENT = ("sent", "sent", "sent", "sent", "sent", "needs_staff", "dropped", "unknown")
MAILS = ("sent", "sent", "sent", "sent", "failed", "unknown", "dropped", "silent")
DOCUMENTS = ("asked", "received", "accepted", "refused", "withdrawn")
TOLD: tuple[What, ...] = ("customer.linked", "invitation.made", "session.began", "account.looked_up")
ERP, DESK = "erp", "desk"

Row = dict[str, Any]


async def fill(db: Database, many: int) -> None:
    """Put `many` rows into each of the long tables."""
    await _put(db, Source, (_source(name) for name in (ERP, DESK)))
    rows: list[tuple[type[Base], Iterator[Row]]] = [
        (Account, (_account(n) for n in range(many))),
        (Member, (_member(n) for n in range(many))),
        (Membership, (_membership(n) for n in range(many))),
        (Ground, (_ground(n) for n in range(0, many, 10))),
        (Link, (_link(n, source) for n in range(many) for source in (ERP, DESK))),
        (CustomerFacts, (_facts(n) for n in range(many) if n % 50)),
        (Invitation, (_invitation(n) for n in range(many))),
        (ContactCheck, (_check(n) for n in range(many))),
        (Question, (_question(n) for n in range(0, many, 20))),
        (OutboxRow, (_sent(n) for n in range(many))),
        (InboxRow, (_delivery(n) for n in range(many))),
        (MailRow, (_mail(n) for n in range(many))),
        (AskedDocument, (_document(n) for n in range(many))),
        (HelpSearch, (_search(n) for n in range(many))),
    ]
    for table, its in rows:
        await _put(db, table, its)
    for begin in range(0, many, AT_ONCE):
        async with db.write() as session:
            await TRAIL.record(session, *(_line(n) for n in range(begin, min(begin + AT_ONCE, many))))


async def _put(db: Database, table: type[Base], rows: Iterator[Row]) -> None:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == AT_ONCE:
            await _write(db, table, batch)
            batch = []
    await _write(db, table, batch)


async def _write(db: Database, table: type[Base], batch: list[Row]) -> None:
    if batch:
        async with db.write() as session:
            await session.execute(sa.insert(table), batch)


def name_of(n: int) -> str:
    random = Random(n)
    return f"{random.choice(WORDS).capitalize()} {random.choice(THINGS.split())} {n} Ltd"


def _source(name: str) -> Row:
    return {"name": name, "title": name, "connector": "odoo", "settings": {}, "sealed": {}, "promises": {}} | {
        "changed_at": NOW
    }


def _account(n: int) -> Row:
    seen = NOW - Random(n).randrange(200) * DAY if n % 3 else None
    return {"id": f"c{n:06}", "name": name_of(n), "created_at": NOW, "seen_at": seen}


def _member(n: int) -> Row:
    random = Random(n)
    days = 0 if n % 4 == 0 else random.randrange(1, 60)
    seen = NOW - random.randrange(120) * DAY if days else None
    said = {"email": f"{random.choice(WORDS)}.{n}@example{n % 97}.com", "name": f"{random.choice(WORDS).title()} {n}"}
    return {
        "id": _id(n),
        "issuer": "https://login.example",
        "subject": f"s{n}",
        **said,
        "created_at": NOW,
        "last_visit_at": seen,
        "seen_on": seen.date() if seen else None,
        "days": days,
        "disabled_at": NOW if n % 500 == 0 else None,
    }


def _membership(n: int) -> Row:
    return {"member_id": _id(n), "account_id": f"c{n:06}", "rights": RIGHTS, "created_at": NOW}


def _ground(n: int) -> Row:
    told = {"how": "matched", "facts": {}, "decided_by": "rule", "decided_at": NOW}
    return {"member_id": _id(n), "account_id": f"c{n:06}", **told}


def _link(n: int, source: str) -> Row:
    proof = {"fact": "contract", "decided_by": "operator/bench", "decided_at": NOW}
    return {"source": source, "customer": f"{source}-{n}", "account_id": f"c{n:06}", **proof}


def _facts(n: int) -> Row:
    random = Random(n)
    values = {"category_id": random.sample(KINDS, 2), "turnover": [str(random.randrange(100_000))]}
    told = {"facts": values, "read_at": NOW, "asked": "category_id,turnover", "tried_at": NOW}
    return {"source": ERP, "customer": f"{ERP}-{n}", **told}


def _invitation(n: int) -> Row:
    state = ("made", "used", "expired", "withdrawn")[n % 4]
    email = f"{Random(n).choice(WORDS)}.{n}@example{n % 97}.com"
    used = {"member_id": _id(n) if state == "used" else None, "used_at": NOW if state == "used" else None}
    made = {"made_by": "staff/1", "made_at": NOW - DAY, "until": NOW + 30 * DAY, "state": state, "rights": RIGHTS}
    mailed = {"mailed_at": NOW if n % 8 else None}
    return {"id": _id(n), "email": email, "name": f"Guest {n}", "account_id": f"c{n:06}", **made, **used, **mailed}


def _check(n: int) -> Row:
    verdict = ("everything", "part", "ambiguous", "none")[n // 4 % 4]
    return {"invitation_id": _id(n), "verdict": verdict, "reason": None, "inputs": "0" * 64, "checked_at": NOW}


def _question(n: int) -> Row:
    told = {"reason": "several", "found": {"email": f"{n}@example.com", "sources": {}}}
    return {"id": _id(n), "member_id": _id(n), "state": "open", **told, "asked_at": NOW - n * MINUTE}


def _sent(n: int) -> Row:
    random, account, state = Random(n), f"c{n:06}", SENT[n % len(SENT)]
    subject = f"The {random.choice(COLOURS.split())} {random.choice(THINGS.split())} {random.choice(MISHAPS)}"
    name = name_of(n)
    return {
        "id": _id(n),
        "reference": f"H-{n:08}",
        "account_id": account,
        "member_id": None,
        "nonce": f"n{n}",
        "action": "new_ticket",
        "source": DESK,
        "asked": {"subject": subject, "customer": f"{DESK}-{n}"},
        "note": None,
        "state": state,
        "made_at": NOW - (100_000 - n) * MINUTE,
        "due_at": None,
        "tries": 1,
        "turn": 1,
        "topic": "Delivery" if n % 2 else "Invoice",
        "words": f"h-{n:08} {subject} {account} {name}".lower(),
    }


def _delivery(n: int) -> Row:
    events = [{"kind": "orders", "id": str(n)}]
    told = {"events": events, "received_at": NOW, "due_at": None, "tries": 1, "record": str(n)}
    return {"id": _id(n), "source": (ERP, DESK)[n % 2], "delivery": f"d{n}", **told, "state": DELIVERIES[n % 8]}


def _mail(n: int) -> Row:
    about = {"source": ERP, "kind": "orders", "record": str(n), "names": "order_shipped", "event_key": f"{n:064}"}
    told = {"made_at": NOW, "due_at": None, "state": MAILS[n % 8], "turn": 1, "tries": 1}
    return {"id": _id(n), "member_id": _id(n), "account_id": f"c{n:06}", **about, **told}


def _document(n: int) -> Row:
    label = f"{Random(n).choice(WORDS).title()} licence {n % 1000}"
    told = {"label": label, "state": DOCUMENTS[n % 5], "made_at": NOW, "changed_at": NOW}
    return {"id": _id(n), "account_id": f"c{n:06}", "member_id": None, **told}


def _search(n: int) -> Row:
    random = Random(n)
    words = f"{random.choice(WORDS)} {random.choice(THINGS.split())} {n // 2}"
    day = (NOW - n % 90 * DAY).date()
    return {"words": words, "day": day, "times": n % 9 + 1, "empty": n % 3, "unanswered": n % 2}


def _line(n: int) -> Line:
    by, account = By(f"staff/{_id(n % 20)}", "portal"), f"c{n:06}"
    return Line(what=TOLD[n % len(TOLD)], by=by, about=f"account/{account}", account=account)


def _id(n: int) -> str:
    return first_id(NOW - (100_000 - n) * MINUTE)[:10] + f"{n:016}"
