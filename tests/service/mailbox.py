"""A mail server on 127.0.0.1 that keeps what it is given. It knows as much SMTP as smtplib asks."""

import base64
import socket
import threading
from contextlib import suppress


class Mailbox:
    def __init__(self, *, tls=None, refuse=None):
        self.mails = []
        self.logins = []
        self.tls = tls
        self.refuse = refuse or {}
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self):
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            talk = _Talk(self, connection)
            with suppress(OSError):
                talk.hold()
            talk.close()


class _Talk:
    """One connection."""

    def __init__(self, box, connection):
        self._box = box
        self._over(connection)

    def close(self):
        self._file.close()
        self._connection.close()

    def hold(self):
        self._say("220 mail.example")
        secure = False
        while line := self._file.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            verb = verb.upper()
            said = self._box.refuse.get(verb)
            if said is not None:
                self._say(said)
            elif verb == "EHLO":
                more = "AUTH PLAIN" if secure or self._box.tls is None else "STARTTLS"
                self._say(f"250-mail.example\r\n250 {more}")
            elif verb == "STARTTLS":
                self._say("220 go on")
                self._file.close()
                self._over(self._box.tls.wrap_socket(self._connection, server_side=True))
                secure = True
            elif verb == "AUTH":
                given = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
                self._box.logins.append((*given[1:], secure))
                self._say("235 welcome")
            elif verb == "DATA":
                self._say("354 go on")
                self._box.mails.append(b"".join(iter(self._file.readline, b".\r\n")))
                self._say("250 kept")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _over(self, connection):
        self._connection, self._file = connection, connection.makefile("rb")

    def _say(self, text):
        self._connection.sendall(text.encode() + b"\r\n")
