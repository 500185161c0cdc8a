"""What we say of when we answer. A time is named only where staff have promised one."""

from datetime import datetime, timedelta

from web.view import View
from web.words import long_day


def answer_by(hours: int | None, view: View) -> datetime | None:
    """Say by when a promise of so many hours is kept: office hours, where those are known."""
    if hours is None:
        return None
    now = view.now()
    return view.hours.after(now, hours) if view.hours else now + timedelta(hours=hours)


def what_we_say(by: datetime | None, view: View) -> str:
    """Say when an answer can be expected. Empty where nobody has said anything."""
    now = view.now()
    if by:
        by = by.astimezone(now.tzinfo)
        if by < now:
            return f"We wanted to answer by {_moment(by, now)}. Call us if we have not."
        return f"We answer by {_moment(by, now)}."
    if view.hours is None:
        return f"We answer during our hours: {view.contact.hours}." if view.contact.hours else ""
    if view.hours.is_open(now):
        return f"We answer during our hours: {view.hours.text}. We are there now."
    opens = view.hours.opens_next(now)
    if now.date() in view.hours.closed:
        return f"We are closed today. We are there again from {_moment(opens, now)} on."
    return f"We answer during our hours: {view.hours.text}. We are there again from {_moment(opens, now)} on."


def _moment(at: datetime, now: datetime) -> str:
    """Write "today 16:00", or "Tuesday 24 November, 10:00"."""
    clock = f"{at:%H:%M}"
    return f"today {clock}" if at.date() == now.date() else f"{long_day(at.date())}, {clock}"
