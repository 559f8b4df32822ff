"""One JSON message a line over a local socket. A thread reads, so that the trainer's end is noticed at any moment."""

from __future__ import annotations

import json
import math
import queue
import socket
import threading
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]

MOST_BYTES = 64 * 2**20
"""Of one line; a longer one is no message."""


class Channel:
    """The connection to the trainer. `send` may be called from any thread, `receive` from one."""

    def __init__(self, connection: socket.socket, on_end: Callable[[str], None]) -> None:
        """:param on_end: called in the reading thread, with the reason, when nothing more can come"""
        self._connection = connection
        self._on_end = on_end
        self._sending = threading.Lock()
        self._received: queue.Queue[Message] = queue.Queue()
        self._closed = False
        threading.Thread(target=self._read, name="wire", daemon=True).start()

    def send(self, message: Message) -> None:
        """Writes one line. What cannot be sent is dropped: the reading thread learns that the trainer is gone."""
        line = json.dumps(plain(message), allow_nan=False, separators=(",", ":")).encode() + b"\n"
        try:
            with self._sending:
                self._connection.sendall(line)
        except OSError:
            return

    def receive(self) -> Message:
        """Waits for the next message."""
        return self._received.get()

    def close(self) -> None:
        """Ends the connection, which is no loss of the trainer."""
        self._closed = True
        self._connection.close()

    def _read(self) -> None:
        reason = "the trainer closed the connection"
        try:
            with self._connection.makefile("rb") as lines:
                while line := lines.readline(MOST_BYTES + 1):
                    if len(line) > MOST_BYTES:
                        raise ValueError(f"a line is longer than {MOST_BYTES} bytes")
                    message = json.loads(line)
                    if not isinstance(message, dict):
                        raise ValueError("a line is no JSON object")
                    self._received.put(message)
        except (OSError, ValueError) as error:
            reason = str(error)
        if not self._closed:
            self._on_end(reason)


def connect(address: str, on_end: Callable[[str], None]) -> Channel:
    """Connects to `HOST:PORT`."""
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Channel(connection, on_end)


def plain(value: Any) -> Any:
    """The value as JSON knows it: a number that is not finite becomes its name, which the trainer reads as a number."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
