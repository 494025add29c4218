"""What kind of file some bytes are, told from the bytes alone: whatever its sender calls it."""

import io
import zipfile
import zlib
from typing import Final

JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"
PDF, TEXT = "application/pdf", "text/plain"
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
DOCX = f"{_OFFICE}wordprocessingml.document"
XLSX = f"{_OFFICE}spreadsheetml.sheet"
PPTX = f"{_OFFICE}presentationml.presentation"

IMAGES: Final = (JPEG, PNG, WEBP)
ENDINGS: Final = {
    JPEG: "jpg",
    PNG: "png",
    WEBP: "webp",
    PDF: "pdf",
    TEXT: "txt",
    DOCX: "docx",
    XLSX: "xlsx",
    PPTX: "pptx",
}
"""The types that are taken, each with the ending its files get."""

LARGEST_CONTENTS_PART: Final = 1024 * 1024
MOST_PARTS: Final = 5000
_CONTENTS = "[Content_Types].xml"
_MAIN_PARTS: Final = {DOCX: b"wordprocessingml.document.main", XLSX: b"sheet.main", PPTX: b"presentation.main"}
_MACROS = b"macroEnabled"
_TEXT_CONTROLS: Final = frozenset("\t\n\r\f")
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, KeyError)


def media_type_of(content: bytes) -> str | None:
    """The media type of a file's content, one of `ENDINGS`; None for anything else.

    Office files with macros, archives that are nothing more, and text with control characters are anything else.
    """
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return WEBP
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"PK\x03\x04"):
        return _office_type(content)
    return TEXT if _is_text(content) else None


def safe_name(name: str, media_type: str, *, longest: int = 120) -> str:
    """A file's name as it can be shown and offered for saving: without folders and what no name may hold, with the
    ending of its type."""
    plain = name.replace("\\", "/").rsplit("/", 1)[-1]
    stem = plain.rsplit(".", 1)[0] if "." in plain else plain
    kept = "".join(one for one in stem if one.isprintable() and one not in '<>:"|?*;%')
    kept = " ".join(kept.split()).strip(". ")
    return f"{kept[:longest].rstrip() or 'file'}.{ENDINGS[media_type]}"


def _office_type(content: bytes) -> str | None:
    """The type of an Office file, from what its list of contents says; no more is unpacked than that."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if len(archive.infolist()) > MOST_PARTS:
                return None
            part = archive.getinfo(_CONTENTS)
            with archive.open(part) as stream:
                listed = stream.read(LARGEST_CONTENTS_PART)
    except _BROKEN:
        return None
    if _MACROS in listed:
        return None
    return next((media_type for media_type, mark in _MAIN_PARTS.items() if mark in listed), None)


def _is_text(content: bytes) -> bool:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return bool(text.strip()) and all(one >= " " or one in _TEXT_CONTROLS for one in text)
    return False
