"""Query parameters nobody declared are an error, not a filter that silently does nothing."""

from collections.abc import Iterator
from difflib import get_close_matches
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from utils.errors import FieldError, InvalidError


class KnownParameters:
    """The query parameters of every route of one application, read from the routes themselves."""

    def __init__(self) -> None:
        self._names: dict[int, frozenset[str]] = {}

    async def __call__(self, request: Request) -> None:
        """Refuse a request that carries a parameter its route does not know.

        Raises:
            InvalidError: naming each such parameter and what is allowed.
        """
        query: bytes = request.scope["query_string"]
        if not query:
            return
        known = self._of(request)
        sent = dict.fromkeys(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
        unknown = [name for name in sent if name not in known]
        if unknown:
            raise InvalidError(
                "Unknown query parameter: " + ", ".join(unknown)[:200],
                errors=[_explain(name, known) for name in unknown[:20]],
            )

    def _of(self, request: Request) -> frozenset[str]:
        route = id(request.scope["route"])
        if route not in self._names:
            self._read(request.app)
        return self._names.get(route, frozenset())

    def _read(self, app: FastAPI) -> None:
        for context in iter_route_contexts(app.routes):
            dependant = getattr(context, "dependant", None)
            if dependant is not None:
                key = id(context.original_route)
                self._names[key] = self._names.get(key, frozenset()) | frozenset(_query_names(dependant))


def _query_names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        yield field.alias
    for inner in dependant.dependencies:
        yield from _query_names(inner)


def _explain(name: str, known: frozenset[str]) -> FieldError:
    if not known:
        return {"field": name, "detail": "is not known here; this route takes no query parameters"}
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "allowed: " + ", ".join(sorted(known))
    return {"field": name, "detail": f"is not a known query parameter; {hint}"}
