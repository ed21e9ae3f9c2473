"""Query parameters nobody declared are an error, not a filter that silently does nothing."""

from difflib import get_close_matches
from urllib.parse import parse_qsl

from fastapi import Request

from utils.errors import FieldError, InvalidError
from utils.routes import RouteTable


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse a request that carries a query parameter its route does not know.

    Raises:
        InvalidError: naming each such parameter and what is allowed.
    """
    query: bytes = request.scope["query_string"]
    if not query:
        return
    routes: RouteTable = request.app.state.routes
    known = routes.query_parameters(request.scope)
    sent = dict.fromkeys(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    unknown = [name for name in sent if name not in known]
    if unknown:
        raise InvalidError(
            "Unknown query parameter: " + ", ".join(unknown)[:200],
            errors=[_explain(name, known) for name in unknown[:20]],
        )


def _explain(name: str, known: frozenset[str]) -> FieldError:
    if not known:
        return {"field": name, "detail": "is not known here; this route takes no query parameters"}
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "allowed: " + ", ".join(sorted(known))
    return {"field": name, "detail": f"is not a known query parameter; {hint}"}
