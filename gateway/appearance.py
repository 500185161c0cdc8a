"""How the portal looks and whom it names: as the environment says, until an owner says otherwise."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict, replace
from sqlalchemy.ext.asyncio import AsyncSession

from gateway import office_hours, rules
from gateway.audit import Trail
from gateway.colours import clashes
from gateway.office_hours import OfficeHours
from gateway.records.appearance_tables import AppearanceRow
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.upsert import insert
from gateway.settings import Settings
from gateway.uploads.kinds import KINDS

ONE = "portal"  # the row's name
LOGO_KINDS = ("png", "jpg", "jpeg", "webp")  # no SVG from a browser: it may hold a program

Rule = Callable[[str], object]


class AppearanceError(Exception):
    """A change that cannot be made like this."""


class AppearanceChanged(AppearanceError):  # noqa: N818  # says what is the matter
    """Somebody else has changed it since it was looked at."""


class Logo(Struct, frozen=True):
    content: bytes
    suffix: str  # ".png"


class Appearance(Struct, frozen=True, kw_only=True):
    """What is None is left out on the pages. `contact_hours` None: the office hours are said there."""

    name: str
    accent: str
    accent_ink: str
    contact_name: str | None = None
    contact_phone: str | None = None
    contact_email: str | None = None
    contact_hours: str | None = None
    office_hours: OfficeHours | None = None
    own_contact: bool = True  # where a source says who looks after a customer, they are who is named to them
    contact_source: str | None = None  # the source whose word on that goes first
    logo: Logo | None = None

    @property
    def fields(self) -> dict[str, str]:
        """All but the logo, as people write it."""
        written = asdict(replace(self, logo=None))
        return {name: _text(value) for name, value in written.items() if value is not None}


RULES: Mapping[str, Rule] = {
    "name": rules.text(60),
    "accent": rules.colour,
    "accent_ink": rules.colour,
    "contact_name": rules.text(100),
    "contact_phone": rules.text(40),
    "contact_email": rules.email,
    "contact_hours": rules.text(100),
    "office_hours": office_hours.parse,
    "own_contact": rules.flag,
    "contact_source": rules.text(100),
}
NEEDED = ("name", "accent", "accent_ink")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def of_settings(settings: Settings) -> Appearance:
    path = settings.brand_logo_file
    return Appearance(
        name=settings.brand_name,
        accent=settings.brand_accent,
        accent_ink=settings.brand_accent_ink,
        contact_name=settings.contact_name,
        contact_phone=settings.contact_phone,
        contact_email=settings.contact_email,
        contact_hours=settings.contact_hours,
        office_hours=settings.office_hours,
        logo=Logo(path.read_bytes(), path.suffix.lower()) if path else None,
    )


def check(written: Mapping[str, str], logo: Logo | None) -> tuple[Appearance | None, dict[str, str]]:
    """Read what somebody wrote, with the rules of the environment. None, and by field what is wrong."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, rule in RULES.items():
        text = written.get(name, "").strip()
        try:
            if text:
                values[name] = rule(text)
            elif name in NEEDED:
                problems[name] = "is needed"
        except ValueError as error:
            problems[name] = str(error)
    if not {"accent", "accent_ink"} & problems.keys():
        found = clashes(values["accent"], values["accent_ink"])
        problems |= {"accent_ink" if colour == "ink" else "accent": problem for colour, problem in found}
    return (None, problems) if problems else (Appearance(**values, logo=logo), {})


def read_logo(name: str, content: bytes) -> Logo:
    """Take a picture that somebody sent. Raises `ValueError`, which says what is wrong."""
    suffix = name.rpartition(".")[2].lower()
    if suffix not in LOGO_KINDS:
        raise ValueError("must be a PNG, JPEG or WebP picture")
    if len(content) > rules.LOGO_BYTES:
        raise ValueError(f"must be at most {rules.LOGO_BYTES // 1024} KB, for it is on every page")
    if not KINDS[suffix].fits(content):
        raise ValueError(f"is no {suffix.upper()} picture, whatever its name says")
    return Logo(content, f".{suffix}")


async def names_counterparts(session: AsyncSession) -> bool:
    """Whether customers are shown who looks after them."""
    fields = await session.scalar(sa.select(AppearanceRow.fields))
    return fields is None or rules.flag(fields.get("own_contact", "true"))


class Appearances:
    """What counts now. `default` is what the environment says; `version` 0 is that, before anybody changed it."""

    def __init__(self, database: Database, default: Appearance) -> None:
        self._db = database
        self._default = default
        self.version = 0
        self.current = default

    async def look(self) -> bool:
        """Read what counts. False: it is as it was. Raises `DatabaseDown`."""
        async with self._db.read() as session:
            version = await session.scalar(sa.select(AppearanceRow.version)) or 0
            if version == self.version:
                return False
            row = await session.get_one(AppearanceRow, ONE)
        self.version, self.current = row.version, self._of(row)
        return True

    async def save(self, wanted: Appearance | None, *, seen: int, trail: Trail, by: By, now: datetime) -> None:
        """Keep it; None leaves it to the environment again. Raises `AppearanceChanged` where `seen` is past."""
        async with self._db.write() as session:
            first = {"name": ONE, "version": 0}
            await session.execute(insert(session, AppearanceRow).values(**first).on_conflict_do_nothing())
            row = await session.get_one(AppearanceRow, ONE, with_for_update=True)
            if row.version != seen:
                raise AppearanceChanged
            before = self._of(row)
            logo = wanted.logo if wanted else None
            row.version += 1
            row.fields = wanted.fields if wanted else None
            row.logo, row.logo_suffix = (logo.content, logo.suffix) if logo else (None, None)
            row.changed_at = now
            details = {"version": row.version, "changed": _differing(before, wanted or self._default)}
            line = Line(what="appearance.changed", by=by, about="appearance", details=details, owner=by.who)
            await trail.record(session, line)

    def _of(self, row: AppearanceRow) -> Appearance:
        if row.fields is None:
            return self._default
        logo = Logo(row.logo, row.logo_suffix) if row.logo and row.logo_suffix else None
        found, problems = check(row.fields, logo)
        if found is None:
            raise AppearanceError(f"the appearance that was kept cannot be used: {', '.join(problems)}")
        return found


def _differing(before: Appearance, after: Appearance) -> list[str]:
    return [field for field in Appearance.__struct_fields__ if getattr(before, field) != getattr(after, field)]
