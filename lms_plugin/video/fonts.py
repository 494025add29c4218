"""A font with Chinese characters: the system's Noto Sans CJK, else the one in the zhplot wheel."""

import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lms_plugin.domain.errors import Unavailable

SYSTEM_FONTS = Path("/usr/share/fonts")
_SYSTEM_FAMILY = "Noto Sans CJK SC"
_WHEEL_FAMILY = "Noto Sans SC"


class FontMissing(Unavailable):
    """There is no font with Chinese characters here; `package` is the Debian package that brings one."""

    code = "font_missing"

    def __init__(self) -> None:
        why = "no Noto Sans CJK on this system and no zhplot package; slides would show boxes for characters"
        super().__init__(package="fonts-noto-cjk", why=why)


@dataclass(frozen=True, slots=True)
class Font:
    """A font family and the files that hold it, the regular weight first."""

    family: str
    files: tuple[Path, ...]


def find_font(system_fonts: Path = SYSTEM_FONTS) -> Font:
    """The best font there is for Chinese text; raises FontMissing where there is none."""
    font = system_font(system_fonts) or wheel_font()
    if font is None:
        raise FontMissing
    return font


def system_font(system_fonts: Path = SYSTEM_FONTS) -> Font | None:
    """The installed Noto Sans CJK, wherever the distribution has put it."""
    regular = next(iter(sorted(system_fonts.rglob("NotoSansCJK-Regular.ttc"))), None) or _listed_font()
    if regular is None:
        return None
    bold = regular.with_name(regular.name.replace("Regular", "Bold"))
    return Font(_SYSTEM_FAMILY, (regular, bold) if bold.exists() and bold != regular else (regular,))


def wheel_font() -> Font | None:
    """The font file the zhplot wheel carries; the package itself is not imported, it would ask for matplotlib."""
    spec = importlib.util.find_spec("zhplot")
    for folder in spec.submodule_search_locations or () if spec else ():
        file = Path(folder) / "fonts" / "NotoSansSC-Regular.ttf"
        if file.exists():
            return Font(_WHEEL_FAMILY, (file,))
    return None


def _listed_font() -> Path | None:
    program = shutil.which("fc-match")
    if program is None:
        return None
    found = subprocess.run(  # noqa: S603 - a fixed command, no shell
        [program, "--format", "%{family}\n%{file}", f"{_SYSTEM_FAMILY}:style=Regular"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    families, _, file = found.stdout.partition("\n")
    return Path(file) if _SYSTEM_FAMILY in families.split(",") and file else None
