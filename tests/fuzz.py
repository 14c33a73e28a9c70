"""Spoil each kind of input in seeded ways and give it to the tool: it answers in time, in its own words, or refuses.

Usage: python -m tests.fuzz [--seed N] [--cases N] [--keep DIR] [KIND …]. Ends with 1 where the tool broke its promise;
the inputs that made it do so are kept in DIR.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import random
import re
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from auditor.estate.navigation import derive
from auditor.inputs.read import read
from auditor.snapshot import exchange, file
from tests.checkout import ROOT
from tests.e2e.command import Ended, in_process, sample

_RAISED: Final = re.compile(r"analysis [a-z-]+ failed: |error: \w+(Error|Exception)\b")
SECONDS: Final = 60
"""What one input may cost at most."""
_FRAGMENTS: Final = (
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\n", b"\r", b"\t", b'"', b"'", b"{", b"}", b"[", b"]", b":", b",", b"&a ", b"*a",
    b"!!python/object ", b"<<: ", b"---\n", b"- ", b"#", b"= ", b"\xe2\x80\xae", b"1" * 10_000, b"[" * 5_000, b"- " * 500,
    b"null", b"true", b".nan", b"1e999", b"-0", b"2024-01-01", b"[parameters('x')]", b"[concat('a', " * 50, b"##vso[x]",
)  # fmt: skip


_DEEP: Final = re.compile(r'"@(\d+) deep@"')


def _text_of(document: object) -> bytes:
    """Return JSON, with what is nested more deeply than Python itself can write."""
    text = json.dumps(document)
    return _DEEP.sub(lambda levels: '[{"a":' * int(levels[1]) + "1" + "}]" * int(levels[1]), text).encode()


_VALUES: Final[tuple[object, ...]] = (
    None, True, False, 0, -1, 2**70, 1e308, float("nan"), "", " ", "x", "Enabled", "\x00", "\ud800", "\u202e", "a" * 70_000,
    [], {}, [[]], [None], {"": None}, ["x", 1], {"id": 5}, {"id": "/subscriptions/x"}, "10.0.0.0/8", "::/0", "999.1.1.1/33", "*",
    "2024-13-45T99:99:99Z", "0001-01-01T00:00:00+23:59", "@30 deep@", "@150 deep@", "@440 deep@", "@9000 deep@",
)  # fmt: skip


@dataclass
class Kind:
    """A kind of input: how one is spoilt, into a folder, and the command that is then given it."""

    name: str
    spoil: Callable[[random.Random, Path], Sequence[str | Path]]


@dataclass
class Result:
    """What the cases of a kind came to."""

    codes: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    slowest: float = 0.0


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container in a value with each of its keys."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _spoil_value(chance: random.Random, document: Any) -> None:
    """Put something else in one place of a document, or take it away, or twist an id."""
    places = list(_places(document))
    if not places:
        return
    container, key = chance.choice(places)
    old = container[key]
    way = chance.randrange(6)
    if way == 0:
        del container[key]
    elif way == 1 and isinstance(old, str):
        container[key] = chance.choice(
            [old.upper(), old[::-1], old + "/a/b" * 1000, old * 3, f" {old}", old.split("/")]
        )
    elif way == 2:
        container[key] = copy.deepcopy(chance.choice(places)[0])
    elif way == 3 and isinstance(container, dict):
        container[chance.choice([str(key).upper(), "id", "type", "tenantId", "properties", ""])] = old
    else:
        container[key] = copy.deepcopy(chance.choice(_VALUES))


def _spoil_bytes(chance: random.Random, data: bytes, most: int = 4) -> bytes:
    """Overwrite, cut, double or insert in a few places."""
    spoilt = bytearray(data)
    for _ in range(chance.randint(1, most)):
        start = chance.randrange(len(spoilt) + 1)
        end = min(len(spoilt), start + chance.randint(0, 40))
        put = (
            chance.choice(_FRAGMENTS),
            b"",
            bytes(spoilt[start:end]) * 2,
            chance.randbytes(chance.randint(1, 8)),
        )
        spoilt[start:end] = chance.choice(put)
    return bytes(spoilt)


def _estate(chance: random.Random) -> dict[str, Any]:
    document = sample()
    document["resources"] = chance.sample(document["resources"], 12)
    return document


def _export(chance: random.Random, folder: Path) -> Sequence[str | Path]:
    document: Any = _estate(chance)
    for _ in range(chance.randint(1, 5)):
        _spoil_value(chance, document)
    resources = document.get("resources")
    shape = chance.randrange(6)
    if shape == 0:
        document = resources
    elif shape == 1:
        document = {"value": resources, "nextLink": chance.choice(_VALUES)}
    elif shape == 2:
        document = {"data": resources, "count": chance.choice(_VALUES)}
    data = _text_of(document)
    if shape == 3 and isinstance(resources, list):
        data = b"\n".join(map(_text_of, resources))
    if chance.random() < 0.3:
        data = _spoil_bytes(chance, data)
    if chance.random() < 0.1:
        data = _spoil_bytes(chance, gzip.compress(data), 1)
    (folder / "estate.json").write_bytes(data)
    return ["evaluate", "estate.json", "-o", "json", *chance.choice([[], ["--complete"]])]


def _snapshot(chance: random.Random, folder: Path) -> Sequence[str | Path]:
    (folder / "own.json").write_text(json.dumps(_estate(chance)))
    path = folder / "own.snapshot"
    known = read(folder / "own.json")
    file.write(known, path, derive(known.resources))
    if chance.random() < 0.5:
        path.write_bytes(_spoil_bytes(chance, path.read_bytes()))
    else:
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
            table, column = chance.choice(
                [("resource", "body"), ("resource", "id_lc"), ("resource", "packing"), ("resource", "source"),
                 ("gap", "scope"), ("gap", "permission"), ("facet", "state"), ("meta", "value"), ("edge", "kind")]
            )  # fmt: skip
            value = chance.choice([None, 5, "x", b"\xff", "a" * 100_000, b"\x28\xb5\x2f\xfd" * 9, "/subscriptions/x"])
            connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (value,))  # noqa: S608 - of our own
            connection.commit()
    return chance.choice(
        [["evaluate", path, "-o", "json"], ["snapshot", "show", path], ["snapshot", "export", path, "-o", "x"]]
    )


def _exchange(chance: random.Random, folder: Path) -> Sequence[str | Path]:
    (folder / "own.json").write_text(json.dumps(_estate(chance)))
    path = folder / chance.choice(["own.jsonl", "own.jsonl.zst"])
    exchange.export(read(folder / "own.json"), path)
    path.write_bytes(_spoil_bytes(chance, path.read_bytes()))
    return ["evaluate", path, "-o", "json"]


def _spoilt_text(chance: random.Random, text: str) -> bytes:
    """Spoil a text line by line, or in its bytes."""
    lines = text.splitlines(keepends=True)
    for _ in range(chance.randint(0, 3)):
        place = chance.randrange(len(lines))
        way = chance.randrange(4)
        if way == 0:
            lines.insert(place, lines[place])
        elif way == 1 and len(lines) > 1:
            del lines[place]
        elif way == 2:
            lines[place] = " " * chance.randint(0, 8) + lines[place].lstrip()
        else:
            head = lines[place].partition(":")[0]
            lines[place] = f"{head}: {chance.choice(['[]', '{}', '5', '~', 'x', '*a', '1' * 10_000, '[[' * 400])}\n"
    data = "".join(lines).encode()
    return _spoil_bytes(chance, data) if chance.random() < 0.5 else data


def _rule(chance: random.Random, folder: Path) -> Sequence[str | Path]:
    source = chance.choice(sorted((ROOT / "rules").rglob("*.yaml")))
    name = f"own-{source.stem}"
    text = source.read_text().replace(f"id: {source.stem}", f"id: {name}", 1)
    (folder / "own").mkdir()
    (folder / "own" / f"{name}.yaml").write_bytes(_spoilt_text(chance, text))
    return ["rule", "test", name, "--rules", "own", "--no-mutants"]


def _baseline(chance: random.Random, folder: Path) -> Sequence[str | Path]:
    name = chance.choice(["openai-chat", "azure-openai-minimum", "openai-chat-app-service"])
    shutil.copytree(ROOT / "baselines" / name, folder / "own")
    path = chance.choice(sorted((folder / "own").rglob("*.yaml")))
    path.write_bytes(_spoilt_text(chance, path.read_text()))
    return ["baseline", "validate", "own/baseline.yaml"]


_EXEMPTIONS: Final = """\
exemptions:
  - rule: storage-minimum-tls
    scope: /subscriptions/00000000-0000-0000-0000-0000000000a1
    reason: it is old
    approved_by: security@example.org
    ticket: SEC-1
    expires_on: 2030-01-01
  - rule: storage-anonymous-blobs-off
    scope: /
    reason: it is new
    approved_by: security@example.org
    ticket: SEC-2
    expires_on: 2020-01-01
"""


def _exemptions(chance: random.Random, folder: Path) -> Sequence[str | Path]:
    (folder / "own.json").write_text(json.dumps(_estate(chance)))
    (folder / "exemptions.yaml").write_bytes(_spoilt_text(chance, _EXEMPTIONS))
    return ["evaluate", "own.json", "--exemptions", "exemptions.yaml", "-o", "csv"]


_SETTINGS: Final = """\
baseline = "openai-chat"
fail-on = "high"
select = ["storage-*", "openai-*"]
set = ["tls_min=1.2"]
include-passed = true
"""


def _settings(chance: random.Random, folder: Path) -> Sequence[str | Path]:
    name = chance.choice(["auditor.toml", "pyproject.toml"])
    text = f'[project]\nname = "x"\n[tool.auditor]\n{_SETTINGS}' if name == "pyproject.toml" else _SETTINGS
    (folder / name).write_bytes(_spoilt_text(chance, text))
    return ["rule", "list"]


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("export", _export),
        Kind("snapshot", _snapshot),
        Kind("exchange", _exchange),
        Kind("rule", _rule),
        Kind("baseline", _baseline),
        Kind("exemptions", _exemptions),
        Kind("settings", _settings),
    )
}


@contextmanager
def _in_time() -> Iterator[None]:
    def end(*_: object) -> None:
        raise TimeoutError(f"not done after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fault_of(ended: Ended) -> str | None:
    """Return how a command broke its promise, if it did."""
    if ended.code not in {0, 1, 2}:
        return f"exit code {ended.code}"
    for line in ended.err.splitlines():
        if not line.startswith(("auditor: ", "note: ")) and "resources, " not in line:
            return f"a line that is not the tool's own: {line[:200]}"
        if "is a bug in auditor" in line or "not done after" in line:
            return line[:300]
    if raised := _RAISED.search(ended.out):
        return f"a rule or an analysis raised: {ended.out[raised.start() : raised.end() + 150]}"
    return None


def fuzz(kind: Kind, seed: int, cases: int, keep: Path | None = None) -> Result:
    """Give the tool some spoilt inputs of a kind, the same for the same seed."""
    result = Result()
    for number in range(cases):
        chance = random.Random(f"{kind.name} {seed} {number}")  # noqa: S311 - the same in each run
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            arguments = kind.spoil(chance, folder)
            began = time.monotonic()
            with _in_time():
                ended = in_process(*arguments, at=folder)
            result.slowest = max(result.slowest, time.monotonic() - began)
            result.codes[ended.code] += 1
            if fault := fault_of(ended):
                result.broken.append(f"{kind.name} {seed} {number}: {fault}")
                if keep is not None:
                    shutil.copytree(folder, keep / f"{kind.name}-{seed}-{number}", dirs_exist_ok=True)
    return result


def main() -> None:
    """Fuzz the kinds that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)} (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=50, help="of each kind")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    is_broken = False
    for name in given.kinds or KINDS:
        result = fuzz(KINDS[name], given.seed, given.cases, given.keep)
        codes = ", ".join(f"{count} of {code}" for code, count in sorted(result.codes.items()))
        sys.stdout.write(f"{name}: exit codes {codes}; slowest {result.slowest:.1f} s; {len(result.broken)} broken\n")
        sys.stdout.writelines(f"  {line}\n" for line in result.broken)
        sys.stdout.flush()
        is_broken = is_broken or bool(result.broken)
    sys.exit(is_broken)


if __name__ == "__main__":
    main()
