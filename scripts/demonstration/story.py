"""What a played job prints: steps with the time they began at, figures in a column, and checks that must hold."""

import sys
import time


class StepFailed(Exception):
    """A step did not hold; the text says what was expected and what was found."""


class Story:
    """Prints as things happen. `began_at` is the Unix time from which the clock in front of each step runs."""

    def __init__(self, began_at: float) -> None:
        self.began_at = began_at
        self.title = "the beginning"
        self.checks = 0

    def step(self, title: str) -> None:
        """Begin a step."""
        self.title = title
        self._print(f"\n{clock(time.time() - self.began_at)}  {title}")

    def tell(self, label: str, figures: str) -> None:
        """A figure that is shown and not checked."""
        self._print(f"        {label:<22}{figures}")

    def check(self, label: str, figures: str, held: bool) -> None:
        """A figure that is checked.

        Raises:
            StepFailed: it did not hold.
        """
        if not held:
            self._print(f"    x   {label:<22}{figures}")
            raise StepFailed(f"{label}: {figures}")
        self.checks += 1
        self._print(f"    ok  {label:<22}{figures}")

    def _print(self, line: str) -> None:
        print(line, file=sys.stdout, flush=True)


def clock(seconds: float) -> str:
    """Minutes and seconds, four places wide: ` 2:05`."""
    return f"{int(seconds) // 60:2d}:{int(seconds) % 60:02d}"
