"""`hallway doctor`: everything this installation depends on, looked at from outside, and what to do about it."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from msgspec import Struct

from auth.clock import utc_now
from auth.discovery import Discovery
from auth.errors import ProviderDown, SignInError
from auth.provider import MAIN
from auth.provider_http import open_client
from cache import embedded
from cache.client import CacheDown, connect
from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import Connector
from gateway.help.files import read_folder
from gateway.keyring import KeyringError
from gateway.mails.post import Away, open_line, server_of
from gateway.offices import Offices, vault_row
from gateway.records import migrate
from gateway.records.database import Database, DatabaseDown
from gateway.records.tables import Source
from gateway.records.urls import parse_url, sqlite_path
from gateway.rules import variable
from gateway.settings import Settings
from gateway.sign_in import SignInSettings, sign_ins
from gateway.sources.check import check_all
from gateway.uploads.virus import Clamd, NotChecked
from gateway.vault import Vault, VaultError


class Finding(Struct, frozen=True):
    """One thing that was looked at. `remedy` None: it is as it should be."""

    what: str
    text: str
    remedy: str | None = None


async def examine(settings: Settings, connectors: Mapping[str, Connector[Any]]) -> AsyncIterator[Finding]:
    """Look at everything, the nearest first. Changes nothing, except that the embedded default makes its key file."""
    yield _address(settings)
    yield _data_folder(settings)
    database = await asyncio.to_thread(_database, settings.database_url.reveal())
    yield database
    yield await _redis(settings)
    if settings.clamd:
        yield await _clamd(settings.clamd)
    if settings.smtp_url and settings.mail_from:
        yield await _mail_server(settings.smtp_url, settings.mail_from)
    if settings.help:
        for finding in await asyncio.to_thread(_help, settings.help, settings.base_url):
            yield finding
    async for finding in _sign_ins(settings):
        yield finding
    if database.remedy is None:
        async for finding in _sources(settings, connectors):
            yield finding


async def _clamd(address: str) -> Finding:
    try:
        await Clamd(address).ping()
    except NotChecked as error:
        remedy = f"No files are taken meanwhile. Start clamd, or correct {variable('clamd')}"
        return Finding("virus check", str(error), remedy)
    return Finding("virus check", f"{address} answers")


def _help(folder: Path, base_url: str) -> list[Finding]:
    """Say of each file what is wrong with it. The others are there all the same."""
    what = "help"
    try:
        found = read_folder(folder, base_url)
    except OSError as error:
        text = f"{folder} cannot be read ({error.strerror})"
        return [Finding(what, text, f"Correct {variable('help')}, and let the user that runs Hallway read the folder.")]
    remedy = "Customers do not find it until that is put right. The others are there."
    wrong = [Finding(what, str(problem), remedy) for problem in found.problems]
    return wrong or [Finding(what, f"{len(found.articles)} article(s) in {folder} can be used")]


def _address(settings: Settings) -> Finding:
    what, base = "address", urlsplit(settings.base_url)
    if base.scheme == "http" and settings.host not in {base.hostname, "127.0.0.1", "::1", "localhost"}:
        return Finding(
            what,
            f"{settings.base_url} is for this machine only, but HALLWAY_HOST={settings.host} lets others in",
            "Set HALLWAY_BASE_URL to the https address that customers use, or HALLWAY_HOST to 127.0.0.1.",
        )
    if base.scheme == "http":
        return Finding(what, f"{settings.base_url}, for this machine only")
    return Finding(
        what, f"{settings.base_url}; cookies go there alone. A proxy must bring TLS and keep the Host header"
    )


def _data_folder(settings: Settings) -> Finding:
    what, folder = "data folder", settings.data_dir
    if not folder.exists():
        return Finding(what, f"{folder} is not there yet; `hallway serve` makes it")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(what, f"{folder} cannot be written to", f"Give it to the user that runs Hallway: chown {folder}")
    if stat.S_IMODE(folder.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        return Finding(what, f"others may look into {folder}", f"Run: chmod 700 {folder}")
    return Finding(what, f"{folder} can be written to, and by nobody else")


def _database(url: str) -> Finding:
    what = "database"
    try:
        pending = migrate.pending(url)
    except (DatabaseDown, migrate.MigrationError) as error:
        return Finding(what, str(error), "Check HALLWAY_DATABASE_URL, and that the server is up.")
    if not pending:
        return Finding(what, "answers, all migrations have run")
    own = sqlite_path(parse_url(url))
    text = f"{len(pending)} migration(s) have not run"
    return Finding(
        what, f"{text}", "Run: hallway migrate" + (" (`hallway serve` does it by itself too)" if own else "")
    )


async def _redis(settings: Settings) -> Finding:
    what = "redis"
    if settings.redis_url is None:
        try:
            return Finding(what, f"`hallway serve` starts its own, {embedded.find_program()}")
        except embedded.EmbeddedError as error:
            return Finding(what, "there is none", str(error))
    redis = connect(settings.redis_url.reveal())
    try:
        await redis.ping()
    except CacheDown as error:
        return Finding(
            what, f"does not answer ({error})", "Check HALLWAY_REDIS_URL. Pages work without it, but slower."
        )
    finally:
        await redis.aclose()
    return Finding(what, "answers")


async def _mail_server(url: Secret, sender: str) -> Finding:
    server = server_of(url)
    try:
        async with open_line(server, sender):
            pass
    except Away as error:
        remedy = "No mails and no codes go out meanwhile. Check HALLWAY_SMTP_URL, and that the server is up."
        return Finding("mail server", f"{server.host} takes no mails ({error})", remedy)
    return Finding("mail server", f"{server.host} answers")


async def _sign_ins(settings: Settings) -> AsyncIterator[Finding]:
    providers = sign_ins(settings.providers)
    if settings.takes_codes:
        yield Finding("sign-in by e-mail", "customers get a code by mail")
    elif not any(provider.kind == "member" for provider in providers):
        remedy = "Set HALLWAY_OIDC_ISSUER, _CLIENT_ID and _CLIENT_SECRET, or HALLWAY_SIGN_IN=code with a mail server."
        yield Finding("sign-in", "no provider is set for customers", remedy)
    for provider in providers:
        yield await _sign_in(provider)


async def _sign_in(provider: SignInSettings) -> Finding:
    what, issuer = "sign-in" if provider.id == MAIN else f"sign-in {provider.id}", provider.issuer
    async with open_client() as http:
        discovery = Discovery(issuer, http, utc_now)
        try:
            await discovery.metadata()
        except SignInError as error:
            spelling = (
                f"{variable(f'{provider.group}.issuer')} must be the issuer exactly as the provider writes it in its "
                "discovery document."
            )
            is_down = isinstance(error, ProviderDown)
            first = "Check that it is up, and can be reached from this machine. " if is_down else ""
            return Finding(what, f"{issuer} cannot be used: {error.reason}", first + spelling)
        finally:
            await discovery.aclose()
    return Finding(what, f"{issuer} answers, and is who it says")


async def _sources(settings: Settings, connectors: Mapping[str, Connector[Any]]) -> AsyncIterator[Finding]:
    try:
        vault = Vault(settings.keyring())
    except KeyringError as error:
        yield Finding("keys", str(error), "Restore the keys from a backup, or correct HALLWAY_KEYS.")
        return
    db = Database(settings.database_url.reveal())
    policy = AddressPolicy(allow_http=settings.allow_http_sources, allow_private=settings.allow_private_sources)
    offices = Offices(db, vault, connectors, policy)
    try:
        yield await _keys(db, vault)
        verdicts = await check_all(offices)
    finally:
        await offices.aclose()
        await db.close()
    if not verdicts:
        yield Finding("sources", "there are none yet", "Write a sources file and run: hallway sources apply FILE")
    for verdict in verdicts:
        yield Finding(f"source {verdict.source}", verdict.text, verdict.next_step)


async def _keys(db: Database, vault: Vault) -> Finding:
    async with db.read() as session:
        rows = (await session.scalars(sa.select(Source))).all()
    problems = []
    for row in rows:
        for field, token in row.sealed.items():
            try:
                vault.open(token, vault_row(row.name), field)
            except VaultError as error:
                problems.append(str(error))
    if problems:
        return Finding(
            "keys", "; ".join(problems), "Put the key back into HALLWAY_KEYS, or apply the sources file again."
        )
    return Finding("keys", f"open all {sum(len(row.sealed) for row in rows)} stored secret(s)")
