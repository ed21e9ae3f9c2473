"""An application's routes as a table: templates, methods and query parameters, read once all are there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.types import Scope

UNMATCHED = "unmatched"


@dataclass(frozen=True)
class _Row:
    pattern: re.Pattern[str]
    methods: frozenset[str]


class RouteTable:
    """What can be asked about the routes without serving a request."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._templates: dict[int, str] = {}
        self._parameters: dict[int, frozenset[str]] = {}
        self._rows: list[_Row] = []

    def template(self, scope: Scope) -> str:
        """Name the template of the route a request was given to, `unmatched` without one."""
        self._read()
        return self._templates.get(_chosen(scope), UNMATCHED)

    def query_parameters(self, scope: Scope) -> frozenset[str]:
        """Name every query parameter the request's route declares, itself or through its dependencies."""
        self._read()
        return self._parameters.get(_chosen(scope), frozenset())

    def methods(self, scope: Scope) -> frozenset[str]:
        """Name every method the request's path knows, whatever its own."""
        self._read()
        path = scope["path"]
        return frozenset().union(*(row.methods for row in self._rows if row.pattern.match(path)))

    def _read(self) -> None:
        if self._rows:
            return
        for context in iter_route_contexts(self._app.routes):
            if context.path is not None and context.methods:
                self._rows.append(_Row(context.path_regex, frozenset(context.methods)))
                self._add(context, context.path)

    def _add(self, context: RouteContext, template: str) -> None:
        dependant = getattr(context, "dependant", None)
        names = frozenset(_query_names(dependant)) if dependant is not None else frozenset()
        # FastAPI leaves the route it chose in the scope; of a plain Starlette route only the endpoint is.
        for key in (id(context.original_route), id(context.endpoint)):
            self._templates[key] = template
            self._parameters[key] = self._parameters.get(key, frozenset()) | names


def _chosen(scope: Scope) -> int:
    return id(scope.get("route") or scope.get("endpoint"))


def _query_names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        yield field.alias
    for inner in dependant.dependencies:
        yield from _query_names(inner)
