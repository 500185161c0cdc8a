"""What staff let a visitor see, of records and besides."""

from gateway.offices import seen_through
from gateway.segments import Seen
from web.portal.visit import Visit


def seen_by(visit: Visit) -> Seen:
    return seen_through(visit.offices, visit.scope.segments if visit.scope else ())
