"""The API's description: the OpenAPI paths of its routes, from the same table that registers them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from apiflask import APIFlask
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from lms_plugin.api.shapes import ProblemAnswer
from lms_plugin.http.identifiers import LARGEST_ID

View = Callable[..., ResponseReturnValue]
PREFIX = "/api/v1"
_SCHEMAS = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Route:
    """One call: its method and address, the view, and the shapes of what goes in and comes out.

    `status` is that of success; a list of `answer` comes out where `many`. `files` are further content types.
    """

    method: str
    rule: str
    view: View
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    many: bool = False
    status: int = 200
    is_open: bool = False
    asks_itself: bool = False
    """The view finds out by itself who asks, and refuses whoever is not signed in."""
    files: tuple[str, ...] = ()
    is_limited: bool = False
    """How often one person may call it is limited."""


def describe(app: APIFlask, routes: Sequence[Route]) -> None:
    """Make the application's OpenAPI description that of the routes."""

    @app.spec_processor
    def fill(spec: dict[str, Any] | str) -> dict[str, Any] | str:
        if isinstance(spec, str):
            raise TypeError("the description is wanted as an object, not as text")
        shapes: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemAnswer, "serialization")]
        for route in routes:
            shapes += [(shape, "validation") for shape in (route.body, route.query) if shape is not None]
            shapes += [(route.answer, "serialization")] if route.answer is not None else []
        names, definitions = models_json_schema(shapes, ref_template=_SCHEMAS + "{model}", by_alias=True)
        spec["paths"] = {}
        for route in routes:
            address = PREFIX + route.rule.replace("<id:", "{").replace("<", "{").replace(">", "}")
            spec["paths"].setdefault(address, {})[route.method.lower()] = _operation(route, names, definitions["$defs"])
        spec["components"] = {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "page": {"type": "apiKey", "in": "cookie", "name": "lms_plugin"},
            },
        }
        spec["tags"] = []
        return spec


def _operation(route: Route, names: dict[Any, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    summary, _, description = (route.view.__doc__ or "").strip().partition("\n")
    operation: dict[str, Any] = {
        "operationId": route.view.__name__,
        "summary": summary,
        "parameters": _parameters(route, definitions),
        "responses": {str(route.status): _success(route, names)},
        "security": [] if route.is_open else [{"bearer": []}, {"page": []}],
    }
    if description.strip():
        operation["description"] = " ".join(description.split())
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": names[(route.body, "validation")]}},
        }
    refusals = {400: route.body, 401: True, 403: True, 404: "<" in route.rule, 409: route.body, 422: True, 503: True}
    if route.is_open or route.is_limited:
        refusals[429] = True
    for status, applies in refusals.items():
        if applies:
            operation["responses"][str(status)] = {
                "description": "refused; see `code`",
                "content": {"application/problem+json": {"schema": names[(ProblemAnswer, "serialization")]}},
            }
    return operation


def _success(route: Route, names: dict[Any, Any]) -> dict[str, Any]:
    if route.answer is None:
        return {"description": "done"} if not route.files else _files(route, {})
    schema = names[(route.answer, "serialization")]
    if route.many:
        schema = {"type": "array", "items": schema}
    return _files(route, {"application/json": {"schema": schema}})


def _files(route: Route, content: dict[str, Any]) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {"description": "done", "content": content | dict.fromkeys(route.files, binary)}


def _parameters(route: Route, definitions: dict[str, Any]) -> list[dict[str, Any]]:
    parameters = []
    for part in route.rule.split("/"):
        if part.startswith("<"):
            kind, _, name = part.strip("<>").rpartition(":")
            schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID} if kind == "id" else {"type": "string"}
            parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    if route.query is not None:
        shape = definitions[route.query.__name__]
        parameters += [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in shape["properties"].items()
        ]
    return parameters
