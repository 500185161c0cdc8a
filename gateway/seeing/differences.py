"""What two documents of what customers see say differently, place by place."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from gateway.rights import AREAS
from gateway.segments import EVERYBODY, Policy, Rule, Seen, Segment, told_of
from gateway.shown import DETAILS, GROUPS, Shown

Of = Literal["area", "group", "detail", "topics", "notice", "rule", "title", "added", "removed", "order"]


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that differs, of a segment or of "" for everybody else.

    `name` says which: an area, "orders.lines", a group of details. `before` and `after` are plain values.
    """

    segment: str
    title: str
    of: Of
    name: str = ""
    before: Any = None
    after: Any = None


def differences(before: Policy, after: Policy) -> list[Difference]:
    return list(_differences(before, after))


def told(before: Policy, after: Policy) -> list[dict[str, Any]]:
    """Write the differences for the trail. They hold settings alone, and nothing of a person."""
    return [msgspec.to_builtins(each) for each in differences(before, after)]


def _differences(before: Policy, after: Policy) -> Iterator[Difference]:
    yield from _seen(EVERYBODY, "", before.everybody, after.everybody)
    old, new = ({each.name: each for each in policy.segments} for policy in (before, after))
    for name, segment in new.items():
        if name in old:
            yield from _segment(old[name], segment)
        else:
            yield Difference(segment=name, title=segment.title, of="added", after=told_of(segment))
    for name, segment in old.items():
        if name not in new:
            yield Difference(segment=name, title=segment.title, of="removed", before=told_of(segment))
    orders = [[name for name in names if name in old and name in new] for names in (old, new)]
    if orders[0] != orders[1]:
        yield Difference(segment=EVERYBODY, title="", of="order", before=orders[0], after=orders[1])


def _segment(old: Segment, new: Segment) -> Iterator[Difference]:
    this = {"segment": new.name, "title": new.title}
    if old.title != new.title:
        yield Difference(**this, of="title", before=old.title, after=new.title)
    if old.rule != new.rule:
        yield Difference(**this, of="rule", before=_plain(old.rule), after=_plain(new.rule))
    yield from _seen(new.name, new.title, old.seen, new.seen)


def _seen(name: str, title: str, old: Seen, new: Seen) -> Iterator[Difference]:
    yield from _shown(name, title, old.shown, new.shown)
    topics = [None if seen.topics is None else sorted(seen.topics) for seen in (old, new)]
    if topics[0] != topics[1]:
        yield Difference(segment=name, title=title, of="topics", before=topics[0], after=topics[1])
    if old.notice != new.notice:
        before, after = msgspec.to_builtins(old.notice), msgspec.to_builtins(new.notice)
        yield Difference(segment=name, title=title, of="notice", before=before, after=after)


def _shown(segment: str, title: str, old: Shown, new: Shown) -> Iterator[Difference]:
    this = {"segment": segment, "title": title}
    for area in AREAS:
        reaches = old.most.reach(area), new.most.reach(area)
        if reaches[0] != reaches[1]:
            yield Difference(**this, of="area", name=area, before=reaches[0], after=reaches[1])
    for kind, groups in GROUPS.items():
        for group in groups:
            shows = old.shows(kind, group), new.shows(kind, group)
            if shows[0] != shows[1]:
                yield Difference(**this, of="group", name=f"{kind}.{group}", before=shows[0], after=shows[1])
    for group in DETAILS:
        if (group in old.details) != (group in new.details):
            before = group in old.details
            yield Difference(**this, of="detail", name=group, before=before, after=not before)


def _plain(rule: Rule) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(rule)
    return plain
