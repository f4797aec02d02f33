"""GIF blocks, and the sub-blocks inside them."""

from tests.fuzz.structure.part import Part, raw


def parse(data: bytes) -> list[Part]:
    start = 13 + _table(data[10])
    parts, at = [raw(data[:6]), raw(data[6:13]), raw(data[13:start])], start
    while at < len(data):
        match data[at]:
            case 0x21:
                kind, head = data[at : at + 2], at + 2
            case 0x2C:
                kind, head = data[at : at + 1], at + 11 + _table(data[at + 9])
            case _:
                parts.append(raw(data[at:]))
                break
        blocks, end = _blocks(data, head)
        parts.append(Part(kind, bytearray(data[at + len(kind) : head]), blocks))
        at = end
    return parts


def join(parts: list[Part]) -> bytes:
    return b"".join(map(_block, parts))


def _table(flags: int) -> int:
    """Return the bytes of a table of colours."""
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _blocks(data: bytes, at: int) -> tuple[list[Part], int]:
    """Return the sub-blocks and where they end."""
    blocks = []
    while at < len(data) and (size := data[at]):
        blocks.append(raw(data[at + 1 : at + 1 + size]))
        at += 1 + size
    return blocks, at + 1


def _block(part: Part) -> bytes:
    if part.parts is None:
        return part.kind + part.body
    blocks = b"".join(bytes([len(block.body[:255])]) + block.body[:255] for block in part.parts)
    return part.kind + part.body + blocks + b"\0"
