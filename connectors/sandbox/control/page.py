"""The page itself: a form for each record, and nothing that needs a script."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape

from connectors.sandbox.asgi import Response
from connectors.sandbox.control.kinds import Choice, Item, Kind, System

SHOWN = 40  # of each kind, the newest; the years before are no use here
TITLE = "Back offices"
STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid GrayText; padding: .4rem .8rem .4rem 0; text-align: left; }
tr:target { outline: 2px solid Highlight; }
form { display: flex; flex-wrap: wrap; gap: .5rem; }
select, button { font: inherit; min-height: 2rem; max-width: 100%; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  thead { display: none; }
  tr, th, td { display: block; }
  tr { border-bottom: 1px solid GrayText; padding: .4rem 0; }
  th, td { border: 0; padding: .1rem 0; }
}
"""
POLICY = "; ".join(
    [
        "default-src 'none'",
        f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)


def control_page(systems: Mapping[str, System], base: str) -> Response:
    """Write the page. `base` is its address without the last slash."""
    parts = [
        f"<p>Do here what staff would do in these systems. Of each kind, the newest {SHOWN} are listed.</p>",
        "<p>What is called INTERNAL-CANARY is no customer’s business: the portal must never show it.</p>",
    ]
    for name, system in systems.items():
        parts.append(f"<h2>{escape(system.title)}</h2>")
        for kind_name, kind in system.kinds.items():
            parts.extend(_table(f"{name}/{kind_name}", kind, base))
    return _page(200, TITLE, "\n".join(parts))


def refusal(status: int, text: str) -> Response:
    return _page(status, text, '<p><a href="/control/">Back to the records</a></p>')


def anchor(path: str, key: int) -> str:
    """Name the place of a record on the page."""
    return f"{path.replace('/', '-')}-{key}"


def _table(path: str, kind: Kind, base: str) -> Iterator[str]:
    yield f"<h3>{escape(kind.title)}</h3>"
    yield "<table><thead><tr><th scope=col>Record<th scope=col>About<th scope=col>State</thead><tbody>"
    for item in sorted(kind.items(), key=lambda item: (item.at, item.id), reverse=True)[:SHOWN]:
        yield f'<tr id="{anchor(path, item.id)}"><th scope=row>{escape(item.name)}<td>{escape(item.about)}'
        yield f"<td>{_form(path, item, base) if item.choices else escape(item.state)}"
    yield "</tbody></table>"


def _form(path: str, item: Item, base: str) -> str:
    selects = "".join(_select(item, choice) for choice in item.choices)
    action = escape(f"{base}/{path}/{item.id}")
    return f'<form method=post action="{action}">{selects}<button>Change {escape(item.name)}</button></form>'


def _select(item: Item, choice: Choice) -> str:
    label = f"{choice.name.replace('_', ' ')} of {item.name}"
    options = "".join(
        f'<option value="{escape(value)}"{" selected" if value == choice.value else ""}>{escape(_word(value))}</option>'
        for value in choice.options
    )
    return f'<select name="{choice.name}" aria-label="{escape(label)}">{options}</select>'


def _word(value: str) -> str:
    return value.replace("_", " ") or "(none)"


def _page(status: int, title: str, body: str) -> Response:
    page = (
        f"<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
        f'<meta name=viewport content="width=device-width">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n'
        f"<h1>{escape(title)}</h1>\n{body}\n"
    )
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    )
    return Response(status, page.encode(), headers)
