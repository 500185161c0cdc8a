"""What rests on a source, segments and topics: named before it is removed or paused, and marked when it is gone."""

import re
from html import unescape

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_cli import Hallway
from support_portal import Portal
from support_sandbox import RunningSandbox
from support_staff import staff_at
from test_staff_segments import HOTELS, SEGMENTS, publish
from test_staff_visible import form_of, page, state_of, text_of

from auth.clock import utc_now
from connectors.registry import load_connectors
from gateway.records.tables import Source
from gateway.seeing.file import dump
from gateway.seeing.versions import POLICIES
from gateway.segments import Policy, Rule, Seen, Segment
from gateway.sources.removing import what_goes
from gateway.sources.resting import Resting
from gateway.topics.changes import put
from gateway.topics.fields import LongText
from gateway.topics.file import default_text
from gateway.topics.topic import Named, Topic

ONLY_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
RULE = Rule(source="erp", property="category_id", how="contains", values=("Retail",))
SHOPS = Segment(name="shops", title="Shops", rule=RULE, seen=Seen())
DELIVERY = Named(
    "delivery",
    Topic(label="Delivery", subject="Delivery", source="helpdesk", fields=(LongText(name="what", label="What?"),)),
)


async def draft(portal: Portal, policy: Policy) -> None:
    seen = (await POLICIES.draft(portal.database)).version
    await POLICIES.change_draft(portal.database, lambda _: policy, trail=TRAIL, by=BY, now=utc_now(), seen=seen)


async def take_away(portal: Portal, source: str) -> None:
    async with portal.database.write() as session:
        await session.execute(sa.delete(Source).where(Source.name == source))
    state_of(portal).offices.look_again()


async def test_knows_what_rests_on_a_source(portal: Portal) -> None:
    connectors = load_connectors()
    going = await what_goes(portal.database, connectors, "erp")
    assert going
    assert going.resting == Resting()
    await publish(portal, Policy(segments=(HOTELS,)))
    await draft(portal, Policy(segments=(HOTELS, SHOPS)))
    await put(portal.database, DELIVERY, utc_now(), trail=TRAIL, by=BY, seen="")
    erp = await what_goes(portal.database, connectors, "erp")
    helpdesk = await what_goes(portal.database, connectors, "helpdesk")
    assert erp
    assert helpdesk
    assert erp.resting == Resting(segments=("Hotels",), drafted=("Shops",))
    assert helpdesk.resting == Resting(topics=("Delivery",))


@ONLY_SQLITE
async def test_says_before_it_is_removed_whom_it_takes_data_from(portal: Portal) -> None:
    owner = await staff_at(portal, "owner")
    await publish(portal, Policy(segments=(HOTELS,)))
    await draft(portal, Policy(segments=(HOTELS, SHOPS)))
    await put(portal.database, DELIVERY, utc_now(), trail=TRAIL, by=BY, seen="")
    said = text_of(await page(owner, "/staff/sources/erp/remove"))
    assert "The segment “Hotels” can be told no longer: until you change its rule" in said
    assert "The segment “Shops” of the draft can be told no longer" in said
    assert "Delivery" not in said
    said = text_of(await page(owner, "/staff/sources/helpdesk/remove"))
    assert "The topic “Delivery” goes to it: customers cannot choose it any more." in said
    assert "Hotels" not in said


@ONLY_SQLITE
async def test_says_while_it_is_paused_what_comes_after_a_day(portal: Portal) -> None:
    owner = await staff_at(portal, "owner")
    await publish(portal, Policy(segments=(HOTELS,)))
    assert "Hotels" not in text_of(await page(owner, "/staff/sources/erp"))
    for source in ("erp", "helpdesk"):
        await owner.send("POST", f"/staff/sources/{source}/pause")
    for path in ("/staff/sources/erp", "/staff/sources"):
        said = text_of(await page(owner, path))
        assert "Customers see what we knew before" in said
        assert "After a day the segment “Hotels” can be told no longer: until it is resumed" in said, path
    assert "Hotels" not in text_of(await page(owner, "/staff/sources/helpdesk"))


@ONLY_SQLITE
async def test_points_no_rule_at_another_system(portal: Portal) -> None:
    admin = await staff_at(portal, "admin")
    crm = Segment(
        name="crm", title="Known", rule=Rule(source="crm", property="x", how="is", values=("1",)), seen=Seen()
    )
    await publish(portal, Policy(segments=(crm,)))
    form = await page(admin, f"{SEGMENTS}/one/crm")
    assert '<option value="crm" selected>crm (no longer there)</option>' in form
    sent = {**form_of(form), "title": "Known", "property": "x", "values": "1"}
    assert sent["source"] == "crm"
    refused = await admin.send("POST", f"{SEGMENTS}/one/crm", **sent)
    assert refused.status_code == 422
    assert "Choose a system that tells what it knows of customers" in unescape(refused.text)
    assert '<option value="crm" selected>crm (no longer there)</option>' in refused.text
    assert (await POLICIES.draft(portal.database)).content is None
    changed = await admin.send("POST", f"{SEGMENTS}/one/crm", **sent | {"source": "erp", "property": "category_id"})
    assert changed.status_code == 303
    assert "no longer there" not in await page(admin, f"{SEGMENTS}/one/crm")
    assert "no longer there" not in await page(admin, f"{SEGMENTS}/add")


@ONLY_SQLITE
async def test_marks_a_topic_that_goes_nowhere(portal: Portal) -> None:
    admin = await staff_at(portal, "admin")
    await put(portal.database, DELIVERY, utc_now(), trail=TRAIL, by=BY, seen="")
    assert "no longer there" not in await page(admin, "/staff/topics")
    assert "no longer there" not in await page(admin, "/staff/topics/one/delivery")
    await take_away(portal, "helpdesk")
    assert "helpdesk (no longer there)" in text_of(await page(admin, "/staff/topics"))
    form = await page(admin, "/staff/topics/one/delivery")
    assert '<option value="helpdesk" selected>helpdesk (no longer there)</option>' in form


def test_says_it_on_the_command_line(hallway: Hallway, sandbox: RunningSandbox) -> None:
    file = hallway.sources_of(sandbox)
    hallway("sources", "apply", "--yes", file)
    seen = hallway.write(dump(Policy(segments=(HOTELS,))), "visibility.toml")
    assert hallway("visibility", "apply", "--yes", seen) == 0, hallway.err
    topics = re.sub(r"(?m)^(label = .*)$", r'\1\nsource = "helpdesk"', default_text(), count=1)
    assert hallway("topics", "apply", "--yes", hallway.write(topics, "topics.toml")) == 0, hallway.err
    assert hallway("sources", "pause", "erp") == 0
    assert "After a day the segment “Hotels” can be told no longer" in hallway.out
    assert hallway("sources", "apply", "--prune", hallway.write("")) == 2, "nobody is there to agree"
    assert "The segment “Hotels” can be told no longer" in hallway.out
    assert hallway("sources", "remove", "erp", "--yes") == 0, hallway.err
    assert "The segment “Hotels” can be told no longer" in hallway.out
    assert hallway("sources", "remove", "helpdesk", "--yes") == 0, hallway.err
    assert re.search(r"The topic “[^”]+” goes to it: customers cannot choose it any more", hallway.out)
