"""How much memory this process may take, where a container allows less than the machine has."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
UNLIMITED_BYTES = 1 << 60  # version 1 writes a number near 2**63 where there is no limit


@dataclass(frozen=True)
class Limit:
    """What a control group allows, and what of it is taken already; bytes."""

    memory_bytes: int
    taken_bytes: int

    @property
    def free_bytes(self) -> int:
        return max(0, self.memory_bytes - self.taken_bytes)


def memory_limits(root: Path = CGROUPS, membership: Path = MEMBERSHIP) -> list[Limit]:
    """The limits of this process's control groups, from its own up to the root; empty outside Linux.

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html and https://docs.kernel.org/admin-guide/cgroup-v1/
    """
    return [limit for folder in _groups(root, membership) if (limit := _read_limit(folder))]


def _groups(root: Path, membership: Path) -> Iterator[Path]:
    """Each group of this process and those above it. A container may see its own group as the root."""
    with contextlib.suppress(OSError):
        for line in membership.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            top = root / "memory" if controllers else root
            folder = top / path.strip("/")
            yield from (group for group in (folder, *folder.parents) if group.is_relative_to(top))


def _read_limit(folder: Path) -> Limit | None:
    version_2 = folder / "memory.max"
    names = (
        ("memory.max", "memory.current") if version_2.exists() else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    )
    try:
        limit, taken = ((folder / name).read_text(encoding="ascii").strip() for name in names)
    except OSError:
        return None
    if limit == "max" or int(limit) >= UNLIMITED_BYTES:
        return None
    return Limit(int(limit), max(0, int(taken) - _reclaimable(folder)))


def _reclaimable(folder: Path) -> int:
    """Files that the system has read and would forget if memory were asked for."""
    with contextlib.suppress(OSError, ValueError):
        rows = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        return int(rows.get("total_inactive_file", rows.get("inactive_file", 0)))
    return 0
