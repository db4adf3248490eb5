"""Starts MiniStack, repaired. Its own variables configure it (BIND_HOST, GATEWAY_PORT, AUTH, ...)."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from ministack import app

from . import REPAIRED, every


def main() -> None:
    """The program. Exit code 3: a repair is needed no more."""
    repairs = every()
    stale = [repair.what for repair in repairs if not repair.needed()]
    if stale:
        print(f"REPAIR NO LONGER NEEDED: {'; '.join(stale)}. Take it out of second_opinion/repairs", file=sys.stderr)
        sys.exit(3)
    for repair in repairs:
        repair.make()
        print(f"{REPAIRED}{repair.what} ({repair.document})", flush=True)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    app.main()


def _end_with(parent: int) -> None:
    """Nothing stays behind when the run is killed: this process leads a group of its own, with the functions' in it."""
    while os.getppid() == parent:
        time.sleep(1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
