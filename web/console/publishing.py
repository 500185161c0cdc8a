"""What is published whole has the same pages: throw the draft away, try it, and go from version to version.

Statuses have them, and what customers see.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from litestar import Request, Response
from litestar.exceptions import NotFoundException
from msgspec import Struct

from auth.clock import utc_now
from auth.principals import Role, StaffPrincipal
from cache.client import CacheDown
from gateway.offices import Office
from gateway.publishing import OVERTAKEN, ChangedMeanwhileError, Published, names_of
from gateway.topics.changes import topics as read_topics
from web.caller import by_staff
from web.console.desk import Question, confirm, desk
from web.console.finding import Whole
from web.redirects import see_other

WRITES: Role = "admin"  # the least role that decides what customers read and see

T = TypeVar("T")


class Opened(Struct, frozen=True):
    """The draft's version, as somebody opened it."""

    version: Whole = 0


class Agreed(Struct, frozen=True):
    """What is to be published: the draft and the version that counted, as they were tried."""

    draft: Whole = 0
    live: Whole = 0
    mails: str = ""


class WentBack(Struct, frozen=True):
    """The version that counted, as somebody saw it who goes back to another one."""

    live: Whole = 0


class Called(Struct, frozen=True, kw_only=True):
    """What things are called today that changes are about: sources, and topics by their names."""

    offices: Mapping[str, Office] = {}
    topics: Mapping[str, str] = {}


class Pages(Struct, Generic[T], frozen=True, kw_only=True):
    """The pages of one thing. `changes`: what two contents differ in, as its pages show it."""

    published: Published[T]
    area: str
    path: str
    templates: str  # what the names of its templates begin with
    changes: Callable[[T, T, Called], Sequence[object]]
    context: Mapping[str, Any] = {}  # what its templates need besides

    @property
    def versions(self) -> str:
        return f"{self.path}/versions"

    async def ask_discard(
        self, request: Request[StaffPrincipal, Any, Any], text: str, effects: Callable[[T, T], Sequence[str]]
    ) -> Response[str]:
        draft = await self.published.draft(request.app.state.database)
        told = effects(draft.live.content, draft.wanted)
        if not told:
            return see_other(self.path)
        question = Question(
            title="Throw the draft away?",
            text=text,
            effects=tuple(told),
            action=f"{self.path}/discard",
            button="Throw it away",
            back=self.path,
            fields={"version": str(draft.version)},
            is_loss=True,
        )
        return confirm(request, self.area, question)

    async def discard(self, request: Request[StaffPrincipal, Any, Any], seen: int) -> Response[str]:
        """Throw the draft away, unless it is another one meanwhile: then it is asked again."""
        state, by = request.app.state, by_staff(request)
        try:
            await self.published.discard_draft(state.database, trail=state.trail, by=by, now=utc_now(), seen=seen)
        except ChangedMeanwhileError:
            return see_other(f"{self.path}/discard")
        return see_other(self.path)

    async def rehearsal(
        self,
        request: Request[StaffPrincipal, Any, Any],
        rehearse: Callable[[T, T], Awaitable[object]],
        *,
        is_overtaken: bool,
        more: Mapping[str, Any],
    ) -> Response[str]:
        """Try the draft on real records. Each try is in the audit trail: it names records."""
        state = request.app.state
        draft = await self.published.draft(state.database)
        if draft.content is None:
            return see_other(self.path)
        found: object | None = None
        with suppress(CacheDown):  # nothing is kept that it could be tried on
            found = await rehearse(draft.live.content, draft.content)
        by = by_staff(request)
        await self.published.note_rehearsal(state.database, trail=state.trail, by=by, draft=draft.version)
        return desk(
            request,
            f"{self.templates}_rehearsal.html",
            area=self.area,
            status_code=409 if is_overtaken else 200,
            path=self.path,
            draft=draft,
            changes=self.changes(draft.live.content, draft.content, await _called(request)),
            found=found,
            overtaken=OVERTAKEN if is_overtaken else None,
            **self.context,
            **more,
        )

    async def all(self, request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
        """Show the latest versions."""
        database = request.app.state.database
        found = await self.published.latest(database)
        called = await _called(request)
        former = {each.number: each.content for each in (*found, self.published.before_all)}
        counts = {
            each.number: len(self.changes(former[each.number - 1], each.content, called))
            for each in found
            if each.number - 1 in former
        }
        names = await names_of(database, (each.made_by for each in found))
        template = f"{self.templates}_versions.html"
        return desk(request, template, area=self.area, path=self.path, versions=found, names=names, counts=counts)

    async def one(
        self, request: Request[StaffPrincipal, Any, Any], number: int, *, is_overtaken: bool = False
    ) -> Response[str]:
        """Show a version: what it changed, and what going back to it would."""
        database = request.app.state.database
        found, live = await self.published.version(database, number), await self.published.live(database)
        former = await self.published.version(database, number - 1) if number else None
        if found is None:
            raise NotFoundException
        called = await _called(request)
        return desk(
            request,
            f"{self.templates}_version.html",
            area=self.area,
            status_code=409 if is_overtaken else 200,
            path=self.path,
            version=found,
            live=live.number,
            names=await names_of(database, [found.made_by]),
            changed=self.changes(former.content, found.content, called) if former else [],
            back=self.changes(live.content, found.content, called) if live.number != number else [],
            may_write=request.user.reaches(WRITES),
            overtaken=OVERTAKEN if is_overtaken else None,
            **self.context,
        )

    async def restore(self, request: Request[StaffPrincipal, Any, Any], number: int, seen: int) -> Response[str]:
        """Make a new version of an old one, if what counts is still what the page said."""
        state = request.app.state
        if await self.published.version(state.database, number) is None:
            raise NotFoundException
        by = by_staff(request)
        try:
            await self.published.restore(state.database, number, trail=state.trail, by=by, now=utc_now(), seen=seen)
        except ChangedMeanwhileError:
            return await self.one(request, number, is_overtaken=True)
        state.offices.look_again()
        return see_other(self.versions)


async def _called(request: Request[StaffPrincipal, Any, Any]) -> Called:
    state = request.app.state
    topics = {each.name: each.topic.label for each in await read_topics(state.database)}
    return Called(offices=await state.offices.all(), topics=topics)
