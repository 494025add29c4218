"""Reading rosters that offices send: CSV as Excel or a person wrote it, and XLSX, into rows of named texts.

Files come from outside, so that size, unpacked size and the number of rows are bounded before anything is kept.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lms_plugin.domain.errors import Malformed, TooLarge
from lms_plugin.services import workbook
from lms_plugin.services.findings import Finding

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 100
HEADER_SOUGHT_IN_ROWS: Final = 10
"""A title or a remark may stand above the header."""

_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = (",", ";", "\t", "，", "；")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
_REMARK = re.compile(r"[(（\[【].*?[)）\]】]|[*＊:：]")
_JOINTS = re.compile(r"[\s_-]+")
_SCIENTIFIC = re.compile(r"[+-]?\d(?:\.\d+)?[eE][+-]?\d+")
_WHOLE_FLOAT = re.compile(r"(\d+)\.0+")
_TEXT_FORMULA = re.compile(r'="([^"]*)"')
_CELL_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"})
_DIGITS_OF_A_DOUBLE = 15

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns a kind of file can have, in any order: `keys` by plain header; other columns are ignored.

    `codes` are columns of digits that spreadsheets take for numbers; `verbatim` ones keep inner blanks.
    """

    keys: Mapping[str, str]
    required: tuple[str, ...]
    codes: frozenset[str]
    verbatim: frozenset[str] = frozenset()

    def key_of(self, header: str) -> str | None:
        return self.keys.get(_plain(header))


def _plain(header: str) -> str:
    """A header without what people add to it: blanks, remarks in brackets, an asterisk for what is required."""
    return _JOINTS.sub("", _REMARK.sub("", _INVISIBLE.sub("", unicodedata.normalize("NFKC", header)))).lower()


def _headers(names: Mapping[str, str]) -> dict[str, str]:
    return {_plain(name): key for key, others in names.items() for name in (key, *others.split())}


PEOPLE: Final = Layout(
    keys=_headers(
        {
            "login": "账号 帐号 登录账号 登录帐号 登录名 用户名 username account",
            "name": "姓名 教师姓名 学员姓名 full_name",
            "role": "角色 身份 roles",
            "email": "邮箱 电子邮箱 电子邮件 e_mail",
            "language": "语言 界面语言",
            "region_code": "地区代码 行政区划代码 单位代码 学校代码 region",
            "lms_username": "平台账号 平台帐号 平台用户名",
            "password": "初始密码 密码 first_password",
            "programme": "培训项目 研修项目 项目 项目代码 programme_key",
            "class_group": "班级 班级名称",
            "phase": "阶段 培训阶段 期次",
            "tier": "层次 班次层次 班型",
        }
    ),
    required=("login", "name"),
    codes=frozenset({"login", "region_code", "lms_username"}),
    verbatim=frozenset({"password"}),
)
REGIONS: Final = Layout(
    keys=_headers(
        {
            "code": "代码 地区代码 行政区划代码 学校代码 region_code",
            "level": "级别 层级 类别",
            "name": "名称 地区名称 学校名称 region_name",
            "parent_code": "上级代码 上级地区代码 所属地区代码 parent code_of_the_region_above",
        }
    ),
    required=("code", "level", "name"),
    codes=frozenset({"code", "parent_code"}),
)

QUOTAS: Final = Layout(
    keys=_headers(
        {
            "region_code": "地区代码 行政区划代码 代码 region 学校或地区代码 code_of_school_or_region",
            "places": "名额 名额数 分配名额 人数",
            "phase": "阶段 培训阶段 期次",
        }
    ),
    required=("region_code", "places"),
    codes=frozenset({"region_code", "places"}),
)
NOMINATIONS: Final = Layout(
    keys=_headers(
        {
            "login": "账号 帐号 登录账号 登录帐号 登录名 用户名 username account",
            "name": "姓名 教师姓名 full_name",
            "region_code": "学校代码 单位代码 地区代码 行政区划代码 region 学校或地区代码 code_of_school_or_region",
            "email": "邮箱 电子邮箱 电子邮件 e_mail",
            "phone": "电话 联系电话 手机 手机号 手机号码 联系方式 mobile telephone",
            "subject": "学科 任教学科 专业 所教学科 subject_taught",
            "degree": "学历 最高学历 文化程度",
            "title": "职称 专业技术职务 professional_title",
            "teaching_years": "教龄 任教年限 years_of_teaching",
            "born_on": "出生日期 出生年月日 birthday date_of_birth",
            "sex": "性别 gender",
            "is_rural": "农村教师 是否农村 是否农村教师 rural teaches_in_the_countryside",
            "phase": "阶段 培训阶段 期次",
            "tier": "层次 班次层次 班型",
        }
    ),
    required=("login", "name"),
    codes=frozenset({"login", "region_code", "phone", "teaching_years"}),
)

COMPLETIONS: Final = Layout(
    keys=_headers(
        {
            "login": "账号 帐号 登录账号 登录帐号 登录名 用户名 username account",
            "registration_number": "电子注册号 注册号 registration",
            "component": "学习部分 学时部分 部分 学习方式 component_key",
            "class_hours": "学时 学时数 认定学时 hours",
            "minutes": "分钟 分钟数 时长分钟",
            "completed_on": "完成日期 结业日期 日期 date completed",
            "course": "学习内容 培训名称 课程名称 课程 内容 what what_it_was",
            "institution": "证明单位 出具单位 颁发单位 培训机构 单位",
            "person": "证明人 经办人 vouched_by who_vouches",
            "reference": "证书编号 证明编号 编号 certificate certificate_number",
            "reason": "更正原因 修改原因 reason_for_the_change",
        }
    ),
    required=("component", "completed_on", "course", "institution", "person", "reference"),
    codes=frozenset({"login", "registration_number", "class_hours", "minutes", "reference"}),
)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: its number as a spreadsheet shows it, and the texts that are not empty, by column key."""

    number: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A file's rows, the headers that mean nothing here, the faults of cells that cannot be read, and the rest of the
    rows they stand in (`damaged`; never to be imported)."""

    rows: tuple[TableRow, ...]
    ignored_columns: tuple[str, ...] = ()
    faults: tuple[Finding, ...] = ()
    damaged: tuple[TableRow, ...] = ()


def read_table(content: bytes, layout: Layout) -> Table:
    """Read a CSV (UTF-8, UTF-16 with a mark, or GB18030; comma, semicolon or tab) or an XLSX file.

    Raises:
        TooLarge: `file_too_large` (limit_bytes), `file_unpacks_too_large`, `too_many_rows` (limit).
        Malformed: `file_empty`, `file_unreadable`, `file_is_old_excel`, `encoding_unknown`, `columns_missing`
            (columns, found), `column_twice` (column).
    """
    if len(content) > MAX_BYTES:
        raise TooLarge("file_too_large", limit_bytes=MAX_BYTES)
    if not content.strip(b"\x00\t\r\n \xef\xbb\xbf"):
        raise Malformed("file_empty")
    if content.startswith(_OLD_EXCEL):
        raise Malformed("file_is_old_excel")
    if content.startswith(b"PK"):
        return _as_table(workbook.rows(content, MAX_COLUMNS), layout)
    text = _decoded(content)
    return _as_table(_csv_rows(text, _delimiter_of(text, layout)), layout)


@dataclass(frozen=True, slots=True)
class _Header:
    """The column keys by position, how many columns have a header, and the headers nobody knows."""

    keys: Mapping[int, str]
    width: int
    ignored: tuple[str, ...]


def _as_table(numbered: Iterable[tuple[int, Sequence[Cell]]], layout: Layout) -> Table:
    rows = iter(numbered)
    header = _find_header(rows, layout)
    found: list[TableRow] = []
    damaged: list[TableRow] = []
    faults: list[Finding] = []
    read = 0
    for number, cells in rows:
        if not any(_has_text(cell) for cell in cells):
            continue
        read += 1
        if read > MAX_ROWS:
            raise TooLarge("too_many_rows", limit=MAX_ROWS)
        values, wrong = _read_row(number, cells, header, layout)
        faults += wrong
        if values and not wrong:
            found.append(TableRow(number, values))
        elif wrong and all(fault.column is not None for fault in wrong):
            damaged.append(TableRow(number, values))
    if not found and not faults:
        raise Malformed("file_empty")
    return Table(tuple(found), header.ignored, tuple(faults), tuple(damaged))


def _find_header(rows: Iterator[tuple[int, Sequence[Cell]]], layout: Layout) -> _Header:
    """The first row that has every column required; leaves the rows below it."""
    best: list[str] = []
    for number, cells in rows:
        headers = [str(cell).strip() if _has_text(cell) else "" for cell in cells]
        keys = {at: key for at, header in enumerate(headers) if (key := layout.key_of(header)) is not None}
        if set(layout.required) <= set(keys.values()):
            twice = sorted(key for key in set(keys.values()) if list(keys.values()).count(key) > 1)
            if twice:
                raise Malformed("column_twice", column=twice[0])
            width = max(at for at, header in enumerate(headers) if header) + 1
            ignored = tuple(header for at, header in enumerate(headers) if header and at not in keys)
            return _Header(keys, width, ignored)
        found = [header for header in headers if header]
        best = max(best or found, found, key=lambda row: _known(row, layout))
        if number >= HEADER_SOUGHT_IN_ROWS:
            break
    present = {layout.key_of(header) for header in best}
    missing = tuple(key for key in layout.required if key not in present)
    raise Malformed("columns_missing", columns=missing, found=tuple(best))


def _known(headers: Iterable[Cell], layout: Layout) -> int:
    return sum(layout.key_of(str(header)) is not None for header in headers)


def _read_row(
    number: int, cells: Sequence[Cell], header: _Header, layout: Layout
) -> tuple[dict[str, str], list[Finding]]:
    values: dict[str, str] = {}
    wrong: list[Finding] = []
    for at, key in header.keys.items():
        text, code = _text_of(cells[at] if at < len(cells) else None, key, layout)
        if code is not None:
            wrong.append(Finding(number, key, code, {"value": text}))
        elif text:
            values[key] = text
    # A comma too many in a CSV shifts what follows into the wrong columns.
    if any(_has_text(cell) for cell in cells[header.width :]):
        wrong.append(Finding(number, None, "too_many_cells"))
    return values, wrong


def _text_of(cell: Cell, key: str, layout: Layout) -> tuple[str, str | None]:
    """A cell as text, and the code of what is wrong with it."""
    if isinstance(cell, bool) or cell is None:
        return ("" if cell is None else str(cell).upper()), None
    if isinstance(cell, int | float):
        if abs(cell) >= 10**_DIGITS_OF_A_DOUBLE:
            return str(cell), "number_lost_digits"
        return str(int(cell)) if cell == int(cell) else repr(cell), None
    text = _INVISIBLE.sub("", cell).strip()
    if key not in layout.verbatim:
        text = " ".join(text.split())
    if text in _CELL_ERRORS:
        return text, "cell_is_error"
    if key in layout.codes:
        text = unicodedata.normalize("NFKC", text)
        for idiom in (_TEXT_FORMULA, _WHOLE_FLOAT):
            if match := idiom.fullmatch(text):
                text = match[1].strip()
        text = text.removeprefix("'")
        if _SCIENTIFIC.fullmatch(text):
            return text, "number_in_scientific_notation"
    return text, None


def _has_text(cell: Cell) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(_INVISIBLE.sub("", cell).strip()))


def _decoded(content: bytes) -> str:
    # What is valid UTF-8 is hardly ever meant as anything else; Chinese Excel writes GBK, a part of GB18030.
    for encoding in ("utf-16",) if content.startswith(_UTF_16_MARKS) else ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text
    raise Malformed("encoding_unknown")


def _delimiter_of(text: str, layout: Layout) -> str:
    """The delimiter under which most headers are known."""

    def known(delimiter: str) -> int:
        lines = islice(_csv_rows(text[:20_000], delimiter, strict=False), HEADER_SOUGHT_IN_ROWS)
        return max((_known(cells, layout) for _, cells in lines), default=0)

    return max(_DELIMITERS, key=known)


def _csv_rows(text: str, delimiter: str, *, strict: bool = True) -> Iterator[tuple[int, Sequence[Cell]]]:
    rows = enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict), start=1)
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error as fault:
            raise Malformed("file_unreadable", why=str(fault)) from fault
