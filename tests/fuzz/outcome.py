"""What became of one mutated file."""

import msgspec


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one mutated file.

    Attributes:
        number: The file's number.
        format: The format of its seed.
        seed: The name of its seed.
        sha256: The start of its digest: with other encoders a number is another file.
        steps: What was done to it.
        sniffed: What it is taken for, or ``None``.
        frames: How many frames were judged.
        causes: Why something is unknown.
        details: The same in words.
        seconds: From the start of the reading to its end.
        parent: Process id of the parent that read it.
        memory: Bytes of its own that the parent held afterwards, or ``None`` where the system
            does not tell.
        replaced: Whether another child serves now than before.
        wrong: What must not be, in words.
    """

    number: int
    format: str
    seed: str
    sha256: str = ""
    steps: tuple[str, ...] = ()
    sniffed: str | None = None
    frames: int = 0
    causes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    seconds: float = 0.0
    parent: int = 0
    memory: int | None = None
    replaced: bool = False
    wrong: tuple[str, ...] = ()
