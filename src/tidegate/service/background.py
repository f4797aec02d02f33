"""Workers and the sender in a process without the API: ``tidegate worker``.

It ends as ``tidegate serve`` does: by SIGTERM or SIGINT, with what is under way ended or given
back, and by a second signal at once. Killed, it loses nothing.
"""

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType

from tidegate.service.settings import Settings
from tidegate.service.start import Runner, runners, started

logger = logging.getLogger(__name__)


def work(settings: Settings, tell: Callable[[str], None]) -> bool:
    """Work until a signal says to stop.

    Args:
        settings: What the service is told.
        tell: Is told when it begins.

    Returns:
        Whether it ended because it was told to; else a part of it failed, and the log says what.

    Raises:
        SettingError: The server's key cannot be read.
        StoreError: The database cannot be used, or a newer version made it.
    """
    stop, failed = threading.Event(), threading.Event()

    def told(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    def keep(name: str, run: Runner) -> None:
        try:
            run(stop)
        except Exception:
            # What watches over the process starts it anew, whole.
            logger.exception("%s failed: the process ends", name)
            failed.set()
            stop.set()

    both = (signal.SIGTERM, signal.SIGINT)
    before = {one: signal.signal(one, told) for one in both}
    try:
        with started(settings) as service:
            parts = runners(service).items()
            threads = [threading.Thread(target=keep, args=one, name=one[0]) for one in parts]
            for thread in threads:
                thread.start()
            tell(f"Tidegate works with {settings.workers} processes on {service.store}")
            for thread in threads:
                thread.join()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    return not failed.is_set()
