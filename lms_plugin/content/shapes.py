"""What the TOML files of a programme are made of: keys, numbers, texts in both languages, tables."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from lms_plugin.domain.programme import Text

KEY_PATTERN = r"[a-z0-9]+(-[a-z0-9]+)*"
KEY_LENGTH = 60


def _number(value: object) -> Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite():
        return Decimal(value)
    raise ValueError("must be a number")


def _unless(word: str) -> BeforeValidator:
    """TOML has no null, so that a word stands for it: `"none"`, `"any"`."""
    return BeforeValidator(lambda value: None if value == word else value)


def _key(value: str) -> str:
    if not re.fullmatch(KEY_PATTERN, value) or len(value) > KEY_LENGTH:
        raise ValueError(
            f'"{value}" must be lower-case letters and digits, with single hyphens between, at most {KEY_LENGTH}'
        )
    return value


def _file_name(value: str) -> str:
    if not re.fullmatch(r"[^/\\\x00-\x1f.][^/\\\x00-\x1f]*", value) or len(value) > 200:
        raise ValueError(f'"{value}" must be the name of a file in the same folder')
    return value


def _whole_or(word: str, *, least: int) -> Any:
    """How editors are told of a whole number that a word may stand for."""
    return WithJsonSchema({"anyOf": [{"type": "integer", "minimum": least}, {"const": word}]})


Key = Annotated[
    str,
    AfterValidator(_key),
    WithJsonSchema({"type": "string", "pattern": f"^{KEY_PATTERN}$", "maxLength": KEY_LENGTH}),
]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
FileName = Annotated[str, AfterValidator(_file_name)]
AS_NUMBER = BeforeValidator(_number)
"""Stands last, so that ranges are told to editors as those of a number."""

ClassHours = Annotated[Decimal, Field(ge=0, le=10_000, max_digits=12, decimal_places=4), AS_NUMBER]
SomeClassHours = Annotated[Decimal, Field(gt=0, le=10_000, max_digits=12, decimal_places=4), AS_NUMBER]
DailyClassHours = Annotated[Decimal, Field(gt=0, le=32, max_digits=12, decimal_places=4), AS_NUMBER]
Places = Annotated[int, Field(ge=1, le=10_000_000)]
Cap = Annotated[Annotated[int, Field(ge=1)] | None, _unless("none"), _whole_or("none", least=1)]
Weeks = Annotated[Annotated[int, Field(ge=0, le=520)] | None, _unless("any"), _whole_or("any", least=0)]


class Table(BaseModel):
    """A TOML table: no unknown keys, no guessing between types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TextTable(Table):
    """A text that people see, in both languages."""

    zh: Words = Field(description="中文")
    en: Words = Field(description="English")

    def value(self) -> Text:
        return Text(zh=self.zh, en=self.en)


class TomlSchema(GenerateJsonSchema):
    """JSON Schema of what TOML can say: numbers are numbers, and nothing is null."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        said: JsonSchemaValue = {"type": "number"}
        self.update_with_validations(said, schema, self.ValidationsMapping.numeric)
        return said

    def encode_default(self, dft: Any) -> Any:
        return float(dft) if isinstance(dft, Decimal) else super().encode_default(dft)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        return super().dict_schema(schema) | {"additionalProperties": False}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None or isinstance(schema.get("default"), BaseModel):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)
