"""Which TCP ports of this machine are free."""

import socket

from engine.errors import FortifiedError


class PortBusy(FortifiedError):
    """Something else listens there."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `port` now; a port whose connections are still closing counts as free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def first_free(start: int, *, together: int = 1, tries: int = 200) -> int:
    """The first port from `start` on that is free, with the `together` - 1 ports after it."""
    for port in range(start, start + tries):
        if all(is_free(port + offset) for offset in range(together)):
            return port
    raise PortBusy(f"ports {start} to {start + tries - 1} are all in use on this machine.")
