"""The admin's "Test connection": a verdict in a sentence, and what to do about a bad one."""

import asyncio

from msgspec import Struct

from connectors.errors import (
    AccessDenied,
    AddressRefused,
    BadResponse,
    ConnectorError,
    NotAgreed,
    NotAllowed,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
)
from gateway.offices import Office, Offices, SourceBroken, SourcePaused

NEXT_STEPS: dict[type[ConnectorError], str] = {
    AccessDenied: "Renew the credentials there, put them where the sources file points, run `hallway sources apply`.",
    NotAgreed: "An owner agrees again in the console, in the settings of this source.",
    NotAllowed: "Give these credentials the right to read all of it there: they are known, and not allowed to.",
    AddressRefused: "Correct the address in the sources file, or allow it by the setting that the message names.",
    NotFound: "Check the address, and that the API is switched on there.",
    Refused: "Check the settings of this source: the address answers, but does not accept what we ask.",
    RateLimited: "Wait a little, then try again; if it stays, ask their operator for a higher limit.",
    Unavailable: "Check that the system is up and can be reached from this machine, then try again.",
    BadResponse: "Check that the address is that system's own and that its version is one we support.",
    ConnectorError: "Read the log: this is for whoever maintains the connector.",
    SourcePaused: "Nothing is asked of it: `hallway sources resume` has it asked again.",
    SourceBroken: "Correct the sources file and run `hallway sources apply`; if it is about a key, see HALLWAY_KEYS.",
}


class Verdict(Struct, frozen=True):
    """How a source did. `next_step` None: all is well."""

    source: str
    text: str
    next_step: str | None = None

    @property
    def ok(self) -> bool:
        return self.next_step is None


async def check(office: Office) -> Verdict:
    """Ask the back office who we are there. One call, in our credentials."""
    try:
        who = await office.connector.check(office.back_office)
    except ConnectorError as error:
        return Verdict(office.name, printable(str(error)), _next_step(error))
    return Verdict(office.name, f"{office.connector.title} knows us as {printable(who)}")


async def check_all(offices: Offices) -> tuple[Verdict, ...]:
    """Check every source, all at once. One whose connector is not installed fails too."""
    known, broken = await offices.all(), await offices.broken()
    lost = [Verdict(name, broken[name], NEXT_STEPS[SourceBroken]) for name in broken.keys() - known.keys()]
    checked = await asyncio.gather(*map(check, known.values()))
    return tuple(sorted([*lost, *checked], key=lambda verdict: verdict.source))


def _next_step(error: ConnectorError) -> str:
    """Find the step for the error's own class, or else for the class that it refines."""
    return next(NEXT_STEPS[cls] for cls in type(error).__mro__ if cls in NEXT_STEPS)


def printable(text: str) -> str:
    """Take away what could steer a terminal: a part of the text may be the back office's own."""
    return "".join(character if character.isprintable() else "?" for character in text)
