# It runs with the packages of .venv-peer, which are not here.
# mypy: ignore-errors
"""Whether a statement is one by ralph's models; needs the interpreter of .venv-peer, where ralph-malph is installed."""

from typing import Any

from pydantic import ValidationError
from ralph.exceptions import UnknownEventException
from ralph.models.selector import ModelSelector
from ralph.models.validator import Validator
from ralph.models.xapi.base.statements import BaseXapiStatement

_VALIDATOR = Validator(ModelSelector("ralph.models.xapi"))


def model_of(statement: dict[str, Any]) -> str:
    """The name of the model that takes a statement: the one made for it, or that of all statements.

    Raises:
        ValueError: it is none; the message says why.
    """
    try:
        try:
            return type(_VALIDATOR.get_first_valid_model(statement)).__name__
        except UnknownEventException:
            return type(BaseXapiStatement(**statement)).__name__
    except (ValidationError, TypeError, KeyError) as fault:
        raise ValueError(str(fault)) from fault
