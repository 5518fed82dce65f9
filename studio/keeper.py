"""Looks after the runs while a studio is open: what was cut off goes on, what waits gets its turn."""

from __future__ import annotations

import logging
import threading

from studio.errors import TunesmithError
from studio.queue import advance, revive
from studio.workspace import Workspace

LOG = logging.getLogger("tunesmith")
LOOK_S = 5.0


def look_after(workspace: Workspace) -> None:
    """Once: revive runs whose process is gone, and start the first that waits if nothing trains."""
    revive(workspace)
    advance(workspace)


def start_keeper(workspace: Workspace) -> threading.Event:
    """Go on looking until the event that is returned is set. Two studios of one workspace do not get in each other's
    way: whoever looks holds the queue's lock meanwhile."""
    ended = threading.Event()

    def keep() -> None:
        said = ""
        while not ended.wait(LOOK_S):
            try:
                look_after(workspace)
                said = ""
            except (TunesmithError, OSError, ValueError) as error:
                if str(error) != said:  # a disk that stays full all night is one story
                    LOG.exception("The queue could not be looked after; tried again in a moment")
                said = str(error)

    threading.Thread(target=keep, daemon=True, name="keeper").start()
    return ended
