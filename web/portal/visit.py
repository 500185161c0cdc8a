"""One look at a page: who looks, for which account, and what every page of the portal shares."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from functools import cached_property
from typing import Any, TypeVar

from litestar import MediaType, Request, Response
from litestar.exceptions import NotFoundException

from auth.principals import Onlooker, Visiting
from connectors.actions import ActionName
from connectors.contract import FileStream
from connectors.errors import NotFound, Unavailable
from connectors.records import KINDS, Kind, Record
from gateway.access import LinkRef, Scope
from gateway.account_view import AccountView, AccountViews, Elsewhere, Part
from gateway.home import Item, needs_by_area
from gateway.languages import gettext
from gateway.offices import Office
from gateway.outbox.desk import Desk
from gateway.page_rows import PLACE
from gateway.proofs import Proof
from gateway.rights import AREA_OF, AREAS, Area
from gateway.seen_pages import SeenPages
from gateway.standing import Standing
from gateway.statuses import status_of
from web.frame import MAIN, Around
from web.live import MARK_PLACE, mark_of
from web.portal.ability import Ability
from web.portal.acting import NOBODY, account_of
from web.portal.listing import OWN_ONLY, UNLINKED, UNNAMED, Empty
from web.ready import Answer, Ready, is_plain
from web.speaking import speak_to
from web.stamps import stamps_of
from web.view import View, address_in, html_of, viewing_of

R = TypeVar("R", bound=Record)
KIND_OF: dict[type[Record], Kind] = {record_type: kind for kind, record_type in KINDS.items()}
COUNTED: tuple[Kind, ...] = ("orders", "invoices", "tickets")  # their needs stand in the navigation of every page


class Visit:
    """Reads and renders for one signed-in visitor. The scope comes from the session, never from the request."""

    def __init__(self, request: Request[Visiting, Any, Any], standing: Standing, records: AccountView | None) -> None:
        self.request = request
        self.scope = standing.scope
        self.profile = standing.profile
        self.standing = standing
        self.view: View = request.app.state.view
        self.records = records

    @property
    def _account_id(self) -> str:
        return self.request.user.account_id or ""

    @cached_property
    def today(self) -> date:
        return self.view.today()

    @property
    def account_name(self) -> str:
        return self.scope.account_name if self.scope else gettext(NOBODY)

    @property
    def is_linked(self) -> bool:
        """Whether there is anything this visitor could see."""
        return bool(self.scope and self.scope.links)

    @property
    def managed(self) -> Scope | None:
        """The account, for a visitor who manages it: who may invite colleagues, and set what they see."""
        return self.scope if self.scope and self.scope.rights.manages else None

    @property
    def offices(self) -> Mapping[str, Office]:
        """The sources as they were when the visit began."""
        return self.records.offices if self.records else {}

    @property
    def desk(self) -> Desk:
        """Where the visitor hands in what is to be sent."""
        desk: Desk = self.request.app.state.desk
        return desk

    @cached_property
    def ability(self) -> Ability:
        only_looks = isinstance(self.request.user, Onlooker)
        return Ability(scope=self.scope, offices=self.offices, email=self.profile.email, only_looks=only_looks)

    def can(self, action: ActionName, link: LinkRef, record: Record | None = None) -> bool:
        """Whether the visitor can have something done in a source, as who they are there. An onlooker cannot."""
        return self.ability.can(action, link, record)

    @cached_property
    def desks(self) -> tuple[LinkRef, ...]:
        """As whom a new request could be sent, see `Ability.desks`."""
        return self.ability.desks() if "requests" in self.areas else ()

    @cached_property
    def areas(self) -> tuple[Area, ...]:
        """What the navigation leads to. Who is linked to nothing yet finds out on every page what there could be."""
        if self.scope is None:
            return AREAS
        seen = tuple(area for area in AREAS if self.scope.rights.reach(area) != "none")
        return seen if seen != ("documents",) else ()

    @cached_property
    def own_areas(self) -> tuple[Area, ...]:
        """Of what the visitor sees only what names them, and not all of the company's."""
        return tuple(area for area in self.areas if self.scope and self.scope.rights.reach(area) == "own")

    def require(self, area: Area) -> None:
        """Raises `NotFoundException` where the area is none of the visitor's: there is no such page for them."""
        if area not in self.areas:
            raise NotFoundException

    def lede(self, area: Area, said: str, items: Sequence[object], *, known: bool) -> str:
        """Say how things stand, and of what that is said where it is not of everything."""
        if area not in self.own_areas:
            return said if self.is_linked else ""
        return f"{said} {gettext(OWN_ONLY)}" if items or not known else ""

    def empty(self, area: Area, said: Empty, items: Sequence[object], *, known: bool) -> Empty:
        """Say why there is nothing. `said` is for who would see it if there were something."""
        if not self.is_linked:
            return UNLINKED
        return UNNAMED if area in self.own_areas and known and not items else said

    def knows(self, about: Iterable[Part]) -> bool:
        """Whether it has been read with all that is open, so that what is not there does not exist."""
        return self.is_linked and all(part.fetched_at and part.all_open for part in about)

    async def parts(self, *kinds: Kind, deep: Kind | None = None, depth: int = 1) -> tuple[Part, ...]:
        """Read lists of the visitor's account, and always those that the navigation counts.

        `depth` says how many pieces of a long history are read of the kind `deep`.
        """
        wanted = dict.fromkeys((*kinds, *COUNTED))
        return await self.records.parts(wanted, deep=deep, depth=depth) if self.records else ()

    async def one(self, record_type: type[R], source: str, record_id: str) -> Item[R]:
        """Read one record of the account. Raises `NotFound`, and `Unavailable` while nobody can say."""
        if self.records is None:
            raise NotFound("no account")
        part = await self.records.one(KIND_OF[record_type], source, record_id)
        for item in items_of([part], record_type):
            return item
        raise Unavailable(f"{source} has not answered")

    def why(self, item: Item[R]) -> Proof:
        """Write down why a record that `one` gave is shown."""
        if self.records is None:
            raise NotFound("no account")
        return self.records.proof(item.part)

    async def conversations(self, tickets: Iterable[Part], most: int) -> tuple[Part, ...]:
        """Read the latest tickets of some lists with their messages."""
        return await self.records.conversations(tickets, most) if self.records else ()

    @asynccontextmanager
    async def file(self, kind: Kind, source: str, record_id: str, file_id: str) -> AsyncIterator[FileStream]:
        """Open a file of one of the account's records. Raises `ConnectorError`."""
        if self.records is None:
            raise NotFound("no account")
        async with self.records.file(kind, source, record_id, file_id) as stream:
            yield stream

    def stamps(self, about: Iterable[Part]) -> Any:  # noqa: ANN401  # the library's marked text has no type of its own
        """Say where the figures of a group are from and how old they are."""
        return self.view.stamps(stamps_of(about))

    def note(self, name: str, page: str) -> None:
        """Record what was done, for the business's own figures. What staff look at is no use of the member's."""
        user = self.request.user
        if isinstance(user, Onlooker):
            return
        self.request.app.state.usage.record(name, page, member_id=user.member_id, account_id=user.account_id)

    def page(
        self,
        template: str,
        *,
        area: str | None,
        parts: Iterable[Part],
        about: Iterable[Part],
        **context: Any,  # noqa: ANN401  # what a template needs differs from page to page
    ) -> Response[bytes]:
        """Render a page. `parts` feed the counts of the navigation, `about` is what this page itself speaks of."""
        page = template.removesuffix(".html")
        if self.request.headers.get("x-account", self._account_id) != self._account_id:
            # The page asks for news of itself, but the browser has moved to another account meanwhile.
            return Response(b"", headers={"HX-Refresh": "true"}, media_type=MediaType.HTML)
        about = tuple(about)
        if "hx-request" not in self.request.headers:  # a page that asks for news of itself is viewed once
            self.note("viewed", page)
        is_asked_for = self.request.method == "GET"  # to ask anew for what came of a form gives another page
        codes: SeenPages = self.request.app.state.seen_pages
        has_code = codes.is_on and not isinstance(self.request.user, Onlooker)
        around = Around(
            page=page,
            area=area,
            account=account_of(self.standing, linked=self.is_linked),
            account_id=self._account_id,
            contact=self.view.contact_of(self.standing.counterparts),
            areas=self.areas,
            can_ask=bool(self.desks),
            has_help=self.view.helped(),
            unread=self.standing.post.unread,
            needs=needs_by_area(parts, self.today, also=self.standing.waits),
            seen=MARK_PLACE if self.is_linked and is_asked_for else None,
            code=PLACE if has_code else None,
            refresh=is_asked_for and any(part.asking for part in about),
            viewing=viewing_of(self.request.user),
            today=self.today,
        )
        said = html_of(
            self.request,
            template,
            end_of_title=MAIN,
            **around.shared,
            own_areas=self.own_areas,
            page_stamps=stamps_of(about),
            known=all(part.state != "waiting" and part.fetched_at for part in about),
            status_of=lambda record: status_of(record, self.today),
            stamps_of=stamps_of,
            href=href,
            **context,
        )
        token, address = self.request.user.csrf_token, address_in(self.request)
        html = self.view.frames.around(around, said, token=token, address=address).encode()
        if has_code:
            html = codes.note(
                html,
                secret=token,
                member_id=self.request.user.member_id,
                account_id=self.request.user.account_id,
                path=address,
                scope=self.scope,
                parts=about,
            )
        version = self.records.first_version if self.records else None
        html = html.replace(MARK_PLACE.encode(), mark_of(version, self.scope).encode())
        return Response(html, media_type=MediaType.HTML)

    def keep(self, body: bytes, parts: Sequence[Part], headers: Mapping[str, str], etag: str | None = None) -> None:
        """Let this very answer be given again, while all that it is made of is on time and has not changed."""
        version = self.records.version if self.records else None
        is_on_time = all(part.fetched_at and part.state == "on_time" for part in parts)
        if self.records is None or version is None or not parts or not is_on_time:
            return
        if not is_plain(self.request.scope) or isinstance(self.request.user, Onlooker):
            return
        ready: Ready = self.request.app.state.ready
        answer = Answer(
            body=body,
            headers=[(name.lower().encode(), value.encode()) for name, value in headers.items()],
            etag=etag.encode() if etag else None,
            standing=self.standing,
            version=version,
            offices=self.records.offices,
            today=self.today,
            until=min(part.fetched_at + part.promise for part in parts if part.fetched_at),
        )
        ready.keep(self.request.user.session.hex(), self.request.url.path, answer)


async def visit_of(request: Request[Visiting, Any, Any], standing: Standing) -> Visit:
    """Begin a visit, in the language of whoever visits. Raises `DatabaseDown`."""
    speak_to(request.user, standing.profile, request.app.state.languages, request.scope["path"])
    views: AccountViews = request.app.state.account_views
    return Visit(request, standing, await views.of(standing.scope) if standing.scope else None)


def href(item: Item[Record]) -> str:
    """Address of a record's own page."""
    return href_of(item.part.kind, item.part.source, item.record)


def href_of(kind: Kind, source: str, record: Record) -> str:
    return f"/{AREA_OF[kind]}/{source}/{record.origin.id}"


def items_of(parts: Iterable[Part], record_type: type[R]) -> list[Item[R]]:
    return [Item(record, part) for part in parts for record in part.records if isinstance(record, record_type)]


def elsewhere(parts: Iterable[Part], item: Item[Record]) -> tuple[Elsewhere, ...]:
    """Where else a record is, by lists that leave it out there."""
    lists = (part for part in parts if (part.kind, part.source) == (item.part.kind, item.part.source))
    return next((part.also[item.record.origin.id] for part in lists if item.record.origin.id in part.also), ())


def only(parts: Iterable[Part], kind: Kind) -> tuple[Part, ...]:
    return tuple(part for part in parts if part.kind == kind)
