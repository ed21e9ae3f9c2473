"""An application's routes as a table: templates, methods, parameters and rules of bodies."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, get_args, get_origin

from fastapi import FastAPI
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.types import Scope

UNMATCHED: Final = "unmatched"

MAX_BODY_BYTES: Final = 1024 * 1024
"""The longest body of a request, unless the route's `BodyRule` says otherwise."""

MAX_BODY_VALUES: Final = 2500
"""The most commas and opening brackets of a JSON body, likewise: about the number of its values."""

_GROUP_NAME = re.compile(r"\(\?P<\w+>")


class RouteTableError(Exception):
    """A rule names a route that the application does not have, so it must not start."""


@dataclass(frozen=True, slots=True)
class BodyRule:
    """The rule for bodies of a route's requests.

    Args:
        max_bytes: the greatest length.
        is_json: True for a route that decodes JSON itself; if FastAPI decodes the body, only JSON is accepted
            anyway.
        max_values: the most values in a JSON body; None for a route that bounds its decoding itself.
    """

    max_bytes: int = MAX_BODY_BYTES
    is_json: bool = False
    max_values: int | None = MAX_BODY_VALUES


ANY_BODY: Final = BodyRule()


@dataclass(frozen=True)
class _Row:
    template: str
    pattern: re.Pattern[str]
    methods: frozenset[str]


class RouteTable:
    """Looks up the routes of an application; it reads them at the first look-up, once all are added.

    Args:
        app: the application.
        bodies: (method, template) → the rule of that route's bodies; other routes have the default rule.
    """

    def __init__(self, app: FastAPI, bodies: Mapping[tuple[str, str], BodyRule] | None = None) -> None:
        self._app = app
        self._rules = dict(bodies or {})
        self._bodies: dict[int, BodyRule] = {}
        self._templates: dict[int, str] = {}
        self._parameters: dict[int, frozenset[str]] = {}
        self._lists: dict[int, frozenset[str]] = {}
        self._headers: dict[int, frozenset[bytes]] = {}
        self._rows: list[_Row] = []
        self._any = re.compile("")

    def template(self, scope: Scope) -> str:
        """Return the template of the route that serves the request; `unmatched` if there is none."""
        self._read()
        return self._templates.get(_chosen(scope), UNMATCHED)

    def find(self, method: str, path: str) -> str | None:
        """Return the template of the route that the router will choose: by path, then by method.

        All templates are one regular expression, so that a look-up costs the same for any number of routes.
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
        """Return the names of the query parameters that the request's route and its dependencies declare."""
        self._read()
        return self._parameters.get(_chosen(scope), frozenset())

    def query_lists(self, scope: Scope) -> frozenset[str]:
        """Return the names of the query parameters that may be given more than once."""
        self._read()
        return self._lists.get(_chosen(scope), frozenset())

    def headers(self, scope: Scope) -> frozenset[bytes]:
        """Return the names, in lower case, of the headers that the request's route declares as parameters."""
        self._read()
        return self._headers.get(_chosen(scope), frozenset())

    def body(self, scope: Scope) -> BodyRule:
        """Return the rule for the request's body."""
        self._read()
        return self._bodies.get(_chosen(scope), ANY_BODY)

    def endpoints(self) -> Iterator[tuple[str, str, Callable[..., Any]]]:
        """Yield the method, template and endpoint of every route that has all three."""
        for context in iter_route_contexts(self._app.routes):
            template = context.path_format or context.path
            if template is not None and context.endpoint is not None:
                for method in context.methods or ():
                    yield method, template, context.endpoint

    def methods(self, scope: Scope) -> frozenset[str]:
        """Return the methods of all routes that match the request's path."""
        self._read()
        path = scope["path"]
        return frozenset().union(*(row.methods for row in self._rows if row.pattern.match(path)))

    def _read(self) -> None:
        if self._rows:
            return
        unused = set(self._rules)
        for context in iter_route_contexts(self._app.routes):
            if context.path is not None and context.methods:
                self._rows.append(_Row(context.path, context.path_regex, frozenset(context.methods)))
                self._add(context, context.path)
                unused -= {(method, context.path) for method in context.methods}
        if unused:
            raise RouteTableError(f"rules for bodies of routes that do not exist: {sorted(unused)}")
        self._any = re.compile(
            "|".join(f"({_GROUP_NAME.sub('(?:', row.pattern.pattern)})" for row in self._rows)
        )

    def _add(self, context: RouteContext, template: str) -> None:
        fields = list(_fields(getattr(context, "dependant", None)))
        queries = {field.alias: field for place, field in fields if place == "query"}
        lists = frozenset(name for name, field in queries.items() if _is_list(field.field_info.annotation))
        headers = frozenset(field.alias.lower().encode() for place, field in fields if place == "header")
        rule = self._body_rule(context, template)
        # FastAPI puts the chosen route into the scope; Starlette, for its own routes, only the endpoint.
        for key in (id(context.original_route), id(context.endpoint)):
            self._templates[key] = template
            self._parameters[key] = self._parameters.get(key, frozenset()) | queries.keys()
            self._lists[key] = self._lists.get(key, frozenset()) | lists
            self._headers[key] = self._headers.get(key, frozenset()) | headers
            self._bodies[key] = rule

    def _body_rule(self, context: RouteContext, template: str) -> BodyRule:
        given = (self._rules.get((method, template)) for method in context.methods or ())
        rule = next((one for one in given if one is not None), ANY_BODY)
        is_json = rule.is_json or getattr(context.original_route, "body_field", None) is not None
        return replace(rule, is_json=is_json)


def _chosen(scope: Scope) -> int:
    return id(scope.get("route") or scope.get("endpoint"))


def _fields(dependant: Dependant | None) -> Iterator[tuple[str, ModelField]]:
    """Yield each query and header parameter of a route and of its dependencies."""
    if dependant is None:
        return
    yield from (("query", field) for field in dependant.query_params)
    yield from (("header", field) for field in dependant.header_params)
    for inner in dependant.dependencies:
        yield from _fields(inner)


def _is_list(annotation: Any) -> bool:
    """Return whether a parameter is a list or an optional list."""
    return any(get_origin(one) is list for one in (annotation, *get_args(annotation)))
