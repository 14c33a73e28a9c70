"""Findings as judging makes them, with leaves, inputs, controls and tags that several of them share, and odd texts and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from msgspec.structs import replace

from auditor.engine.findings.shared_evidence import (
    FactInputs,
    InputLeaves,
    InputPlace,
    SharedEvidence,
    SharedLeaf,
    SharedLeaves,
    ValueOrigin,
)
from auditor.model import (
    AgainstKnown,
    Evidence,
    FailedValue,
    Finding,
    Gap,
    ItemSet,
    MendingChange,
    Severity,
    Status,
    ValueSet,
)
from tests.report.conftest import EXEMPT, GROUP, OPENAI_PUBLIC, VAULT_NETWORK
from tests.report.hostile import HOSTILE

_IDS: Final = (
    f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv",
    f"{GROUP}/providers/Microsoft.KeyVault/vaults/KV/",
    f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/oai",
    "/subscriptions/00000000-0000-4000-8000-0000000000a2",
    "",
)
_TIMES: Final = (None, "2024-02-06T10:00:00Z", "2024-02-06T10:00:00+02:00", "\ud800")
TEXTS: Final = st.sampled_from(["", "Enabled", "a;b,c\td", *HOSTILE]) | st.text(st.characters(), max_size=6)
_DEEP: Final[object] = reduce(lambda inner, _: [inner], range(252), None)
VALUES: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from([2**63, 2**64, -(2**63) - 1, "x" * 33_000, {1: "number"}, _DEEP]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=3,
)
LEAVES: Final = st.builds(
    Evidence,
    path=st.sampled_from(["properties.a", "related(diagnosticSetting)", "[count()]"]) | TEXTS,
    operator=st.sampled_from(["equals", "in", "exists", "count", "notOlderThan", "context", "input"]),
    expected=st.sampled_from([True, "1.10", "count >= 1", {"days": 90}, ["a"]]) | VALUES,
    actual=VALUES,
    assumed=st.none() | VALUES,
    absent=st.booleans(),
    resource_id=st.none() | st.sampled_from(_IDS),
    name=st.none() | TEXTS,
    source=st.sampled_from([None, "arm", "export"]),
    api_version=st.sampled_from([None, "2024-01-01", "1.10"]),
    collected_at=st.sampled_from(_TIMES),
)
_ORIGINS: Final = st.builds(
    ValueOrigin,
    st.sampled_from(_IDS),
    st.sampled_from([None, "arm"]),
    st.sampled_from([None, "2024-01-01"]),
    st.sampled_from(_TIMES),
)
_OWN: Final = 2


class _Inputs:
    """What stands at places, each of one resource and read at one time."""

    def __init__(self, leaves: Mapping[InputPlace, Sequence[Evidence]]) -> None:
        self._leaves = leaves

    def at(self, place: InputPlace) -> InputLeaves:
        return InputLeaves(self._leaves[place])

    read = at


@st.composite
def _readers(draw: DrawFn) -> tuple[_Inputs, Sequence[InputPlace]]:
    places: dict[InputPlace, Sequence[Evidence]] = {}
    pool = draw(st.lists(LEAVES, max_size=2))
    for number, resource_id in enumerate(draw(st.lists(st.sampled_from(_IDS), min_size=1, max_size=3))):
        collected_at, holder = draw(st.sampled_from(_TIMES)), draw(st.sampled_from([resource_id, None]))
        leaves = draw(st.lists(LEAVES | st.sampled_from(pool), max_size=2) if pool else st.just([]))
        leaves = [replace(leaf, operator="input", resource_id=holder, collected_at=collected_at) for leaf in leaves]
        places[resource_id, str(number)] = draw(_as_shared(leaves)) if draw(st.booleans()) else leaves
    return _Inputs(places), list(places)


@st.composite
def _as_shared(draw: DrawFn, leaves: Sequence[Evidence]) -> SharedEvidence:
    """Return leaves of one resource as those that others may share."""
    owner = draw(st.sampled_from([0, None])) if leaves else None
    was_read = draw(st.booleans())
    origin = draw(_ORIGINS)
    told = [leaf if owner is None else replace(leaf, resource_id=None) for leaf in leaves]
    shared = tuple(SharedLeaf(leaf, owner, was_read) for leaf in told)
    return SharedEvidence(SharedLeaves(shared, draw(st.booleans())), (origin,))


@st.composite
def _shared_leaves(draw: DrawFn, pool: Sequence[Evidence]) -> SharedLeaves:
    leaves = [
        SharedLeaf(
            draw(st.sampled_from(pool)),
            draw(st.sampled_from([0, 0, 0, None, 1])),
            draw(st.booleans()),
            draw(st.sampled_from([None, None, 0, -1])),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return SharedLeaves(tuple(leaves), draw(st.booleans()))


@st.composite
def shared_findings(draw: DrawFn) -> list[Finding]:
    """Return findings of two rules on few subjects."""
    pool = [
        draw(LEAVES),
        *(replace(leaf, resource_id=None, collected_at=None) for leaf in draw(st.lists(LEAVES, max_size=3))),
    ]
    shared = draw(st.lists(_shared_leaves(pool), min_size=1, max_size=3))
    reader, places = draw(_readers())
    listed = [replace(leaf, operator="input") for leaf in draw(st.lists(LEAVES, max_size=1))]
    inputs = [(), listed, FactInputs(places, reader), FactInputs(places[:1], reader)]
    tags = draw(st.lists(st.dictionaries(TEXTS, VALUES, max_size=2), min_size=1, max_size=2))
    controls = [draw(st.dictionaries(TEXTS, st.lists(TEXTS, max_size=2), max_size=2)), {"mcsb": ("NS-2",)}]
    sets = [None, ItemSet("names", ("a", "b")), ValueSet((FailedValue("a", "equals", "18446744073709551616"),))]

    texts = draw(st.lists(TEXTS, min_size=2, max_size=4))
    text = st.sampled_from(texts)
    values = [draw(VALUES), None]

    def evidence() -> Sequence[Evidence]:
        if draw(st.integers(0, 3)) == 0:
            return draw(st.lists(LEAVES, max_size=2))
        origins = (draw(_ORIGINS), draw(_ORIGINS))
        own = tuple(draw(st.sampled_from(values)) for _ in range(_OWN))
        return SharedEvidence(draw(st.sampled_from(shared)), origins, draw(st.sampled_from(inputs)), own)

    def finding() -> Finding:
        return Finding(
            rule_id=draw(st.sampled_from([OPENAI_PUBLIC.rule_id, VAULT_NETWORK.rule_id])),
            severity=draw(st.sampled_from(Severity)),
            status=draw(st.sampled_from(Status)),
            resource_id=draw(st.none() | st.sampled_from(_IDS) | text),
            resource_type=draw(st.none() | text),
            message=draw(text),
            sub_object=draw(text),
            workload=draw(st.none() | text),
            component=draw(st.none() | text),
            location=draw(st.none() | text),
            evidence=evidence(),
            witness=draw(st.none() | st.dictionaries(text, st.sampled_from(values), max_size=2)),
            unknown_reason=draw(st.none() | text),
            missing_permission=draw(st.none() | text),
            gaps=draw(st.sampled_from([(), (Gap(_IDS[0], "locks", "forbidden"),)])),
            exemption=draw(st.sampled_from([None, EXEMPT.exemption])),
            remediation_cli=draw(text),
            fingerprint=draw(st.text("0123456789abcdef", min_size=32, max_size=32) | text),
            collected_at=draw(st.sampled_from(_TIMES)),
            is_absence=draw(st.booleans()),
            controls=draw(st.sampled_from(controls)),
            tags=draw(st.sampled_from(tags)),
            rests_on=draw(st.sampled_from(sets)),
            mended_by=draw(st.none() | st.builds(MendingChange, text, st.sampled_from(_IDS))),
            first_seen=draw(st.sampled_from(["", "2024-01-01T00:00:00Z"])),
            change=draw(st.sampled_from(["", "new"])),
            against_known=draw(st.sampled_from([None, AgainstKnown.KNOWN])),
            claims=draw(st.lists(text, max_size=1)),
        )

    return [finding() for _ in range(draw(st.integers(1, 3)))]
