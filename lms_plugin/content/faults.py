"""What is wrong with course content, with its place."""

from dataclasses import dataclass
from pathlib import Path

from lms_plugin.domain.errors import Malformed


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing to mend; `str()` gives `path:line: message`, which editors turn into a link."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class ContentFaults(Malformed):
    """Course content has faults; `faults` holds every one found, in order of place."""

    code = "content_faults"

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(set(faults))
        super().__init__(faults=[str(fault) for fault in self.faults])

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)
