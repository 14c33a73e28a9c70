"""A week of scans of an estate that changes every day, against a reckoning by hand: each account, each day."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.history.scans import account, asked, change_of, day, scan
from tests.notify.receiver import receiving

_NAMES = [f"st{number}" for number in range(7)]
_DAYS = range(7)
_KEY = {"AUDITOR_NOTIFY_KEY": "a key"}


def _states(seed: int) -> list[dict[str, bool]]:
    """Return for each day which accounts there are, and whether each fails."""
    chance = random.Random(seed)  # noqa: S311 - a test's
    return [{name: chance.random() < 0.5 for name in _NAMES if chance.random() < 0.75} for _ in _DAYS]


def _episodes(states: Sequence[dict[str, bool]], name: str) -> list[tuple[int, int | None]]:
    """Return from which day to which an account failed without a break."""
    episodes: list[tuple[int, int | None]] = []
    begun: int | None = None
    for number in _DAYS:
        fails = states[number].get(name, False)
        if fails and begun is None:
            begun = number
        if not fails and begun is not None:
            episodes.append((begun, number))
            begun = None
    return [*episodes, (begun, None)] if begun is not None else episodes


@pytest.mark.parametrize("seed", [1, 2])
def test_trend_ages_reopened_and_notifications_are_right(tmp_path: Path, place: str, seed: int) -> None:
    states = _states(seed)
    by_name = {name: episodes for name in _NAMES if (episodes := _episodes(states, name))}
    with receiving() as receiver:
        for number in _DAYS:
            accounts = [account(name, "TLS1_0" if fails else "TLS1_2") for name, fails in states[number].items()]
            options = ("--notify", receiver.url)
            ended = scan(tmp_path, place, day(number), *accounts, options=options, env=_KEY)
            assert ended.code == int(any(states[number].values()))
            begun = sorted(name for name, episodes in by_name.items() if any(start == number for start, _ in episodes))
            assert sorted(receiver.names()) == begun
            receiver.taken.clear()
            for name in (name for name, fails in states[number].items() if fails):
                first = by_name[name][0][0]
                change = ("new" if first == number else "reopened") if name in begun else "unchanged"
                assert change_of(ended, name) == (day(first), change)

    listed = {one["resource_id"].rpartition("/")[2]: one for one in _all(tmp_path, place)}
    assert listed.keys() == by_name.keys()
    for name, episodes in by_name.items():
        one, (start, end) = listed[name], episodes[-1]
        assert one["state"] == ("open" if end is None else "resolved")
        assert one["age_days"] == (_DAYS[-1] if end is None else end) - episodes[0][0]
        assert one["open_days"] == (None if end is not None else _DAYS[-1] - start)
        assert one["reopened"] == len(episodes) - 1
    every = [episode for episodes in by_name.values() for episode in episodes]
    for number, point in zip(_DAYS, asked(tmp_path, place, "trend")["runs"], strict=True):
        again = sum(start == number for episodes in by_name.values() for start, _ in episodes[1:])
        assert point["at"] == day(number)
        assert point["open"] == point["medium"] + point["high"] == sum(states[number].values())
        assert (point["new"], point["reopened"]) == (sum(start == number for start, _ in every) - again, again)
        assert point["resolved"] == sum(end == number for _, end in every)


def _all(folder: Path, place: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = asked(folder, place, "list", "--state", "all")["findings"]
    return found


@pytest.mark.parametrize("seed", [3, 4])
def test_runs_may_come_in_any_order(tmp_path: Path, seed: int) -> None:
    states = _states(seed)
    answers = []
    for shuffled in (False, True):
        place = str(tmp_path / f"{shuffled}.db")
        order = list(_DAYS)
        if shuffled:
            random.Random(seed).shuffle(order)  # noqa: S311 - a test's
        for number in order:
            accounts = [account(name, "TLS1_0" if fails else "TLS1_2") for name, fails in states[number].items()]
            scan(tmp_path, place, day(number), *accounts)
        shown = ("resource_id", "state", "first_seen", "last_seen", "open_since", "resolved_at", "reopened", "age_days")
        answers.append(
            (
                [[one[name] for name in shown] for one in _all(tmp_path, place)],
                [{**one, "run_id": ""} for one in asked(tmp_path, place, "trend")["runs"]],
            )
        )
    assert answers[0] == answers[1]
