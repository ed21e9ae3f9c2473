"""An application's routes as a table: templates, methods and query parameters, read once all are there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from fastapi import FastAPI
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.types import Scope

UNMATCHED = "unmatched"


_GROUP_NAME = re.compile(r"\(\?P<\w+>")


@dataclass(frozen=True)
class _Row:
    template: str
    pattern: re.Pattern[str]
    methods: frozenset[str]


class RouteTable:
    """What can be asked about the routes without serving a request."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._templates: dict[int, str] = {}
        self._parameters: dict[int, frozenset[str]] = {}
        self._lists: dict[int, frozenset[str]] = {}
        self._headers: dict[int, frozenset[bytes]] = {}
        self._rows: list[_Row] = []
        self._any = re.compile("")

    def template(self, scope: Scope) -> str:
        """Name the template of the route a request was given to, `unmatched` without one."""
        self._read()
        return self._templates.get(_chosen(scope), UNMATCHED)

    def find(self, method: str, path: str) -> str | None:
        """Name the template a request will be given to, as the router does: by path, then method.

        One regular expression of all templates, so that it costs the same however many routes there are.
        """
        self._read()
        match = self._any.match(path)
        if match is None or match.lastindex is None:
            return None
        first = match.lastindex - 1
        if method in self._rows[first].methods:
            return self._rows[first].template
        matching = (row for row in self._rows[first:] if row.pattern.match(path))
        return next((row.template for row in matching if method in row.methods), self._rows[first].template)

    def query_parameters(self, scope: Scope) -> frozenset[str]:
        """Name every query parameter the request's route declares, itself or through its dependencies."""
        self._read()
        return self._parameters.get(_chosen(scope), frozenset())

    def query_lists(self, scope: Scope) -> frozenset[str]:
        """Name those of the query parameters that may be given more than once."""
        self._read()
        return self._lists.get(_chosen(scope), frozenset())

    def headers(self, scope: Scope) -> frozenset[bytes]:
        """Name, in lower case, every header the request's route declares as a parameter."""
        self._read()
        return self._headers.get(_chosen(scope), frozenset())

    def methods(self, scope: Scope) -> frozenset[str]:
        """Name every method a route of the request's path declares, whatever its own."""
        self._read()
        path = scope["path"]
        return frozenset().union(*(row.methods for row in self._rows if row.pattern.match(path)))

    def _read(self) -> None:
        if self._rows:
            return
        for context in iter_route_contexts(self._app.routes):
            if context.path is not None and context.methods:
                self._rows.append(_Row(context.path, context.path_regex, frozenset(context.methods)))
                self._add(context, context.path)
        self._any = re.compile(
            "|".join(f"({_GROUP_NAME.sub('(?:', row.pattern.pattern)})" for row in self._rows)
        )

    def _add(self, context: RouteContext, template: str) -> None:
        fields = list(_fields(getattr(context, "dependant", None)))
        queries = {field.alias: field for place, field in fields if place == "query"}
        lists = frozenset(name for name, field in queries.items() if _is_list(field.field_info.annotation))
        headers = frozenset(field.alias.lower().encode() for place, field in fields if place == "header")
        # FastAPI leaves the route it chose in the scope; of a plain Starlette route only the endpoint is.
        for key in (id(context.original_route), id(context.endpoint)):
            self._templates[key] = template
            self._parameters[key] = self._parameters.get(key, frozenset()) | queries.keys()
            self._lists[key] = self._lists.get(key, frozenset()) | lists
            self._headers[key] = self._headers.get(key, frozenset()) | headers


def _chosen(scope: Scope) -> int:
    return id(scope.get("route") or scope.get("endpoint"))


def _fields(dependant: Dependant | None) -> Iterator[tuple[str, ModelField]]:
    """Give each query and header parameter of a route, its own and its dependencies'."""
    if dependant is None:
        return
    yield from (("query", field) for field in dependant.query_params)
    yield from (("header", field) for field in dependant.header_params)
    for inner in dependant.dependencies:
        yield from _fields(inner)


def _is_list(annotation: Any) -> bool:
    """Whether a parameter is a list, or a list that may be left out."""
    return any(get_origin(one) is list for one in (annotation, *get_args(annotation)))
