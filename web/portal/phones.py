"""The phone number that a form begins with: the visitor's own, and nobody else's."""

from gateway.details import details_of
from gateway.topics.fields import PHONE
from web.portal.visit import Visit

WITHIN = 0.8  # seconds that the form waits for a source to tell
GIVEN = "phone"  # where a request notes the number that came with it


async def phone_of(visit: Visit) -> str:
    """Give what a source knows as theirs, else what they gave the last time. Empty: nobody knows.

    What a form would not take back is left out. Raises `DatabaseDown`.
    """
    if visit.scope is None:
        return ""
    for known in await details_of(visit.scope, visit.offices, within=WITHIN):
        values = known.held.values if known.held else {}
        for number in (values.get("phone", ""), values.get("mobile", "")):
            if PHONE.fullmatch(number):
                return number
    sent = await visit.desk.of(visit.scope, own=True)
    return next((str(each.note[GIVEN]) for each in sent if each.note.get(GIVEN)), "")
