"""All boards, in the order in which one looks at them."""

from typing import Final

from monitoring.grafana.board import Board
from monitoring.grafana.dashboards import (
    dependencies,
    endpoints,
    factory,
    logs,
    monitoring,
    overview,
    resources,
    slo,
)

BOARDS: Final[tuple[Board, ...]] = (
    overview.BOARD,
    endpoints.BOARD,
    dependencies.BOARD,
    resources.BOARD,
    slo.BOARD,
    factory.BOARD,
    logs.BOARD,
    monitoring.BOARD,
)
