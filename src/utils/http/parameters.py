"""Refuses unknown and repeated parameters: a mistyped filter must not be ignored silently."""

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from urllib.parse import parse_qsl

from fastapi import Request

from utils.errors import FieldError, InvalidError
from utils.http.routes import RouteTable


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse query parameters unknown to the route, and parameters or headers given more than once.

    Raises:
        InvalidError: there are such; it names each one and what is allowed.
    """
    scope = request.scope
    routes: RouteTable = request.app.state.routes
    headers = routes.headers(scope)
    if headers:
        _refuse_repeated_headers(scope["headers"], headers)
    query: bytes = scope["query_string"]
    if query:
        sent = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)]
        _refuse_unknown(dict.fromkeys(sent), routes.query_parameters(scope))
        _refuse_repeated(name for name in sent if name not in routes.query_lists(scope))


def _refuse_unknown(sent: Iterable[str], known: frozenset[str]) -> None:
    unknown = [name for name in sent if name not in known]
    if unknown:
        raise InvalidError(
            "Unknown query parameter: " + ", ".join(unknown)[:200],
            errors=[_explain(name, known) for name in unknown[:20]],
        )


def _refuse_repeated(single: Iterable[str]) -> None:
    repeated = [name for name, times in Counter(single).items() if times > 1]
    if repeated:
        raise InvalidError(
            "Given more than once: " + ", ".join(repeated)[:200],
            errors=[{"field": name, "detail": "may be given once only"} for name in repeated],
        )


def _refuse_repeated_headers(sent: Iterable[tuple[bytes, bytes]], declared: frozenset[bytes]) -> None:
    _refuse_repeated(name.decode("latin-1") for name, _ in sent if name in declared)


def _explain(name: str, known: frozenset[str]) -> FieldError:
    if not known:
        return {"field": name, "detail": "is not known here; this route takes no query parameters"}
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "allowed: " + ", ".join(sorted(known))
    return {"field": name, "detail": f"is not a known query parameter; {hint}"}
