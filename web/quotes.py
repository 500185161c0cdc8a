"""What a mail repeats of the mails before it, folded away: the end of a message that is nothing but a quote.

Nothing is taken out or moved. Around a quote stand two marks of ours, put where one tag ends and the next one begins.
"""

import re
from html import escape

from gateway.languages import gettext
from web.safe_html import SafeHtml, plain

CLOSES = "</details>"
# As the cleaner writes tags. In a text it writes no "<" at all; in the value of an attribute it may.
TAG = re.compile(r'<(?P<end>/?)(?P<name>[a-z][a-z0-9]*)(?: [a-z-]+="[^"]*")*>')
QUOTE = "blockquote"
MARKED = re.compile(r"^[ \t]*>", re.MULTILINE)
ORIGINAL = re.compile(
    r"^[ \t]*-{2,}[ \t]*(?:original message|forwarded message|ursprüngliche nachricht|message d.origine)[ \t]*-{2,}",
    re.IGNORECASE,
)


def opens() -> str:
    said = gettext("What was written before")
    return f'<details class="quoted"><summary>{escape(said)}</summary>'


def fold(message: SafeHtml) -> SafeHtml:
    """Fold the quote at the end of cleaned HTML, if something stands before it."""
    html = message.html
    found = _last_quote(html)
    if found is None:
        return message
    begins, ends = found
    if not _says_something(html[:begins]) or _says_something(html[ends:]):
        return message
    return SafeHtml(f"{html[:begins]}{opens()}{html[begins:ends]}{CLOSES}{html[ends:]}")


def fold_plain(text: str) -> SafeHtml:
    """Write a plain message as `plain` does, and fold the quote at its end."""
    lines = text.replace("\r\n", "\n").rstrip().split("\n")
    at = len(lines)
    while at and (MARKED.match(lines[at - 1]) or not lines[at - 1].strip()):
        at -= 1
    at = next((number for number, line in enumerate(lines[:at]) if ORIGINAL.match(line)), at)
    own, quoted = "\n".join(lines[:at]), "\n".join(lines[at:])
    if not own.strip() or not quoted.strip():
        return plain(text)
    return SafeHtml(f"{plain(own).html}{opens()}{plain(quoted).html}{CLOSES}")


def _last_quote(html: str) -> tuple[int, int] | None:
    """Find where the last quote that is in no other one begins and ends. None as well for what we do not understand."""
    depth, begins, found, understood = 0, 0, None, 0
    for tag in TAG.finditer(html):
        understood += tag[0].count("<")
        if tag["name"] != QUOTE:
            continue
        if tag["end"]:
            depth -= 1
            if depth == 0:
                found = (begins, tag.end())
        else:
            if depth == 0:
                begins = tag.start()
            depth += 1
    return found if depth == 0 and understood == html.count("<") else None


def _says_something(html: str) -> bool:
    return bool(TAG.sub("", html).replace("&nbsp;", " ").strip())
