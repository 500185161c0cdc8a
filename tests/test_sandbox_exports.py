"""The sandbox's export of what has changed in Zendesk, as the vendor's reference describes it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from support_sandbox import RunningSandbox
from test_sandbox_zendesk import MAYA, Zendesk

from connectors.sandbox.zendesk.changes import create_ticket, delete_ticket, erase_ticket, touch_ticket
from connectors.sandbox.zendesk.store import Store

PATH = "/incremental/tickets/cursor"


@pytest.fixture
def zendesk(sandbox: RunningSandbox, plain_http: httpx.Client) -> Zendesk:
    return Zendesk(sandbox.zendesk_url, plain_http)


@pytest.fixture
def store(sandbox: RunningSandbox) -> Store:
    return sandbox.site.zendesk


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def epoch(minutes: float) -> str:
    return str(int(ago(minutes).timestamp()))


def make(store: Store, minutes: float) -> int:
    key: int = create_ticket(store, {"requester_id": MAYA, "comment": {"body": "Help"}}, ago(minutes))["id"]
    return key


def ids(page: Any) -> list[int]:
    return [row["id"] for row in page["tickets"]]


@pytest.mark.parametrize("suffix", ["", ".json"])
def test_exports_what_was_written_since_the_oldest_first(zendesk: Zendesk, store: Store, suffix: str) -> None:
    later, earlier = make(store, 10), make(store, 20)
    page = zendesk.get(f"{PATH}{suffix}", start_time=epoch(30)).json()
    assert ids(page) == [earlier, later]
    assert (page["end_of_stream"], page["before_cursor"], page["before_url"]) == (True, None, None)
    assert page["tickets"][0].keys() >= {"is_public", "organization_id", "generated_timestamp", "description"}


def test_goes_on_by_cursor_in_pages(zendesk: Zendesk, store: Store) -> None:
    at = ago(20)
    made = [make(store, 20) for _ in range(5)]
    for key in made:
        touch_ticket(store, key, at)
    first = zendesk.get(PATH, start_time=epoch(30), per_page="3").json()
    assert (ids(first), first["end_of_stream"]) == (made[:3], False)
    second = zendesk.get(PATH, cursor=first["after_cursor"], per_page="3").json()
    assert (ids(second), second["end_of_stream"]) == (made[3:], True)
    assert zendesk.http.get(first["after_url"], auth=zendesk.auth).json()["tickets"] == second["tickets"]
    third = zendesk.get(PATH, cursor=second["after_cursor"]).json()
    assert (ids(third), third["after_cursor"], third["end_of_stream"]) == ([], second["after_cursor"], True)


def test_has_no_cursor_where_nothing_has_ever_been(zendesk: Zendesk) -> None:
    page = zendesk.get(PATH, start_time=epoch(2)).json()
    assert (page["tickets"], page["after_cursor"], page["after_url"], page["end_of_stream"]) == ([], None, None, True)


def test_leaves_out_the_last_minute(zendesk: Zendesk, store: Store) -> None:
    old, _ = make(store, 1.5), make(store, 0.5)
    assert ids(zendesk.get(PATH, start_time=epoch(30)).json()) == [old]


def test_exports_a_ticket_that_a_job_has_touched_with_its_old_date(zendesk: Zendesk, store: Store) -> None:
    touch_ticket(store, 7081, ago(10))
    (row,) = zendesk.get(PATH, start_time=epoch(30)).json()["tickets"]
    assert row == zendesk.get("/tickets/7081").json()["ticket"]
    assert row["updated_at"] < ago(60 * 24).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_exports_deleted_tickets_and_what_is_left_of_them(zendesk: Zendesk, store: Store) -> None:
    key = make(store, 20)
    delete_ticket(store, key, ago(19))
    assert [row["status"] for row in zendesk.get(PATH, start_time=epoch(30)).json()["tickets"]] == ["deleted"]
    erase_ticket(store, key, ago(18))
    (row,) = zendesk.get(PATH, start_time=epoch(30)).json()["tickets"]
    assert (row["id"], row["status"], row["subject"], row["requester_id"]) == (key, "deleted", "SCRUBBED", None)


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 400),
        ({"start_time": "0", "cursor": "MTU3NjYxMzUzOS4wfHw0Njd8"}, 400),
        ({"start_time": "yesterday"}, 400),
        ({"start_time": "-1"}, 400),
        ({"cursor": "nonsense"}, 400),
        ({"cursor": "bm9uc2Vuc2U="}, 400),
        ({"start_time": "0", "per_page": "1001"}, 400),
        ({"start_time": "0", "per_page": "0"}, 400),
        ({"start_time": "0", "sort": "id"}, 400),
    ],
)
def test_refuses_what_it_does_not_know(zendesk: Zendesk, params: dict[str, str], status: int) -> None:
    assert zendesk.get(PATH, **params).status_code == status


def test_refuses_to_begin_within_the_last_minute(zendesk: Zendesk) -> None:
    assert zendesk.get(PATH, start_time=epoch(0.5)).status_code == 422
    assert zendesk.get(PATH, start_time=epoch(1.1)).status_code == 200


def test_tells_admins_alone(zendesk: Zendesk, store: Store) -> None:
    store.caller["role"] = "agent"
    assert zendesk.get(PATH, start_time="0").status_code == 403
    assert zendesk.get("/tickets/7081").status_code == 200


def test_may_be_asked_ten_times_a_minute(zendesk: Zendesk) -> None:
    assert {zendesk.get(PATH, start_time="0", per_page="1").status_code for _ in range(10)} == {200}
    refused = zendesk.get(PATH, start_time="0")
    assert (refused.status_code, refused.json()["error"]) == (429, "APIRateLimitExceeded")
    assert 50 < int(refused.headers["retry-after"]) <= 61
