"""The sandbox's Request Tracker answers as a real one did."""

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support_needs import need
from support_sandbox import RT_TOKEN, RunningSandbox

from connectors.sandbox.rt.changes import merge, set_status

SHARED = Path(os.environ.get("HALLWAY_SHARED", Path(__file__).parents[2] / "shared"))
CAPTURES = SHARED / "captures" / "rt5"
MAYA = "Requestor.EmailAddress = 'maya@alderlane.example'"


class Rt:
    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url = f"{url}/REST/2.0"
        self.http = http
        self.headers = {"authorization": f"token {RT_TOKEN}"}

    def get(self, path: str, **params: Any) -> httpx.Response:
        params = {name.replace("_of_", "["): value for name, value in params.items()}
        params = {f"{name}]" if "[" in name else name: value for name, value in params.items()}
        return self.http.get(f"{self.url}{path}", params=params or None, headers=self.headers)

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.http.post(f"{self.url}{path}", headers=self.headers, **body)

    def ids(self, query: str, **params: Any) -> list[str]:
        answer = self.get("/tickets", query=query, **params)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]


@pytest.fixture
def rt(sandbox: RunningSandbox, plain_http: httpx.Client) -> Rt:
    return Rt(sandbox.rt_url, plain_http)


@pytest.mark.parametrize("headers", [{}, {"authorization": "token guess"}, {"authorization": f"Bearer {RT_TOKEN}"}])
def test_lets_nobody_in_without_the_token(rt: Rt, headers: dict[str, str]) -> None:
    answer = rt.http.get(f"{rt.url}/rt", headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_tells_its_version(rt: Rt) -> None:
    answer = rt.get("/rt")
    assert answer.json()["Version"] == "5.0.3"
    assert answer.headers["content-type"] == 'application/json; charset="utf-8"'


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (MAYA, ["860", "874", "878", "881", "885"]),  # never the deleted one
        ("Requestor = 'MAYA@alderlane.example' AND Status = 'new'", ["885"]),
        ("Requestor.Name = 'joneill'", ["884"]),
        (r"Requestor.EmailAddress = 'jo.o\'neill@fenwick.example'", ["884"]),
        ('Requestor.EmailAddress = "jo.o\'neill@fenwick.example"', ["884"]),
        ("Requestor.EmailAddress LIKE 'fenwick'", ["884"]),
        ("id = 881 or id=874", ["874", "881"]),
        (f"{MAYA} AND (Status = 'stalled' OR Status = 'open')", ["874", "881"]),
        (f"{MAYA} AND Status != '__Active__'", ["860"]),
        (f"{MAYA} AND Status = '__Active__'", ["874", "878", "881", "885"]),
        (f"{MAYA} AND Queue = 'Installations'", ["878"]),
        ("id > 9000", []),
        ("", []),
    ],
)
def test_searches_tickets(rt: Rt, query: str, ids: list[str]) -> None:
    assert rt.ids(query) == ids


def test_searches_by_time(rt: Rt) -> None:
    item = rt.get("/tickets", query="id = 881", fields="LastUpdated").json()["items"][0]
    assert "885" in rt.ids(f"LastUpdated > '{item['LastUpdated'].replace('T', ' ').rstrip('Z')}'")
    assert "881" not in rt.ids(f"LastUpdated > '{item['LastUpdated']}'")
    assert "881" in rt.ids(f"LastUpdated >= '{item['LastUpdated']}'", per_page=100)


def test_searches_by_how_long_ago(rt: Rt, sandbox: RunningSandbox) -> None:
    tickets, now = sandbox.site.rt.tickets, datetime.now(UTC)
    tickets[881]["LastUpdated"], tickets[874]["LastUpdated"] = (
        now - timedelta(seconds=100),
        now - timedelta(seconds=200),
    )
    assert set(rt.ids(f"{MAYA} AND LastUpdated > '-150 seconds'")) >= {"881"}
    assert "874" not in rt.ids(f"{MAYA} AND LastUpdated > '-150 seconds'")


def test_finds_a_merged_ticket_by_what_it_goes_by(rt: Rt, sandbox: RunningSandbox) -> None:
    merge(sandbox.site.rt, 874, 881, datetime.now(UTC))
    assert "874" not in rt.ids(MAYA)
    assert rt.ids("EffectiveId = 881 OR EffectiveId = 885") == ["874", "881", "885"]
    assert rt.get("/ticket/874").json()["id"] == 881


def test_finds_what_was_deleted_among_the_transactions(rt: Rt, sandbox: RunningSandbox) -> None:
    query = (
        "ObjectType = 'RT::Ticket' AND ObjectId > 870 AND TicketLastUpdated > '-60 seconds'"
        " AND TicketStatus = 'deleted' AND Type = 'Status' AND NewValue = 'deleted'"
    )
    for status in ("deleted", "open"):
        set_status(sandbox.site.rt, 881, status, datetime.now(UTC))
    set_status(sandbox.site.rt, 885, "deleted", datetime.now(UTC))
    found = rt.get("/transactions", query=query, fields="ObjectId", orderby="ObjectId").json()
    assert [item["ObjectId"] for item in found["items"]] == ["885"]
    assert rt.get("/transactions", query="Nope = 1").status_code == 400


@pytest.mark.parametrize(
    "params",
    [
        {"query": "nonsense"},
        {"query": "Nope = 1"},
        {"query": "Requestor.Nope = 'x'"},
        {"query": "Requestor.EmailAddress = 'jo.o'neill@fenwick.example'"},
        {"query": "id > 0 AND"},
        {"query": "id IN (1, 2)"},
        {"query": "(id > 0"},
        {"query": "id > 0) OR (id > 0"},
        {"query": "LastUpdated > 'yesterday'"},
        {"query": "id = 1 OR id = 2 AND Status = 'new'"},
        {"query": "id > 0", "bogus": "1"},
        {"query": "id > 0", "token": RT_TOKEN},
        {"query": "id > 0", "fields": "Nope"},
        {"query": "id > 0", "fields": "Queue", "fields_of_Queue": "Nope"},
        {"query": "id > 0", "fields_of_Subject": "Name"},
        {"query": "id > 0", "orderby": "Nope"},
    ],
)
def test_answers_400_to_what_it_does_not_know(rt: Rt, params: dict[str, str]) -> None:
    answer = rt.get("/tickets", **params)
    assert answer.status_code == 400
    assert answer.json().keys() == {"message"}


def test_pages_through_a_list(rt: Rt) -> None:
    query = "Requestor.EmailAddress = 'ines@harbourhotel.example'"
    first = rt.get("/tickets", query=query, per_page=100, fields="Subject").json()
    rest = rt.http.get(first["next_page"], headers=rt.headers).json()
    ids = [item["id"] for item in [*first["items"], *rest["items"]]]
    assert (first["count"], first["total"], first["pages"], rest["count"]) == (100, 131, 2, 31)
    assert len(set(ids)) == 131
    assert "next_page" not in rest
    assert "page=1" in rest["prev_page"]


@pytest.mark.parametrize("per_page", ["0", "many", "1000"])
def test_falls_back_to_a_sane_page_size(rt: Rt, per_page: str) -> None:
    answer = rt.get("/tickets", query="id > 0", per_page=per_page).json()
    assert answer["per_page"] == (100 if per_page == "1000" else 20)


def test_counts_no_pages_as_a_float(rt: Rt) -> None:
    assert '"pages": 0.0' in rt.get("/tickets", query="id > 9000").text


def test_orders_by_a_column(rt: Rt) -> None:
    assert rt.ids(MAYA, orderby="LastUpdated", order="DESC") == ["885", "881", "878", "874", "860"]


def test_expands_what_is_asked_for(rt: Rt) -> None:
    params = {"fields_of_Queue": "Name,Lifecycle", "fields_of_Requestor": "EmailAddress,RealName"}
    (item,) = rt.get("/tickets", query="id = 878", fields="id,Queue,Requestor,Told,Resolved", **params).json()["items"]
    assert item["id"] == 878
    assert (item["Queue"]["Name"], item["Queue"]["Lifecycle"]) == ("Installations", "installations")
    assert item["Requestor"][0]["RealName"] == "Maya Okafor"
    assert item["Resolved"] == "1970-01-01T00:00:00Z"


def test_searches_tickets_by_a_form_too(rt: Rt) -> None:
    assert rt.post("/tickets", data={"query": "id = 881"}).json()["total"] == 1


@pytest.mark.parametrize(
    ("limits", "names"),
    [
        ([{"field": "EmailAddress", "operator": "=", "value": "MAYA@alderlane.example"}], ["maya@alderlane.example"]),
        ([{"field": "EmailAddress", "operator": "ENDSWITH", "value": "@fenwick.example"}], ["joneill"]),
        ([{"field": "Name", "value": "tom"}, {"field": "Name", "value": "priya"}], ["priya", "tom"]),
        ([{"field": "Name", "value": "tom"}, {"field": "RealName", "value": "Priya Nair"}], []),
    ],
)
def test_searches_users(rt: Rt, limits: list[dict[str, str]], names: list[str]) -> None:
    asked = rt.get("/users", query=json.dumps(limits), orderby="Name").json()["items"]
    posted = rt.post("/users", json=limits).json()["items"]
    assert [item["id"] for item in asked] == names
    assert sorted(item["id"] for item in posted) == names


@pytest.mark.parametrize(
    "body", ["[bad", '{"field": "Name"}', '[{"field": "Nope", "value": "x"}]', '[{"field": "Name"}]']
)
def test_refuses_a_search_it_does_not_understand(rt: Rt, body: str) -> None:
    assert rt.post("/users", content=body).status_code == 400


def test_finds_a_user_by_name_and_number(rt: Rt) -> None:
    by_name, by_id = rt.get("/user/MAYA@alderlane.example"), rt.get("/user/31")
    assert by_name.json() == by_id.json()
    assert by_id.json()["Privileged"] == 0
    assert rt.get("/user/nobody@nowhere.example").json() == {"message": "Not Found"}


def test_tells_public_from_internal_by_type_alone(rt: Rt) -> None:
    history = rt.get("/ticket/881/history", fields="Type,Creator,Created", per_page=100).json()["items"]
    types = [item["Type"] for item in history]
    assert {"Create", "Correspond", "Comment", "CommentEmailRecord", "EmailRecord", "Status"} == set(types)
    comment = history[types.index("Comment")]
    files = rt.get(f"/transaction/{comment['id']}/attachments", fields="Content,Filename").text
    everything = rt.get("/ticket/881/attachments", fields="Filename").text
    assert "INTERNAL-CANARY-RT-COMMENT" in files
    assert "INTERNAL-CANARY-RT-FILE" in everything


def test_gives_files_in_base64(rt: Rt) -> None:
    files = rt.get("/ticket/860/attachments", fields="Filename,ContentType,ContentLength,TransactionId").json()["items"]
    assert [item["ContentType"] for item in files][:3] == ["multipart/mixed", "text/plain", "text/html"]
    (png,) = [item for item in files if item["Filename"] == "door.png"]
    whole = rt.get(f"/attachment/{png['id']}").json()
    content = base64.b64decode(whole["Content"])
    assert content.startswith(b"\x89PNG")
    assert len(content) == int(png["ContentLength"])
    assert whole["TransactionId"]["id"] == png["TransactionId"]
    assert whole["Parent"]["id"] == files[0]["id"]


def test_searches_attachments_of_several_transactions(rt: Rt) -> None:
    limits = [{"field": "TransactionId", "operator": "=", "value": id_} for id_ in ("88101", "88106")]
    found = rt.post("/attachments", params={"fields": "TransactionId"}, json=limits).json()["items"]
    assert {item["TransactionId"] for item in found} == {"88101", "88106"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ticket/999", 404),
        ("/ticket/abc", 404),
        ("/nothing", 404),
        ("/transaction/999", 500),
        ("/transaction/999/attachments", 500),
        ("/attachment/999", 500),
        ("/ticket/999/history", 200),
    ],
)
def test_answers_to_what_is_missing_as_rt_does(rt: Rt, path: str, status: int) -> None:
    assert rt.get(path).status_code == status


def test_allows_reading_only(rt: Rt) -> None:
    assert rt.post("/ticket/881", json={"Status": "open"}).status_code == 405


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("ticket", "/ticket/881"),
        ("user", "/user/31"),
        ("transaction_correspond", "/transaction/88106"),
        ("queues", "/queues/all?fields=Name"),
        ("tickets_since", "/tickets?query=id>0&fields=LastUpdated,Status"),
        ("ticket_history", "/ticket/881/history?fields=Type,Creator,Created,Field,OldValue,NewValue,Data"),
        ("transaction_attachments", "/transaction/88106/attachments?fields=ContentType,Content,Created"),
    ],
)
def test_has_the_shape_of_a_recorded_answer(rt: Rt, name: str, path: str) -> None:
    need("recorded answers", CAPTURES.is_dir(), "put the shared folder beside the checkout, or set HALLWAY_SHARED")
    recorded = json.loads((CAPTURES / f"{name}.json").read_bytes())
    answer = rt.get(path)
    ours, theirs = answer.json(), recorded["body"]
    if "items" in theirs:
        assert _shape(ours["items"][0]) == _shape(theirs["items"][0])
        del ours["items"], theirs["items"]
        ours.pop("next_page", None)
    assert _shape(ours) == _shape(theirs)
    assert answer.headers.keys() & {"etag", "last-modified"} == recorded["headers"].keys() & {"etag", "last-modified"}


def _shape(value: dict[str, Any]) -> dict[str, type]:
    return {name: type(item) for name, item in value.items()}
