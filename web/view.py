"""From a page's data to an answer. One template environment for the whole portal, made in one place."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import minijinja
from litestar import MediaType, Request, Response
from msgspec.structs import replace

from auth.principals import Onlooker, Principal, StaffPrincipal, Viewing
from connectors.links import fit
from gateway.appearance import Appearance, of_settings
from gateway.counterparts import LooksAfter
from gateway.languages import ENGLISH, gettext, language, locale, speaking
from gateway.languages.sentences import MARKED
from gateway.settings import Settings
from gateway.spans import span
from web import pieces, words
from web.contact import Contact
from web.frame import Frames
from web.safe_html import SafeHtml
from web.stamps import Stamp
from web.statics import Asset, load_assets, make_asset

HERE = Path(__file__).parent

Helped = Callable[[], bool]  # whether there are articles of help


class View:
    """Templates with the brand, the person to talk to and the business's time zone and office hours."""

    def __init__(self, appearance: Appearance, zone: ZoneInfo, helped: Helped) -> None:
        self._zone = zone
        self._own_assets = load_assets()
        self.helped = helped
        self._templates = minijinja.Environment(
            loader=_load,
            undefined_behavior="strict",
            debug=False,  # or an error would carry every record of the page into the log
            filters={
                "money": words.money,
                "quantity": words.quantity,
                "size": words.size,
                "segment": partial(quote, safe=""),
                "followable": lambda address: fit(address) or "",
                "markup": _markup,
            },
            globals={
                **MARKED,
                "page_language": language,
                "page_direction": lambda: locale().text_direction,
                "on": lambda value: pieces.on(self._day(value), words.day(self._day(value), self.today())),
                "on_short": lambda value: pieces.on(self._day(value), words.short_day(self._day(value), self.today())),
                "strong": pieces.strong,
                "asset": self.asset,
                "icon": pieces.icon,
                "chip": pieces.chip,
                "what": pieces.what,
                "meter": pieces.meter,
                "count": words.count,
                "number": words.number,
                "today": self.today,
                "opens_again": self.opens_again,
                "day": lambda value: words.day(self._day(value), self.today()),
                "short_day": lambda value: words.short_day(self._day(value), self.today()),
                "long_day": words.long_day,
                "days_ago": lambda value: (self.today() - value).days,
                "moment": self.moment,
                "english_moment": self._english_moment,
                "instant": lambda at: pieces.instant(at, self.moment(at)),
                "stamps": self.stamps,
                "span": span,
                "helped": helped,
            },
        )
        self.wear(appearance)

    def wear(self, appearance: Appearance) -> None:
        """Look like this from now on."""
        self.brand, self.hours = appearance, appearance.office_hours
        self.contact = Contact(
            name=appearance.contact_name,
            phone=appearance.contact_phone,
            email=appearance.contact_email,
            told=appearance.contact_hours,
            week=self.hours,
        )
        self.assets = self._own_assets | _assets_of(appearance)
        self._templates.add_global("brand", self.brand)
        self._templates.add_global("contact", self.contact)
        self.frames = Frames(self.html)

    def contact_of(self, counterparts: Sequence[LooksAfter]) -> Contact:
        """Say whom an account can talk to: who looks after it, and the business's own contact where nobody says so.

        Whatever is not known of the former is the business's.
        """
        if not counterparts or not self.brand.own_contact:
            return self.contact
        first = next((each for each in counterparts if each.source == self.brand.contact_source), counterparts[0]).who
        phone, email = first.phone or self.contact.phone, first.email or self.contact.email
        return replace(self.contact, name=first.name, phone=phone, email=email)

    def opens_again(self) -> str | None:
        """Say when somebody is there again, on a day on which nobody is. The same all day long: frames hold it."""
        now = self.now()
        if self.hours is None or self.hours.opens_on(now.date()):
            return None
        opens = self.hours.opens_next(now)
        if opens == now:
            return None
        return gettext("{day}, {time}", day=words.long_day(opens.date()), time=f"{opens:%H:%M}")

    def asset(self, name: str) -> str:
        """Address of a static file, with its content's hash so that it may be kept for ever."""
        return f"/static/{name}?v={self.assets[name].version}"

    def today(self) -> date:
        return self.now().date()

    def now(self) -> datetime:
        return datetime.now(self._zone)

    def written(self, at: datetime) -> str:
        """Write an instant for a paper, which is read on other days and elsewhere."""
        return words.written(at, self._zone)

    def _day(self, value: date | datetime) -> date:
        """The day of an instant is the business's, as everywhere else on the page."""
        return value.astimezone(self._zone).date() if isinstance(value, datetime) else value

    def moment(self, at: datetime) -> str:
        return words.moment(at, self.today(), self._zone)

    def _english_moment(self, at: datetime) -> str:
        """Write an instant for staff, on a page that a customer reads otherwise."""
        with speaking(ENGLISH):
            return self.moment(at)

    def stamps(self, of: Iterable[Stamp]) -> Any:  # noqa: ANN401  # the library's marked text has no type of its own
        """Say where figures are from: one line per source, at the end of the group they speak of."""
        lines = (pieces.stamp(stamp, self.moment(stamp.at) if stamp.at else None) for stamp in of)
        return minijinja.safe("".join(f"\n{line}" for line in lines))

    def piece(self, template: str, context: Mapping[str, Any]) -> Any:  # noqa: ANN401  # as above
        """Write a piece that stands on pages as it is."""
        return minijinja.safe(self.html(template, context))

    def html(self, template: str, context: Mapping[str, Any]) -> str:
        """Raises `minijinja.TemplateError` for anything a template asks for that is not there."""
        return self._templates.render_template(template, **context)


def view_of(settings: Settings, helped: Helped = lambda: False) -> View:
    """Make the pages' templates, as the settings say."""
    return View(of_settings(settings), ZoneInfo(settings.time_zone), helped)


def _assets_of(appearance: Appearance) -> dict[str, Asset]:
    """Make the files that differ from business to business."""
    colours = f":root {{ --accent: {appearance.accent}; --accent-ink: {appearance.accent_ink} }}\n"
    assets = {"brand.css": make_asset(colours.encode(), ".css")}
    logo = appearance.logo
    return assets | ({"logo": make_asset(logo.content, logo.suffix)} if logo else {})


def render(request: Request[Any, Any, Any], template: str, *, status_code: int = 200, **context: Any) -> Response[str]:  # noqa: ANN401
    """Answer with a page."""
    return Response(html_of(request, template, **context), status_code=status_code, media_type=MediaType.HTML)


def html_of(request: Request[Any, Any, Any], template: str, **context: Any) -> str:  # noqa: ANN401
    """Write a page. Whoever is signed in, the templates know by `who`."""
    view: View = request.app.state.view
    who: Principal | StaffPrincipal | Onlooker | None = request.scope.get("user")
    shared = {"who": who, "viewing": viewing_of(who), "path": request.url.path, "address": address_in(request)}
    return view.html(template, {**shared, **context})


def viewing_of(who: Principal | StaffPrincipal | Onlooker | None) -> Viewing | None:
    """What one of staff looks at as a member sees it. Each page then says so."""
    match who:
        case StaffPrincipal():
            return who.viewing
        case Onlooker():
            return Viewing(who.member_id, who.account_id, who.until)
        case _:
            return None


def address_in(request: Request[Any, Any, Any]) -> str:
    """The path and the query that were asked for."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _markup(value: SafeHtml) -> str:
    """Let cleaned HTML through unescaped. The type is the proof; anything else stops the page."""
    if not isinstance(value, SafeHtml):
        raise TypeError("only cleaned HTML goes onto a page")
    return minijinja.safe(value.html)


def _load(name: str) -> str | None:
    path = HERE / "templates" / name
    return path.read_text(encoding="utf-8") if path.is_file() else None
