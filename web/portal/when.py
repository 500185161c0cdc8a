"""What we say of when we answer. A time is named only where staff have promised one."""

from datetime import datetime, timedelta

from gateway.languages import gettext
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
            return gettext("We wanted to answer by {time}. Call us if we have not.", time=_moment(by, now))
        return gettext("We answer by {time}.", time=_moment(by, now))
    if view.hours is None:
        hours = view.contact.hours
        return gettext("We answer during our hours: {hours}.", hours=hours) if hours else ""
    usual = view.hours.said
    if view.hours.is_open(now):
        return gettext("We answer during our hours: {hours}. We are there now.", hours=usual)
    opens = _moment(view.hours.opens_next(now), now)
    if now.date() in view.hours.closed:
        return gettext("We are closed today. We are there again from {time} on.", time=opens)
    return gettext("We answer during our hours: {hours}. We are there again from {time} on.", hours=usual, time=opens)


def _moment(at: datetime, now: datetime) -> str:
    """Write "today 16:00", or "Tuesday 24 November, 10:00"."""
    clock = f"{at:%H:%M}"
    if at.date() == now.date():
        return gettext("today {time}", time=clock)
    return gettext("{day}, {time}", day=long_day(at.date()), time=clock)
