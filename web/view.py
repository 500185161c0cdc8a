"""From a page's data to an answer. One template environment for the whole portal, made in one place."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import minijinja
from litestar import MediaType, Request, Response
from msgspec import Struct

from auth.principals import Principal
from web import words
from web.safe_html import SafeHtml
from web.statics import Asset, load_assets, make_asset

HERE = Path(__file__).parent


class Contact(Struct, frozen=True, kw_only=True):
    """The person on every page. Whatever is None is left out."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    hours: str | None = None

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in (self.name or "").split()[:2]).upper()

    @property
    def dial(self) -> str:
        return re.sub(r"[^\d+]", "", self.phone or "")


class Brand(Struct, frozen=True, kw_only=True):
    """What makes it the business's own page."""

    name: str
    accent: str
    accent_ink: str
    logo: Path | None = None

    def assets(self) -> dict[str, Asset]:
        """Make the files that differ from business to business."""
        colours = f":root {{ --accent: {self.accent}; --accent-ink: {self.accent_ink} }}\n"
        assets = {"brand.css": make_asset(colours.encode(), ".css")}
        return assets | ({"logo": make_asset(self.logo.read_bytes(), self.logo.suffix.lower())} if self.logo else {})


class View:
    """Templates with the brand, the person to talk to and the business's time zone."""

    def __init__(self, *, brand: Brand, contact: Contact, zone: ZoneInfo) -> None:
        self.brand = brand
        self.contact = contact
        self.zone = zone
        self.assets = load_assets() | brand.assets()
        self._templates = minijinja.Environment(
            loader=_load,
            undefined_behavior="strict",
            filters={
                "money": words.money,
                "quantity": words.quantity,
                "size": words.size,
                "minutes": words.minutes,
                "segment": partial(quote, safe=""),
                "markup": _markup,
            },
            globals={"asset": self.asset, "count": words.count, "number": words.number},
        )

    def asset(self, name: str) -> str:
        """Address of a static file, with its content's hash so that it may be kept for ever."""
        return f"/static/{name}?v={self.assets[name].version}"

    def today(self) -> date:
        return datetime.now(self.zone).date()

    def html(self, template: str, context: Mapping[str, Any]) -> str:
        now = datetime.now(UTC)
        today = now.astimezone(self.zone).date()
        return self._templates.render_template(
            template,
            brand=self.brand,
            contact=self.contact,
            today=today,
            day=lambda value: words.day(value, today),
            short_day=lambda value: words.short_day(value, today),
            long_day=words.long_day,
            moment=lambda value: words.moment(value, now, self.zone),
            **context,
        )


def render(request: Request[Any, Any, Any], template: str, *, status: int = 200, **context: Any) -> Response[str]:  # noqa: ANN401
    """Answer with a page. Whoever is signed in, the templates know by `who`."""
    view: View = request.app.state.view
    who: Principal | None = request.scope.get("user")
    html = view.html(template, {"who": who, "path": request.url.path, **context})
    return Response(html, status_code=status, media_type=MediaType.HTML)


def _markup(value: SafeHtml) -> str:
    """Let cleaned HTML through unescaped. The type is the proof; anything else stops the page."""
    if not isinstance(value, SafeHtml):
        raise TypeError("only cleaned HTML goes onto a page")
    return minijinja.safe(value.html)


def _load(name: str) -> str | None:
    path = HERE / "templates" / name
    return path.read_text(encoding="utf-8") if path.is_file() else None
