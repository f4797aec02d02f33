"""Files that refer to others: what they name must be neither opened nor asked for."""

import functools

from tests.attacks.attack import Family, either, refused, seen
from tests.attacks.crafted import box, ebml, full, number, u16, u32
from tests.attacks.films import h264
from tests.attacks.matroska import SEGMENT, frames, head, info, tracks
from tests.attacks.mp4 import FTYP, movie
from tests.attacks.streams import packet
from tidegate.evidence import Cause

references = Family()


def alias(path: bytes) -> bytes:
    """A data reference by an alias of Mac OS, as QuickTime keeps it: the path and its parts."""
    name = path.rsplit(b"/", 1)[-1][:62]
    body = bytes(10) + b"\1/" + bytes(26) + bytes(12)
    body += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16) + u16(0, 1) + bytes(16)
    for kind in (2, 18):
        body += u16(kind, len(path)) + path + b"\0" * (len(path) & 1)
    return full(b"alis", body + u16(0xFFFF, 0))


def reference_movie(url: bytes) -> bytes:
    """A movie that is nothing but the address of another one."""
    address = full(b"rdrf", b"url ", u32(len(url) + 1), url + b"\0")
    return FTYP + box(b"moov", box(b"rmra", box(b"rmda", address)))


def linked(url: bytes) -> bytes:
    """A Matroska segment that is continued, before and after, in other files."""
    links = ebml(0x3C83AB, url) + ebml(0x3CB923, b"\1" * 16)
    links += ebml(0x3E83BB, url) + ebml(0x3EB923, b"\2" * 16)
    return head() + ebml(SEGMENT, info(links), tracks(), frames())


def ordered(url: bytes) -> bytes:
    """A Matroska file whose chapters lie in another segment."""
    atom = ebml(0xB6, number(0x73C4, 1), number(0x91, 0), ebml(0x6E67, b"\3" * 16))
    chapters = ebml(0x1043A770, ebml(0x45B9, number(0x45DD, 1), atom))
    return head() + ebml(SEGMENT, info(ebml(0x7BA9, url)), tracks(), chapters, frames())


_LIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n"
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


def referring(url: bytes) -> dict[str, bytes]:
    """Files of all kinds that refer to an address or a path, by their names."""
    return {
        "url.mov": movie(reference=full(b"url ", url + b"\0")),
        "urn.mov": movie(reference=full(b"urn ", b"a\0" + url + b"\0")),
        "alias.mov": movie(reference=alias(url)),
        "reference.mov": reference_movie(url),
        "linked.mkv": linked(url),
        "ordered.mkv": ordered(url),
        "behind.ts": h264("ts") + _LIST + url + b"\n",
        "instead.ts": packet(0x1FFF, b"") * 5 + _LIST + url + b"\n",
        "list.m3u8": _LIST + url + b"\n",
        "list.mp4": _LIST + url + b"\n",
        "key.m3u8": _LIST.replace(b"#EXTINF", b'#EXT-X-KEY:METHOD=AES-128,URI="%s"\n#EXTINF' % url)
        + b"a.ts\n",
        "dash.mpd": b'<?xml version="1.0"?><MPD><BaseURL>%s</BaseURL></MPD>' % url,
        "list.ffconcat": b"ffconcat version 1.0\nfile '%s'\n" % url,
        "list.xspf": b'<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/"><trackList>'
        b"<track><location>%s</location></track></trackList></playlist>" % url,
        "list.asx": b'<asx version="3.0"><entry><ref href="%s"/></entry></asx>' % url,
        "list.pls": b"[playlist]\nFile1=%s\n" % url,
        "list.ram": url + b"\n",
        "session.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\na=control:%s\nm=video 9 RTP/AVP 96\n" % url,
        "smooth.ism": b'<smil><body><switch><video src="%s"/></switch></body></smil>' % url,
        "drawing.mvg": b"push graphic-context\nimage over 0,0 0,0 '%s'\n" % url,
        "image.svg": _SVG + b'<image xlink:href="%s"/></svg>' % url,
        "entity.svg": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "%s">]>' % url
        + _SVG
        + b"<text>&x;</text></svg>",
    }


_JUDGED = {"linked.mkv", "ordered.mkv", "behind.ts"}
_MOVIES = {"url.mov", "urn.mov", "alias.mov"}
_BROKEN: tuple[Cause, ...] = ("corrupt", "unsupported", "no_frames")

for _name in referring(b""):
    _outcome = seen() if _name in _JUDGED else refused("unsupported")
    if _name in _MOVIES:
        _outcome = either(*_BROKEN)
    elif _name in ("reference.mov", "instead.ts"):
        _outcome = refused(*_BROKEN)
    for _number, _url in enumerate(
        (b"/etc/passwd", b"http://127.0.0.1:9/a.mov", b"concat:/etc/passwd|/etc/group")
    ):
        references.bytes(
            f"refers-{_number}-{_name}",
            f"refers to {_url.decode()}",
            _outcome,
            functools.partial(lambda url, name: referring(url)[name], _url, _name),
            passed_over=_name.endswith((".svg", ".mov", ".mkv", ".ts")) is False,
        )
