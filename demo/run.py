"""``make demo``: a bank of known content, a folder of uploads, a scan, a report."""

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from demo import media

OUT = Path("demo-out")


def main() -> int:
    """Make the media, then run the very commands that a user would type."""
    began = time.monotonic()
    shutil.rmtree(OUT, ignore_errors=True)
    uploads, known = OUT / "uploads", OUT / "known"
    known.mkdir(parents=True)
    print("Making copies of real photos and a longer video with a piece of a known clip …")
    media.copies(uploads / "copies")
    media.write(known / "clip.mp4", media.known_clip(), crf=18)
    media.longer_video(uploads / "holiday.mp4")
    for name in media.KNOWN:
        shutil.copy(media.source(name), known / name)
    for name in media.UNRELATED:
        shutil.copy(media.source(name), uploads / name)
    shutil.copy(media.source("bikes.mp4"), uploads / "bikes-as-published.mp4")
    whole = (uploads / "copies" / "rocket-recompressed.jpg").read_bytes()
    (uploads / "broken.jpg").write_bytes(whole[: len(whole) // 2])
    (uploads / "not-a-picture.jpg").write_text("This is text, whatever its name says.\n")

    bank = OUT / "press-photos.bank"
    tidegate("bank", "create", bank, "--source", "the demo")
    tidegate("bank", "add", bank, known)
    status = tidegate("scan", uploads, "--bank", bank, "--html", OUT / "report.html")
    print(f"\nExit status {status}. Took {time.monotonic() - began:.0f} s.")
    print(f"The report: {OUT / 'report.html'} (open it in a browser; pictures are blurred).")
    return 0 if status in (0, 1, 2) else status


def tidegate(*arguments: str | Path) -> int:
    """Show a command and run it."""
    words = [str(argument) for argument in arguments]
    print(f"\n$ tidegate {shlex.join(words)}", flush=True)
    return subprocess.run([Path(sys.executable).with_name("tidegate"), *words]).returncode


if __name__ == "__main__":
    sys.exit(main())
