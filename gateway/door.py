"""The one socket at which every worker takes connections, and how many of them there may be."""

import ctypes
import resource
import socket
import struct
import sys

BACKLOG = 1024  # connections that wait to be taken
UNREAD_WITHIN = 30_000  # milliseconds in which a client must take something of what was sent to it
CONNECTIONS = 2048  # in one worker; those that only wait cost about 20 kB each
FILES = 16_384  # what a worker may have open, where the machine lets us ask for it
OTHER_FILES = 256  # of them, what a worker opens beside its connections

SO_ATTACH_FILTER = 26  # Linux's; Python has no name for it
# For the kernel: drop a packet whose TCP flags say SYN, which begins a connection, and keep all others.
NO_NEWCOMERS = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFF_FFFF))


def open_door(host: str, port: int) -> socket.socket:
    """Listen. Raises `OSError`.

    Workers share this socket and have none of their own: a connection that waits is not lost with a worker that ends,
    and nobody else can listen at the same port unseen.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # Connections inherit both.
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux only
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_WITHIN)
    return door


def stop_newcomers(door: socket.socket) -> None:
    """Take no new connections, while those that wait are still taken by the workers. Does nothing outside of Linux.

    A door that is just shut resets whoever stands in it. Who comes now hears nothing, asks again after a second, and
    then finds the port closed, or our successor.
    """
    if sys.platform != "linux":
        return
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in NO_NEWCOMERS))
    program = struct.pack("HL", len(NO_NEWCOMERS), ctypes.addressof(code))
    door.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def make_room() -> int:
    """Raise this process's limit of open files, which its workers inherit. Say how many connections a worker may have.

    A server that meets the limit turns in circles instead of waiting.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return room()


def room() -> int:
    """Say how many connections a worker may have with the files that this process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = CONNECTIONS if soft == resource.RLIM_INFINITY else soft - OTHER_FILES
    return max(1, min(CONNECTIONS, most))
