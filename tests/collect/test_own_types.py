"""A user's folder of types says what else is read."""

from __future__ import annotations

from pathlib import Path

from auditor.rulebook.in_force import catalogue
from tests.collect.conftest import Collect, estate, resource
from tests.simulator.client import Simulator

TYPE = """\
type: Microsoft.Search/searchServices/indexes
list: {}
"""


def test_children_of_a_user_s_type_are_read(simulator: Simulator, run_collect: Collect, tmp_path: Path) -> None:
    file = tmp_path / "types" / "Microsoft.Search" / "searchServices" / "indexes.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(TYPE)
    simulator.serve(
        estate(
            resource("Microsoft.Search/searchServices/one"),
            resource("Microsoft.Search/searchServices/one/indexes/left"),
        )
    )

    _, plain = run_collect()
    _, told = run_collect(catalogue=catalogue([tmp_path]))

    assert not plain.of_type("Microsoft.Search/searchServices/indexes")
    assert told.of_type("Microsoft.Search/searchServices/indexes")
