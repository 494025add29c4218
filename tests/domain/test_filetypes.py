"""Files are known by their content, whatever they are called."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import filetypes
from lms_plugin.domain.filetypes import DOCX, ENDINGS, JPEG, PDF, PNG, PPTX, TEXT, WEBP, XLSX, media_type_of, safe_name

CONTENTS = "[Content_Types].xml"


def archive(**parts: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in parts.items():
            zipped.writestr(CONTENTS if name == "contents" else name, content)
    return written.getvalue()


def office(part: str, kind: str = "application/vnd.openxmlformats-officedocument") -> bytes:
    return archive(contents=f'<Types><Override ContentType="{kind}.{part}+xml"/></Types>', document="<x/>")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xff\xd8\xff\xe0JFIF", JPEG),
        (b"\x89PNG\r\n\x1a\n....", PNG),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", WEBP),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", None),
        (b"%PDF-1.7\n", PDF),
        (office("wordprocessingml.document.main"), DOCX),
        (office("spreadsheetml.sheet.main"), XLSX),
        (office("presentationml.presentation.main"), PPTX),
        (office("document.macroEnabled.main", "application/vnd.ms-word"), None),
        (office("wordprocessingml.document.main")[:-30], None),
        (archive(a="b"), None),
        (archive(contents="<Types/>"), None),
        ("说课记录\r\n一、教学目标".encode(), TEXT),
        ("说课记录".encode("gb18030"), TEXT),
        ("\ufeff说课".encode(), TEXT),
        (b"   \n", None),
        (b"a\x00b", None),
        (b"\x80\x81\xff", None),
        (b"MZ\x90\x00\x03", None),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None),
        (b"", None),
        # a page or a script is text here, and is only ever given out as plain text to be saved
        (b"<script>alert(1)</script>", TEXT),
    ],
)
def test_the_content_says_what_a_file_is(content: bytes, expected: str | None) -> None:
    assert media_type_of(content) == expected


def test_an_archive_of_very_many_parts_is_no_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filetypes, "MOST_PARTS", 1)

    assert media_type_of(office("wordprocessingml.document.main")) is None


@pytest.mark.parametrize(
    ("name", "media_type", "expected"),
    [
        ("合影.JPG", JPEG, "合影.jpg"),
        ("../../etc/passwd", TEXT, "passwd.txt"),
        ("C:\\photos\\教研 活动.jpeg", JPEG, "教研 活动.jpg"),
        ("evil.html", TEXT, "evil.txt"),
        ('a"b\r\nSet-Cookie: x.pdf', PDF, "abSet-Cookie x.pdf"),
        ("\u202egpj.exe", JPEG, "gpj.jpg"),
        ("....", PNG, "file.png"),
        ("", PDF, "file.pdf"),
        ("字" * 200 + ".docx", DOCX, "字" * 120 + ".docx"),
    ],
)
def test_names_hold_no_folder_and_end_as_their_type(name: str, media_type: str, expected: str) -> None:
    assert safe_name(name, media_type) == expected


@given(st.text(), st.sampled_from(sorted(ENDINGS)))
def test_no_name_leads_anywhere_or_breaks_a_header(name: str, media_type: str) -> None:
    safe = safe_name(name, media_type)

    assert safe.isprintable()
    assert not set(safe) & set('/\\"<>:|?*;%')
    assert not safe.startswith(".")
    assert safe.endswith(f".{ENDINGS[media_type]}")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_known_type_or_none(content: bytes) -> None:
    assert media_type_of(content) in (*ENDINGS, None)
