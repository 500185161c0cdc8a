"""Rules of messages that a segment of customers has for itself, as a form has them and as staff read them."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from gateway.mails.tallying import UNSURE, Sum, Tally
from gateway.message_rules import AS_EVERYBODY, Otherwise, Rules
from gateway.occasions import EVENTS, EventName
from gateway.records.database import Database
from gateway.seeing.versions import POLICIES
from gateway.segments import EVERYBODY, Policy
from web.console.seen_changes import ELSE
from web.console.segments import RESERVED

NOT_KNOWN = "?"  # no segment is called so
SURE_OF_NONE = "Segment not known"
TOLD_NAMES = (("", "As for everybody"), ("yes", "Told"), ("no", "Not told"))
HELD_NAMES = (("", "As for everybody"), ("yes", "Shown"), ("no", "Hidden"))
HELD = (("amounts", "What is to pay"), ("bodies", "The text of our answers"))


class RuledSegment(Struct, frozen=True, kw_only=True):
    """A segment on the form. `told` and `held`: name, label, chosen. `many`: how much is otherwise."""

    name: str
    title: str
    is_draft: bool
    told: Sequence[tuple[str, str, str]]
    held: Sequence[tuple[str, str, str]]
    many: int


class Compared(Struct, frozen=True, kw_only=True):
    """A line of what other rules would have made, of one segment."""

    title: str
    before: Sum
    after: Sum


async def known_segments(db: Database) -> tuple[Policy, list[tuple[str, str, bool]]]:
    """Give what is published, and each segment of it and of the draft: name, title, whether only the draft has it."""
    live = (await POLICIES.live(db)).content
    draft = (await POLICIES.draft(db)).wanted
    added = [each for each in draft.segments if live.get(each.name) is None]
    return live, [
        *((each.name, each.title, False) for each in live.segments),
        *((each.name, each.title, True) for each in added),
    ]


def read_segments(
    form: Mapping[str, str], known: list[tuple[str, str, bool]], stored: Mapping[str, Otherwise]
) -> dict[str, Otherwise]:
    """Read what a form says. A segment for which all is as for everybody is not named.

    What is stored of others stays: they are on no form while what is published cannot be read.
    """
    found = {
        name: Otherwise(
            told={event: said for event in EVENTS if (said := _said(form, name, event)) is not None},
            amounts=_said(form, name, "amounts"),
            bodies=_said(form, name, "bodies"),
        )
        for name, *_ in known
    }
    return {name: own for name, own in {**stored, **found}.items() if own != AS_EVERYBODY}


def on_form(rules: Rules, known: list[tuple[str, str, bool]], events: Mapping[EventName, str]) -> list[RuledSegment]:
    made = []
    for name, title, is_draft in known:
        own = rules.segments.get(name, AS_EVERYBODY)
        held = [(field, label, _word(getattr(own, field))) for field, label in HELD]
        told = [(event, events[event], _word(own.told.get(event))) for event in EVENTS]
        many = sum(bool(word) for _, _, word in (*held, *told))
        made.append(RuledSegment(name=name, title=title, is_draft=is_draft, told=told, held=held, many=many))
    return made


def by_segment(before: Tally, after: Tally, policy: Policy) -> list[Compared]:
    """Set side by side what two rules would have made of each segment in which anything happened."""
    titles: dict[str | None, str] = {each.name: each.title for each in policy.segments}
    titles |= {EVERYBODY: ELSE, UNSURE: SURE_OF_NONE}
    none = Sum()
    return [
        Compared(title=title, before=before.segments.get(name, none), after=its)
        for name, title in titles.items()
        if (its := after.segments.get(name))
    ]


def title_of(policy: Policy, name: str) -> str:
    segment = policy.get(name)
    return segment.title if segment else ELSE


def choosable(policy: Policy) -> list[tuple[str, str]]:
    """List as what an account can be looked at."""
    each = [(segment.name, segment.title) for segment in policy.segments]
    others = [(RESERVED, ELSE), (NOT_KNOWN, "As if nobody knew its segment")] if each else []
    return [("", "The segment that it is in"), *each, *others]


def chosen_segments(policy: Policy, name: str) -> tuple[str, ...] | None:
    """Say which segments an account is looked at as. None: those that it may be in."""
    if name == NOT_KNOWN:
        return (*(each.name for each in policy.segments), EVERYBODY)
    if name == RESERVED:
        return (EVERYBODY,)
    return (name,) if policy.get(name) else None


def _said(form: Mapping[str, str], segment: str, what: str) -> bool | None:
    return {"yes": True, "no": False}.get(form.get(f"of.{segment}.{what}", ""))


def _word(said: bool | None) -> str:  # noqa: FBT001  # None is neither
    return "" if said is None else "yes" if said else "no"
