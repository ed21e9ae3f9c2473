"""Walks PromQL: what an expression reads, whether it compares, which labels are left at its end."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import promql_parser

COMPARISONS: Final = ("==", "!=", ">", "<", ">=", "<=")
SET_OPERATORS: Final = ("and", "or", "unless")
RATES: Final = ("rate", "increase", "irate", "delta", "deriv")
_CHILDREN: Final = ("expr", "lhs", "rhs", "vector_selector", "param")


class QueryError(ValueError):
    """The expression is no PromQL; the text says where."""


def parse(expression: str) -> Any:
    """The expression's syntax tree.

    Raises:
        QueryError: it is none.
    """
    try:
        return promql_parser.parse(expression)
    except ValueError as error:
        raise QueryError(str(error)) from error


def walk(node: Any) -> Iterator[Any]:
    """Every node of a tree, from the outside in."""
    yield node
    children = [getattr(node, name, None) for name in _CHILDREN] + list(getattr(node, "args", []) or [])
    for child in children:
        if type(child).__module__.startswith(("promql_parser", "builtins")) and _is_node(child):
            yield from walk(child)


def _is_node(child: Any) -> bool:
    return hasattr(child, "prettify")


def kind(node: Any) -> str:
    """The node's class: `VectorSelector`, `Call`, ...."""
    return type(node).__name__


def compares(tree: Any) -> bool:
    """Whether something in the expression decides: a comparison or absent()."""
    return any(_decides(node) for node in walk(tree))


def _decides(node: Any) -> bool:
    if kind(node) == "BinaryExpr":
        return operation(node) in COMPARISONS
    return kind(node) == "Call" and node.func.name in {"absent", "absent_over_time"}


def selectors(tree: Any) -> list[Any]:
    """Every series that is read."""
    return [node for node in walk(tree) if kind(node) == "VectorSelector"]


def metric(selector: Any) -> str:
    """The metric that a selector names; empty when it names none."""
    return str(selector.name or "")


def matched_labels(selector: Any) -> dict[str, tuple[str, str]]:
    """Operator and value by label of a selector's braces."""
    return {one.name: (_OPERATORS[str(one.op)], one.value) for one in selector.matchers.matchers}


_OPERATORS: Final = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}


def windows(tree: Any) -> list[tuple[str, timedelta]]:
    """Function and window of every rate and its kin."""
    calls = [node for node in walk(tree) if kind(node) == "Call" and node.func.name in RATES]
    return [
        (call.func.name, argument.range)
        for call in calls
        for argument in call.args
        if kind(argument) == "MatrixSelector"
    ]


def calls(tree: Any, name: str) -> list[Any]:
    """Every call of the function `name`."""
    return [node for node in walk(tree) if kind(node) == "Call" and node.func.name == name]


def aggregations(tree: Any) -> list[Any]:
    """Every sum, max, topk, ...."""
    return [node for node in walk(tree) if kind(node) == "AggregateExpr"]


Known = Callable[[Any], set[str] | None]
"""Gives the labels of a selector's series; None where they are not known."""


def labels_left(node: Any, known: Known = lambda _: None) -> set[str] | None:
    """The labels that an expression's result can have; None when nothing takes any away from unknown ones."""
    match kind(node):
        case "VectorSelector" | "MatrixSelector":
            return known(getattr(node, "vector_selector", node))
        case "AggregateExpr":
            return _labels_of_aggregation(node, known)
        case "Call":
            return _labels_of_call(node, known)
        case "BinaryExpr":
            return _labels_of_operation(node, known)
        case "ParenExpr" | "UnaryExpr" | "SubqueryExpr":
            return labels_left(node.expr, known)
        case _:
            return set()


def _labels_of_aggregation(node: Any, known: Known) -> set[str] | None:
    if str(node.op) in {"topk", "bottomk"}:
        return labels_left(node.expr, known)
    if node.modifier is None:
        return set()
    named = set(node.modifier.labels)
    if is_by(node):
        return named
    inner = labels_left(node.expr, known)
    return None if inner is None else inner - named


def is_by(aggregation: Any) -> bool:
    """Whether an aggregation with a modifier keeps the labels that it names; else it takes them away."""
    return "By" in str(aggregation.modifier.type)


def _labels_of_call(node: Any, known: Known) -> set[str] | None:
    name = node.func.name
    if name in {"absent", "absent_over_time"}:
        return {
            label for label, (operator, _) in matched_labels(selectors(node)[0]).items() if operator == "="
        }
    if name in {"vector", "time", "scalar"}:
        return set()
    vectors = [argument for argument in node.args if kind(argument) not in {"NumberLiteral", "StringLiteral"}]
    inner = labels_left(vectors[0], known) if vectors else set()
    if name == "label_replace" and inner is not None:
        inner = inner | {node.args[1].val}
    if name == "histogram_quantile" and inner is not None:
        inner = inner - {"le"}
    return inner


def _labels_of_operation(node: Any, known: Known) -> set[str] | None:
    left, right, operator = labels_left(node.lhs, known), labels_left(node.rhs, known), operation(node)
    if operator == "or":
        return None if left is None or right is None else left | right
    if operator in {"and", "unless"} or not selectors(node.rhs):
        return left
    if not selectors(node.lhs):
        return right
    if node.modifier is None or node.modifier.matching is None:
        return left if left is not None else right
    return _labels_of_match(node.modifier, left, right)


def _labels_of_match(modifier: Any, left: set[str] | None, right: set[str] | None) -> set[str] | None:
    if "OneToOne" not in str(modifier.card):
        many = right if "OneToMany" in str(modifier.card) else left
        return None if many is None else many | set(modifier.group_labels or [])
    named = set(modifier.matching.labels)
    if "Include" in str(modifier.matching.type):
        return named
    either = left if left is not None else right
    return None if either is None else either - named


def operation(node: Any) -> str:
    """The operator between two sides: `/`, `>`, `unless`, ...."""
    return str(node.op).split(maxsplit=1)[0]


_PLAIN: Final = re.compile(r"[A-Za-z0-9_/:. -]*")


def idle_regexps(tree: Any) -> list[str]:
    """Regular expressions that are plain strings, or that match everything."""
    found = []
    for selector in selectors(tree):
        for label, (operator, value) in matched_labels(selector).items():
            plain = _PLAIN.fullmatch(value) and "." not in value
            if operator in {"=~", "!~"} and (plain or value in {".*", "(.*)"}):
                found.append(f'{label}{operator}"{value}"')
    return found
