"""What is to be put right about a source: named once, while it is so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.feeds.overview import FollowedKind, FollowedSource
from gateway.matters import Matter, What
from gateway.records.webhook_tables import WebhookRegistration
from gateway.repairs import LATELY, LONG, SOON, repairs_of
from gateway.status import SourceStatus
from gateway.troubles import Trouble
from gateway.unmapped import Unmapped
from gateway.webhooks.summary import Told, WebhookSummary
from web.console.source_words import remarks

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KIND = FollowedKind(kind="invoices", promise=MINUTE, checked_at=NOW)
WELL = SourceStatus(
    name="erp",
    system="Odoo",
    broken=None,
    followed=FollowedSource(name="erp", title="Invoices", kinds=(KIND,), sweep=None),
    webhooks=WebhookSummary(source="erp", system="Odoo", state="seen", told=Told(last_at=NOW)),
    budget=None,
)


def following(**its: Any) -> SourceStatus:
    return replace(WELL, followed=replace(WELL.followed, kinds=(replace(KIND, **its),)))


def met(error: str, kind: Any = "invoices", *, ago: timedelta = MINUTE, place: Any = "pages") -> SourceStatus:
    trouble = Trouble(
        source="erp",
        kind=kind,
        place=place,
        error=error,
        detail="odd",
        times=1,
        began_at=NOW - ago,
        last_at=NOW - ago,
        ended_at=None,
    )
    return replace(WELL, troubles=(trouble,))


def told(*, registered: bool = True, **its: Any) -> SourceStatus:
    summary = replace(WELL.webhooks, registered=registered, told=Told(**{"last_at": NOW, **its}))
    return replace(WELL, webhooks=summary)


def registration(ends_at: datetime | None = None) -> WebhookRegistration:
    return WebhookRegistration(
        source="erp", address="https://old.example", theirs="1", registered_at=NOW, ends_at=ends_at
    )


def only(source: SourceStatus) -> Matter | None:
    found = list(repairs_of(source, NOW))
    assert len(found) < 2
    return found[0] if found else None


CASES: dict[str, tuple[SourceStatus, What]] = {
    "settings": (replace(WELL, broken="no key"), "broken"),
    "paused": (replace(WELL, paused_at=NOW, broken="no key"), "paused"),
    "key": (following(failing_since=NOW, error="AccessDenied: 401"), "access"),
    "consent": (following(failing_since=NOW, error="NotAgreed: void"), "consent"),
    "consent, of a kind that has no feed": (met("NotAgreed", "tickets"), "consent"),
    "right": (following(failing_since=NOW, error="NotAllowed: 403"), "not_allowed"),
    "right, of a page": (met("NotAllowed"), "not_allowed"),
    "drift": (following(failing_since=NOW, error="BadResponse: no id"), "drift"),
    "drift, of a page": (met("BadResponse"), "drift"),
    "away": (following(failing_since=NOW, error="Unavailable: 503"), "failing"),
    "away, of a kind that has no feed": (met("Unavailable", "tickets"), "failing"),
    "key, of a kind that has no feed": (met("AccessDenied", "tickets"), "access"),
    "late": (following(checked_at=NOW - 2 * MINUTE), "late"),
    "statuses": (
        replace(WELL, unmapped=(Unmapped(source="erp", kind="orders", status="x", records=1, last_at=NOW),)),
        "unmapped",
    ),
    "forged": (told(lately={"signature": 3, "taken": 9}), "refused"),
    "silent": (told(last_at=NOW - LONG - MINUTE), "silent"),
    "ending": (told(registration=registration(NOW + SOON - MINUTE)), "ending"),
    "moved": (told(registered=False, registration=registration()), "moved"),
}


@pytest.mark.parametrize("name", CASES)
def test_names_what_is_wrong_once(name: str) -> None:
    source, what = CASES[name]
    found = only(source)
    assert found
    assert (found.what, found.source, found.title) == (what, "erp", "Invoices")
    assert remarks(source, NOW), "and there is something to say of it"


@pytest.mark.parametrize(
    "source",
    [
        WELL,
        following(failing_since=NOW, error="RateLimited: 429"),
        met("Unavailable"),
        met("AccessDenied"),
        met("NotAllowed", ago=LATELY),
        met("BadResponse", place="feed"),
        told(lately={"taken": 9, "away": 1}),
        told(last_at=NOW - LONG),
        told(registration=registration(NOW + SOON)),
        told(registration=registration()),
    ],
)
def test_names_nothing_that_is_well_or_that_the_feed_has_to_say(source: SourceStatus) -> None:
    assert only(source) is None


def test_tells_a_cause_once_for_all_its_kinds() -> None:
    orders = replace(KIND, kind="orders", failing_since=NOW - MINUTE, error="NotAllowed: orders")
    invoices = replace(KIND, failing_since=NOW, error="NotAllowed: invoices")
    found = only(replace(WELL, followed=replace(WELL.followed, kinds=(invoices, orders))))
    assert found
    assert found.kinds == ("orders", "invoices")
    assert (found.since, found.detail) == (NOW - MINUTE, "orders")
