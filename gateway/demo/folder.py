"""The demo's own data folder: made anew at each start, and never somebody else's."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.serve import ServeError

MARK = "made-by-hallway-demo"
MAILBOX = "mailbox"  # a folder in it, for all mails that the demo writes


@contextmanager
def fresh_folder(folder: Path) -> Iterator[None]:
    """Empty the folder and hold it. Raises `ServeError` where it holds anything that no demo made."""
    mark = folder / MARK
    if folder.exists() and not mark.exists() and any(folder.iterdir()):
        raise ServeError(f"{folder} is not the demo's: it would be emptied. Name another data folder")
    folder.mkdir(parents=True, exist_ok=True)
    with mark.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ServeError(f"a demo is running already, in {folder}") from None
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry != mark:
                entry.unlink()
        yield
