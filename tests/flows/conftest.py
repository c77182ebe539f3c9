"""What several flows use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster, running_in


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_in(tmp_path) as two_nodes:
        yield two_nodes
