"""The sandbox's Zendesk answers as the vendor's reference says."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from support_sandbox import FIXTURES, RunningSandbox

from connectors.sandbox.faults import Fault
from connectors.sandbox.site import Sandbox
from connectors.sandbox.zendesk.changes import create_ticket, delete_ticket, update_ticket
from connectors.sandbox.zendesk.errors import ZendeskError
from connectors.sandbox.zendesk.store import STATUSES, Store

EMAIL, TOKEN = "portal@kestrel.example", "sandbox0zendesk0token0sandbox0zendesk0to"
NOW = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)
BAKERY, HOTEL, FENWICK = 360001000010, 360001000030, 360001000040
MAYA, JOSEPH, CATERING, INES = 360002000031, 360002000032, 360002000033, 360002000034
ALL = {"page[size]": "100"}


class Zendesk:
    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url, self.http = url, http
        self.auth = httpx.BasicAuth(f"{EMAIL}/token", TOKEN)

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(f"{self.url}/api/v2{path}", params=params or None, auth=self.auth)

    def send(self, method: str, path: str, ticket: object) -> httpx.Response:
        return self.http.request(method, f"{self.url}/api/v2{path}", json={"ticket": ticket}, auth=self.auth)

    def ids(self, path: str, **params: Any) -> list[int]:
        answer = self.get(path, **ALL, **params)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()["tickets"]]

    def pages(self, path: str, name: str, **params: Any) -> Iterator[list[dict[str, Any]]]:
        more: dict[str, str] = {}
        while True:
            answer = self.get(path, **params, **more).json()
            yield answer[name]
            if not answer["meta"]["has_more"]:
                return
            more = {"page[after]": answer["meta"]["after_cursor"]}


@pytest.fixture
def zendesk(sandbox: RunningSandbox, plain_http: httpx.Client) -> Zendesk:
    return Zendesk(sandbox.zendesk_url, plain_http)


@pytest.fixture
def store() -> Store:
    return Sandbox(FIXTURES, now=NOW).zendesk


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": basic(f"{EMAIL}/token:guess")},
        {"authorization": basic(f"{EMAIL}:{TOKEN}")},
        {"authorization": basic(f"maya@alderlane.example/token:{TOKEN}")},
        {"authorization": f"Bearer {TOKEN}"},
    ],
)
@pytest.mark.parametrize("path", ["/tickets/7081", "/users/search?query=maya", "/nothing"])
def test_lets_nobody_in_without_the_token(zendesk: Zendesk, path: str, headers: dict[str, str]) -> None:
    answer = zendesk.http.get(f"{zendesk.url}/api/v2{path}", headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"error": "Couldn't authenticate you"})


def test_tells_who_asks_and_knows_strangers(zendesk: Zendesk) -> None:
    assert zendesk.get("/users/me").json()["user"]["role"] == "admin"
    stranger = zendesk.http.get(f"{zendesk.url}/api/v2/users/me").json()["user"]
    assert (stranger["id"], stranger["role"]) == (None, "end-user")
    wrong = zendesk.http.get(f"{zendesk.url}/api/v2/users/me", headers={"authorization": basic("a:b")})
    assert wrong.status_code == 401


@pytest.mark.parametrize("suffix", ["", ".json"])
def test_answers_with_and_without_json_at_the_end(zendesk: Zendesk, suffix: str) -> None:
    assert zendesk.get(f"/tickets/7081{suffix}").json()["ticket"]["id"] == 7081


def test_seeds_every_status(store: Store) -> None:
    assert {row["status"] for row in store.tickets.values()} == {*STATUSES, "deleted"}


def test_is_the_same_each_time(store: Store) -> None:
    assert store == Sandbox(FIXTURES, now=NOW).zendesk


def test_lists_the_tickets_of_an_organization(zendesk: Zendesk) -> None:
    assert zendesk.ids(f"/organizations/{BAKERY}/tickets") == [7041, 7052, 7060, 7074, 7078, 7081, 7085]
    assert zendesk.ids(f"/organizations/{BAKERY}/tickets", sort="-id")[:2] == [7085, 7081]


def test_lists_what_somebody_asked_and_not_what_they_are_copied_in(zendesk: Zendesk) -> None:
    assert zendesk.ids(f"/users/{JOSEPH}/tickets/requested") == [7052, 7078]
    assert zendesk.ids(f"/users/{CATERING}/tickets/requested") == [7080]


def test_leaves_archived_tickets_out_of_an_organizations_list_alone(zendesk: Zendesk) -> None:
    recent = zendesk.ids(f"/organizations/{HOTEL}/tickets")
    asked = [row["id"] for page in zendesk.pages(f"/users/{INES}/tickets/requested", "tickets", **ALL) for row in page]
    assert len(asked) == len(set(asked)) == 131
    assert set(recent) < set(asked)
    assert len(recent) < 10
    assert zendesk.get("/tickets/5101").json()["ticket"]["status"] == "closed"


@pytest.mark.parametrize("sort", ["id", "-id", "updated_at", "-updated_at", "status", "-status"])
def test_pages_through_a_list_by_cursor(zendesk: Zendesk, sort: str) -> None:
    path = f"/organizations/{BAKERY}/tickets"
    pages = list(zendesk.pages(path, "tickets", **{"page[size]": "3", "sort": sort}))
    ids = [row["id"] for page in pages for row in page]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(ids) == zendesk.ids(path)
    values = [row[sort.lstrip("-")] for page in pages for row in page]
    assert values == sorted(values, reverse=sort.startswith("-"))


def test_keeps_its_place_when_a_ticket_comes_in_between(zendesk: Zendesk, sandbox: RunningSandbox) -> None:
    path = f"/organizations/{BAKERY}/tickets"
    pages = zendesk.pages(path, "tickets", **{"page[size]": "4", "sort": "-id"})
    first = next(pages)
    fields = {"subject": "New", "requester_id": MAYA, "comment": {"body": "New"}}
    create_ticket(sandbox.site.zendesk, fields, datetime.now(UTC))
    ids = [row["id"] for page in [first, *pages] for row in page]
    assert ids == [7085, 7081, 7078, 7074, 7060, 7052, 7041]


def test_names_the_next_page(zendesk: Zendesk) -> None:
    answer = zendesk.get(f"/organizations/{BAKERY}/tickets", **{"page[size]": "4"}).json()
    following = zendesk.http.get(answer["links"]["next"], auth=zendesk.auth).json()
    assert [row["id"] for row in following["tickets"]] == [7078, 7081, 7085]
    assert following["links"]["next"] is None


def test_pages_by_number_where_no_size_of_a_page_is_given(zendesk: Zendesk) -> None:
    answer = zendesk.get(f"/users/{INES}/tickets/requested").json()
    assert (answer["count"], len(answer["tickets"]), answer["previous_page"]) == (131, 100, None)
    following = zendesk.http.get(answer["next_page"], auth=zendesk.auth).json()
    assert (len(following["tickets"]), following["next_page"]) == (31, None)


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (f"/organizations/{BAKERY}/tickets", {"bogus": "1"}),
        (f"/organizations/{BAKERY}/tickets", ALL | {"page[before]": "x"}),
        (f"/organizations/{BAKERY}/tickets", ALL | {"include": "users"}),
        (f"/organizations/{BAKERY}/tickets", {"page[size]": "101"}),
        (f"/organizations/{BAKERY}/tickets", {"page[size]": "0"}),
        (f"/organizations/{BAKERY}/tickets", ALL | {"page[after]": "nonsense"}),
        (f"/organizations/{BAKERY}/tickets", ALL | {"page[after]": "WyJhIiwgMV0"}),
        (f"/organizations/{BAKERY}/tickets", ALL | {"sort": "subject"}),
        (f"/organizations/{BAKERY}/tickets", {"sort": "-id"}),
        (f"/users/{INES}/tickets/requested", {"page": "101"}),
        ("/tickets/7081", {"include": "comments"}),
        ("/tickets/7081/comments", {"include": "notes"}),
        ("/tickets/7081/comments", ALL | {"sort": "id"}),
        ("/users/me", {"a": "b"}),
        ("/users/search", {}),
        ("/users/search", {"query": "maya", "external_id": "C-31"}),
        ("/users/search", {"query": "role:agent"}),
        ("/users/search", {"query": 'email:"a" b"'}),
        ("/users/search", {"query": "maya", "page[size]": "100"}),
        ("/organizations/show_many", {"ids": "1", "external_ids": "2"}),
    ],
)
def test_answers_400_to_what_it_does_not_know(zendesk: Zendesk, path: str, params: dict[str, str]) -> None:
    answer = zendesk.get(path, **params)
    assert answer.status_code == 400
    assert answer.json()["errors"][0].keys() == {"code", "title"}


@pytest.mark.parametrize(
    "path",
    [
        "/tickets/999",
        "/tickets/7040",
        "/tickets/7040/comments",
        "/tickets/abc",
        "/organizations/999",
        "/organizations/999/tickets",
        "/users/999",
        "/users/999/identities",
        "/users/999/tickets/requested",
        "/audits",
    ],
)
def test_answers_404_to_what_is_not_there(zendesk: Zendesk, path: str) -> None:
    answer = zendesk.get(path)
    assert (answer.status_code, answer.json()) == (404, {"error": "RecordNotFound", "description": "Not found"})


def test_shows_agents_every_comment(zendesk: Zendesk) -> None:
    answer = zendesk.get("/tickets/7081/comments", include="users", **ALL).json()
    assert [(row["public"], row["type"]) for row in answer["comments"]] == [
        (True, "Comment"),
        (False, "Comment"),
        (True, "VoiceComment"),
        (True, "Comment"),
    ]
    assert [user["id"] for user in answer["users"]] == [360002000023, MAYA]
    assert answer["comments"][0]["html_body"].startswith('<div class="zd-comment" dir="auto"><p>The proofing')
    assert "<br>Can the driver" in answer["comments"][0]["html_body"]
    assert answer["comments"][3]["body"].endswith("It must be 84 cm wide.")
    assert "users" not in zendesk.get("/tickets/7081/comments", **ALL).json()


def test_describes_a_ticket_by_its_first_comment_even_an_internal_one(zendesk: Zendesk) -> None:
    ticket = zendesk.get("/tickets/7041").json()["ticket"]
    assert (ticket["is_public"], ticket["description"]) == (False, "INTERNAL-CANARY-ZENDESK-ONLY-NOTE")
    assert zendesk.get("/tickets/7081").json()["ticket"]["is_public"] is True


def test_sorts_and_pages_comments(zendesk: Zendesk) -> None:
    first, rest = zendesk.pages("/tickets/7070/comments", "comments", **ALL)
    last, *_ = zendesk.pages("/tickets/7070/comments", "comments", **ALL, sort="-created_at")
    assert (len(first), len(rest)) == (100, 11)
    assert last[0] == rest[-1]
    assert len({row["id"] for row in [*first, *rest]}) == 111


@pytest.mark.parametrize(("params", "names"), [({}, 3), ({"include_inline_images": "true"}, 4)])
def test_lists_inline_images_only_when_asked_to(zendesk: Zendesk, params: dict[str, str], names: int) -> None:
    files = zendesk.get("/tickets/7081/comments", **params).json()["comments"][3]["attachments"]
    assert len(files) == names
    assert [file["malware_scan_result"] for file in files if file["file_name"].endswith("exe")] == ["malware_found"]


def test_hands_a_file_out_at_a_host_of_files(zendesk: Zendesk) -> None:
    file = zendesk.get("/tickets/7081/comments").json()["comments"][3]["attachments"][0]
    answer = zendesk.http.get(file["content_url"], auth=zendesk.auth)
    assert (answer.status_code, answer.content) == (302, b"")
    content = zendesk.http.get(answer.headers["location"])
    assert content.content.startswith(b"%PDF-1.4")
    assert (len(content.content), content.headers["content-type"]) == (file["size"], "application/pdf")
    assert zendesk.http.get(answer.headers["location"], auth=zendesk.auth).status_code == 403
    assert zendesk.http.get(answer.headers["location"].partition("?")[0]).status_code == 404


def test_hands_no_file_to_strangers_or_under_another_name(zendesk: Zendesk) -> None:
    address = zendesk.get("/tickets/7081/comments").json()["comments"][3]["attachments"][0]["content_url"]
    assert zendesk.http.get(address).status_code == 401
    assert zendesk.http.get(address.partition("?")[0], auth=zendesk.auth).status_code == 404


def test_hands_out_a_file_with_a_hostile_name(zendesk: Zendesk) -> None:
    file = zendesk.get("/tickets/7061/comments").json()["comments"][0]["attachments"][0]
    location = zendesk.http.get(file["content_url"], auth=zendesk.auth).headers["location"]
    assert zendesk.http.get(location).content == b"<script>alert('HOSTILE-6')</script>"


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"query": 'email:"MAYA@alderlane.example"'}, ["Maya Okafor", "Maya Okafor?"]),
        ({"query": "email:maya.okafor@mail.example"}, ["Maya Okafor"]),
        ({"query": 'email:"jo.o\'neill@fenwick.example"'}, ["Jo O'Neill"]),
        ({"query": 'email:"maya@alderlane"'}, []),
        ({"query": "okafor"}, ["Maya Okafor", "Maya Okafor?"]),
        ({"external_id": "c-31"}, ["Maya Okafor"]),
        ({"external_id": "31"}, []),
    ],
)
def test_searches_users(zendesk: Zendesk, params: dict[str, str], names: list[str]) -> None:
    assert [user["name"] for user in zendesk.get("/users/search", **params).json()["users"]] == names


def test_tells_which_identities_are_verified(zendesk: Zendesk) -> None:
    def told(user: int) -> list[tuple[str, bool, bool]]:
        rows = zendesk.get(f"/users/{user}/identities", **ALL).json()["identities"]
        return [(row["value"], row["verified"], row["primary"]) for row in rows]

    assert told(360002000036) == [("somebody@nowhere.example", True, True), ("maya@alderlane.example", False, False)]
    assert len(told(MAYA)) == 3


def test_looks_organizations_up(zendesk: Zendesk) -> None:
    def ids(path: str, **params: str) -> list[int]:
        return [row["id"] for row in zendesk.get(path, **params).json()["organizations"]]

    assert len(ids("/organizations", **ALL)) == len(ids("/organizations")) == 5
    assert ids("/organizations/show_many", external_ids="10482,nope") == [BAKERY]
    assert ids("/organizations/show_many", ids=f"{HOTEL},{FENWICK}") == [HOTEL, FENWICK]
    assert ids("/organizations/autocomplete", name="alder lane ba") == [BAKERY, 360001000060]
    assert zendesk.get(f"/organizations/{BAKERY}").json()["organization"]["domain_names"] == ["alderlane.example"]
    assert zendesk.get(f"/users/{MAYA}").json()["user"]["organization_id"] == BAKERY


def test_takes_a_new_ticket(zendesk: Zendesk) -> None:
    fields = {"subject": "A new one", "requester_id": MAYA, "comment": {"body": "It <hums>."}, "priority": "high"}
    answer = zendesk.send("POST", "/tickets", fields)
    ticket = answer.json()["ticket"]
    assert answer.status_code == 201
    assert (ticket["status"], ticket["organization_id"], ticket["description"]) == ("new", BAKERY, "It <hums>.")
    (comment,) = zendesk.get(f"/tickets/{ticket['id']}/comments").json()["comments"]
    assert (comment["author_id"], comment["public"]) == (MAYA, True)
    assert "It &lt;hums&gt;." in comment["html_body"]
    assert ticket["id"] in zendesk.ids(f"/users/{MAYA}/tickets/requested")


def test_takes_an_answer(zendesk: Zendesk) -> None:
    reply = {"status": "solved", "comment": {"html_body": "<p>Done.</p>", "public": False}}
    ticket = zendesk.send("PUT", "/tickets/7074", reply).json()["ticket"]
    comment = zendesk.get("/tickets/7074/comments").json()["comments"][-1]
    assert ticket["status"] == "solved"
    assert ticket["updated_at"] > ticket["created_at"]
    assert (comment["public"], comment["body"], comment["author_id"]) == (False, "Done.", 360002000022)


@pytest.mark.parametrize(
    ("call", "fields", "status", "field"),
    [
        ("POST /tickets", {"subject": "x"}, 422, "comment"),
        ("POST /tickets", {"comment": {"body": ""}}, 422, "comment"),
        ("POST /tickets", {"comment": "text"}, 422, "comment"),
        ("POST /tickets", {"comment": {"body": "x"}, "requester_id": 9}, 422, "requester_id"),
        ("PUT /tickets/7074", {"comment": {"body": "x", "author_id": 9}}, 422, "author_id"),
        ("PUT /tickets/7074", {"status": "done"}, 422, "status"),
        ("PUT /tickets/7052", {"status": "open"}, 422, "status"),
        ("PUT /tickets/7074", {"colour": "red"}, 400, None),
        ("PUT /tickets/7074", {"comment": {"body": "x", "colour": "red"}}, 400, None),
        ("PUT /tickets/7074", "text", 400, None),
        ("PUT /tickets/7040", {"status": "open"}, 404, None),
        ("PUT /tickets", {"status": "open"}, 404, None),
        ("DELETE /tickets/7074", {}, 404, None),
    ],
)
def test_refuses_a_change(zendesk: Zendesk, call: str, fields: object, status: int, field: str | None) -> None:
    method, path = call.split()
    answer = zendesk.send(method, path, fields)
    assert answer.status_code == status
    if field:
        assert answer.json()["error"] == "RecordInvalid"
        assert list(answer.json()["details"]) == [field]
    assert zendesk.get("/tickets/7074").json()["ticket"]["status"] == "open"


def test_is_changed_from_inside_too(store: Store) -> None:
    later = NOW + timedelta(minutes=5)
    ticket = create_ticket(store, {"subject": "x", "requester_id": MAYA, "comment": {"body": "y"}}, NOW)
    update_ticket(store, ticket["id"], {"status": "pending", "comment": {"body": "z", "author_id": INES}}, later)
    assert (ticket["status"], ticket["created_at"], ticket["updated_at"]) == ("pending", NOW, later)
    assert [row["author_id"] for row in store.comments_on(ticket["id"])] == [MAYA, INES]
    delete_ticket(store, ticket["id"], later)
    assert ticket not in list(store.undeleted())
    with pytest.raises(ZendeskError):
        delete_ticket(store, ticket["id"], later)


def test_has_faults_and_a_ledger_of_its_own(sandbox: RunningSandbox, zendesk: Zendesk) -> None:
    switch = sandbox.site.zendesk_switch
    switch.fault = Fault(kind="unavailable")
    assert zendesk.get("/users/me").status_code == 503
    assert zendesk.http.get(f"{sandbox.rt_url}/REST/2.0/rt").status_code == 401
    assert zendesk.http.put(f"{sandbox.url}/control/zendesk/fault", json={"kind": "none"}).status_code == 204
    assert zendesk.get("/users/me", a="b").status_code == 400
    assert [(seen.method, seen.path, seen.query) for seen in switch.seen] == [
        ("GET", "/api/v2/users/me", ""),
        ("GET", "/api/v2/users/me", "a=b"),
    ]


WEBHOOK = {
    "name": "Hallway",
    "status": "active",
    "endpoint": "https://portal.example/hooks/helpdesk",
    "http_method": "POST",
    "request_format": "json",
    "subscriptions": ["zen:event-type:ticket.created"],
}


def test_lets_admins_alone_make_webhooks_and_see_their_secrets(zendesk: Zendesk, sandbox: RunningSandbox) -> None:
    def post(fields: object) -> httpx.Response:
        return zendesk.http.post(f"{zendesk.url}/api/v2/webhooks", json={"webhook": fields}, auth=zendesk.auth)

    sandbox.site.zendesk.caller["role"] = "agent"
    assert post(WEBHOOK).status_code == zendesk.get("/webhooks").status_code == 403
    sandbox.site.zendesk.caller["role"] = "admin"
    made = post(WEBHOOK)
    assert made.status_code == 201
    webhook = made.json()["webhook"]
    assert (webhook["endpoint"], "secret" in made.text) == (WEBHOOK["endpoint"], False)
    assert [row["id"] for row in zendesk.get("/webhooks", **ALL).json()["webhooks"]] == [webhook["id"]]
    secret = zendesk.get(f"/webhooks/{webhook['id']}/signing_secret").json()["signing_secret"]
    assert secret["algorithm"] == "SHA256"
    assert len(base64.b64decode(secret["secret"])) == 32
    assert zendesk.get("/webhooks/01JD9/signing_secret").status_code == 404
    for wrong in ({"colour": "red"}, {"subscriptions": ["ticket.created"]}, {"http_method": "GET"}):
        assert post(WEBHOOK | wrong).status_code == 400
    assert post({"name": "Hallway"}).status_code == 400
