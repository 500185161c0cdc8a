"""From nothing to a portal that can be looked at, in seconds; and back to nothing."""

import asyncio
import os
import secrets
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from auth.clock import utc_now
from connectors.addresses import AddressPolicy
from connectors.registry import load_connectors
from gateway.audit import Trail
from gateway.demo.folder import MAILBOX, fresh_folder
from gateway.demo.outside import mail_server, sandbox, sandbox_secrets, sign_in_provider
from gateway.demo.people import BY, People, link_people, read_people
from gateway.records.database import Database
from gateway.rules import PREFIX
from gateway.serve import prepare_database, serve
from gateway.settings import Settings, load
from gateway.sources import changes, desired
from gateway.vault import Vault

SANDBOX = "http://sandbox.invalid"  # in the demo's sources file, for the address that is only known now
HELP = "help"  # the folder of articles, beside the demo's sources
BRAND = {
    "BRAND_NAME": "Kestrel & Moor",
    "CONTACT_NAME": "Priya Nair",
    "CONTACT_PHONE": "020 7946 0182",
    "CONTACT_HOURS": "Mon–Fri, 8:00–17:00",
}


def run_demo(fixtures: Path, host: str, port: int, data_dir: Path) -> None:
    """Serve the demo until SIGINT or SIGTERM. `data_dir` is emptied first; it has to be the demo's own.

    Raises `ServeError` and what `serve` raises.
    """
    people = read_people(fixtures / "demo" / "people.toml")
    with ExitStack() as stack:
        stack.enter_context(fresh_folder(data_dir))
        issuer = stack.enter_context(sign_in_provider(people.people))
        address = stack.enter_context(sandbox(fixtures / "sandbox"))
        smtp_url = stack.enter_context(mail_server(data_dir / MAILBOX))
        settings = _settings(host, port, data_dir, issuer, smtp_url, articles=fixtures / "demo" / HELP)
        prepare_database(settings.database_url.reveal())
        asyncio.run(_fill(settings, fixtures, address, people))
        hint = f"Change an order, an offer, an invoice or a request at {address}/control/ and watch the portal follow."
        mails = f"The mails that it writes, once somebody has signed in, land at {settings.base_url}/demo/mailbox."
        told = "\n\n".join([_sign_ins(people), hint, mails, "Ctrl-C ends it."])
        serve(settings, load_app, lambda line: click.echo(f"{line}\n\n{told}"))


def load_app() -> Any:  # noqa: ANN401  # an ASGI application
    """Make the application, in a worker."""
    from gateway.app import create_app  # noqa: PLC0415  # only workers pay for importing the web framework

    return create_app(mailbox=Path(os.environ[f"{PREFIX}DATA_DIR"]) / MAILBOX)


def _settings(host: str, port: int, data_dir: Path, issuer: str, smtp_url: str, *, articles: Path) -> Settings:
    """Choose the settings, for this process and the workers to come. Those of the environment do not count."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    chosen = BRAND | {
        "BASE_URL": f"http://{host}:{port}",
        "HOST": host,
        "PORT": str(port),
        "DATA_DIR": str(data_dir),
        "OIDC_ISSUER": issuer,
        "OIDC_CLIENT_ID": "hallway-demo",
        "OIDC_CLIENT_SECRET": secrets.token_urlsafe(),
        "ALLOW_HTTP_SOURCES": "true",
        "ALLOW_PRIVATE_SOURCES": "true",
        "SMTP_URL": smtp_url,
        "SIGN_IN": "both",
        "MAIL_FROM": "portal@kestrel-moor.example",
        "HELP": str(articles),
        "LOG_LEVEL": "warning",
    }
    os.environ.update({PREFIX + name: value for name, value in chosen.items()})
    return load(os.environ)


async def _fill(settings: Settings, fixtures: Path, address: str, people: People) -> None:
    """Configure the sources, and link the people's customers."""
    folder, now = fixtures / "demo", datetime.now(UTC)
    connectors = load_connectors()
    policy = AddressPolicy(allow_http=settings.allow_http_sources, allow_private=settings.allow_private_sources)
    text = (folder / "sources.toml").read_text(encoding="utf-8").replace(SANDBOX, address)
    wanted = desired.parse(text, connectors, policy, environ=sandbox_secrets(fixtures / "sandbox"), folder=folder)
    vault, db = Vault(settings.keyring()), Database(settings.database_url.reveal())
    trail = Trail(vault, utc_now)
    try:
        await changes.apply(db, vault, await changes.plan(db, vault, connectors, wanted), now, trail=trail, by=BY)
        await link_people(db, people.accounts, settings.require_sign_in()[0].issuer, now, trail=trail)
    finally:
        await db.close()


def _sign_ins(people: People) -> str:
    width = max(len(each.subject) for each in people.people)
    lines = [f"  {each.subject:<{width}}  {each.name}, {each.sees}" for each in people.people]
    by_mail = ", ".join(email for account in people.accounts for email in account.by_mail)
    code = f"Or by e-mail as {by_mail}, with the code from the mailbox below."
    return "\n".join(["Sign in as:", *lines, "", code])
