"""Small pieces of HTML that stand on a page many times over: each is made once."""

from datetime import date, datetime
from functools import lru_cache
from html import escape
from typing import Any

import minijinja

from gateway.languages import ENGLISH, by_voice, gettext, gettext_noop, locale, phrase
from gateway.statuses import STEPS, Status
from web.stamps import Stamp

# The lines of each icon, on a square of 24.
ICONS = {
    "alert": '<path d="M12 4 2.5 20h19zM12 10v4.5M12 17.3h.01"/>',
    "check": '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
    "clock": '<circle cx="12" cy="12" r="8.5"/><path d="M12 7.5V12l3 2"/>',
    "cut": '<path d="M9 15l-2.5 2.5a3.5 3.5 0 0 1-5-5L4 10M15 9l2.5-2.5a3.5 3.5 0 0 1 5 5L20 14M5 4l14 16"/>',
    "down": '<path d="m6 9 6 6 6-6"/>',
    "download": '<path d="M12 4v11m-5-5 5 5 5-5M5 20h14"/>',
    "file": '<path d="M6 3h8l4 4v14H6zM14 3v4h4"/>',
    "phone": '<path d="M5 4h4l1.5 5L8 10.5a12 12 0 0 0 5.5 5.5L15 13.5l5 1.5v4a1.5 1.5 0 0 1-1.6 1.5A16.5 16.5 0 0 1 3.5 5.6 1.5 1.5 0 0 1 5 4z"/>',  # noqa: E501
    "mail": '<path d="M3.5 6h17v12h-17zM4 6.5l8 6 8-6"/>',
    "key": '<circle cx="8" cy="15" r="4"/><path d="m11 12 8-8m-4 4 3 3"/>',
    "eye": '<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z"/><circle cx="12" cy="12" r="3"/>',  # noqa: E501
    "search": '<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>',
    "orders": '<path d="m4 8 8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8"/>',
    "documents": '<path d="M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6"/>',
    "minus": '<path d="M7 12h10"/>',
    "more": '<path d="M4 7h16M4 12h16M4 17h16"/>',
    "bell": '<path d="M6 17v-6a6 6 0 0 1 12 0v6l1.5 1.5h-15zM10 21h4"/>',
    "tag": '<path d="M4 4h8l8 8-8 8-8-8zM8 8h.01"/>',
    "next": '<path d="M5 12h14m-5-5 5 5-5 5"/>',
    "pause": '<path d="M8 5v14M16 5v14"/>',
    "plug": '<path d="M9 3v5M15 3v5M6 8h12v4a6 6 0 0 1-12 0zM12 18v3"/>',
    "exchange": '<path d="M4 8h13m-4-4 4 4-4 4M20 16H7m4-4-4 4 4 4"/>',
    "settings": '<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>',
    "globe": '<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.5c5 5.7 5 11.3 0 17M12 3.5c-5 5.7-5 11.3 0 17"/>',  # noqa: E501
    "home": '<path d="M4 11 12 4l8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z"/>',
    "invoices": '<path d="M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6"/>',
    "requests": '<path d="M4 5h16v11H10l-4 4v-4H4z"/>',
    "account": '<circle cx="12" cy="8.5" r="4"/><path d="M4.5 20a7.5 7.5 0 0 1 15 0"/>',
}
ON, OFF = '<i class="on"></i>', "<i></i>"


@lru_cache
def icon(name: str) -> Any:  # noqa: ANN401  # the library's marked text has no type of its own
    """Draw an icon. It says nothing by itself: the words beside it do. Raises `KeyError`."""
    return minijinja.safe(f'<svg class="i" viewBox="0 0 24 24" aria-hidden="true">{ICONS[name]}</svg>')


@by_voice
def chip(status: Status) -> Any:  # noqa: ANN401  # as above
    return minijinja.safe(f'<span class="chip" data-tone="{status.tone}">{escape(phrase(status.label))}</span>')


@by_voice
def what(status: Status, key: str | int) -> Any:  # noqa: ANN401  # as above
    """Show a status that says what it means when it is pressed, over the page and without moving it.

    `key` is the only one of its kind on the page. Beside words that say the same already, `chip` suffices.
    """
    label, place = escape(phrase(status.label)), f"what-{escape(str(key))}"
    said = f"<strong>{label}</strong> {escape(phrase(status.meaning))} {escape(phrase(status.next_step))}"
    question = escape(gettext("{status}: what is this?", status=phrase(status.label)))
    return minijinja.safe(
        f'<button type="button" class="asks" popovertarget="{place}" aria-label="{question}">'
        f'<span class="chip" data-tone="{status.tone}">{label}</span></button>'
        f'<div class="says" id="{place}" popover role="note"><p>{said}</p></div>'
    )


@by_voice
def meter(status: Status) -> Any:  # noqa: ANN401  # as above
    """Show how far something is. A way without steps has no meter."""
    if status.step is None:
        return ""
    said = phrase(status.label)
    said = said.lower() if locale().language == ENGLISH else said  # elsewhere a noun may want its capital
    label = escape(gettext("Step {step} of {steps}, {status}", step=status.step, steps=STEPS, status=said))
    bars = "".join(ON if step <= status.step else OFF for step in range(1, STEPS + 1))
    return minijinja.safe(f'<div class="meter" role="img" aria-label="{label}">{bars}</div>')


@lru_cache(maxsize=10_000)
def on(day: date, said: str) -> Any:  # noqa: ANN401  # as above
    return minijinja.safe(f'<time datetime="{day.isoformat()}">{escape(said)}</time>')


def strong(said: str, kind: str = "") -> Any:  # noqa: ANN401  # as above
    """Make words stand out in a sentence; `kind` "money" keeps an amount on one line."""
    begin = f'<strong class="{escape(kind)}">' if kind else "<strong>"
    return minijinja.safe(f"{begin}{minijinja.escape(said)}</strong>")


@lru_cache(maxsize=10_000)
def instant(at: datetime, said: str) -> Any:  # noqa: ANN401  # as above
    """Say when. A script makes an age of it, which no page that is kept could carry."""
    return minijinja.safe(f'<time datetime="{at.isoformat()}" data-age>{escape(said)}</time>')


@by_voice
def stamp(of: Stamp, said: str | None) -> Any:  # noqa: ANN401  # as above
    """Say where figures are from and how old they are. `said` are the words for that time, if there is one."""
    sign, sentence = _sentence(of)
    text = escape(gettext(sentence), quote=False).format(
        title=escape(phrase(of.title)), at=instant(of.at, said) if of.at and said else ""
    )
    source = f'data-state="{of.state}" data-source="{escape(of.source)}"'
    return minijinja.safe(f'<p class="stamp" {source}>{icon(sign)}<span>{text}</span></p>')


SENTENCES = {
    "ontime": ("check", gettext_noop("From {title}, {at}")),
    "late": ("clock", gettext_noop("From {title}, {at}. Newer figures are on their way.")),
    "waiting": ("clock", gettext_noop("{title} is taking longer than usual. We are still asking.")),
}
PAUSED = (
    gettext_noop("{title} is paused by us, so nothing from there is shown."),
    gettext_noop("{title} is paused by us and not updated. Last known {at}."),
)


def _sentence(of: Stamp) -> tuple[str, str]:
    if said := SENTENCES.get(of.state):
        return said
    if of.state == "paused":
        return "pause", PAUSED[of.at is not None]
    if of.partly:
        return "cut", gettext_noop("A part of {title} can’t be reached. The rest is from {at}.")
    if of.at is None:
        return "cut", gettext_noop("{title} can’t be reached, so nothing from there is shown.")
    return "cut", gettext_noop("{title} can’t be reached. Last known {at}.")
