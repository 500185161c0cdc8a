"""How long what is kept: owners set it within bounds, and read before it is saved what the next clean-up removes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from litestar import Request, Response, get, post

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import Role, StaffPrincipal
from gateway.keeping import BOUNDS, KEPT, SETTINGS, Keeping, KeepingChanged, KeptThing
from gateway.retention import look
from web.caller import by_staff
from web.console.desk import CHANGED, Question, confirm, desk
from web.console.finding import version_of
from web.redirects import see_other
from web.words import count

RETENTION = "/staff/settings/retention"
SETS: Role = "owner"
NAMES = {
    "pages": ("Pages that customers were shown", "for “Same page”, after they were last shown"),
    "deliveries": ("Incoming deliveries", "with what they said, without secrets"),
    "refused": ("Counts of refused deliveries", "by the hour; their contents are not kept at all"),
    "outbox": ("What customers sent", "their requests, answers and orders, with the reference of each"),
    "uploads": ("Files that customers sent", "after they have reached your system"),
    "documents": ("Documents that you asked for", "after you accepted them, or asked for them no more"),
    "mails": ("Mails and messages", "to whom, about which record and when; what they said is not kept"),
    "invitations": ("Invitations", "also of those who never came; erasing a person takes theirs with it"),
    "invitation_mails": (
        "Mails that invite",
        "when they went out and were opened; they go with their invitation",
    ),
    "codes": ("Codes to sign in", "who asked for one and when, after it has ended; the code itself is not kept"),
    "troubles": ("Troubles with sources", "after all was well again"),
    "differences": ("Differences between sources", "after they agreed again; what you decided stays"),
    "searches": ("What customers search help for", "the words and how often, of nobody by name"),
    "usage": ("What was viewed", "pages, searches and files that were opened, without their words"),
    "sessions": ("Sign-ins", "after they have ended: they say when somebody was last here"),
    "audit": ("The audit trail", "lines stay; erasing a person makes what is personal in them unreadable"),
}
WHEN = {
    "minutes": "within minutes",
    "hour": "within the hour",
    "day": "within a day",
    "start": "when a server starts",
    "never": "never by itself",
}
Written = Mapping[KeptThing, str]


@get(RETENTION, opt=for_staff("admin"))
async def show_retention(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    keeping: Keeping = request.app.state.keeping
    chosen = await keeping.chosen()
    return desk(
        request,
        "staff_retention.html",
        area="settings",
        kept=await look(request.app.state.database, await keeping.days(), utc_now()),
        chosen=chosen.days,
        default=keeping.default,
        settings=SETTINGS,
        may_set=request.user.reaches(SETS),
        names=NAMES,
        when=WHEN,
        span=_span,
    )


@get(f"{RETENTION}/change", opt=for_staff(SETS))
async def show_form(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    keeping: Keeping = request.app.state.keeping
    return await _form(request, {name: str(many) for name, many in (await keeping.chosen()).days.items()}, {})


@post(f"{RETENTION}/check", opt=for_staff(SETS), status_code=200)
async def check(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Say what the next clean-ups would remove, and ask. Nothing is saved by it."""
    form = await request.form()
    written = {name: str(form.get(name, "")).strip() for name in KEPT}
    days, problems = _read(written)
    if problems:
        return await _form(request, written, problems, status_code=422)
    keeping: Keeping = request.app.state.keeping
    now, before = utc_now(), await keeping.days()
    after = {**keeping.default, **days}
    changed = [name for name in KEPT if before[name] != after[name]]
    found = {each.rule.name: each for each in await look(request.app.state.database, after, now)}
    effects = tuple(
        f"{NAMES[name][0]}: {_days(after[name])} instead of {_days(before[name])}. The next clean-up removes"
        f" {found[name].old or 'nothing'} of {found[name].rows}, {WHEN[found[name].rule.when]}."
        for name in changed
    )
    question = Question(
        title="Keep it for so long?" if changed else "Nothing is kept for another time",
        text="What is removed is gone for good. It counts in all processes from their next clean-up on."
        if changed
        else "All of it is as it is now.",
        effects=effects,
        action=RETENTION,
        button="Save",
        back=f"{RETENTION}/change",
        fields={**{name: str(many) for name, many in days.items()}, "seen": str(form.get("seen", ""))},
    )
    return confirm(request, "settings", question)


@get(f"{RETENTION}/check", opt=for_staff(SETS))
async def back_to_form() -> Response[str]:
    """Lead back who asks for the address of the form."""
    return see_other(f"{RETENTION}/change")


@post(RETENTION, opt=for_staff(SETS))
async def save(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Save it, once the page that says what goes was answered."""
    state = request.app.state
    form = await request.form()
    written = {name: str(form.get(name, "")).strip() for name in KEPT}
    days, problems = _read(written)
    if problems:
        return await _form(request, written, problems, status_code=422)
    seen = str(form.get("seen", ""))
    keeping: Keeping = state.keeping
    try:
        await keeping.save(days, seen=version_of(seen), trail=state.trail, by=by_staff(request), now=utc_now())
    except KeepingChanged:
        return await _form(request, written, {"": CHANGED}, status_code=409)
    return see_other(RETENTION)


def _read(written: Written) -> tuple[dict[KeptThing, int], dict[str, str]]:
    """Give the days that were set, and a problem of each field that is wrong. An empty one sets nothing."""
    days: dict[KeptThing, int] = {}
    problems: dict[str, str] = {}  # "": of the whole form
    for name in KEPT:
        text, (least, most) = written.get(name, ""), BOUNDS[name]
        if not text:
            continue
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most):
            problems[name] = f"Write a number of days from {least} to {most}."
        else:
            days[name] = int(text)
    return days, problems


def _span(kept: timedelta | None) -> str:
    if kept is None:
        return "as long as you use Hallway"
    return _days(kept.days) if kept.days or not kept else count(int(kept.total_seconds() // 3600), "hour", "hours")


def _days(many: int) -> str:
    return count(many, "day", "days") if many else "not at all"


async def _form(
    request: Request[StaffPrincipal, Any, Any], written: Written, problems: dict[str, str], status_code: int = 200
) -> Response[str]:
    keeping: Keeping = request.app.state.keeping
    chosen = await keeping.chosen()
    return desk(
        request,
        "staff_retention_form.html",
        area="settings",
        status_code=status_code,
        fields=[(name, *NAMES[name], *BOUNDS[name]) for name in KEPT],
        written=written,
        problems=problems,
        default=keeping.default,
        settings=SETTINGS,
        now=await keeping.days(),
        version=chosen.version,
    )


ROUTES = [show_retention, show_form, check, back_to_form, save]
