"""An admin's consent at the vendor's own page: who leaves for it comes back with what belongs to that very journey.

The state is known to the form that began it, once, for ten minutes, and to the session of whoever left alone.
"""

import secrets
from datetime import datetime, timedelta

import msgspec
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # Authlib ships no types
from msgspec import Struct
from msgspec.structs import replace

from auth.same import same
from connectors.consents import KEPT_IN, redeem
from connectors.errors import ConnectorError
from gateway.sources.check import printable
from gateway.sources.connecting import Connecting, Form, Seat
from gateway.sources.desired import Desired
from gateway.sources.drafts import Typed
from gateway.sources.stored import destination
from gateway.sources.trying import Step, Trial, try_out

LASTS = timedelta(minutes=10)


class ConsentRefused(Exception):  # noqa: N818  # says what is
    """An answer that belongs to no journey of this session: forged, used, or too old."""


class Journey(Struct, frozen=True, kw_only=True):
    """Somebody on their way to the vendor and back."""

    state: str
    verifier: str
    session: str
    ends_at: datetime


class Answer(Struct, frozen=True, kw_only=True):
    """With what somebody came back: a code, or the vendor's word for why there is none."""

    state: str
    code: str = ""
    error: str = ""


class Consenting:
    """Sends admins to the vendor, and takes what they bring back into the form that they left."""

    def __init__(self, connecting: Connecting, base_url: str) -> None:
        self._drafts = connecting.drafts
        self._policy = connecting.policy
        self._lending = connecting.lending
        self._clock = connecting.clock
        self._back = f"{base_url}/staff/sources/consent"

    async def begin(self, seat: Seat, desired: Desired, session: bytes) -> str:
        """Note that they leave, and give the address at which they agree. The form must be kept already."""
        consent = seat.connector.consent
        if consent is None:
            raise ConsentRefused
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        journey = Journey(state=state, verifier=verifier, session=session.hex(), ends_at=self._clock() + LASTS)
        await self._drafts.begin(seat.staff, seat.place, msgspec.json.encode(journey).decode())
        challenge = create_s256_code_challenge(verifier)
        return consent.address(desired.config, redirect_uri=self._back, state=state, challenge=challenge)

    async def find(self, staff: str, session: bytes, answer: Answer) -> tuple[str, Journey]:
        """Say which form an answer belongs to. It counts once. Raises `ConsentRefused`."""
        for place, (mark, noted) in (await self._drafts.under_way(staff)).items():
            journey = msgspec.json.decode(noted, type=Journey)
            is_theirs = same(journey.state, answer.state) and same(journey.session, session.hex())
            if is_theirs and await self._drafts.use(staff, place, mark) and self._clock() < journey.ends_at:
                return place, journey
        raise ConsentRefused

    async def finish(self, seat: Seat, form: Form, journey: Journey, answer: Answer) -> None:
        """Keep what the vendor gave in the form, with a test of it; or what went wrong."""
        consent, desired = seat.connector.consent, form.desired
        draft = await self._drafts.find(seat.staff, seat.place)
        if consent is None or desired is None or draft is None:
            raise ConsentRefused
        if not answer.code:
            step = _failed(f"It said: {printable(answer.error)[:100]}" if answer.error else "")
            await self._drafts.put(seat.staff, seat.place, replace(draft, trial=self._trial(step)))
            return
        try:
            given = await redeem(
                consent,
                desired.config,
                self._policy,
                code=answer.code,
                verifier=journey.verifier,
                redirect_uri=self._back,
            )
        except ConnectorError as error:
            step = _failed(printable(str(error)))
            await self._drafts.put(seat.staff, seat.place, replace(draft, trial=self._trial(step)))
            return
        goes_to = destination(seat.connector, draft.written)
        if consent.rotates:
            await self._lending.keep(given)
        kept = {**draft.secrets, KEPT_IN: Typed(given.refresh, goes_to)}
        config = replace(desired.config, **{KEPT_IN: given.refresh})
        whole = replace(desired, config=config, secrets={**desired.secrets, KEPT_IN: given.refresh})
        trial = await try_out(whole, self._lending, self._clock)
        await self._drafts.put(seat.staff, seat.place, replace(draft, secrets=kept, trial=trial))

    def _trial(self, step: Step) -> Trial:
        return Trial(at=self._clock(), steps=(step,))


def _failed(said: str) -> Step:
    return Step(
        tone="bad", title="No consent was given", text=said, next_step="Go there once more, and agree to what it asks."
    )
