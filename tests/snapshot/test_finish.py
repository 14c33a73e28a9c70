"""Finishing a collection family by family gives what normalising it as a whole gives."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import InputError
from auditor.estate.navigation import derive
from auditor.model import Gap
from auditor.snapshot import file
from auditor.snapshot.hash import assemble
from auditor.snapshot.model import ANY_TYPE, Metadata, Snapshot
from auditor.snapshot.writer import SnapshotWriter
from tests.checkout import SAMPLE
from tests.estates.accounts import GROUP, child, resource

METADATA = Metadata(origin="azure", complete=True, collected_at="2026-01-01T00:00:00Z")
GAP = Gap(GROUP, "a/b", "forbidden", "a/b/read")
UNFINISHED = Gap("/", ANY_TYPE, file.UNFINISHED)


def both_ways(bodies: list[dict[str, Any]], folder: Path) -> tuple[Snapshot, Snapshot, set[tuple[str, str, str]]]:
    """Return the snapshot of a collection normalised as a whole, the finished one, and the latter's relations."""
    path = folder / "estate.sqlite"
    writer = SnapshotWriter(path, METADATA, derive)
    for number, body in enumerate(bodies):
        writer.add(body, source="arm" if number % 2 else "resource-graph", api_version=f"2024-01-{number % 9 + 1:02}")
    writer.gap(GAP)
    writer.facet_all([(GROUP, "all", "complete", "")])
    writer.close(finished=False)
    partial = file.read(folder / "estate.sqlite.partial")
    gaps = [gap for gap in partial.gaps if gap != UNFINISHED]
    whole = assemble(partial.resources, gaps, partial.metadata, partial.facets)
    SnapshotWriter.resume(path, derive).close(finished=True)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        edges = set(connection.execute("SELECT source, kind, target FROM edge"))
    return whole, file.read(path), edges


def check(bodies: list[dict[str, Any]], folder: Path) -> None:
    whole, finished, edges = both_ways(bodies, folder)
    assert finished == whole
    assert edges == {(edge.source, edge.kind, edge.target) for edge in derive(whole.resources)}


def test_the_chat_estate(chat_document: dict[str, Any], tmp_path: Path) -> None:
    check(chat_document["resources"], tmp_path)


def test_the_sample_estate(tmp_path: Path) -> None:
    sample = json.loads(SAMPLE.read_bytes())
    check(sample["resources"], tmp_path)


NETWORKS = [resource("Microsoft.Network/virtualNetworks", name) for name in ("v", "v-1", "V.2")]
OWNERS = [*NETWORKS, resource("Microsoft.Storage/storageAccounts", "v")]
GROUP_BODY = {"id": GROUP, "name": "rg-test", "type": "Microsoft.Resources/resourceGroups"}
SUBSCRIPTION = {"id": GROUP.rpartition("/resourceGroups")[0], "type": "Microsoft.Resources/subscriptions"}
SUBNETS = [child(owner, "subnets", name) for owner in NETWORKS for name in ("a", "b")]
CONNECTIONS = [child(owner, "privateEndpointConnections", "c") for owner in [*OWNERS, GROUP_BODY]]
SETTINGS = [
    {
        "id": f"{owner['id']}/providers/Microsoft.Insights/diagnosticSettings/d",
        "type": "Microsoft.Insights/diagnosticSettings",
        "properties": {"workspaceId": NETWORKS[0]["id"]},
    }
    for owner in (*OWNERS, GROUP_BODY)
]
CHILDREN = [*SUBNETS, *CONNECTIONS, *SETTINGS]


def holding(owner: dict[str, Any], inline: list[str], nested: list[Any]) -> dict[str, Any]:
    """Return an owner with children in its properties and under `resources`."""
    listed = [{"name": name, "properties": {"inline": True}} for name in inline]
    inside = {"subnets": listed, "privateEndpointConnections": listed} if listed else {}
    return {**owner, "properties": inside, **({"resources": nested} if nested else {})}


holders = st.builds(
    holding,
    st.sampled_from([*OWNERS, GROUP_BODY, SUBSCRIPTION]),
    st.lists(st.sampled_from(["a", "b", "c"]), unique=True, max_size=2),
    st.lists(st.sampled_from([*CHILDREN, *OWNERS, {"id": SUBNETS[0]["id"]}, {"id": OWNERS[3]["id"]}]), max_size=2),
)
estates = st.lists(holders | st.sampled_from(CHILDREN), max_size=8)


@settings(max_examples=25, deadline=None)
@given(estates)
def test_any_small_estate(bodies: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            whole, finished, edges = both_ways(bodies, Path(folder))
        except InputError:  # what cannot be normalised as a whole (two copies that differ) is refused here, too
            with pytest.raises(InputError):
                SnapshotWriter.resume(Path(folder) / "estate.sqlite", derive).close(finished=True)
            return
    assert finished == whole
    assert edges == {(edge.source, edge.kind, edge.target) for edge in derive(whole.resources)}


def test_a_child_inside_a_stranger_still_reaches_its_parent(tmp_path: Path) -> None:
    bodies = [holding(OWNERS[3], [], [SUBNETS[0]]), NETWORKS[0], *NETWORKS[1:]]

    whole, finished, _ = both_ways(bodies, tmp_path)

    assert finished == whole
    [network] = [row for row in finished.resources if row.name == "v" and row.type.endswith("virtualNetworks")]
    assert [subnet["name"] for subnet in network.properties["subnets"]] == ["a"]


@pytest.mark.parametrize(("more", "unknown"), [([SUBNETS[2]], []), ([], [SUBNETS[2]["id"]])])
def test_what_is_known_by_id_only_is_a_gap_unless_it_came_elsewhere(
    tmp_path: Path, more: list[dict[str, Any]], unknown: list[str]
) -> None:
    bodies = [holding(OWNERS[3], [], [{"id": SUBNETS[2]["id"], "name": "a"}]), *more]

    whole, finished, _ = both_ways(bodies, tmp_path)

    assert finished == whole
    assert [gap.scope for gap in finished.gaps if gap != GAP] == unknown
