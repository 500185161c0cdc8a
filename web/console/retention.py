"""How long what is kept, where that is set, and what the next clean-up will remove."""

from typing import Any

from litestar import Request, Response, get

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.retention import look
from web.console.desk import desk

RETENTION = "/staff/settings/retention"
NAMES = {
    "pages": ("Pages that customers were shown", "for “Same page”, after they were last shown"),
    "deliveries": ("Incoming deliveries", "with what they said, without secrets"),
    "refused": ("Counts of refused deliveries", "by the hour; their contents are not kept at all"),
    "outbox": ("What customers sent", "their requests, answers and orders, with the reference of each"),
    "uploads": ("Files that customers sent", "after they have reached your system"),
    "documents": ("Documents that you asked for", "after you accepted them"),
    "mails": ("Mails", "to whom, about which record and when; what they said is not kept"),
    "searches": ("What customers search help for", "the words and how often, of nobody by name"),
    "usage": ("What was viewed", "pages, searches and files that were opened, without their words"),
    "sessions": ("Sign-ins", "after they have ended: they say when somebody was last here"),
    "audit": ("The audit trail", "lines stay; erasing a person makes what is personal in them unreadable"),
}
WHEN = {
    "hour": "within the hour",
    "day": "within a day",
    "start": "when a server starts",
    "never": "never by itself",
}


@get(RETENTION, opt=for_staff("admin"))
async def show_retention(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    state = request.app.state
    kept = await look(state.database, state.settings, utc_now())
    return desk(request, "staff_retention.html", area="settings", kept=kept, names=NAMES, when=WHEN)


ROUTES = [show_retention]
