"""Limits of the control groups that a process is in, as containers and batch systems set them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")

# Of versions 2 and 1: the file with a limit, and the one with what is used.
_MEMORY = (
    ("memory.max", "memory.current"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
)
_NO_LIMIT = 2**60  # bytes; version 1 writes a number beyond it


def memory_limits(
    root: Path | None = None, membership: Path | None = None
) -> list[tuple[int, int]]:
    """Limit and use, in bytes, of each of the process's groups that has a limit; see `groups`."""
    found = []
    for folder in groups("memory", root, membership):
        for limit_name, used_name in _MEMORY:
            try:
                limit, used = (int((folder / n).read_text()) for n in (limit_name, used_name))
            except (OSError, ValueError):  # not of this version, or "max": no limit
                continue
            if limit < _NO_LIMIT:
                found.append((limit, used))
    return found


def cpu_quota(folder: Path) -> float | None:
    """Processors that a group allows, in parts of one; None where it has no limit."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    return int(quota) / int(period) if quota.isdigit() else None  # "max" or -1: no limit


def groups(
    controller: str, root: Path | None = None, membership: Path | None = None
) -> Iterator[Path]:
    """Folders of the groups that limit the process, from its own to the root's.

    Args:
        controller: "memory" or "cpu".
        root: Where control groups are mounted.
        membership: File that tells the process's own groups.
    """
    root = ROOT if root is None else root
    membership = MEMBERSHIP if membership is None else membership
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    found = [(root, "/"), (root / controller, "/")]
    for line in lines:
        _, names, path = line.split(":", 2)
        if not names:  # version 2
            found.append((root, path))
        elif controller in names.split(","):  # version 1
            found.append((root / controller, path))
    seen = set()
    for mount, path in found:
        own = mount / path.strip("/")
        # In a container the path may be that of the host, and not be there.
        for folder in (own, *own.parents):
            if folder not in seen and folder.is_dir() and folder.is_relative_to(mount):
                seen.add(folder)
                yield folder
