"""Nothing secret of a live estate is stored or shown, whoever wrote it where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from auditor.collect.scope import CollectScope
from auditor.inputs.read import read
from auditor.report.format import NAMES
from tests.collect.conftest import Collect, estate, resource
from tests.collect.memory import MemorySink
from tests.collect.test_scan import AT, signed_in
from tests.e2e.command import in_process
from tests.redaction.planted import Secret, text_of
from tests.redaction.planted import estate as planted_estate
from tests.redaction.test_body import HIDDEN, SECRET
from tests.simulator.client import Simulator

RESOURCES, PLANTED = planted_estate()


def _shown(text: str, planted: Sequence[Secret] = PLANTED) -> list[str]:
    whole = text + "".join(text.split())
    return [secret.kind for secret in planted for part in secret.parts if part in whole]


def test_a_scan_stores_and_shows_none(simulator: Simulator, tmp_path: Path) -> None:
    tables = [resource(f"Microsoft.Network/routeTables/t{n}", tags={"x": one.text}) for n, one in enumerate(PLANTED)]
    simulator.serve(estate(*RESOURCES, *tables))
    files = {name: tmp_path / f"report.{name}" for name in NAMES}
    outputs = [part for name, path in files.items() for part in ("-o", f"{name}={path}")]

    ended = in_process(
        *("scan", "-vv", "--snapshot", "s.snapshot", *AT, *outputs, "--include-passed"),
        at=tmp_path,
        env=signed_in(simulator),
    )
    in_process("snapshot", "export", "s.snapshot", "-o", "s.jsonl", at=tmp_path)

    assert ended.code in {1, 2}, ended.err
    stored = read(tmp_path / "s.snapshot")
    assert len({row.type for row in stored.resources} & {body["type"] for body in RESOURCES}) >= 9
    assert stored.metadata.extra["secrets"] == "redacted"
    assert _shown((tmp_path / "s.jsonl").read_text(encoding="utf-8")) == []
    assert _shown((tmp_path / "s.snapshot").read_bytes().decode("latin-1")) == []
    assert {name: _shown(text_of(path)) for name, path in files.items()} == {name: [] for name in NAMES}
    assert _shown(ended.out + ended.err) == []


def test_nothing_secret_by_name_reaches_the_snapshot(simulator: Simulator, run_collect: Collect) -> None:
    kinds = [
        resource(
            f"Microsoft.KeyVault/vaults/kv{number}",
            **{name: part for name, part in body.items() if name != "PROPERTIES"},
        )
        for number, body in enumerate(HIDDEN.values())
    ]
    simulator.serve(estate(*kinds))

    _, sink = run_collect()

    assert SECRET not in json.dumps([*sink.bodies.values()])
    assert SECRET not in repr(sink.notes)


@pytest.mark.parametrize(("keys", "different"), [((None, None), 2), ((b"given" * 4, b"given" * 4), 1)])
def test_hashes_differ_between_collections_unless_a_key_is_given(
    simulator: Simulator, run_collect: Collect, keys: Sequence[Any], different: int
) -> None:
    simulator.serve(estate(resource("Microsoft.Network/routeTables/rt", tags={"password": SECRET})))

    collected = [run_collect(CollectScope(), MemorySink(), redaction_key=key)[1] for key in keys]

    tags = {
        str(body["tags"]) for sink in collected for body in sink.bodies.values() if "routetables" in body["id"].lower()
    }
    assert len(tags) == different
