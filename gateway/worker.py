"""The worker: follows the back offices, beside the processes that serve pages. Any number of them share the work.

Jobs only say what to look at. Whose turn it is, and from where to go on, is in the rows and the marks: a job that is
lost, cancelled, or comes twice, changes nothing.
"""

import asyncio
import gc
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial, wraps
from zoneinfo import ZoneInfo

import structlog
import uvloop
from redis.asyncio import Redis
from redis.exceptions import RedisError
from saq import Job, Worker
from saq.queue.redis import RedisQueue
from saq.types import Context

from auth.clock import utc_now
from cache.client import Client, connect
from cache.flight import Flight
from cache.turns import Turns
from connectors.addresses import AddressPolicy
from connectors.records import Kind
from connectors.registry import load_connectors
from gateway.account_view import AccountViews
from gateway.appearance import Appearances, of_settings
from gateway.budgets import budget_of
from gateway.feeds.comparing import Comparing
from gateway.feeds.contacts import Contacts
from gateway.feeds.facts import FactReading
from gateway.feeds.following import Following
from gateway.feeds.news import News
from gateway.feeds.noticing import Noticing
from gateway.feeds.reading import Reading
from gateway.feeds.sweeping import Sweeping
from gateway.help.pulling import ArticlePulling
from gateway.help.reading import FolderReading
from gateway.identity.holding import Holding
from gateway.identity.invitation_links import InvitationLinks
from gateway.keeping import Keeping
from gateway.keeping import of_settings as of_keeping
from gateway.kept import Kept
from gateway.log import configure
from gateway.mails.choices import Stops
from gateway.mails.inviting import InvitationLetters, Inviting
from gateway.mails.letters import Letters
from gateway.mails.others import Others
from gateway.mails.own import OwnNews
from gateway.mails.post import server_of
from gateway.mails.queue import Queue
from gateway.mails.sending import Mailing
from gateway.mails.trying import sender_of
from gateway.memory import give_back
from gateway.offices import LOOK_EVERY, Offices
from gateway.phrases import Phrases
from gateway.pull import Known
from gateway.purging import purge_past
from gateway.records.database import Database, DatabaseDown
from gateway.rounds import Rounds
from gateway.seeing.marking import Marking
from gateway.settings import Settings
from gateway.sign_in_codes.beginning import begin_codes
from gateway.supply import Supply
from gateway.troubles import Troubles
from gateway.vault import Vault

QUEUE = "{hallway}"  # the braces keep all its keys on one node of a cluster
AT_ONCE = 8  # jobs of one worker
PATIENCE = 5.0  # seconds for Redis: nobody waits for us
JOB_WITHIN = 600  # seconds; a feed that has much to catch up with goes on in the next job
SWEEP_EVERY = timedelta(seconds=30)  # between two turns of one sweep
PURGED_EVERY = 600.0  # seconds between looks whether files, codes and differences are to be deleted
HELP_EVERY = 5.0  # seconds between looks at the folder of articles
FACTS_EVERY = 5.0  # seconds between looks whether customers are to be sorted anew
SORTED_EVERY = 2.0  # seconds between looks whether staff are to be told other numbers of customers
OWN_NEWS_EVERY = 3.0  # seconds between looks at documents that are asked for, and at what could not be taken
COMPARED_EVERY = 60.0  # seconds between looks whether sources are to be compared
DEQUEUE_WITHIN = 1.0  # seconds; then it asks again
KEPT_FOR = 30  # seconds that a job that is done is remembered

log = structlog.get_logger()


def run_worker(settings: Settings, *, leashed: bool = False) -> None:
    """Work until SIGINT or SIGTERM; `leashed`: or until whoever started us is gone, and our input with it.

    Raises `SettingsError`.
    """
    redis_url = settings.require_redis("runs a worker of its own")
    give_back()
    configure(settings.log_level)
    logging.getLogger("saq").setLevel(logging.CRITICAL)  # it says every second that Redis is away; so do we, once
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(settings, redis_url, leashed=leashed))


async def _work(settings: Settings, redis_url: str, *, leashed: bool) -> None:
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url.reveal())
        stack.push_async_callback(database.close)
        redis = connect(redis_url, patience=PATIENCE)
        stack.push_async_callback(redis.aclose)
        policy = AddressPolicy(allow_http=settings.allow_http_sources, allow_private=settings.allow_private_sources)
        vault = Vault(settings.keyring())
        budget = partial(budget_of, redis, in_hurry=False)
        offices = Offices(database, vault, load_connectors(), policy, budget=budget)
        stack.push_async_callback(offices.aclose)
        kept = Kept(redis, notes=True)
        troubles = Troubles(database, utc_now)
        await troubles.start()
        stack.push_async_callback(troubles.aclose)
        reading = Reading(kept, utc_now, troubles)
        following = Following(database, redis, offices, News(database, kept, reading), utc_now)
        comparing = Comparing(database, offices, reading, utc_now)
        every = timedelta(seconds=settings.sweep_every)
        sweeping = Sweeping(database, offices, reading, comparing, utc_now, every=every)
        contacts = Contacts(database, offices, utc_now, every=every)
        queue = Patient(Redis.from_url(redis_url), name=QUEUE)
        stack.push_async_callback(_left, queue)

        async def look(_: Context, *, source: str, kind: Kind) -> None:
            with suppress(DatabaseDown):  # the next job finds it due again
                await following.look(source, kind)

        async def sweep(_: Context, *, source: str) -> None:
            with suppress(DatabaseDown):
                await sweeping.sweep(source)

        worker = Worker(
            queue,
            [("look", _told(look)), ("sweep", _told(sweep))],
            concurrency=AT_ONCE,
            dequeue_timeout=DEQUEUE_WITHIN,
        )
        due = Due(offices, queue, sweeps=settings.sweep_every > 0)
        turns = [
            ("due feeds", due.enqueue, 1.0),
            ("conflicts", comparing.again, COMPARED_EVERY),
            ("segments", Marking(database, utc_now).turn, SORTED_EVERY),
            ("readiness", Holding(database, utc_now).turn, SORTED_EVERY),
            ("facts of customers", FactReading(database, offices, utc_now).turn, FACTS_EVERY),
        ]
        keeping = Keeping(database, of_keeping(settings))
        turns.append(("clean-up", partial(purge_past, database, keeping, utc_now), PURGED_EVERY))
        pulling = ArticlePulling(database, offices, utc_now, has_folder=settings.help is not None)
        turns.append(("help of sources", pulling.turn, HELP_EVERY))
        if settings.help:
            folder = FolderReading(database, settings.help, settings.base_url, utc_now)
            turns.append(("help", folder.turn, HELP_EVERY))
        if settings.sweep_every:
            turns.append(("contacts", contacts.compare, COMPARED_EVERY))
        for what, turn, seconds in turns:
            rounds = Rounds(what, turn, every=seconds)
            await rounds.start()
            stack.push_async_callback(rounds.stop)
        await _begin_news(stack, settings, database, redis, offices)
        await _begin_mails(stack, settings, database, redis, offices)
        if leashed:
            asyncio.get_running_loop().add_reader(sys.stdin, _stop_at_the_end, worker)
        gc.freeze()  # what is loaded stays: to look through it for garbage takes longer than to bring changes in
        await worker.start()


async def _begin_news(
    stack: AsyncExitStack, settings: Settings, database: Database, redis: Client, offices: Offices
) -> None:
    """Look for news, and write down who is to be told."""
    queue, zone = Queue(mails=settings.sends_mails), ZoneInfo(settings.time_zone)
    reading = Reading(Kept(redis, notes=True), utc_now)
    noticing = Noticing(database, redis, offices, reading, told=queue, clock=utc_now, zone=zone)
    own = OwnNews(database, queue, utc_now)
    for what, turn, seconds in (("news", noticing.turn, 1.0), ("own news", own.turn, OWN_NEWS_EVERY)):
        rounds = Rounds(what, turn, every=seconds)
        await rounds.start()
        stack.push_async_callback(rounds.stop)


async def _begin_mails(
    stack: AsyncExitStack, settings: Settings, database: Database, redis: Client, offices: Offices
) -> None:
    """Send mails, where there is a mail server."""
    if settings.smtp_url is None or settings.mail_from is None:
        return
    address, appearances = settings.mail_from, Appearances(database, of_settings(settings))
    kept = Kept(redis, notes=True)
    flight: Flight[Known] = Flight()
    stack.push_async_callback(flight.aclose)
    views = AccountViews(offices, Supply(kept, Turns(redis), flight, clock=utc_now), budget=PATIENCE)
    sender = sender_of(settings.base_url, address, appearances.current)
    letters = Letters(sender, Stops(settings.keyring()).sign, utc_now, settings.spoken)
    await begin_codes(stack, settings, database, offices, letters)
    zone = ZoneInfo(settings.time_zone)
    bidding = InvitationLetters(letters, InvitationLinks(settings.keyring()).sign, zone)
    mailing = Mailing(
        database,
        views,
        letters,
        server_of(settings.smtp_url),
        clock=utc_now,
        zone=zone,
        sender=address,
        rate=settings.mail_rate,
        others=Others(Inviting(database, bidding, utc_now)),
        kept_for=Keeping(database, of_keeping(settings)).of("mails"),
    )

    async def dress() -> None:
        if await appearances.look():
            letters.send_as(sender_of(settings.base_url, address, appearances.current))

    mails = Rounds("mails", mailing.turn, every=1.0)
    phrases = Phrases(database)
    await phrases.start()
    stack.push_async_callback(phrases.aclose)
    dressing = Rounds("appearance", dress, every=LOOK_EVERY)
    await dressing.start()
    stack.push_async_callback(dressing.stop)
    await mails.start()
    stack.push_async_callback(mails.finish)
    stack.callback(mailing.close)


class Patient(RedisQueue):
    """A queue that is asked again in a moment while Redis is away, and not at once, over and over."""

    async def dequeue(self, timeout: float = 0.0, poll_interval: float = 0.0) -> Job | None:  # noqa: ASYNC109  # its signature
        try:
            return await super().dequeue(timeout, poll_interval)
        except (RedisError, OSError):
            await asyncio.sleep(DEQUEUE_WITHIN)
            return None


class Due:
    """Puts what is due into the queue, once in each of its intervals, however many workers do."""

    def __init__(self, offices: Offices, queue: RedisQueue, *, sweeps: bool) -> None:
        self._offices = offices
        self._queue = queue
        self._sweeps = sweeps
        self._slots: dict[str, int] = {}

    async def enqueue(self) -> None:
        """Raises `DatabaseDown`."""
        for office in (await self._offices.all()).values():
            if office.paused_at is not None:
                continue
            for kind, feed in office.connector.feeds.items():
                await self._put("look", feed.every, source=office.name, kind=kind)
            if self._sweeps:
                await self._put("sweep", SWEEP_EVERY, source=office.name)

    async def _put(self, job: str, every: timedelta, **arguments: str) -> None:
        name = "/".join((job, *arguments.values()))
        slot = int(time.time() / every.total_seconds())
        if self._slots.get(name) != slot:
            with suppress(RedisError, OSError):  # it is put in the next round
                key = f"{name}/{slot}"
                await self._queue.enqueue(job, key=key, timeout=JOB_WITHIN, ttl=KEPT_FOR, **arguments)
                self._slots[name] = slot


def _told(job: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Log a job that fails: the queue would only keep it to itself."""

    @wraps(job)
    async def run(context: Context, **arguments: str) -> None:
        try:
            await job(context, **arguments)
        except Exception:
            log.exception("job failed", job=job.__name__, **arguments)

    return run


async def _left(queue: RedisQueue) -> None:
    with suppress(RedisError, OSError):  # it may be away
        await queue.disconnect()


def _stop_at_the_end(worker: Worker[Context]) -> None:
    """Stop when nothing more can come from whoever started us."""
    if not os.read(sys.stdin.fileno(), 1):
        asyncio.get_running_loop().remove_reader(sys.stdin)
        worker.event.set()
