"""A source from its form: what was written is checked, tried over there, and saved as `hallway sources apply` does."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from auth.clock import Clock
from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.consents import KEPT_IN
from connectors.contract import Connector
from gateway.audit import Trail
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.records.lines import By
from gateway.records.tables import Source
from gateway.sources.changes import OVERTAKEN, Change, Diff, SourcesChangedError, apply, plan
from gateway.sources.desired import Connectors, Desired
from gateway.sources.drafts import Draft, SourceDrafts, Typed
from gateway.sources.fields import Field
from gateway.sources.stored import Stored, asked_of, destination, stored_in
from gateway.sources.trying import Trial, try_out
from gateway.sources.written import Written, read
from gateway.vault import Vault

TRUSTED_FOR = timedelta(minutes=15)  # a test that passed
AGAIN = "The address is another one now, and the stored one is not sent there: enter it again."
NAMED_ALREADY = "There is a source of this name: choose another one."


class Seat(Struct, frozen=True, kw_only=True):
    """Whose form it is, and what for. `stored` None: for a new source."""

    staff: str
    connector: Connector[Any]
    stored: Stored | None

    @property
    def place(self) -> str:
        return f"source/{self.stored.name}" if self.stored else f"new/{self.connector.name}"


class Form(Struct, frozen=True, kw_only=True):
    """A form after a look at it. `desired` None: `problems` say why. `trial` is that of just these settings."""

    written: Written
    problems: dict[str, str]
    desired: Desired | None
    trial: Trial | None
    secrets: frozenset[str]  # those that are there, typed or stored
    typed: frozenset[str]
    dropped: tuple[Field, ...] = ()  # stored ones that nobody needs, and that belonged to another address
    stored: Stored | None
    version: str | None

    @property
    def agrees_elsewhere(self) -> bool:
        """Whether it is let in by a consent at the vendor's own page."""
        desired = self.desired
        consent = desired.connector.consent if desired else None
        return bool(desired and consent and consent.client_id(desired.config))

    @property
    def awaits_consent(self) -> bool:
        return self.agrees_elsewhere and KEPT_IN not in self.secrets

    @property
    def is_tested(self) -> bool:
        """Whether nothing that a test would look at is new, or the test of it has passed."""
        if self.desired is None:
            return False
        if self.stored and self.stored.config == self.desired.config:
            return True
        return self.trial is not None and self.trial.passed


class Connecting:
    """What the console does with sources."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        trail: Trail,
        offices: Offices,
        clock: Clock,
        *,
        policy: AddressPolicy,
    ) -> None:
        self.connectors: Connectors = offices.connectors
        self._database = database
        self._vault = vault
        self._trail = trail
        self.policy = policy
        self._offices = offices
        self.lending = offices.lending
        self.clock = clock
        self.drafts = SourceDrafts(database, vault, clock)

    async def stored(self, name: str) -> Stored | None:
        """Find a source. None too where its connector is not installed: nobody knows what it asks for."""
        async with self._database.read() as session:
            row = await session.get(Source, name)
        connector = self.connectors.get(row.connector) if row else None
        return stored_in(row, connector, self._vault) if row and connector else None

    async def free_name(self, connector: str) -> str:
        """Propose a name for a new source."""
        taken = {*await self._offices.all(), *await self._offices.broken()}
        name = connector.replace("_", "-")
        return next(each for each in (name, *(f"{name}-{n}" for n in range(2, 1000))) if each not in taken)

    async def open(self, seat: Seat) -> Form | None:
        """Give the form that somebody has begun. None: they have not."""
        draft = await self.drafts.find(seat.staff, seat.place)
        return self._look(seat, draft) if draft else None

    async def take(self, seat: Seat, written: Written, typed: Mapping[str, Secret], version: str | None) -> Form:
        """Keep what was sent. A secret that was typed for one address is never kept for another."""
        before = await self.drafts.find(seat.staff, seat.place)
        goes_to = destination(seat.connector, written)
        kept = {
            field: one if goes_to is None else Typed(one.value, goes_to)
            for field, one in (before.secrets.items() if before else ())
            if (one.to in {None, goes_to} or goes_to is None) and field not in written.given_up
        }
        new = {field: Typed(value, goes_to) for field, value in typed.items()}
        draft = Draft(written=written, secrets={**kept, **new}, version=version)
        fresh = before and before.trial and before.trial.at > self.clock() - TRUSTED_FOR
        if before and fresh and _same(before, draft):
            draft = replace(draft, trial=before.trial)
        await self.drafts.put(seat.staff, seat.place, draft)
        return self._look(seat, draft)

    async def test(self, seat: Seat, form: Form) -> Form:
        """Try the settings over there, and keep what came of it. Nothing is saved."""
        if form.desired is None:
            return form
        trial = await try_out(form.desired, self.lending, self.clock)
        draft = await self.drafts.find(seat.staff, seat.place)
        if draft:
            await self.drafts.put(seat.staff, seat.place, replace(draft, trial=trial))
        return replace(form, trial=trial)

    async def save(self, seat: Seat, form: Form, *, by: By) -> Form:
        """Save, as a file that is applied does: the running portal takes it within seconds.

        A form with problems comes back with them. Raises `SourcesChangedError`.
        """
        desired = form.desired
        if desired is None:
            return form
        change = await self._change(desired)
        if form.stored is None and change.action != "add":
            return replace(form, desired=None, problems={"name": NAMED_ALREADY})
        seen = change.seen.isoformat() if change.seen else None
        if form.stored and (form.version != form.stored.version or (change.action != "keep" and seen != form.version)):
            raise SourcesChangedError(OVERTAKEN)
        await apply(self._database, self._vault, Diff((change,)), self.clock(), trail=self._trail, by=by)
        await self.drop(seat)
        self._offices.look_again()
        return form

    async def drop(self, seat: Seat) -> None:
        await self.drafts.drop(seat.staff, seat.place)

    async def _change(self, desired: Desired) -> Change:
        diff = await plan(self._database, self._vault, self.connectors, [desired])
        return next(change for change in diff.changes if change.name == desired.name)

    def _look(self, seat: Seat, draft: Draft) -> Form:
        connector, stored = seat.connector, seat.stored
        goes_to = destination(connector, draft.written)
        lasting = stored.lasting(draft.written, goes_to) if stored else {}
        typed = {field: one.value for field, one in draft.secrets.items() if one.to in {None, goes_to}}
        secrets = {**lasting, **typed}
        found = read(draft.written, secrets, connector, self.policy)
        problems, desired = dict(found.problems), found.desired
        dropped: tuple[Field, ...] = ()
        if stored and goes_to and stored.goes_to != goes_to:
            problems.update({field: AGAIN for field in problems if field in stored.set_at and field not in secrets})
            gone = stored.set_at.keys() - secrets.keys() - set(draft.written.given_up)
            dropped = tuple(field for field in asked_of(connector) if field.away and field.name in gone)
        if desired and stored:
            refs = {field: ref for field, ref in stored.refs.items() if field in lasting and field not in typed}
            desired = replace(desired, name=stored.name, wins=stored.wins, refs=refs)
        return Form(
            written=draft.written,
            problems=problems,
            desired=desired,
            trial=draft.trial,
            secrets=frozenset(secrets),
            typed=frozenset(typed),
            dropped=dropped,
            stored=stored,
            version=draft.version,
        )


def _same(one: Draft, other: Draft) -> bool:
    """Whether a test of the one says something of the other."""
    looked_at = [
        (each.secrets, each.written.values, each.written.kinds, each.written.given_up) for each in (one, other)
    ]
    return looked_at[0] == looked_at[1]
