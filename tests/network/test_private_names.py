"""Names in private zones, against a resolver that tries every way there is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model import Gap
from auditor.network.private_names import PrivateZone, RecordSet, Resolution, leads_to, resolve

GAP = Gap("/zone", "records", "not read")


def zone(name: str, *, gap: Gap | None = None, goes_on: bool = False, key: str = "", **records: str) -> PrivateZone:
    """Return a zone; a record that holds a letter is an alias, and two underscores in its name are a star."""
    sets = {}
    for stated, value in records.items():
        relative = stated.replace("__", "*").replace("_", ".")
        is_alias = any(letter.isalpha() for letter in value)
        sets[relative] = RecordSet(
            relative, frozenset() if is_alias else frozenset({value}), value if is_alias else None
        )
    return PrivateZone(key or f"/{name}", name, sets, gap, goes_on)


def of(name: str, *zones: PrivateZone, public: Mapping[str, str] | None = None) -> Resolution:
    return resolve(zones, name, (public or {}).get)


def test_a_record_decides_by_name() -> None:
    found = of("KV.example.", zone("example", kv="10.0.0.5", other="10.0.0.9"))
    assert found.addresses == {"10.0.0.5"}
    assert (leads_to(found, ["10.0.0.5"]), leads_to(found, ["10.0.0.9"])) == (True, False)


def test_what_a_linked_zone_has_not_does_not_exist_anywhere() -> None:
    public = {"kv.example": "kv.elsewhere"}
    closed = of("kv.example", zone("example", other="10.0.0.9"), zone("elsewhere", kv="10.0.0.5"), public=public)
    open_ = of(
        "kv.example", zone("example", other="10.0.0.9", goes_on=True), zone("elsewhere", kv="10.0.0.5"), public=public
    )
    assert (set(closed.addresses), closed.public, set(open_.addresses)) == (set(), None, {"10.0.0.5"})


def test_a_name_of_no_zone_is_asked_of_public_dns() -> None:
    linked = zone("privatelink.example", kv="10.0.0.5")
    assert of("kv.example", linked, public={"kv.example": "kv.privatelink.example"}).addresses == {"10.0.0.5"}
    assert of("kv.example", linked).public == "kv.example"


def test_the_longest_name_of_a_zone_wins() -> None:
    assert of("a.b.example", zone("example", a_b="10.0.0.1"), zone("b.example", a="10.0.0.2")).addresses == {"10.0.0.2"}
    assert not of("a.b.example", zone("example", a_b="10.0.0.1"), zone("b.example", c="10.0.0.2")).addresses


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ({"__": "10.0.0.1"}, {"10.0.0.1"}),
        ({"__": "10.0.0.1", "kv_web": "10.0.0.2"}, {"10.0.0.2"}),
        ({"__": "10.0.0.1", "web": "10.0.0.2"}, set()),
        ({"__": "10.0.0.1", "x_web": "10.0.0.2"}, set()),
        ({"__": "10.0.0.1", "___web": "10.0.0.2"}, {"10.0.0.2"}),
    ],
    ids=["star", "own record", "name above exists", "something below the name above", "nearer star"],
)
def test_a_wildcard_stands_for_names_below_the_closest_that_exists(records: dict[str, str], found: set[str]) -> None:
    sets = {name.replace("__", "*").replace("_", "."): value for name, value in records.items()}
    known = {name: RecordSet(name, frozenset({value})) for name, value in sets.items()}
    assert of("kv.web.example", PrivateZone("/example", "example", known)).addresses == found


def test_aliases_are_followed_across_zones_and_circles_end() -> None:
    assert of("a.one", zone("one", a="b.two"), zone("two", b="10.0.0.7")).addresses == {"10.0.0.7"}
    circle = of("a.one", zone("one", a="b.two"), zone("two", b="a.one"))
    assert (circle.addresses, circle.gap) == (frozenset(), None)


def test_two_zones_of_one_name_must_agree() -> None:
    first, same = zone("example", kv="10.0.0.5"), zone("example", kv="10.0.0.5", key="/two")
    other = zone("example", kv="10.0.0.9", key="/three")
    assert of("kv.example", first, same).addresses == {"10.0.0.5"}
    assert of("kv.example", first, other).gap is not None


def test_a_name_that_may_have_a_record_is_not_known() -> None:
    assert of("kv.example", zone("example", gap=GAP)).gap is GAP
    assert of("kv.example", zone("example", gap=GAP, __="10.0.0.1")).gap is GAP
    assert of("kv.example", zone("example", gap=GAP, kv="10.0.0.5")).addresses == {"10.0.0.5"}


_LABELS = ("a", "b", "c")
_NAMES = [f"{x}.{y}.{z}" for x in _LABELS for y in _LABELS for z in _LABELS] + [
    f"{y}.{z}" for y in _LABELS for z in _LABELS
]
_RELATIVE = st.sampled_from(["a", "b", "a.b", "b.a", "c.a", "*", "*.a", "*.b", "@"])
_VALUE = st.one_of(st.sampled_from(["10.0.0.1", "10.0.0.2"]), st.sampled_from(_NAMES))
_ZONES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "b.a", "a.b"]), st.dictionaries(_RELATIVE, _VALUE, max_size=4), st.booleans()
    ),
    max_size=3,
    unique_by=lambda stated: stated[0],
)


def _answer(zones: list[tuple[str, dict[str, str], bool]], public: dict[str, str], name: str, depth: int = 0) -> str:
    """Return the address of a name, or `none`, or `public`, by asking for all suffixes and all stars in turn."""
    if depth > 20:
        return "none"
    labels = name.split(".")
    for cut in range(len(labels)):
        named = [stated for stated in zones if stated[0] == ".".join(labels[cut:])]
        if not named:
            continue
        ((zone_name, records, goes_on),) = named
        full = {
            zone_name if relative == "@" else f"{relative}.{zone_name}": value for relative, value in records.items()
        }
        there = {".".join(known.split(".")[start:]) for known in full for start in range(len(known.split(".")))}
        there |= {zone_name}
        value = full.get(name)
        if value is None and name not in there:
            above = next(rest for at in range(1, len(labels) + 1) if (rest := ".".join(labels[at:])) in there)
            value = full.get(f"*.{above}") if above == zone_name or above.endswith(f".{zone_name}") else None
        if value is not None:
            return value if value[0].isdigit() else _answer(zones, public, value, depth + 1)
        if not goes_on:
            return "none"
        break
    return _answer(zones, public, public[name], depth + 1) if name in public else "public"


@settings(max_examples=400, deadline=None)
@given(_ZONES, st.dictionaries(st.sampled_from(_NAMES), st.sampled_from(_NAMES), max_size=3), st.sampled_from(_NAMES))
def test_every_name_resolves_as_trying_all_ways_does(
    stated: list[tuple[str, dict[str, str], bool]], public: dict[str, str], name: str
) -> None:
    zones = []
    for zone_name, records, goes_on in stated:
        sets = {
            relative: RecordSet(
                relative,
                frozenset() if value[0].isalpha() else frozenset({value}),
                value if value[0].isalpha() else None,
            )
            for relative, value in records.items()
        }
        zones.append(PrivateZone(f"/{zone_name}", zone_name, sets, None, goes_on))
    found = resolve(zones, name, public.get)
    shown = next(iter(found.addresses), "none" if found.public is None else "public")
    assert shown == _answer(stated, public, name)
