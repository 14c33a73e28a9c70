"""What a log proves of the age of a key, against every history that is consistent with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.keys.age import Rotation, Window, bounds, holds_present_key

KEYS = ("key1", "key2")
DAYS = 4
NOW = datetime(2024, 3, 1, tzinfo=UTC)
Event = tuple[int, str]
"""A regeneration that happened: at which time, by its number, and of which key."""


def moment(slot: int) -> datetime:
    """Return a time by its number: the higher, the later; the last one is now."""
    return NOW - timedelta(days=DAYS) + timedelta(days=slot)


slots = st.integers(0, DAYS)
seen_times = st.lists(st.tuples(slots, slots).map(sorted).filter(lambda pair: pair[0] < pair[1]), max_size=2)
entries = st.lists(
    st.builds(Rotation, slots.map(moment), st.sampled_from([*KEYS, None]), st.booleans()),
    max_size=3,
    unique_by=lambda rotation: rotation.at,
)


def covered(slot: int, windows: list[Window]) -> bool:
    """Whether every regeneration at a time is in the log; a log that ends a day before now tells of that day."""
    return any(
        window.start <= moment(slot) <= max(window.end, NOW if window.end >= NOW - timedelta(days=1) else window.end)
        for window in windows
    )


def histories(created: int | None, rotations: list[Rotation], windows: list[Window]) -> Iterator[list[Event]]:
    """Yield every history in which the log could have been written: who was regenerated when."""
    first = -1 if created is None else created
    at = {rotation.at: rotation for rotation in rotations}
    choices: list[list[tuple[str, ...]]] = []
    for slot in range(first, DAYS + 1):
        logged = at.get(moment(slot))
        if logged is not None:
            touched = [(logged.key,)] if logged.key else [(key,) for key in KEYS]
            other_ways = [] if covered(slot, windows) else [*touched, KEYS]
            choices.append([*touched, *other_ways, *([] if logged.is_sure else [()])])
        elif covered(slot, windows):
            choices.append([()])
        else:
            choices.append([who for number in range(3) for who in combinations(KEYS, number)])
    for picked in product(*choices):
        yield [(slot, key) for slot, keys in zip(range(first, DAYS + 1), picked, strict=True) for key in keys]


@settings(max_examples=150, deadline=None)
@given(created=st.none() | slots, rotations=entries, times=seen_times)
def test_the_bounds_are_those_of_all_histories_that_the_log_allows(
    created: int | None, rotations: list[Rotation], times: list[list[int]]
) -> None:
    windows = [Window(moment(start), moment(end)) for start, end in times]
    made = None if created is None else moment(created)
    own = [rotation for rotation in rotations if made is None or rotation.at >= made]
    found = bounds("key1", KEYS, created=made, rotations=own, windows=windows, now=NOW)

    worlds = list(histories(created, own, windows))
    last = [
        max([slot for slot, key in world if key == "key1"], default=-1 if created is None else created)
        for world in worlds
    ]
    youngest, oldest = max(last), min(last)
    reaches = any(covered(slot, windows) for slot in (DAYS,))
    # What lies between two times is open too: a key may be as young as the end of what was not seen.
    assert found.latest >= moment(youngest)
    assert found.earliest is None or found.earliest <= moment(oldest) or oldest == -1
    if oldest != -1:
        assert found.earliest == moment(oldest)
    if not reaches:
        assert found.latest == NOW
    else:
        assert found.latest in {moment(youngest), found.seen_from}


@settings(max_examples=150, deadline=None)
@given(created=st.none() | slots, rotations=entries, times=seen_times, limit=st.integers(0, DAYS))
def test_within_and_beyond_a_limit_hold_in_every_history(
    created: int | None, rotations: list[Rotation], times: list[list[int]], limit: int
) -> None:
    windows = [Window(moment(start), moment(end)) for start, end in times]
    made = None if created is None else moment(created)
    own = [rotation for rotation in rotations if made is None or rotation.at >= made]
    answer = bounds("key1", KEYS, created=made, rotations=own, windows=windows, now=NOW).is_within(
        timedelta(days=limit)
    )

    for world in histories(created, own, windows):
        last = max([slot for slot, key in world if key == "key1"], default=created)
        age = None if last is None else DAYS - last
        if answer is True:
            assert age is not None
            assert age <= limit
        if answer is False:
            assert age is None or age >= limit  # as old as the limit where the log begins there, to the hour


@settings(max_examples=200, deadline=None)
@given(created=st.none() | slots, rotations=entries, times=seen_times)
def test_a_longer_log_and_the_name_of_the_key_never_widen_what_is_known(
    created: int | None, rotations: list[Rotation], times: list[list[int]]
) -> None:
    windows = [Window(moment(start), moment(end)) for start, end in times]
    made = None if created is None else moment(created)
    open_ = bounds("key1", KEYS, created=made, rotations=rotations, windows=[], now=NOW)
    seen = bounds("key1", KEYS, created=made, rotations=rotations, windows=windows, now=NOW)
    named = [Rotation(one.at, one.key or "key2", one.is_sure) for one in rotations]
    told = bounds("key1", KEYS, created=made, rotations=named, windows=windows, now=NOW)

    assert open_.earliest == seen.earliest == told.earliest
    assert open_.latest >= seen.latest >= told.latest
    assert seen.at_least <= (seen.at_most or timedelta.max)


def ago(days: float) -> datetime:
    """Return a time before now."""
    return NOW - timedelta(days=days)


def test_ninety_days_are_provable_to_the_hour() -> None:
    def beyond(start: datetime) -> bool | None:
        age = bounds("key1", KEYS, created=ago(400), rotations=[], windows=[Window(start, NOW)], now=NOW)
        return age.is_within(timedelta(days=90))

    assert beyond(ago(90) + timedelta(minutes=5)) is False
    assert beyond(ago(90) + timedelta(hours=1)) is False
    assert beyond(ago(90) + timedelta(hours=1, seconds=1)) is None
    assert beyond(ago(89)) is None


def test_a_log_that_ends_more_than_a_day_before_now_proves_nothing_of_its_end() -> None:
    def seen_from(end: datetime) -> datetime | None:
        windows = [Window(ago(95), end)]
        return bounds("key1", KEYS, created=ago(400), rotations=[], windows=windows, now=NOW).seen_from

    assert seen_from(ago(1)) == ago(95)
    assert seen_from(ago(1) - timedelta(seconds=1)) is None


def test_two_logs_reach_as_far_as_both_where_they_meet() -> None:
    def seen_from(*windows: Window) -> datetime | None:
        return bounds("key1", KEYS, created=ago(400), rotations=[], windows=windows, now=NOW).seen_from

    assert seen_from(Window(ago(300), ago(40)), Window(ago(50), NOW)) == ago(300)
    assert seen_from(Window(ago(300), ago(51)), Window(ago(50), NOW)) == ago(50)


def test_a_copy_is_the_key_that_was_regenerated_before_it_was_made() -> None:
    def works(*rotations: Rotation, seen: float = 80, created: float | None = 400) -> bool | None:
        made = None if created is None else ago(created)
        return holds_present_key(ago(30), created=made, rotations=rotations, seen_from=ago(seen))

    assert works() is True
    assert works(seen=29) is None
    assert works(created=None) is None
    assert works(created=29) is False
    assert works(Rotation(ago(10), None)) is False
    assert works(Rotation(ago(10), None, is_sure=False)) is None
    assert works(Rotation(ago(30) + timedelta(milliseconds=900), "key1")) is True
    assert works(Rotation(ago(31), "key2"), Rotation(ago(10), "key1")) is True
    assert works(Rotation(ago(31), "key2"), Rotation(ago(10), "key2")) is False
    assert works(Rotation(ago(31), "key2"), Rotation(ago(10), None)) is False
    assert works(Rotation(ago(31), None), Rotation(ago(10), "key1")) is False
