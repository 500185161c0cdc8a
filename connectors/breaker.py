"""When a back office that fails is left alone, and how we learn that it is back."""

from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import Literal

import structlog
from msgspec import Struct

State = Literal["closed", "open", "probing"]

CALLS = 20  # it opens when half of the last so many failed
REMEMBERED = 300.0  # seconds after which a call counts no more
ROW, ROW_LASTS = 5, 10.0  # it opens too when so many in a row failed, the first of them so many seconds ago
PROBE_EVERY = 30.0  # seconds

log = structlog.get_logger()


class Call(Struct):
    """A call that was let through. `failed` None: nothing is known yet."""

    probe: bool = False
    sent: bool = False
    failed: bool | None = None


class Breaker:
    """Lets calls through while most succeed; after that one in 30 s, until one succeeds. Independent of Redis.

    `name` is for the log. `timer` gives seconds.

    A source that is rarely asked would take hours to fail twenty times, and each time somebody would wait for it.
    So a few failures in a row are enough when they are not of one moment: a restart over there, or a burst of calls
    in one bad second, is no outage yet.
    """

    def __init__(self, name: str, timer: Callable[[], float]) -> None:
        self._name = name
        self._timer = timer
        self._calls: deque[tuple[float, bool]] = deque(maxlen=CALLS)  # when they ended, and whether they failed
        self._next_probe: float | None = None  # None: closed
        self._probing = False

    @property
    def state(self) -> State:
        if self._next_probe is None:
            return "closed"
        return "probing" if self._probing else "open"

    @property
    def wait(self) -> float:
        """Say for how many seconds no call will be let through, as far as is known."""
        return 0.0 if self._next_probe is None else max(self._next_probe - self._timer(), 0.0)

    def admit(self) -> Call | None:
        """Let a call through, or not. Whoever gets one must settle it."""
        if self._next_probe is None:
            return Call()
        now = self._timer()
        if self._probing or now < self._next_probe:
            return None
        self._probing, self._next_probe = True, now + PROBE_EVERY
        return Call(probe=True)

    def still_admits(self, call: Call) -> bool:
        """Whether a call that had to wait may begin."""
        return call.probe or self._next_probe is None

    def settle(self, call: Call) -> None:
        """Learn from a call. What began before it opened teaches nothing after that."""
        if call.probe:
            call.probe = self._probing = False
            self._judge_probe(call)
        elif self._next_probe is None and call.failed is not None:
            self._calls.append((self._timer(), call.failed))
            if call.failed and self._is_down():
                self._next_probe = self._timer() + PROBE_EVERY
                log.warning("source left alone", base_url=self._name, seconds=PROBE_EVERY)

    def _judge_probe(self, call: Call) -> None:
        if call.failed is False:
            self._next_probe = None
            self._calls.clear()
            log.info("source asked again", base_url=self._name)
        elif not call.sent:
            self._next_probe = self._timer()  # nobody was asked, so the next one may

    def _is_down(self) -> bool:
        now = self._timer()
        recent = [(ended, failed) for ended, failed in self._calls if now - ended <= REMEMBERED]
        row = list(takewhile(lambda call: call[1], reversed(recent)))
        if len(row) >= ROW and now - row[-1][0] >= ROW_LASTS:
            return True
        return len(recent) == CALLS and 2 * sum(failed for _, failed in recent) >= CALLS
