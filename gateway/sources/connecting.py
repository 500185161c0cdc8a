"""A source from its form: what was written is checked, tried over there, and saved as `hallway sources apply` does."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from auth.clock import Clock
from connectors.addresses import AddressPolicy, parse_base_url
from connectors.config import Config, Secret, decode_config
from connectors.consents import KEPT_IN
from connectors.contract import Connector
from connectors.errors import AddressRefused
from gateway.audit import Trail
from gateway.offices import Offices, vault_row
from gateway.records.database import Database
from gateway.records.lines import By
from gateway.records.tables import Source
from gateway.sources.changes import OVERTAKEN, Change, Diff, SourcesChangedError, apply, last_change, plan
from gateway.sources.desired import Connectors, Desired
from gateway.sources.drafts import Draft, SourceDrafts, Typed
from gateway.sources.fields import FieldError, fields_of
from gateway.sources.trying import Trial, try_out
from gateway.sources.written import Written, read
from gateway.vault import Vault, VaultError

ANYWHERE = AddressPolicy(allow_http=True, allow_private=True)
TRUSTED_FOR = timedelta(minutes=15)  # a test that passed
AGAIN = "The address is another one now, and the stored one is not sent there: enter it again."
NAMED_ALREADY = "There is a source of this name: choose another one."


class Stored(Struct, frozen=True, kw_only=True):
    """A source as it is. `goes_to` is where its secrets are sent, None: nobody can tell any more.

    `secrets` are those that can be opened; `set_at` says when each was set, as far as that is known.
    """

    name: str
    connector: Connector[Any]
    written: Written
    config: Config | None  # None: it cannot be used as it is
    secrets: dict[str, Secret]
    set_at: dict[str, datetime | None]
    refs: dict[str, Any]
    wins: dict[str, list[str]]
    version: str
    goes_to: str | None

    @property
    def agrees_elsewhere(self) -> bool:
        consent = self.connector.consent
        return bool(self.config and consent and consent.client_id(self.config))


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
        return _stored(row, connector, self._vault) if row and connector else None

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
            if one.to in {None, goes_to} or goes_to is None
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
        lasting = stored.secrets if stored and stored.goes_to == goes_to else {}
        typed = {field: one.value for field, one in draft.secrets.items() if one.to in {None, goes_to}}
        secrets = {**lasting, **typed}
        found = read(draft.written, secrets, connector, self.policy)
        problems, desired = dict(found.problems), found.desired
        if stored and goes_to and stored.goes_to != goes_to:
            problems.update({field: AGAIN for field in problems if field in stored.set_at})
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
            stored=stored,
            version=draft.version,
        )


def destination(connector: Connector[Any], written: Written) -> str | None:
    """Say where secrets would be sent. None: the settings do not say yet, so they are sent nowhere."""
    values: dict[str, object] = {}
    for field in fields_of(connector.config):
        if field.how == "secret":
            values[field.name] = Secret("-")
            continue
        with suppress(FieldError):
            value = field.read(written.values.get(field.name, ""))
            values.update({field.name: value} if value is not None else {})
    try:
        address = connector.base_url(decode_config(connector.config, values))
        return str(parse_base_url(address, ANYWHERE)).rstrip("/")
    except (msgspec.ValidationError, AddressRefused):
        return None


def _stored(row: Source, connector: Connector[Any], vault: Vault) -> Stored:
    secrets: dict[str, Secret] = {}
    for field, token in row.sealed.items():
        with suppress(VaultError):
            secrets[field] = vault.open(token, vault_row(row.name), field)
    written = _written(row, connector)
    return Stored(
        name=row.name,
        connector=connector,
        written=written,
        config=_config(row, connector, secrets),
        secrets=secrets,
        set_at={field: _instant(row.sealed_at.get(field)) for field in row.sealed},
        refs=row.refs,
        wins=row.wins,
        version=last_change(row).isoformat(),
        goes_to=destination(connector, written),
    )


def _config(row: Source, connector: Connector[Any], secrets: Mapping[str, Secret]) -> Config | None:
    try:
        config: Config = decode_config(connector.config, {**row.settings, **secrets})
    except msgspec.ValidationError:
        return None
    return config


def _written(row: Source, connector: Connector[Any]) -> Written:
    """Write a row as its form has it, also one whose settings cannot be used."""
    return Written(
        name=row.name,
        title=row.title,
        values={
            field.name: field.written(row.settings[field.name]) if field.name in row.settings else field.default
            for field in fields_of(connector.config)
            if field.how != "secret"
        },
        kinds=tuple(kind for kind in connector.reads if kind in (row.kinds or connector.reads)),
        promises={kind: str(seconds) for kind, seconds in row.promises.items()},
    )


def _same(one: Draft, other: Draft) -> bool:
    """Whether a test of the one says something of the other."""
    return one.secrets == other.secrets and (one.written.values, one.written.kinds) == (
        other.written.values,
        other.written.kinds,
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
