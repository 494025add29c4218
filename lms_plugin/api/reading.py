"""Reading a request's body or query into its shape, with every fault named."""

from typing import TypeVar

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest

from lms_plugin.domain.errors import Malformed

Shape = TypeVar("Shape", bound=BaseModel)


def read_json() -> object:
    """The request's JSON, whatever its form.

    Raises:
        BadRequest: the body is no JSON.
    """
    content = request.get_json(force=True, silent=True)
    if content is None:
        raise BadRequest
    return content


def read_body(shape: type[Shape]) -> Shape:
    """The JSON body in its shape.

    Raises:
        BadRequest: the body is no JSON.
        Malformed: it has another shape; every fault is named by field.
    """
    return _validated(shape, read_json())


def read_query(shape: type[Shape]) -> Shape:
    """The query string in its shape.

    Raises:
        Malformed: a value is out of its range; every fault is named by field.
    """
    return _validated(shape, request.args.to_dict())


def _validated(shape: type[Shape], content: object) -> Shape:
    try:
        return shape.model_validate(content)
    except ValidationError as fault:
        faults = [
            {"field": ".".join(str(part) for part in one["loc"]), "message": one["msg"], "code": one["type"]}
            for one in fault.errors()
        ]
        raise Malformed(faults=faults) from fault
