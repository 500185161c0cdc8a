"""What stands around the application: the lane in front of it, and what every request and every answer goes through."""

from litestar import Litestar
from litestar.types import ASGIApp

from cache.client import Client
from web.console.appearance import LOGO_CAPS
from web.console.importing import IMPORT_CAPS
from web.console.languages import PHRASE_CAPS
from web.edge import Edge
from web.headers import SecureHeaders
from web.hooks import HOOK_CAPS, note_too_large
from web.lane import Lane
from web.portal.uploads import UPLOAD_CAPS
from web.speaking import Speaking

BODY_CAPS = (
    HOOK_CAPS | UPLOAD_CAPS | LOGO_CAPS | IMPORT_CAPS | PHRASE_CAPS
)  # what may be sent, by the begin of its address


def around(app: Litestar, redis: Client) -> ASGIApp:
    state = app.state
    lane = Lane(
        app,
        ready=state.ready,
        redis=redis,
        sessions=state.sessions,
        standings=state.standings,
        offices=state.offices,
        usage=state.usage,
        languages=state.languages,
    )
    edge = Edge(lane, base_url=state.base_url, body_caps=BODY_CAPS, too_large=note_too_large(state.intake))
    return SecureHeaders(Speaking(edge, state.languages), base_url=state.base_url)
