"""How long a megabyte of the worst takes to be read or refused; it should never be more than 5 s."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from measure import show_table, verdict

from tests.studio.test_read_fuzz import megabytes, read_or_refused

MOST_S = 5.0


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, content in megabytes():
            path = Path(folder) / name
            path.write_bytes(content)
            began = time.perf_counter()
            count = read_or_refused(path)
            rows.append((time.perf_counter() - began, name, count))
    rows.sort(reverse=True)
    table = [[name, f"{seconds:.2f}", f"{count:,}"] for seconds, name, count in rows[:8]]
    table.append(["**slowest**", f"{rows[0][0]:.2f}", f"at most {MOST_S:.0f}: {verdict(rows[0][0] <= MOST_S)}"])
    show_table("A megabyte of the worst", ["file", "seconds", "rows read or listed"], table)


if __name__ == "__main__":
    main()
