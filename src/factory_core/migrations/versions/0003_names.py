"""Give names their one form, make factories unique by theirs, and rename those that would not be."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count

import sqlalchemy as sa
from alembic import op

from utils.ids import fold_name, normalize_name
from utils.logging import logger

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

FACTORY_NAME_LENGTH = 200
METRIC_LENGTH = 100
NAMELESS = "unnamed"


def upgrade() -> None:
    """Add the names' keys; processes of the release before leave them null."""
    op.add_column("factories", sa.Column("name_key", sa.Text(collation="C"), nullable=True))
    connection = op.get_bind()
    _name_factories(connection)
    op.create_unique_constraint("uq_factories_name_key", "factories", ["name_key"])
    _name_equipment(connection)
    _name_metrics(connection)


def downgrade() -> None:
    """Remove the keys; the names keep their form."""
    op.drop_constraint("uq_factories_name_key", "factories")
    op.drop_column("factories", "name_key")


def _name_factories(connection: sa.Connection) -> None:
    rows = connection.execute(sa.text("SELECT id, name FROM factories ORDER BY id")).all()
    names = _unique({row.id: row.name for row in rows}, FACTORY_NAME_LENGTH, key=fold_name)
    update = sa.text("UPDATE factories SET name = :name, name_key = :key WHERE id = :id")
    for row in rows:
        name = names[row.id]
        connection.execute(update, {"id": row.id, "name": name, "key": fold_name(name)})
        if name != row.name:
            logger.warning(
                "a factory was renamed", extra={"factory_id": str(row.id), "before": row.name, "now": name}
            )


def _name_equipment(connection: sa.Connection) -> None:
    update = sa.text("UPDATE equipment SET name = :name WHERE factory_id = :factory AND id = :id")
    for row in connection.execute(sa.text("SELECT factory_id, id, tag, name FROM equipment")).all():
        name = normalize_name(row.name)[:FACTORY_NAME_LENGTH] or row.tag
        if name != row.name:
            connection.execute(update, {"factory": row.factory_id, "id": row.id, "name": name})


def _name_metrics(connection: sa.Connection) -> None:
    """Rename metrics. Readings refer to a series by its number, and stay with it."""
    rows = connection.execute(
        sa.text("SELECT factory_id, equipment_id, id, metric FROM series ORDER BY factory_id, id")
    )
    machines: dict[tuple[object, object], dict[object, str]] = {}
    for row in rows:
        machines.setdefault((row.factory_id, row.equipment_id), {})[row.id] = row.metric
    update = sa.text("UPDATE series SET metric = :metric WHERE factory_id = :factory AND id = :id")
    for (factory, _), metrics in machines.items():
        if all(normalize_name(metric) == metric for metric in metrics.values()):
            continue
        # Those that have their form already keep their names, so that no rule on them loses its readings.
        first = sorted(metrics, key=lambda id_: normalize_name(metrics[id_]) != metrics[id_])
        names = _unique({id_: metrics[id_] for id_ in first}, METRIC_LENGTH, key=str)
        for id_, metric in names.items():
            if metric != metrics[id_]:
                connection.execute(update, {"factory": factory, "id": id_, "metric": metric})
                about = {"factory_id": str(factory), "before": metrics[id_], "now": metric}
                logger.warning("a metric was renamed", extra=about)


def _unique(names: dict[object, str], length: int, key: Callable[[str], str]) -> dict[object, str]:
    """Return the names in their form; of those with one key the first keeps it, later ones are numbered."""
    formed = {id_: normalize_name(name)[:length].rstrip() or NAMELESS for id_, name in names.items()}
    taken: dict[str, object] = {}
    for id_, name in formed.items():
        taken.setdefault(key(name), id_)
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(2))
    for id_, name in formed.items():
        while taken.setdefault(key(formed[id_]), id_) is not id_:
            end = f" ({next(numbers[name])})"
            formed[id_] = name[: length - len(end)].rstrip() + end
    return formed
