"""A server on 127.0.0.1 that says byte for byte what a test wants, to one client at a time."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

Say = Callable[[bytes], Iterable[bytes]]
"""The request, head and body, to the pieces of the answer."""


class Origin:
    def __init__(self, say: Say, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[bytes] = []
        self._say = say
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        with connection:
            request = b""
            while not _whole(request):
                piece = connection.recv(65536)
                if not piece:
                    return
                request += piece
            self.asked.append(request)
            for piece in self._say(request):
                connection.sendall(piece)


def _whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return True


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> list[bytes]:
    """One whole answer; ``content_length=""`` leaves the length out."""
    lines = {"content_length": str(len(body))} | headers
    head = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in lines.items() if v)
    return [f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body]
