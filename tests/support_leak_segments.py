"""Two companies of two segments, as a scene of the crawl: what is kept for one is given to nobody of the other."""

from datetime import date

import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_door import litestar_of
from support_leak_acts import Play
from support_leak_world import mark

from auth.clock import utc_now
from gateway.records.status_tables import CustomerFacts
from gateway.records.tables import Link
from gateway.seeing.versions import POLICIES
from gateway.segments import Notice, Policy, Rule, Seen, Segment
from gateway.shown import ALL, AMOUNTS, Shown

SOURCE = "east"
APART = ("alder", "birch")
LESS = Shown(fields={kind: its - {AMOUNTS} for kind, its in ALL.items()}).normal
PAGES = ("/", "/api/v1/home", "/orders?show=all", "/invoices?show=all", "/api/v1/invoices", "/")


class Sorting(Play):
    """Plays with what is published."""

    async def segments_apart(self) -> None:
        """Each company reads a notice of its own, and one of them no amounts; then it is the other way round."""
        for poor in APART:
            await self._publish(Policy(segments=tuple(_segment(company, poor) for company in APART)))
            for _ in range(2):
                for name, company in (("ann", "alder"), ("bob", "birch"), ("ann", "alder")):
                    viewer = await self._alone(name)
                    for path in PAGES:
                        answer = await self.crawl.ask(viewer, "GET", path)
                        if company == poor and ("€" in answer.body.decode(errors="replace")):
                            self.crawl.find(f"{name} read an amount at {path}, which is not shown")
        await self._publish(Policy())

    async def _publish(self, policy: Policy) -> None:
        """Say which segment each company is in, publish, and have the sources looked at again."""
        database, now = self.world.portal.database, utc_now()
        async with database.write() as session:
            await session.execute(sa.delete(CustomerFacts))
            for account, customer in await session.execute(
                sa.select(Link.account_id, Link.customer).where(Link.source == SOURCE)
            ):
                facts = {"tier": [account]}
                session.add(
                    CustomerFacts(
                        source=SOURCE, customer=customer, facts=facts, read_at=now, asked="tier", tried_at=now
                    )
                )
        live = await POLICIES.live(database)
        await POLICIES.publish(database, policy, trail=TRAIL, by=BY, now=now, seen=live.number)
        litestar_of(self.world.portal.app).state.offices.look_again()


def _segment(company: str, poor: str) -> Segment:
    rule = Rule(source=SOURCE, property="tier", how="is", values=(company,))
    notice = Notice(text=f"For {mark(company)} alone.", last=date(2099, 1, 1))
    shown = LESS if company == poor else Shown()
    return Segment(name=company, title=company, rule=rule, seen=Seen(shown=shown, notice=notice))
