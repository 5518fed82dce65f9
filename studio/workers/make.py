"""Makes examples with a model behind an address. `make NOTE WORKSPACE JOB`"""

from __future__ import annotations

import sys
from pathlib import Path

from studio.data.maker import Maker
from studio.data.making import make, read_ask
from studio.keys import read_key
from studio.tasks import run_task


def main(note: str, root: str, folder: str) -> int:
    job = Path(folder)
    ask = read_ask(job)
    maker = Maker(ask.address, ask.model, read_key(ask.address))
    return run_task(Path(note), lambda report: make(job, maker, report))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
