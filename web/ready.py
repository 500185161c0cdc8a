"""Finished answers, kept in this process: each for one session, while nothing changes that it is made of."""

from collections.abc import Callable, Mapping
from datetime import date, datetime

from litestar.types import HTTPScope
from msgspec import Struct, field

from auth.clock import Clock
from gateway.languages import Voice, voice
from gateway.offices import Office
from gateway.standing import Standing

ABOUT_ITSELF = {b"hx-request", b"x-account"}  # headers of a page that asks for news of itself


class Page(Struct, frozen=True, kw_only=True):
    """What is sent. `etag` None: it is not for revalidation."""

    body: bytes
    headers: list[tuple[bytes, bytes]]
    etag: bytes | None = None


class Answer(Page, frozen=True, kw_only=True):
    """A page, what it was made of, and how long that is on time."""

    standing: Standing
    version: bytes  # of the account's snapshots
    offices: Mapping[str, Office]
    today: date
    until: datetime
    voice: Voice = field(default_factory=voice)  # that said it


class Ready:
    """Answers by session and path; the oldest makes room for a new one. `room` is in bytes, and 0 keeps none."""

    def __init__(self, clock: Clock, today: Callable[[], date], room: int) -> None:
        self._clock = clock
        self._today = today
        self._room = room
        self._answers: dict[tuple[str, str], Answer] = {}

    def find(self, session: str, path: str) -> Answer | None:
        """Give the answer that was kept. Whether it still holds, `is_true` says."""
        return self._answers.get((session, path))

    def is_true(self, answer: Answer, standing: Standing, version: bytes | None, offices: Mapping[str, Office]) -> bool:
        return (
            answer.version == version
            and answer.voice is voice()
            and answer.offices is offices
            and answer.until > self._clock()
            and answer.today == self._today()
            and answer.standing == standing
        )

    def forget(self) -> None:
        """Give none of them again."""
        self._room += sum(len(answer.body) for answer in self._answers.values())
        self._answers.clear()

    def keep(self, session: str, path: str, answer: Answer) -> None:
        replaced = self._answers.pop((session, path), None)
        self._room += len(replaced.body) if replaced else 0
        while self._answers and self._room < len(answer.body):
            oldest = next(iter(self._answers))
            self._room += len(self._answers.pop(oldest).body)
        if self._room >= len(answer.body):
            self._answers[session, path] = answer
            self._room -= len(answer.body)


def is_plain(scope: HTTPScope) -> bool:
    """Whether the request differs from others for the same path in nothing but its session."""
    return not scope["query_string"] and ABOUT_ITSELF.isdisjoint([name for name, _ in scope["headers"]])
