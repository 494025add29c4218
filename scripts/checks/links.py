"""Every relative link and image of the documentation leads to a file that is there, and to a heading that it has."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("*.md", "docs/**/*.md", "course_content/README.md", "lms_plugin/**/README.md", "tests/**/README.md")
_LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_FENCE = re.compile(r"^(```+|~~~+).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")


def faults_of(page: Path, root: Path) -> Iterator[str]:
    """A sentence for every relative link of a page that leads nowhere."""
    text = _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))
    for match in _LINK.finditer(text):
        target = match[1]
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target):
            continue
        path, _, anchor = target.partition("#")
        found = page if not path else (root / path[1:] if path[0] == "/" else page.parent / unquote(path))
        if not found.exists():
            yield f"{page.relative_to(root)}: {target} is not there"
        elif anchor and found.suffix == ".md" and unquote(anchor) not in anchors_of(found):
            yield f"{page.relative_to(root)}: {target}: there is no such heading"


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page: one for each heading, as repository hosts make them, and those set by hand."""
    text = page.read_text(encoding="utf-8")
    found = set(_ANCHOR.findall(text))
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number, name = 0, plain
        while name in found:
            number += 1
            name = f"{plain}-{number}"
        found.add(name)
    return found


def main() -> int:
    pages = sorted({page for pattern in PAGES for page in ROOT.glob(pattern)})
    faults = [fault for page in pages for fault in faults_of(page, ROOT)]
    for fault in faults:
        print(fault)
    print(f"{len(pages)} pages, {len(faults)} links that lead nowhere")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
