"""Runs the demo inside the environment that scripts/demo has set up: `once|stay PORT BEGAN_AT`."""

import signal
import sys
from types import FrameType

from scripts.demonstration import once, stay


def main() -> int:
    mode, port, began_at = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    signal.signal(signal.SIGTERM, _stop)
    try:
        return once.play(port, began_at) if mode == "once" else stay.serve(port, began_at)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
