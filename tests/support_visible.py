"""What customers see: a version that is published and hides nothing, and a draft that hides something."""

from datetime import date

from msgspec.structs import replace
from support_audit import BY, TRAIL

from auth.clock import utc_now
from gateway.records.database import Database
from gateway.seeing.versions import POLICIES
from gateway.segments import Notice, Policy, Rule, Seen, Segment
from gateway.shown import ALL, Shown

PUBLISHED = Policy(everybody=Seen(notice=Notice(text="We have moved.", last=date(2026, 1, 1))))
HOTELS = Segment(
    name="hotels",
    title="Hotels",
    rule=Rule(source="erp", property="category_id", how="one_of", values=("Hospitality", "Lodging")),
    seen=Seen(notice=Notice(text="Your winter prices are here.", topic="order")),
)
LESS = Shown(fields={kind: its - {"tracking", "amounts"} for kind, its in ALL.items()}).normal


async def add_visible(db: Database) -> None:
    now = utc_now()
    await POLICIES.publish(db, PUBLISHED, trail=TRAIL, by=BY, now=now, seen=0)

    def hide(policy: Policy) -> Policy:
        return replace(policy, everybody=Seen(shown=LESS, topics=("invoice",)), segments=(HOTELS,))

    await POLICIES.change_draft(db, hide, trail=TRAIL, by=BY, now=now, seen=0)
