"""A roster drawn from a seed: teachers of one programme, some rows with believable faults, and which faults those are.

The store it is meant for is made by `prepare`; the same rows and faults come out of the same numbers.
"""

import csv
import hashlib
import io
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

import xlsxwriter
from sqlalchemy import insert, select

from lms_plugin.domain.programme import Component, ComponentKind, Group, Programme, Text, Window
from lms_plugin.services import access, catalogue, divisions, people, regionimport
from lms_plugin.services.access import Actor, Grant
from lms_plugin.services.people import NewPerson
from lms_plugin.services.rosterfile import Table, TableRow
from lms_plugin.storage.admission import Upload
from lms_plugin.storage.base import Base
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.session import Database

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PROGRAMME = "senior-high-reform"
COUNTIES, SCHOOLS = 475, 2_517
NOT_IMPORTED = "540000"
"""Tibet: its counties are official codes, and not among the regions of the store."""
FULL_GROUP = "已满的班"
HEADER = (
    "账号",
    "姓名",
    "角色",
    "地区代码",
    "培训项目",
    "班级",
    "阶段",
    "层次",
    "电子邮箱",
    "平台账号",
    "语言",
    "初始密码",
)
KEYS = (
    "login",
    "name",
    "role",
    "region_code",
    "programme",
    "class_group",
    "phase",
    "tier",
    "email",
    "lms_username",
    "language",
    "password",
)
LEARNERS_IN_A_GROUP = 40

_NEW = "js"
_FAMILY = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰凤洁梅琳素云莲真环雪荣爱妹香月莺媛"

Fault = tuple[str | None, str]
"""Column key (None: the whole row), code."""
Expected = tuple[int, str | None, str]
"""Row as a spreadsheet shows it, column key, code."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The rows below the header, each a mapping of column keys, and every fault that is in them."""

    rows: Sequence[Mapping[str, str]]
    expected: frozenset[Expected]

    def as_csv(self) -> bytes:
        """As an office's spreadsheet writes it: UTF-8 with a mark."""
        text = io.StringIO()
        csv.writer(text).writerows([HEADER, *map(_cells, self.rows)])
        return b"\xef\xbb\xbf" + text.getvalue().encode()

    def as_xlsx(self) -> bytes:
        file = io.BytesIO()
        with xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_urls": False}) as book:
            sheet = book.add_worksheet("名册")
            for at, cells in enumerate([HEADER, *map(_cells, self.rows)]):
                for column, cell in enumerate(cells):
                    if cell:
                        sheet.write_string(at, column, cell)
        return file.getvalue()


def _cells(row: Mapping[str, str]) -> Sequence[str]:
    cells = [row.get(key, "") for key in KEYS]
    return [*cells, row["more"]] if "more" in row else cells


@dataclass(frozen=True, slots=True)
class World:
    """What the store holds: codes of schools, logins of accounts, open and closed ones, and who uploads."""

    schools: Sequence[str]
    known: Sequence[str]
    closed: Sequence[str]
    admin: Actor


def prepare(database: Database, *, known: int, closed: int) -> World:
    """Fill an empty, migrated store: all divisions but one province, 2,517 schools, a programme, some teachers."""
    provinces = [code for code, one in divisions.by_code().items() if one.level == "province" and code != NOT_IMPORTED]
    official = divisions.as_table(provinces)
    counties = [row.values["code"] for row in official.rows if row.values["level"] == "county"][:COUNTIES]
    schools = [f"{counties[number % len(counties)]}-{number // len(counties):03}" for number in range(SCHOOLS)]
    rows = [
        TableRow(number, {"code": code, "level": "school", "name": f"第{number}中学", "parent_code": code[:6]})
        for number, code in enumerate(schools, start=2)
    ]
    logins = [f"old{number:05}" for number in range(known)]
    left = [f"left{number:05}" for number in range(closed)]
    with database.writing() as session:
        regionimport.import_regions(session, official)
        regionimport.import_regions(session, Table(tuple(rows)))
        programme_id = catalogue.publish(session, programme(), {}, NOW).programme_id
        office = NewPerson("office", "项目管理办公室", (Grant(access.OFFICE, None),))
        admin = people.create_user(session, office, None, NOW)
        accounts = [(one, True) for one in logins] + [(one, False) for one in left]
        session.execute(
            insert(User),
            [
                {"login": one, "name": "原有教师", "lms_username": f"lms.{one}", "is_active": active, "created_at": NOW}
                for one, active in accounts
            ],
        )
        full = ClassGroup(programme_id=programme_id, name=FULL_GROUP, size_limit=1)
        session.add(full)
        session.flush()
        first = session.scalars(select(User).where(User.login == logins[0])).one()
        session.add(
            Enrolment(user_id=first.id, programme_id=programme_id, class_group_id=full.id, enrolled_at=NOW, variant="")
        )
        session.flush()
        return World(schools, logins, left, access.actor_of(session, admin.id))


def programme() -> Programme:
    """A programme with two phases, two tiers and class groups of 50."""
    return Programme(
        key=PROGRAMME,
        title=Text("普通高中课改实验省教师远程培训", "Remote training for senior-high reform"),
        description=Text("远程培训。", "Remote training."),
        window=Window(date(2026, 11, 1), date(2026, 12, 13)),
        components=(Component("video", ComponentKind.VIDEO, Text("课程", "Films"), Decimal(50)),),
        total_class_hours=Decimal(50),
        phases=(Group("leaders", Text("骨干先行", "Leaders")), Group("all", Text("全员跟进", "Everybody"))),
        tiers=(Group("standard", Text("普通班", "Standard")), Group("advanced", Text("提高班", "Advanced"))),
        class_size=50,
    )


def digest_of(database: Database) -> str:
    """A hash over every row of every table but the uploads: the same means that nothing was written."""
    digest = hashlib.sha256()
    with database.reading() as session:
        for table in Base.metadata.sorted_tables:
            if table.name != Upload.__tablename__:
                digest.update(table.name.encode())
                for row in session.execute(select(table).order_by(*table.primary_key.columns)):
                    digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def draw(world: World, *, rows: int, faulty: int, seed: int) -> Roster:
    """A roster in which exactly `faulty` rows have faults, about one in eight of them two; every kind comes up."""
    chance = Random(seed)
    made = [_teacher(number, world, chance) for number in range(rows)]
    damaged = sorted(chance.sample(range(rows // 10, rows), faulty))
    # What is copied comes from a row that stays good, of somebody who has no account yet.
    models = sorted(at for at in set(range(rows)) - set(damaged) if made[at]["login"].startswith(_NEW))
    expected: set[Expected] = set()
    for turn, at in enumerate(damaged):
        kind = _KINDS[turn] if turn < len(_KINDS) else chance.choice(_KINDS)
        model = made[models[chance.randrange(bisect_left(models, at))]]
        login = f"{_NEW}{at:06}"
        spoilt = _Spoilt(made[at] | {"login": login, "lms_username": f"lms.{login}"}, at, turn, model, world, chance)
        found = [kind(spoilt)]
        if kind not in _ALONE and chance.random() < 1 / 8:
            found.append(_email_malformed(spoilt))
        made[at] = spoilt.row
        expected |= {(at + 2, column, code) for column, code in found}
    return Roster(made, frozenset(expected))


def _teacher(number: int, world: World, chance: Random) -> dict[str, str]:
    name = chance.choice(_FAMILY) + "".join(chance.choices(_GIVEN, k=chance.choice((1, 2, 2))))
    # One in fifty has an account already.
    known = number % 50 == 7 and number // 50 + 1 < len(world.known)
    login = world.known[number // 50 + 1] if known else f"{_NEW}{number:06}"
    row = {
        "login": login,
        "name": name,
        "role": "学员",
        "region_code": world.schools[number % len(world.schools)],
        "programme": PROGRAMME,
        "class_group": f"{number // LEARNERS_IN_A_GROUP + 1}班",
        "phase": "全员跟进",
        "tier": chance.choice(("standard", "提高班")),
        "email": f"{login}@example.cn" if chance.random() < 0.7 else "",
        "lms_username": f"lms.{login}",
        "language": "中文",
    }
    return {key: value for key, value in row.items() if value}


@dataclass(slots=True)
class _Spoilt:
    """A row that gets a fault: where it stands, the how-manieth faulty one it is, and a good row above it."""

    row: dict[str, str]
    at: int
    turn: int
    model: Mapping[str, str]
    world: World
    chance: Random

    def put(self, column: str, value: str, code: str) -> Fault:
        self.row[column] = value
        return column, code

    def clear(self, *columns: str) -> None:
        for column in columns:
            self.row.pop(column, None)


def _put(column: str, code: str, *values: str) -> Callable[[_Spoilt], Fault]:
    """A fault that one of these values makes by itself; `{at}` in a value becomes the row's number."""

    def spoil(spoilt: _Spoilt) -> Fault:
        return spoilt.put(column, spoilt.chance.choice(values).format(at=spoilt.at), code)

    return spoil


def _email_malformed(spoilt: _Spoilt) -> Fault:
    return spoilt.put(
        "email", spoilt.chance.choice(("wangli@", "wangli.example.cn", "a b@example.cn")), "email_malformed"
    )


def _login_twice(spoilt: _Spoilt) -> Fault:
    return spoilt.put("login", spoilt.model["login"], "login_twice")


def _lms_username_twice(spoilt: _Spoilt) -> Fault:
    return spoilt.put("lms_username", spoilt.model["lms_username"], "lms_username_twice")


def _lms_username_taken(spoilt: _Spoilt) -> Fault:
    return spoilt.put("lms_username", f"lms.{spoilt.world.known[-1 - spoilt.turn]}", "lms_username_taken")


def _account_closed(spoilt: _Spoilt) -> Fault:
    spoilt.row["lms_username"] = f"lms.{spoilt.world.closed[spoilt.turn]}"
    return spoilt.put("login", spoilt.world.closed[spoilt.turn], "account_closed")


def _tutor_without_group(spoilt: _Spoilt) -> Fault:
    spoilt.row["role"] = "辅导教师"
    spoilt.clear("class_group")
    return "class_group", "class_group_missing"


def _office_without_region(spoilt: _Spoilt) -> Fault:
    spoilt.row["role"] = "项目办"
    spoilt.clear("region_code", "programme", "class_group", "phase", "tier")
    return "region_code", "region_needed_for_role"


def _group_without_programme(spoilt: _Spoilt) -> Fault:
    spoilt.clear("programme")
    return "programme", "programme_missing"


def _phase_without_programme(spoilt: _Spoilt) -> Fault:
    spoilt.clear("programme", "class_group")
    return "programme", "place_needs_programme"


def _password_is_login(spoilt: _Spoilt) -> Fault:
    spoilt.row["login"] = f"{spoilt.row['login']}.mima"
    return spoilt.put("password", spoilt.row["login"], "password_is_login")


def _too_many_cells(spoilt: _Spoilt) -> Fault:
    spoilt.row["more"] = "错列"
    return None, "too_many_cells"


_KINDS: Sequence[Callable[[_Spoilt], Fault]] = (
    _put("login", "login_missing", ""),
    _put("login", "login_malformed", "zhang wei{at}", "李:{at}"),
    _put("login", "number_in_scientific_notation", "1.38001E+10", "5.3E+17"),
    _login_twice,
    _account_closed,
    _put("name", "name_missing", ""),
    _put("name", "name_malformed", "王" * 121),
    _put("name", "cell_is_error", "#N/A", "#REF!"),
    _put("role", "role_unknown", "老师", "班主任"),
    _put("role", "learns_and_tutors", "学员、辅导教师"),
    _put("region_code", "region_unknown", "999999", "110199-001"),
    _put("region_code", "region_not_imported", "540102", "542500"),
    _put("region_code", "everywhere_needs_role", "*", "全国"),
    _office_without_region,
    _put("programme", "programme_unknown", "senior-high", "高中课改"),
    _group_without_programme,
    _phase_without_programme,
    _put("class_group", "class_group_too_long", "班" * 121),
    _put("class_group", "class_group_full", FULL_GROUP),
    _tutor_without_group,
    _put("phase", "phase_unknown", "第三期"),
    _put("tier", "tier_unknown", "尖子班"),
    _email_malformed,
    _put("lms_username", "lms_username_malformed", "wang li{at}"),
    _lms_username_twice,
    _lms_username_taken,
    _put("language", "language_unknown", "粤语", "de"),
    _put("password", "password_too_short", "123456"),
    _put("password", "password_too_common", "jiaoshi123", "woaini1314"),
    _password_is_login,
    _too_many_cells,
)
_ALONE = (_email_malformed, _too_many_cells)
