"""What the TOML files of a programme may say: shapes and ranges; rules across files are the loader's."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from lms_plugin.content.component_shapes import AnyComponent
from lms_plugin.content.rule_shapes import (
    DiscussionTable,
    GroupTable,
    LmsTable,
    NominationTable,
    WatchingTable,
    WindowTable,
)
from lms_plugin.content.shapes import FileName, Key, Places, SomeClassHours, Table, TextTable, TomlSchema, Words
from lms_plugin.domain.programme import Module, Programme, Question


class ProgrammeFile(Table):
    """programme.toml: one training programme (培训项目)."""

    key: Key = Field(description="项目标识 · The name of the programme's folder.")
    title: TextTable = Field(description="项目名称")
    description: TextTable = Field(description="项目简介")
    class_hour_minutes: Annotated[int, Field(ge=1, le=240)] = Field(
        45, description="每学时分钟数 · Minutes of a class hour."
    )
    total_class_hours: SomeClassHours = Field(description="总学时 · What all components together must reach.")
    modules: list[Key] = Field(
        [], description="课程模块 · The folders under modules/, in order; every folder is listed."
    )
    applies_from: date | None = Field(
        None, description="规则生效日期 · This version holds from that day on; at once unless written."
    )
    places: Places | None = Field(
        None, description="名额 · How many learners the programme takes; any number unless written."
    )
    class_size: Places | None = Field(None, description="班额 · How many learners a class group holds at most.")
    window: WindowTable
    watching: WatchingTable = WatchingTable()
    discussion: DiscussionTable = DiscussionTable()
    components: Annotated[list[AnyComponent], Field(min_length=1)] = Field(
        description="学时构成 · What hours are made of."
    )
    phases: list[GroupTable] = Field([], description="阶段 · Those who come first, then those who follow.")
    tiers: list[GroupTable] = Field([], description="层次 · Such as a standard class and an advanced class.")
    nomination: NominationTable | None = None
    lms: LmsTable | None = None

    def value(self, modules: tuple[Module, ...]) -> Programme:
        return Programme(
            key=self.key,
            title=self.title.value(),
            description=self.description.value(),
            window=self.window.value(),
            components=tuple(component.value() for component in self.components),
            total_class_hours=self.total_class_hours,
            class_hour_minutes=self.class_hour_minutes,
            watching=self.watching.value(),
            discussion=self.discussion.value(),
            modules=modules,
            lms=self.lms.value() if self.lms else None,
            window_months=self.window.months,
            applies_from=self.applies_from,
            phases=tuple(phase.value() for phase in self.phases),
            tiers=tuple(tier.value() for tier in self.tiers),
            nomination=self.nomination.value() if self.nomination else None,
            places=self.places,
            class_size=self.class_size,
        )


class CaptionsTable(Table):
    """字幕: WebVTT files beside the film."""

    zh: FileName = Field(description="中文字幕")
    en: FileName = Field(description="English captions")


class ModuleFile(Table):
    """module.toml: one unit of study (课程模块)."""

    title: TextTable = Field(description="模块名称")
    summary: TextTable | None = Field(None, description="模块简介")
    block_key: Words | None = Field(None, description="课程单元标识 · The LMS block that stands for the module.")
    video: FileName | None = Field(None, description='视频 · "lesson.md", or the name of a film beside it.')
    captions: CaptionsTable | None = None
    awaited_film_minutes: Annotated[int, Field(ge=1, le=600)] | None = Field(
        None, description="待交付视频时长（分钟） · How long the film will be that the provider has yet to deliver."
    )


class QuestionTable(Table):
    """One question of the bank."""

    key: Key
    text: TextTable = Field(description="题目")
    choices: Annotated[list[TextTable], Field(min_length=2)] = Field(description="选项")
    answer: Annotated[int, Field(ge=0)] = Field(description="正确选项，从 0 数起 · The right choice, counted from 0.")

    def value(self) -> Question:
        return Question(
            key=self.key,
            text=self.text.value(),
            choices=tuple(choice.value() for choice in self.choices),
            answer=self.answer,
        )


class QuestionsFile(Table):
    """questions.toml: a module's question bank (题库)."""

    questions: Annotated[list[QuestionTable], Field(min_length=1)]


FILES: dict[str, type[Table]] = {"programme": ProgrammeFile, "module": ModuleFile, "questions": QuestionsFile}


def json_schema(file: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one of FILES, for editors."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | FILES[file].model_json_schema(schema_generator=TomlSchema)
