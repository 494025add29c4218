from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.video.films import make_film


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of a film of the list, by name."""
    return partial(make_film, folder=tmp_path_factory.mktemp("films"))
