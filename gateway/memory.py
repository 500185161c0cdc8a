"""How a process of ours holds memory."""

import ctypes
from contextlib import suppress

# Of glibc's <malloc.h>; another C library has no such function, or does nothing.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGE = 128 * 1024  # bytes; what glibc begins with, and leaves as soon as something larger was freed


def give_back() -> None:
    """Let large pieces of memory go back to the system when they are freed, for as long as the process lives.

    By itself glibc learns from the first answer of ten megabytes to keep the next ones, and a process that met a few
    stays larger by dozens of megabytes.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGE)
        mallopt(M_TRIM_THRESHOLD, LARGE)
