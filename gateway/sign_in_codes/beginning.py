"""Sending codes for as long as a worker works, where the settings want codes."""

from contextlib import AsyncExitStack
from typing import cast
from zoneinfo import ZoneInfo

from auth.clock import utc_now
from gateway.identity.matching import Policy
from gateway.mails.letters import Letters
from gateway.mails.post import server_of
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.rounds import Rounds
from gateway.settings import Settings
from gateway.sign_in import sign_ins
from gateway.sign_in_codes.knowing import Knowing
from gateway.sign_in_codes.letters import CodeLetters
from gateway.sign_in_codes.sending import CodeMailing

EVERY = 0.5  # seconds: somebody waits


async def begin_codes(
    stack: AsyncExitStack, settings: Settings, database: Database, offices: Offices, letters: Letters
) -> None:
    """Begin, and end with the stack."""
    if settings.smtp_url is None or not (settings.takes_codes or settings.staff_codes):
        return
    providers = [each for each in sign_ins(settings.providers) if each.kind == "member"]
    knowing = Knowing(
        database,
        offices,
        policy=cast("Policy", settings.matching),
        providers={each.issuer: each.id for each in providers},
    )
    mailing = CodeMailing(
        database,
        settings.keyring(),
        knowing,
        CodeLetters(letters, ZoneInfo(settings.time_zone)),
        server_of(settings.smtp_url),
        clock=utc_now,
        sender=letters.sender.address,
        titles={each.id: each.title for each in providers},
    )
    asking = Rounds("sources asked about addresses", mailing.ask_sources, every=EVERY)
    await asking.start()
    stack.push_async_callback(asking.stop)
    codes = Rounds("codes", mailing.turn, every=EVERY)
    await codes.start()
    stack.push_async_callback(codes.finish)
    stack.callback(mailing.close)
