"""What a benchmark found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, the first row the headings; `notes` say what one must know to read them."""

    title: str
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default=())

    def as_text(self) -> str:
        """The rows in columns: the first to the left, figures to the right."""
        widths = [max(len(cell) for cell in column) for column in zip(*self.rows, strict=True)]
        lines = [self.title, ""] if self.title else []
        for number, row in enumerate(self.rows):
            first, *figures = row
            cells = [first.ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(figures, widths[1:], strict=True)]
            lines.append("  " + "  ".join(cells).rstrip())
            if number == 0:
                lines.append("  " + "-" * (sum(widths) + 2 * (len(widths) - 1)))
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


@dataclass(frozen=True, slots=True)
class Outcome:
    """Tables, ratios by name, and `faults`: sentences about what was found to be wrong, which fail the benchmark."""

    tables: Sequence[Table]
    ratios: Mapping[str, float] = field(default_factory=dict)
    faults: Sequence[str] = field(default=())
