"""What facts were derived from is told of each resource as if no other were there, whatever is remembered of others."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from auditor.engine.findings.raw_inputs import RawInputs
from auditor.estate.graph import Estate
from auditor.model import Resource
from auditor.snapshot.model import Metadata, Snapshot
from tests.report.findings import VALUES

_PATHS = ("properties.a", "properties.A", "properties.a[0]", "properties.a[*].b", "properties", "tags.a", "no path[")
_ALIKE = st.sampled_from(
    [0.0, -0.0, 0, False, None, 1, 1.0, True, "1", "", float("nan"), {}, [], {"password": "Passw0rd!x"}]
)
_LEAVES = _ALIKE | VALUES
_STANDING = (
    _LEAVES
    | st.lists(_LEAVES | st.fixed_dictionaries({"b": _LEAVES}), max_size=3)
    | st.fixed_dictionaries({"b": _LEAVES})
)


@example([[None], [float("nan")], [0.0], [-0.0], [0]], ["properties.a", "properties"])
@given(st.lists(_STANDING, min_size=1, max_size=6), st.lists(st.sampled_from(_PATHS), min_size=1, max_size=3))
def test_what_stands_at_a_place_is_told_alike_whatever_stood_at_others(values: list[object], paths: list[str]) -> None:
    ids = [f"/subscriptions/s/resourceGroups/g/providers/Contoso.Some/things/{number}" for number in range(len(values))]
    bodies = [{"id": each, "properties": {"a": value}, "tags": value} for each, value in zip(ids, values, strict=True)]
    estate = Estate(Snapshot([Resource.of(body) for body in bodies], [], Metadata(complete=True), ""))
    together = RawInputs(estate)

    for _ in range(2):
        for place in [(each, path) for path in paths for each in ids]:
            alone = RawInputs(estate).at(place)
            for told in (together.at(place), together.read(place)):
                assert repr([list(told.leaves), told.hidden]) == repr([list(alone.leaves), alone.hidden])
