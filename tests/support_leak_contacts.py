"""Two companies whom two people look after, as a scene of the crawl: nobody reads who looks after the other."""

import sqlalchemy as sa
from support_leak_acts import Play
from support_leak_world import mark

from auth.clock import utc_now
from gateway.records.status_tables import CustomerFacts
from gateway.records.tables import Link

SOURCES_THAT_SAY = ("east", "west")
PAGES = ("/", "/orders?show=all", "/account", "/requests/new", "/", "/inbox")
LOOKERS = (("ann", "alder"), ("bob", "birch"), ("ann", "alder"), ("ora", "alder"))


class Naming(Play):
    """Plays with who looks after whom."""

    async def looked_after(self) -> None:
        """Each company has somebody of its own in both systems, whose names bear its mark, and reads just theirs."""
        now = utc_now()
        async with self.world.portal.database.write() as session:
            links = sa.select(Link.account_id, Link.source, Link.customer).where(Link.source.in_(SOURCES_THAT_SAY))
            for account, source, customer in (await session.execute(links)).all():
                row = await session.get(CustomerFacts, (source, customer))
                if row is None:
                    row = CustomerFacts(source=source, customer=customer, asked="", tried_at=now)
                    session.add(row)
                name = f"{mark(account)}keeper"
                row.counterpart = {"name": name, "email": f"{name}@example.org", "phone": None}
                row.counterpart_at = now
        for name, company in LOOKERS:
            viewer = await self._alone(name)
            for path in PAGES:
                answer = await self.crawl.ask(viewer, "GET", path)
                if answer.status == 200 and f"{mark(company)}keeper".encode() not in answer.body:
                    self.crawl.find(f"{name} did not read at {path} who looks after them")
