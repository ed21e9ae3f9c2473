"""The kinds of rules: one module for each, found by the rule's `kind`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from incident_event.rules.kinds.threshold import Operator, Threshold
from incident_event.rules.lifecycle import Kind
from incident_event.rules.times import MICROSECONDS


class Definition(Protocol):
    """What a rule says; delays in seconds."""

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def operator(self) -> str: ...  # noqa: D102
    @property
    def threshold(self) -> float: ...  # noqa: D102
    @property
    def on_delay_seconds(self) -> float: ...  # noqa: D102
    @property
    def deadband(self) -> float: ...  # noqa: D102


def _threshold(rule: Definition) -> Kind:
    delay = round(rule.on_delay_seconds * MICROSECONDS)
    return Threshold(Operator(rule.operator), rule.threshold, delay, rule.deadband)


KINDS: Final[Mapping[str, Callable[[Definition], Kind]]] = MappingProxyType({"threshold": _threshold})
"""`KINDS[rule.kind](rule)` is what evaluates the rule."""
