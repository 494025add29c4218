"""Runs benchmarks and prints their tables and ratios."""

import argparse
import importlib
import pkgutil
import sys
import time
from collections.abc import Callable
from typing import cast

import scripts.benches
from scripts.benchmarking.outcome import Outcome

Measure = Callable[[bool], Outcome]


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(scripts.benches.__path__))


def main() -> int:
    known = names()
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure ourselves beside peers, in one run.")
    parser.add_argument("name", nargs="?", choices=known, help="one benchmark; all without it")
    parser.add_argument("--quick", action="store_true", help="under two minutes each, with less certain figures")
    arguments = parser.parse_args()
    for name in [arguments.name] if arguments.name else known:
        module = importlib.import_module(f"scripts.benches.{name}")
        began = time.monotonic()
        outcome = cast(Measure, module.measure)(arguments.quick)
        print(f"\n{name}: {(module.__doc__ or '').strip().splitlines()[0]}  ({time.monotonic() - began:.0f} s)\n")
        print(outcome.as_table())
        for note in outcome.notes:
            print(f"  {note}")
        for ratio, value in outcome.ratios.items():
            print(f"RATIO {ratio} {value:.3f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
