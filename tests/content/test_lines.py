import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.content.lines import KeyPath, LineIndex

TEXT = '''# a comment with [brackets] and = signs
a = 1
b.c = """
several ] lines } = [x]
\\""" still going"""  # and a comment
'quoted key' = { x = [1, 2], y = { z = '[' } }
list = [ # comment, with, commas ]
    "one",

    { two = [ 2,
    ] },
    [ 3,
      4 ],
]

[table.inner]
key = 2026-09-01
[[many]]
name = "first"
[[many.more]]
deep = true
[[many.more]]
deep = false
[[many]]
name = """second""""
[many.sub]
x = 0.5
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((),                                1),
        (("a",),                            2),
        (("b", "c"),                        3),
        (("quoted key",),                   6),
        (("quoted key", "y", "z"),          6),
        (("list",),                         7),
        (("list", 0),                       8),
        (("list", 1),                      10),
        (("list", 1, "two"),               10),
        (("list", 2, 1),                   13),
        (("table", "inner"),               16),
        (("table", "inner", "key"),        17),
        (("many", 0),                      18),
        (("many", 0, "more", 1, "deep"),   23),
        (("many", 1, "name"),              25),
        (("many", 1, "sub", "x"),          27),
        (("many", 1, "missing"),           24),
        (("table", "inner", "missing", 3), 16),
        (("nowhere",),                      1),
    ],
)  # fmt: skip
def test_a_key_is_found_on_its_line(path: KeyPath, line: int) -> None:
    assert LineIndex(TEXT).line_of(path) == line


def test_the_text_of_this_table_is_sound_toml() -> None:
    assert tomllib.loads(TEXT)["many"][1]["name"] == 'second"'


def paths_of(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths_of(child, (*path, key))


SCALARS = st.sampled_from(["1", '"a # b"', "'c]'", '"""\n]\n"""', "true", "0.5", "2026-01-01", '"\\"}"'])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ",\n".join(items) + "\n]")
        | st.lists(inner, max_size=3).map(
            lambda items: "{ " + ", ".join(f"k{number} = {item}" for number, item in enumerate(items)) + " }"
        )
    ),
    max_leaves=8,
)


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_every_key_has_a_line_and_later_keys_have_later_ones(values: list[str]) -> None:
    text = "".join(f"key{number} = {value}\n[[tables]]\n" for number, value in enumerate(values))
    index = LineIndex(text)
    lines = text.split("\n")
    for path in paths_of(tomllib.loads(text)):
        assert path in index._lines
        if path and isinstance(path[-1], str) and path[-1].startswith("k"):
            assert path[-1] in lines[index.line_of(path) - 1]
