"""What a benchmark found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Outcome:
    """A table (its first row the headings), ratios by name, and what has to be said about how it was measured."""

    rows: Sequence[Sequence[str]]
    ratios: Mapping[str, float]
    notes: Sequence[str] = field(default=())

    def as_table(self) -> str:
        """The rows in columns: the first to the left, figures to the right."""
        widths = [max(len(cell) for cell in column) for column in zip(*self.rows, strict=True)]
        lines = []
        for number, row in enumerate(self.rows):
            first, *figures = row
            cells = [first.ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(figures, widths[1:], strict=True)]
            lines.append("  " + "  ".join(cells).rstrip())
            if number == 0:
                lines.append("  " + "-" * (sum(widths) + 2 * (len(widths) - 1)))
        return "\n".join(lines)
