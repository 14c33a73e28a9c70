"""What a snapshot lacks, looked up by type and place, against a search through all of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auditor import resource_id as ids
from auditor.estate.declared_gaps import DeclaredGaps
from auditor.model import Gap
from auditor.snapshot.model import ANY_TYPE

_SCOPES = st.lists(st.sampled_from(["a", "A", "ab", "b"]), max_size=3).map(lambda names: "/" + "/".join(names))
_TYPES = st.sampled_from(["n/parents", "N/parents", "N/Parents/children", "n/parents/children/leaves", "n/alike"])
_GAPS = st.builds(Gap, _SCOPES, _TYPES | st.just(ANY_TYPE), st.sampled_from(["forbidden", "throttled"]))


def _is_in(gap: Gap, resource_type: str) -> bool:
    return gap.what == ANY_TYPE or ids.is_under(resource_type, gap.what)


def _rank(gap: Gap) -> int:
    return 9 if gap.what == ANY_TYPE else gap.what.count("/")


@given(st.lists(_GAPS, max_size=8), _TYPES, _SCOPES | st.just(""))
def test_a_gap_is_near_where_it_lies_at_below_or_above_a_scope(gaps: list[Gap], kind: str, scope: str) -> None:
    declared = DeclaredGaps()
    for gap in gaps:
        declared.add(gap)
    in_type = sorted((gap for gap in gaps if _is_in(gap, kind)), key=_rank)

    assert list(declared.of_type(kind)) == in_type
    near = [gap for gap in in_type if ids.is_under(gap.scope, scope) or ids.is_under(scope, gap.scope)]
    assert declared.near(kind, scope) == next(iter(near), None)
