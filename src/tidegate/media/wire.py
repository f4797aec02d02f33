"""What the parent, the nursery and a decoder say to each other: length-prefixed JSON.

Nothing that a decoder says is trusted by the parent: :func:`receive` refuses whatever is not
one of the messages below, and the numbers in them are checked where they are used.
"""

import select
import socket
import time
from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import msgspec

from tidegate.evidence import MediaInfo, Unknown, Value
from tidegate.media.settings import Budget, Sampling

LONGEST = 1 << 16
"""Most bytes of a message."""

LONGEST_TEXT = 500
"""Most characters of a text that a decoder sends."""

MOST = 1 << 40
"""No honest count is larger."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]


Range = Literal["none", "limited", "full"]
"""Of a frame's luma, or that it comes without."""


class Job(Value, frozen=True, tag="job"):
    """Parent: decode the file whose descriptor comes with this message.

    ``colour`` asks for RGB even where there is luma. ``grey`` allows a JPEG, where no colour
    is asked for, to be decoded as its luma alone; ``least_side`` allows one to be decoded
    smaller, as long as its shorter side keeps so many pixels. A video is decoded by ``threads``.
    """

    format: str
    budget: Budget
    sampling: Sampling
    colour: bool = True
    grey: bool = False
    least_side: Annotated[int, msgspec.Meta(ge=1)] | None = None
    threads: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1


class Release(Value, frozen=True, tag="release"):
    """Parent: this slot of the shared memory may be written again."""

    slot: int


class Stop(Value, frozen=True, tag="stop"):
    """Parent: nobody asks for the rest of this job."""


class Spawn(Value, frozen=True, tag="spawn"):
    """Parent to nursery: start a decoder on the socket that comes with this message.

    ``memory`` is in bytes and ``cpu`` in seconds of processor time, both for the decoder's
    whole life. ``confined`` says whether the kernel is asked to confine it.
    """

    memory: int
    cpu: int
    confined: bool = True


class Kill(Value, frozen=True, tag="kill"):
    """Parent to nursery: end the decoder, if there is one."""


class Hello(Value, frozen=True, tag="hello"):
    """Nursery: everything is imported; ``decoders`` has name and version by format."""

    decoders: dict[str, dict[str, str]]


class Ended(Value, frozen=True, tag="ended"):
    """Nursery: the decoder has ended; ``status`` as of ``os.waitstatus_to_exitcode``."""

    status: int


class Ready(Value, frozen=True, tag="ready"):
    """Decoder: it is confined, but for what is ``lacking``; the first job may come."""

    pid: Annotated[int, msgspec.Meta(gt=0)]
    lacking: str = ""


class Probe(Value, frozen=True, tag="probe"):
    """Parent: try what a decoder must not be able to do, and say what came of it."""


class Probed(Value, frozen=True, tag="probed"):
    """Decoder: for each topic, whether all that was tried was refused."""

    refused: dict[str, bool]


LONGEST_TIME = 1e9
"""Seconds, about 32 years: no honest media says more."""


class Facts(Value, frozen=True, tag="facts"):
    """Decoder: what the media is, as far as is known by now."""

    info: MediaInfo


class Picture(Value, frozen=True, tag="picture"):
    """Decoder: a judged frame lies in a slot: luma, RGB, or both in this order.

    Rows have no padding.
    """

    slot: Annotated[int, msgspec.Meta(ge=0, le=1)]
    width: Annotated[int, msgspec.Meta(ge=1, le=1 << 31)]
    height: Annotated[int, msgspec.Meta(ge=1, le=1 << 31)]
    second: Annotated[float, msgspec.Meta(ge=0)]
    key: bool
    seen: Count
    rgb: bool = True
    luma: Range = "none"


class Trouble(Value, frozen=True, tag="trouble"):
    """Decoder: something is unknown."""

    unknown: Unknown


class Done(Value, frozen=True, tag="done"):
    """Decoder: the job is over, well or not."""


Command = Spawn | Kill
Report = Hello | Ended
Order = Job | Release | Stop | Probe
Answer = Ready | Facts | Picture | Trouble | Done | Probed
Message = Command | Report | Order | Answer

COMMANDS: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
REPORTS: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)
Heard = TypeVar("Heard")

ORDERS: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)
ANSWERS: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


class GarbledError(Exception):
    """What came is none of the messages."""


def send(sock: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Send a message, and descriptors along with it."""
    body = msgspec.json.encode(message)
    head = len(body).to_bytes(4, "big")
    if descriptors:
        socket.send_fds(sock, [head], list(descriptors))
        sock.sendall(body)
    else:
        sock.sendall(head + body)


def receive(sock: socket.socket, until: float | None = None) -> bytes:
    """Wait for a message and return its JSON.

    Args:
        sock: Where to wait.
        until: When to stop waiting, by ``time.monotonic``; ``None`` for never.

    Raises:
        TimeoutError: The time is over.
        EOFError: The other side is gone.
        GarbledError: The message is too long to be one.
    """
    length = int.from_bytes(_exactly(sock, 4, until), "big")
    return _exactly(sock, _sane(length), until)


def hear(sock: socket.socket, decoder: msgspec.json.Decoder[Heard], until: float) -> Heard:
    """Wait for a message until a moment of ``time.monotonic``, and return what it says.

    Raises:
        TimeoutError: The moment has come.
        EOFError: The other side is gone.
        GarbledError: What came is none of the messages that are waited for.
    """
    try:
        return decoder.decode(receive(sock, until))
    except TimeoutError:
        raise
    except OSError as error:
        raise EOFError("the other side is gone") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise GarbledError("no valid message") from error


def receive_with_descriptor(sock: socket.socket) -> tuple[bytes, int | None]:
    """Wait for a message; return its JSON and the descriptor that came along, if any."""
    head, descriptors, _, _ = socket.recv_fds(sock, 4, 1)
    if not head:
        raise EOFError("the other side is gone")
    head += _exactly(sock, 4 - len(head), None)
    body = _exactly(sock, _sane(int.from_bytes(head, "big")), None)
    return body, descriptors[0] if descriptors else None


def readable(*descriptors: int, wait: bool = False) -> set[int]:
    """Return those of some descriptors from which something can be read, or that are closed.

    By ``poll``: a process with more than 1,024 open files has some that ``select`` refuses.
    """
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(None if wait else 0)}


def _sane(length: int) -> int:
    if length > LONGEST:
        raise GarbledError(f"a message of {length:,} bytes")
    return length


def _exactly(sock: socket.socket, count: int, until: float | None) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        if until is None:
            sock.settimeout(None)
        elif (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
        else:
            raise TimeoutError
        part = sock.recv(count - len(parts))
        if not part:
            raise EOFError("the other side is gone")
        parts += part
    return bytes(parts)
