"""Runs benchmarks and prints their tables and ratios.

A module of scripts/benches has PARTS, what to measure by name, and may have ON_REQUEST, the parts that run only when
asked for.
"""

import argparse
import importlib
import pkgutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import scripts.benches
from scripts.benchmarking.outcome import Outcome
from scripts.demonstration.installation import CommandFailed

Measure = Callable[[bool], Outcome]


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(scripts.benches.__path__))


def parts_of(name: str, asked: Sequence[str]) -> Mapping[str, Measure]:
    """The parts of a benchmark to run; all that don't wait to be asked for, where none is asked for.

    Raises:
        LookupError: there is no such part.
    """
    module = importlib.import_module(f"scripts.benches.{name}")
    parts: dict[str, Measure] = module.PARTS
    on_request: Sequence[str] = getattr(module, "ON_REQUEST", ())
    for one in asked:
        if one not in parts:
            raise LookupError(f"{name} has no part {one!r}: choose from {', '.join(parts)}")
    return {part: parts[part] for part in asked or [one for one in parts if one not in on_request]}


def report(name: str, part: str, outcome: Outcome, seconds: float) -> None:
    print(f"\n{name}, {part} ({seconds:.0f} s)")
    for table in outcome.tables:
        print(f"\n{table.as_text()}")
    print()
    for ratio, value in outcome.ratios.items():
        print(f"RATIO {ratio} {value:.3f}")
    for fault in outcome.faults:
        print(f"WRONG {fault}")
    sys.stdout.flush()


def main() -> int:
    known = names()
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure ourselves beside peers, in one run.")
    parser.add_argument("name", nargs="?", choices=known, help="one benchmark; all without it")
    parser.add_argument("--quick", action="store_true", help="under two minutes each, with less certain figures")
    parser.add_argument("--part", action="append", default=[], help="only this part; may be given several times")
    parser.add_argument("--profile", action="append_const", dest="part", const="profile", help="like --part profile")
    arguments = parser.parse_args()
    is_wrong = False
    try:
        for name in [arguments.name] if arguments.name else known:
            for part, measure in parts_of(name, arguments.part).items():
                began = time.monotonic()
                outcome = measure(arguments.quick)
                report(name, part, outcome, time.monotonic() - began)
                is_wrong |= bool(outcome.faults)
    except (LookupError, CommandFailed) as fault:
        print(f"scripts/bench: {fault}", file=sys.stderr)
        return 2
    return 1 if is_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
