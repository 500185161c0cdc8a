"""What customers see is published whole, and drafted before."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.message_rules import forget_segments
from gateway.publishing import Published
from gateway.records.lines import By, Line
from gateway.records.status_tables import VisibilityDraft, VisibilityVersion
from gateway.seeing.differences import told
from gateway.segments import CAREFUL_POLICY, EVERYTHING_TO_ALL, Policy, read_policy, stored_policy


async def settle(session: AsyncSession, contents: tuple[Policy, Policy], by: By, now: datetime) -> list[Line]:
    """Let no rules of messages stay for a segment that is neither published nor drafted."""
    if CAREFUL_POLICY in contents:  # nobody knows which there are
        return []
    known = {each.name for policy in contents for each in policy.segments}
    return await forget_segments(session, known, by=by, now=now)


POLICIES: Published[Policy] = Published(
    name="visibility",
    versions=VisibilityVersion,
    drafts=VisibilityDraft,
    none_yet=EVERYTHING_TO_ALL,
    read=read_policy,
    stored=stored_policy,
    told=told,
    settle=settle,
)
