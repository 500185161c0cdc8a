"""The worker as a process beside the portal, on one machine."""

import subprocess
import sys

from cache.embedded import end

STOP_WITHIN = 10.0  # seconds


class WorkerBeside:
    """A running `hallway worker`. It ends with us, however we end: its input does."""

    name = "worker"

    def __init__(self) -> None:
        self._process = _launch()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def start_again(self) -> None:
        self._process = _launch()

    def stop(self) -> None:
        """End it, in peace if it can."""
        end(self._process, STOP_WITHIN)


def _launch() -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # ourselves
        [sys.executable, "-m", "gateway.cli", "worker", "--leashed"],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is ours: it is stopped by `stop`
    )
