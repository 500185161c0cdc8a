"""Staff write what customers can ask for by a form, and see it as customers will."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_audit import BY, TRAIL
from support_portal import Portal
from support_sandbox import RunningSandbox
from support_staff import Staff, staff_at

from auth.clock import utc_now
from connectors.registry import load_connectors
from gateway.seeing.versions import POLICIES
from gateway.segments import Notice, Policy, Seen
from gateway.topics.changes import put, stamps, topics
from gateway.topics.fields import KINDS
from gateway.topics.file import defaults
from gateway.topics.topic import NAME, Named
from gateway.topics.writing import Question, Written, as_written, name_for, read, written_in
from web.console.topics import KINDS as KIND_WORDS

LIST = "/staff/topics"
FORM = {
    "label": "A sample",
    "help": "Before you order",
    "subject": "Sample of {article}",
    "within": "8",
    "q0-kind": "text",
    "q0-label": "Article",
    "q0-required": "yes",
    "q1-kind": "choice",
    "q1-label": "How many?",
    "q1-choices": "One\r\nA few\r\n",
    "do": "save",
}


async def send(staff: Staff, path: str, **more: str) -> tuple[int, str]:
    answer = await staff.send("POST", path, **{**FORM, **more})
    return answer.status_code, unescape(answer.text)


def stamp_on(page: str) -> str:
    (found,) = re.findall(r'name="seen" value="([^"]*)"', page)
    return unescape(found)


async def agree(staff: Staff, path: str) -> httpx.Response:
    """Answer a page that asks, or send the form once more where there is nothing left to ask about."""
    page = await staff.get(path)
    return await staff.send("POST", path, seen=stamp_on(page.text) if page.status_code == 200 else "")


async def names(portal: Portal) -> list[str]:
    return [each.name for each in await topics(portal.database)]


@pytest.mark.parametrize("named", defaults(), ids=[each.name for each in defaults()])
def test_writes_a_topic_so_that_it_reads_the_same(named: Named) -> None:
    assert read(as_written(named.topic), {}).topic == named.topic


def test_has_words_for_each_kind_of_question() -> None:
    assert set(KINDS) == set(KIND_WORDS)


words = st.text(max_size=130)


@given(st.builds(Written, **dict.fromkeys(("label", "help", "subject", "source", "route", "within"), words)), st.data())
def test_makes_a_topic_of_anything_or_says_what_is_wrong(written: Written, data: Any) -> None:
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(Question.__struct_fields__, words)), max_size=14))
    kinds = data.draw(st.lists(st.sampled_from(list(KINDS)), min_size=len(rows), max_size=len(rows)))
    form = {name: getattr(written, name) for name in Written.__struct_fields__ if name != "questions"}
    for number, (row, kind) in enumerate(zip(rows, kinds, strict=True)):
        form |= {f"q{number}-{name}": value for name, value in row.items()} | {f"q{number}-kind": kind}
    found = read(written_in(form), load_connectors())
    assert (found.topic is None) == bool(found.problems)


@given(words)
def test_names_a_topic_as_addresses_want_it(label: str) -> None:
    name = name_for(label, {})
    assert NAME.fullmatch(name)
    assert name_for(label, {name: 1}) != name


async def test_adds_a_topic_that_customers_can_choose(portal: Portal, sandbox: RunningSandbox) -> None:
    await portal.connect(sandbox)
    await portal.link("maya", "bakery", ("helpdesk", "maya@alderlane.example"))
    admin, maya = await staff_at(portal, "admin"), await portal.browser("maya", "bakery")
    usual = await names(portal)
    assert "the usual ones" in (await admin.get(LIST)).text
    assert (await admin.send("POST", f"{LIST}/add", **FORM)).headers["location"] == LIST
    assert await names(portal) == [*usual, "a_sample"]
    assert "A sample" in (await maya.get("/requests/new")).text
    form = (await maya.get("/requests/new/a_sample")).text
    assert "How many?" in form
    assert "A few" in form
    assert "Somebody of yours wrote these" in (await admin.get(LIST)).text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"label": ""}, "Fill this in."),
        ({"label": "x" * 101}, "at most 100 characters"),
        ({"subject": "{nothing}"}, "There is no field 'nothing' to put in"),
        ({"source": "elsewhere"}, "Choose a system that takes new requests."),
        ({"within": "soon"}, "Write whole hours, from 1 to 400."),
        ({"q0-label": ""}, "Fill this in."),
        ({"q0-kind": "poem"}, "Choose one of these."),
        ({"q1-choices": "One"}, "Write 2 to 30 answers"),
        ({"q0-kind": "number", "q0-least": "9", "q0-most": "3"}, "not less than the other"),
        ({"q0-name": "a", "q1-name": "a", "subject": "A"}, "Two are called 'a'"),
    ],
)
async def test_says_what_is_wrong_and_keeps_what_was_written(portal: Portal, more: dict[str, str], said: str) -> None:
    status, page = await send(await staff_at(portal, "admin"), f"{LIST}/add", **more)
    assert status == 422
    assert said in page
    assert 'value="Before you order"' in page
    assert not await stamps(portal.database)


async def test_shows_the_form_and_moves_questions_before_anything_is_kept(portal: Portal) -> None:
    admin = await staff_at(portal, "admin")
    status, page = await send(admin, f"{LIST}/add", do="show")
    assert status == 200
    assert page.partition("As customers see it")[2].count('<option value="A few">') == 1
    _, page = await send(admin, f"{LIST}/add", do="up-1")
    assert page.index('value="How many?"') < page.index('value="Article"')
    _, page = await send(admin, f"{LIST}/add", do="remove-0")
    assert 'value="Article"' not in page
    _, page = await send(admin, f"{LIST}/add", do="add")
    assert "Question 3" in page
    assert not await stamps(portal.database)


class Inputs(HTMLParser):
    """What a browser would send of the form that has a label, when nobody touches it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._choice = self._text = ""  # what is open
        self._is_in_form = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        name, value = own.get("name") or "", own.get("value") or ""
        if tag == "form":
            self._is_in_form = (own.get("action") or "").startswith(LIST)
        elif not self._is_in_form:
            return
        elif tag in {"select", "textarea"}:
            self._choice, self._text = (name, "") if tag == "select" else ("", name)
            self.fields[name] = ""
        elif tag == "option" and self._choice and "selected" in own:
            self.fields[self._choice] = value
        elif tag == "input" and name and (own.get("type") != "checkbox" or "checked" in own):
            self.fields[name] = value

    def handle_data(self, data: str) -> None:
        if self._text:
            self.fields[self._text] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in {"select", "textarea"}:
            self._choice = self._text = ""
        elif tag == "form":
            self._is_in_form = False


@pytest.mark.parametrize("name", [each.name for each in defaults()])
async def test_keeps_a_topic_as_it_is_that_nobody_touched(portal: Portal, name: str) -> None:
    admin = await staff_at(portal, "admin")
    before = await topics(portal.database)
    form = Inputs((await admin.get(f"{LIST}/one/{name}")).text).fields
    assert len(form) > 10
    assert (await admin.send("POST", f"{LIST}/one/{name}", **{**form, "do": "save"})).status_code == 303
    assert await topics(portal.database) == before


async def test_overwrites_nothing_that_somebody_else_wrote(portal: Portal) -> None:
    admin = await staff_at(portal, "admin")
    await send(admin, f"{LIST}/add")
    seen = (await stamps(portal.database))["a_sample"]
    assert f'name="seen" value="{seen}"' in (await admin.get(f"{LIST}/one/a_sample")).text
    named = next(each for each in await topics(portal.database) if each.name == "a_sample")
    await put(portal.database, named, utc_now(), trail=TRAIL, by=BY, seen=seen)
    assert (await stamps(portal.database))["a_sample"] == seen, "nothing was changed"
    assert (await send(admin, f"{LIST}/one/a_sample", seen=seen, label="Theirs"))[0] == 303
    status, page = await send(admin, f"{LIST}/one/a_sample", seen=seen, label="Ours")
    assert status == 409
    assert "Somebody changed this after you opened it." in page
    assert 'value="Ours"' in page, "what was written is still there"
    assert [each.topic.label for each in await topics(portal.database)][-1] == "Theirs"


async def test_moves_removes_and_goes_back_to_the_usual_ones(portal: Portal) -> None:
    admin = await staff_at(portal, "admin")
    first, second, *others = await names(portal)
    await admin.send("POST", f"{LIST}/order", name=second, step="-1")
    assert await names(portal) == [second, first, *others]
    assert "What will happen" in (await admin.get(f"{LIST}/one/{first}/remove")).text
    for _ in range(2):  # a second click leads where the first did
        assert (await agree(admin, f"{LIST}/one/{first}/remove")).headers["location"] == LIST
    assert await names(portal) == [second, *others]
    for name in others:
        await agree(admin, f"{LIST}/one/{name}/remove")
    last = await agree(admin, f"{LIST}/one/{second}/remove")
    assert last.status_code == 422
    assert "This is the only one." in last.text
    await agree(admin, f"{LIST}/usual")
    assert await names(portal) == [first, second, *others]
    assert (await admin.get(f"{LIST}/one/nothing")).status_code == 404


async def test_makes_a_topic_once_however_often_its_form_is_sent(portal: Portal) -> None:
    admin = await staff_at(portal, "admin")
    for _ in range(2):
        assert (await send(admin, f"{LIST}/add"))[0] == 303
    await send(admin, f"{LIST}/add", help="Another one of this name")
    assert (await names(portal))[-2:] == ["a_sample", "a_sample_2"]


async def test_removes_nothing_that_somebody_has_just_changed(portal: Portal) -> None:
    admin = await staff_at(portal, "admin")
    await send(admin, f"{LIST}/add")
    asked = {page: stamp_on((await admin.get(page)).text) for page in (f"{LIST}/one/a_sample/remove", f"{LIST}/usual")}
    seen = stamp_on((await admin.get(f"{LIST}/one/a_sample")).text)
    assert (await send(admin, f"{LIST}/one/a_sample", seen=seen, label="Theirs"))[0] == 303
    for page, stamp in asked.items():
        late = await admin.send("POST", page, seen=stamp)
        assert (late.status_code, "Somebody changed this after you opened it." in late.text) == (409, True), page
        assert "a_sample" in await names(portal)
    assert (await agree(admin, f"{LIST}/one/a_sample/remove")).status_code == 303
    status, page = await send(admin, f"{LIST}/one/a_sample", seen=seen, label="Ours")
    assert (status, 'value="Ours"' in page) == (409, True), "what was written is still there"
    assert "Somebody removed this topic" in page


async def test_says_whose_notice_leads_to_what_is_removed(portal: Portal) -> None:
    admin = await staff_at(portal, "admin")
    await send(admin, f"{LIST}/add")
    policy = Policy(everybody=Seen(notice=Notice(text="We move.", topic="a_sample")))
    await POLICIES.publish(portal.database, policy, trail=TRAIL, by=BY, now=utc_now(), seen=0)
    page = unescape((await admin.get(f"{LIST}/one/a_sample/remove")).text)
    assert "The notice for all customers leads to it" in page
    other = (await admin.get(f"{LIST}/one/{(await names(portal))[0]}/remove")).text
    assert "The notice for" not in other


async def test_lets_others_look_alone(portal: Portal) -> None:
    reader = await staff_at(portal, "read-only")
    assert "New topic" not in (await reader.get(LIST)).text
    assert 'value="save"' not in (await reader.get(f"{LIST}/one/order")).text
    assert (await send(reader, f"{LIST}/one/order"))[0] == 403
    assert not await stamps(portal.database)
