"""Processor time of processes and all that they started, from /proc."""

import os
from collections import defaultdict
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time so far of a process and its living descendants; 0 for no process at all (`pid` 0)."""
    if not pid:
        return 0.0
    children: dict[int, list[int]] = defaultdict(list)
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            # What follows the program's name, which may hold anything: state, parent, ...
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        children[int(fields[1])].append(int(entry.name))
        ticks[int(entry.name)] = int(fields[11]) + int(fields[12])
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        total += ticks.get(one, 0)
        waiting += children[one]
    return total / _TICKS


def finished_children_seconds() -> float:
    """Processor time of this process's children that have ended, such as load generators."""
    times = os.times()
    return times.children_user + times.children_system
