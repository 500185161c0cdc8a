"""Starts a process beside the portal again when it dies: Redis, or the worker. Pages live without it meanwhile."""

import signal
import threading
from typing import Final, Protocol

import structlog

from cache.embedded import EmbeddedError

LOOK_EVERY: Final = 0.2  # seconds
PAUSES: Final = (0.0, 1.0, 5.0, 30.0, 60.0)  # seconds before each try; the last one again and again
GOOD_AFTER: Final = 60.0  # seconds; one that lived for so long begins with no pause again

log = structlog.get_logger()


class Process(Protocol):
    """What is looked after. To start it again may raise `EmbeddedError` or `OSError`."""

    name: str

    def is_running(self) -> bool: ...
    def start_again(self) -> None: ...
    def stop(self) -> None: ...


class Keeper:
    """Looks after one process from `start` to `stop`, in a thread of its own."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"{process.name}-keeper", daemon=True)

    def start(self) -> None:
        """Begin. The thread leaves Ctrl-C to whoever else waits for it."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._thread.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def stop(self) -> None:
        """End the thread, then the process."""
        self._stopping.set()
        self._thread.join()
        self._process.stop()

    def _keep(self) -> None:
        deaths, lived = 0, 0.0
        while not self._stopping.wait(LOOK_EVERY):
            if self._process.is_running():
                lived += LOOK_EVERY
                continue
            deaths = 0 if lived >= GOOD_AFTER else deaths
            pause = PAUSES[min(deaths, len(PAUSES) - 1)]
            deaths, lived = deaths + 1, 0.0
            log.warning("ended; starting it again", process=self._process.name, pause=pause)
            if not self._stopping.wait(pause):
                self._start_again()

    def _start_again(self) -> None:
        try:
            self._process.start_again()
        except (EmbeddedError, OSError) as error:
            log.error("does not start", process=self._process.name, detail=str(error))  # noqa: TRY400  # the traceback tells nothing more
        else:
            log.info("runs again", process=self._process.name)
