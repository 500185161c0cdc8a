"""The form of what some customers see: how far, which parts of records, which topics, and a notice."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from connectors.records import Kind
from gateway.rights import AREAS, REACHES, Area, Reach, Rights
from gateway.seeing.file import faults_of
from gateway.segments import Notice, Seen
from gateway.shown import DETAILS, GROUPS, Shown
from gateway.topics.topic import Named
from web.console.statuses import KIND_NAMES

AREA_NAMES: dict[Area, str] = {
    "orders": "Orders",
    "invoices": "Invoices",
    "requests": "Requests",
    "documents": "Files and documents",
}
REACH_NAMES: dict[Reach, str] = {
    "company": "As far as their rights reach",
    "own": "Only what names them, and nothing of colleagues",
    "none": "Nothing",
}
GROUP_NAMES = {
    "amounts": "Amounts (what it comes to)",
    "lines": "Lines (what it is for)",
    "prices": "Amounts of single lines",
    "tracking": "Shipments and tracking",
    "dates": "When it is expected",
    "payment": "The link to pay",
    "files": "Files",
}
DETAIL_NAMES = {"address": "Addresses"}
WRONG_DAY = "Write the day like 2026-12-31."


def seen_in(data: Mapping[str, str], topics: Sequence[Named]) -> tuple[Seen, dict[str, str]]:
    """Take what was ticked, with what is wrong by field. What is not said is not shown."""
    reaches: dict[str, Any] = {
        area: next((each for each in REACHES if each == data.get(f"area.{area}")), "none") for area in AREAS
    }
    ticked = {
        kind: frozenset(group for group in groups if data.get(f"{kind}.{group}")) for kind, groups in GROUPS.items()
    }
    details = frozenset(group for group in DETAILS if data.get(f"detail.{group}"))
    shown = Shown(most=Rights(**reaches), fields=ticked, details=details).normal
    names = [each.name for each in topics]
    offered = tuple(name for name in names if data.get(f"topic.{name}"))  # one that comes later is not among them
    notice, problems = _notice(data)
    seen = Seen(shown=shown, topics=offered, notice=notice)
    problems |= {field: why for field, why in faults_of(seen, frozenset(names)) if field not in problems}
    return seen, problems


def seen_context(
    seen: Seen,
    topics: Sequence[Named],
    data: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Give what the form's template needs. `data` is what somebody wrote, where it is shown again."""
    notice, written, shown = seen.notice, data or {}, seen.shown
    return {
        "areas": [(area, AREA_NAMES[area], shown.most.reach(area)) for area in AREAS],
        "reaches": [(reach, REACH_NAMES[reach]) for reach in reversed(REACHES)],
        "kinds": [(kind, KIND_NAMES[kind], _groups(kind, shown)) for kind in GROUPS],
        "details": [(group, DETAIL_NAMES[group], group in shown.details) for group in DETAILS],
        "topics": [(each.name, each.topic.label, seen.topics is None or each.name in seen.topics) for each in topics],
        "notice": {
            "text": written.get("notice", notice.text if notice else ""),
            "topic": written.get("notice_topic", (notice.topic if notice else None) or ""),
            "first": written.get("notice_from", _day(notice.first if notice else None)),
            "last": written.get("notice_until", _day(notice.last if notice else None)),
        },
        "problems": problems or {},
    }


def name_of(group: str) -> str:
    """Name "orders.lines" for staff, or an area."""
    kind, _, its = group.partition(".")
    if not its:
        return next(words for area, words in AREA_NAMES.items() if area == group)
    return f"{next(words for each, words in KIND_NAMES.items() if each == kind)}, {GROUP_NAMES[its].lower()}"


def _groups(kind: Kind, shown: Shown) -> list[tuple[str, str, bool]]:
    return [(group, GROUP_NAMES[group], shown.shows(kind, group)) for group in GROUPS[kind]]


def _notice(data: Mapping[str, str]) -> tuple[Notice | None, dict[str, str]]:
    problems: dict[str, str] = {}
    days: dict[str, date | None] = {}
    for field in ("notice_from", "notice_until"):
        text = data.get(field, "").strip()
        days[field] = None
        if text:
            with suppress(ValueError):
                days[field] = date.fromisoformat(text)
            if days[field] is None:
                problems[field.replace("_", ".")] = WRONG_DAY
    text = data.get("notice", "").strip()
    if not text:
        return None, problems
    topic = data.get("notice_topic", "") or None
    return Notice(text=text, topic=topic, first=days["notice_from"], last=days["notice_until"]), problems


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
