"""A copy of the monitoring that tests break."""

import pytest

from support.monitoring.tree import Tree


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The copy; every test leaves it as it was."""
    return Tree(tmp_path_factory.mktemp("tree"))
