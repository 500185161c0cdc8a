"""A test of settings before they are saved: step by step, what works, what does not, and what to do next."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from connectors.contract import BackOffice, ChangesQuery, Feed
from connectors.errors import (
    AccessDenied,
    AddressRefused,
    BadResponse,
    ConnectorError,
    NotAgreed,
    NotAllowed,
    NotFound,
    NotSent,
    RateLimited,
    Refused,
    Unavailable,
)
from connectors.narrowed import narrowed
from connectors.records import Kind
from connectors.transport import open_client
from gateway.lending import Lending
from gateway.sources.check import printable
from gateway.sources.desired import Desired

Tone = Literal["ok", "warn", "bad", "idle"]

WITHIN = 25.0  # seconds for all of it
LOOKED_BACK = timedelta(days=90)
SHORTEST = 6  # characters of a secret that is looked for in what a system says
NAMES: dict[Kind, str] = {"orders": "orders", "invoices": "invoices", "tickets": "requests"}


class Step(Struct, frozen=True, kw_only=True):
    """One thing that was tried. `next_step` says what to do where it did not go well."""

    tone: Tone
    title: str
    text: str = ""
    next_step: str = ""


class Trial(Struct, frozen=True, kw_only=True):
    """How a test went. It passed where nothing is bad; kinds that cannot be read are warnings."""

    at: datetime
    steps: tuple[Step, ...]

    @property
    def passed(self) -> bool:
        return all(step.tone != "bad" for step in self.steps)


async def try_out(desired: Desired, lending: Lending, clock: Callable[[], datetime]) -> Trial:
    """Ask the system with these settings. It is only read from, and no customer is named."""
    at = clock()
    tokens = lending.store(desired.connector.consent, desired.config)
    connector = narrowed(desired.connector, desired.kinds)
    async with open_client(
        desired.address,
        policy=lending.policy,
        auth=connector.auth(desired.config, tokens),
        connections=connector.limits.concurrent,
    ) as http:
        office = BackOffice(source=desired.name, http=http, config=desired.config, tokens=tokens)
        try:
            async with asyncio.timeout(WITHIN):
                steps = [step async for step in _steps(desired, office, at)]
        except TimeoutError:
            steps = [_unreachable(f"No whole answer within {WITHIN:g} seconds.")]
    return Trial(at=at, steps=tuple(_without(desired, step) for step in steps))


async def _steps(desired: Desired, office: BackOffice[Any], at: datetime) -> Any:  # noqa: ANN401  # an async generator
    host, title = office.http.base_url.host, desired.connector.title
    try:
        who = await desired.connector.check(office)
    except ConnectorError as error:
        for step in _failed(error, host, title):
            yield step
        return
    except UnicodeEncodeError:
        yield _reached(host)
        yield Step(
            tone="bad",
            title="Credentials cannot be sent",
            text="They hold letters that do not fit into a request.",
            next_step="Copy them once more: a quote or a dash may have been changed on the way.",
        )
        return
    yield _reached(host)
    yield Step(tone="ok", title=f"It is {title}", text=f"It knows us as {printable(who)}.")
    connector = narrowed(desired.connector, desired.kinds)
    for kind in connector.reads:
        feed = connector.feeds.get(kind)
        yield await _look(kind, feed, office, at) if feed else _on_demand(kind)


async def _look(kind: Kind, feed: Feed[Any], office: BackOffice[Any], at: datetime) -> Step:
    """Count what has changed lately, on one page: it says whether the credentials may read it, and shows nothing."""
    name = NAMES[kind]
    try:
        changes = await feed.read(office, ChangesQuery(since=at - LOOKED_BACK, asked_at=at))
    except NotAllowed as error:
        return Step(
            tone="warn",
            title=f"{name.capitalize()}: not told what has changed",
            text=printable(str(error)),
            next_step=f"Give these credentials the right to read all {name}. "
            "Until then they are read when a customer looks, if at all.",
        )
    except ConnectorError as error:
        return Step(
            tone="warn",
            title=f"{name.capitalize()}: cannot be read",
            text=printable(str(error)),
            next_step=f"If it has no {name}, take them off the list under “What it gives”. Otherwise check the rights.",
        )
    many = len(changes.answers)
    found = "None changed in the last 90 days." if not many else f"{many} changed in the last 90 days."
    if changes.more:
        found = f"{many} and more changed in the last 90 days." if many else "They can be read."
    return Step(tone="ok", title=f"{name.capitalize()} can be read", text=found)


def _on_demand(kind: Kind) -> Step:
    return Step(tone="idle", title=f"{NAMES[kind].capitalize()}: read when a customer looks", text="Not tried.")


def _failed(error: ConnectorError, host: str, title: str) -> Iterator[Step]:
    """Say how far we came, and what stopped us."""
    said = printable(str(error))
    match error:
        case NotSent() if _is_tls(error):
            yield Step(
                tone="bad",
                title="Its certificate is not trusted",
                text=said,
                next_step=f"Check that {host} is spelled as its certificate says, and that the certificate is valid "
                "and issued by somebody whom this machine trusts. Nothing was sent.",
            )
        case NotSent() if "does not resolve" in said:
            yield Step(
                tone="bad",
                title="No such host",
                text=f"Nobody knows the name {host}.",
                next_step="Check the spelling of the address. Nothing was sent.",
            )
        case AddressRefused():
            yield Step(tone="bad", title="This address is not called", text=said, next_step="Correct the address.")
        case NotSent() | Unavailable():
            yield _unreachable(said)
        case NotAllowed():
            yield _reached(host)
            yield Step(
                tone="bad",
                title="Signed in, but not allowed",
                text=said,
                next_step=f"Give the account behind these credentials the rights that its help names, in {title}.",
            )
        case NotAgreed():
            yield Step(
                tone="bad",
                title="Nobody agrees that we come in",
                text=said,
                next_step=f"Go to {title}, and agree to what it asks.",
            )
        case AccessDenied():
            yield _reached(host)
            yield Step(
                tone="bad",
                title="Credentials refused",
                text=said,
                next_step=f"Make new credentials in {title}, or copy them once more. They may have been deleted.",
            )
        case RateLimited():
            yield _reached(host)
            yield Step(tone="bad", title="Asked too often", text=said, next_step="Wait a minute, then test once more.")
        case NotFound() | BadResponse() | Refused():
            yield _reached(host)
            yield Step(
                tone="bad",
                title=f"This does not answer like {title}",
                text=said,
                next_step=f"Check the address and the other settings: {host} answers, but not as {title} does.",
            )
        case _:
            yield Step(tone="bad", title="It did not work", text=said, next_step="Test once more.")


def _reached(host: str) -> Step:
    return Step(tone="ok", title="Address found", text=f"{host} answers.")


def _unreachable(said: str) -> Step:
    return Step(
        tone="bad",
        title="Not reachable",
        text=said,
        next_step="Check that the address is right, that the system is up, and that this machine may reach it.",
    )


def _is_tls(error: BaseException) -> bool:
    """Look through what led to an error: our transport keeps the reason, and gives its text."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return "certificate" in str(error).lower()


def _without(desired: Desired, step: Step) -> Step:
    """Take secrets out of what a system said: it may repeat what it was sent."""
    text = step.text
    for secret in desired.secrets.values():
        if len(secret.reveal()) >= SHORTEST:
            text = text.replace(secret.reveal(), "•••")
    return Step(tone=step.tone, title=step.title, text=text, next_step=step.next_step)
