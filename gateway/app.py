"""The portal as one ASGI application: the place where everything is made and handed to what needs it."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from litestar import Litestar
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp

from auth.client_address import Callers
from auth.clock import utc_now
from auth.code_limits import CodeLimits
from auth.guards import Protection
from auth.once import Once
from auth.providers import Providers
from auth.rate_limit import RateLimit
from auth.sessions import Sessions
from auth.visitors import Visitors
from cache.client import connect
from cache.copies import Copies
from cache.flight import Flight
from cache.live import Live
from cache.turns import Turns
from connectors.addresses import AddressPolicy
from connectors.registry import load_connectors
from gateway.account_view import AccountViews
from gateway.appearance import Appearances, of_settings
from gateway.audit import Trail
from gateway.budgets import budget_of
from gateway.door import room
from gateway.drafts import Drafts
from gateway.feeds.rehearsing import Rehearsing
from gateway.feeds.showing import Showing
from gateway.health import Readiness
from gateway.help.desk import Help
from gateway.identity.arrival import Arrivals
from gateway.identity.matching import Policy
from gateway.identity.readiness import Preview
from gateway.identity.rechecking import Rechecks
from gateway.identity.watch import Watch
from gateway.inbox import Inbox
from gateway.keeping import Keeping
from gateway.keeping import of_settings as of_keeping
from gateway.kept import Kept
from gateway.log import configure
from gateway.mails.choices import MailDesk
from gateway.mails.messages import Messages, posts_of
from gateway.mails.trying import trying_of
from gateway.metrics import Metrics
from gateway.offices import Offices
from gateway.outbox.desk import Desk
from gateway.outbox.sending import Sending
from gateway.outbox.telling import Telling
from gateway.phrases import Phrases
from gateway.pull import Known
from gateway.records.database import Database, DatabaseDown
from gateway.resealing import Resealing
from gateway.seeing.marking import Marking
from gateway.seen_pages import SeenPages
from gateway.settings import Settings, load
from gateway.sign_in_clients import clients_of, provider_client
from gateway.sign_in_codes.taking import Codes
from gateway.sources.connecting import Connecting
from gateway.standing import Standing, Standings
from gateway.supply import Supply
from gateway.takeout.making import Takeouts
from gateway.today import Today
from gateway.troubles import Troubles
from gateway.unmapped import UnmappedStatuses
from gateway.upkeep_jobs import upkeep_of
from gateway.usage import Usage
from gateway.vault import SealedIdTokens, Vault
from gateway.webhooks.counts import WebhookCounts
from gateway.webhooks.intake import Intake
from web.api.routes import API
from web.around import around
from web.backchannel import take_logout
from web.console.pages import LOOK_UPS_PER_MINUTE, look_of
from web.console.routes import CONSOLE
from web.dressing import Dressing
from web.errors import HANDLERS
from web.health import get_healthz, get_readyz
from web.hooks import take_delivery
from web.live import LivePages
from web.login import LOGIN
from web.mailbox import DEMO
from web.metrics import get_metrics
from web.papers.sheet import Printer
from web.portal.routes import PORTAL
from web.portal.uploads import quota_of, uploads_of
from web.ready import Ready
from web.statics import get_static
from web.stops import STOPS
from web.streams import Streams
from web.view import view_of

OPENAPI = OpenAPIConfig(
    title="Hallway",
    version="1",
    description="What the signed-in customer sees, as JSON. Sign in at the portal; its session cookie is the key.",
    path="/api/v1/schema",
    render_plugins=[JsonRenderPlugin(path="/openapi.json")],
)
OUTSIDE = (take_logout, take_delivery, get_healthz, get_readyz, get_metrics)  # for programs, not for people
MEGABYTE = 1024 * 1024
ANSWERS_PER_MINUTE = 20  # to help articles, of one member
SIGN_INS_PER_MINUTE = 30  # steps of a sign-in from one address


def create_app(*, mailbox: Path | None = None) -> ASGIApp:
    """Make the application from the environment. Raises `SettingsError` naming everything that is wrong."""
    settings = load(os.environ)
    configure(settings.log_level)
    return make_app(settings, mailbox=mailbox)


def make_app(settings: Settings, *, mailbox: Path | None = None) -> ASGIApp:
    """Make the application. Nothing is opened before its lifespan begins or its first request comes.

    `mailbox` is the folder where all mails land, in a demo; everybody may read them.
    """
    sign_ins = settings.require_sign_in()
    redis = connect(settings.require_redis("starts one of its own"))
    database = Database(settings.database_url.reveal())
    keyring = settings.keyring()
    vault = Vault(keyring)
    policy = AddressPolicy(allow_http=settings.allow_http_sources, allow_private=settings.allow_private_sources)
    offices = Offices(database, vault, load_connectors(), policy, budget=partial(budget_of, redis, in_hurry=True))
    flight: Flight[Known] = Flight()
    troubles = Troubles(database, utc_now)
    supply = Supply(Kept(redis, notes=True), Turns(redis), flight, clock=utc_now, troubles=troubles)
    views = AccountViews(offices, supply, budget=settings.page_budget)
    keeping = Keeping(database, of_keeping(settings))
    inbox = Inbox(database, offices, views, utc_now, kept_for=keeping.of("deliveries"))
    telling = Telling(supply.announce, views, offices, utc_now)
    sending = Sending(database, offices, utc_now, telling, files_kept=keeping.of("uploads"))
    desk = Desk(database, utc_now, sending.wake, quota_of(settings))
    counts = WebhookCounts(database, utc_now, kept_for=keeping.of("refused"))
    intake = Intake(database, offices, counts, inbox.wake)
    usage = Usage(database, kept_for=keeping.of("usage"))
    help_ = Help(database, utc_now, kept_for=keeping.of("searches"))
    view = view_of(settings, helped=lambda: help_.is_on)
    seen_pages = SeenPages(
        database,
        keyring.current.derive(b"page codes"),
        look_of(view.assets),
        kept_for=timedelta(days=settings.pages_kept),
        kept_now=keeping.of("pages"),
        now=utc_now,
    )
    standings = Standings(database, Copies(redis, "visit", Standing, utc_now), utc_now, posts_of)
    ready = Ready(utc_now, view.today, settings.page_cache * MEGABYTE)
    dressing = Dressing(Appearances(database, of_settings(settings)), view, seen_pages, ready)
    trail = Trail(vault, utc_now)
    phrases = Phrases(database)
    watch = Watch(
        database,
        Rechecks(database, trail, offices, utc_now),
        utc_now,
        standings.forget,
        every=timedelta(seconds=settings.recheck_every),
    )
    sessions = Sessions(
        database,
        redis,
        SealedIdTokens(vault),
        utc_now,
        trail=trail,
        idle=timedelta(seconds=settings.session_idle),
        lifetime=timedelta(seconds=settings.session_lifetime),
    )
    provider_http = provider_client()
    providers = Providers(clients_of(sign_ins, settings.base_url, provider_http, keyring, Once(redis)))
    visitors = Visitors(sessions, database)
    drafts = Drafts(redis, database, vault)
    upkeep = upkeep_of(database, keyring, vault)
    live = Live(redis)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for close in (database.close, redis.aclose, offices.aclose, provider_http.aclose, providers.aclose):
                stack.push_async_callback(close)
            with suppress(DatabaseDown):  # the next start does it
                await sessions.purge(await keeping.kept("sessions"))
            for early in (usage, seen_pages, dressing, phrases):
                await early.start()
                stack.push_async_callback(early.aclose)
            for close in (flight.aclose, live.aclose, telling.aclose):
                stack.push_async_callback(close)
            for late in (watch, inbox, counts, upkeep, sending, troubles, help_):
                await late.start()
                stack.push_async_callback(late.aclose)
            stack.push_async_callback(intake.aclose)
            yield

    app = Litestar(
        route_handlers=[PORTAL, API, LOGIN, CONSOLE, *OUTSIDE, *STOPS, get_static, *(DEMO if mailbox else ())],
        plugins=[Protection()],
        exception_handlers=HANDLERS,
        lifespan=[lifespan],
        openapi_config=OPENAPI,
        logging_config=None,  # ours is made before, in gateway.log
        state=State(
            {
                "view": view,
                "arrivals": Arrivals(database, trail, offices, utc_now, policy=cast("Policy", settings.matching)),
                "account_views": views,
                "base_url": settings.base_url,
                "callers": Callers(settings.trusted_proxies or ()),
                "code_limits": CodeLimits(redis, settings.mail_rate),
                "codes": Codes(database, keyring, utc_now),
                "connecting": Connecting(database, vault, trail, offices, utc_now, policy=policy),
                "database": database,
                "desk": desk,
                "drafts": drafts,
                "dressing": dressing,
                "help": help_,
                "help_answers": RateLimit(redis, "help", ANSWERS_PER_MINUTE),
                "intake": intake,
                "keeping": keeping,
                "keep_draft": drafts.keep,
                "languages": settings.spoken,
                "live_pages": LivePages(
                    live=live,
                    redis=redis,
                    visitors=visitors,
                    sessions=sessions,
                    standings=standings,
                    streams=Streams(room() * 3 // 4),  # and a quarter for pages
                ),
                "mails": MailDesk(
                    database,
                    trail,
                    keyring,
                    is_on=settings.sends_mails,
                    zone=ZoneInfo(settings.time_zone),
                    mailbox=mailbox,
                ),
                "marking": Marking(database, utc_now),
                "messages": Messages(database, views, utc_now, ZoneInfo(settings.time_zone)),
                "metrics": Metrics(database, offices, redis, settings.base_url, utc_now),
                "metrics_token": settings.metrics_token,
                "offices": offices,
                "phrases": phrases,
                "providers": providers,
                "readiness": Readiness(database, settings.database_url.reveal(), redis),
                "resealing": Resealing(database, keyring),
                "sessions": sessions,
                "settings": settings,
                "standing_of": standings.of,
                "standings": standings,
                "preview": Preview(database, offices, utc_now, cast("Policy", settings.matching)),
                "printer": Printer(),
                "page_tries": RateLimit(redis, "pages", LOOK_UPS_PER_MINUTE),
                "ready": ready,
                "showing": Showing(database, redis, offices, utc_now),
                "rehearsing": Rehearsing(database, redis, offices, utc_now, sends_mails=settings.sends_mails),
                "seen_pages": seen_pages,
                "sign_in_tries": RateLimit(redis, "sign-in", SIGN_INS_PER_MINUTE),
                "today": Today(database, offices, redis, settings.base_url, utc_now),
                "takeouts": Takeouts(database, vault, utc_now, trail=trail, views=views, desk=desk),
                "trail": trail,
                "trying": trying_of(settings, database, trail, views, utc_now),
                "unmapped": UnmappedStatuses(redis),
                "uploads": uploads_of(settings),
                "upkeep": upkeep,
                "usage": usage,
                "troubles": troubles,
                "vault": vault,
                "visitors": visitors,
            }
        ),
    )
    return around(app, redis)
