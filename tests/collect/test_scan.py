"""`auditor scan` and `collect` as a user runs them, against the stand-in: whole estates, and what goes wrong first."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor import resource_id as ids
from auditor.cli import main
from auditor.collect.options import Auth, CollectOptions
from auditor.collect.run import collect
from auditor.collect.scope import CollectScope
from auditor.estate.navigation import derive
from auditor.inputs.read import read
from auditor.snapshot.writer import SnapshotWriter
from tests.collect.conftest import AMPLE, QUICK, estate, resource
from tests.e2e.command import Ended, auditor, command, environment, in_process, is_one_line, sample
from tests.simulator.client import Simulator

SAMPLE_SUB = "c2bcebd9-5f31-496a-a453-37d5bc1c6f9c"
PARTS = [f"00000000-0000-0000-0000-0000000000{letter}1" for letter in "def"]
AT = ("--as-of", "2024-05-15T09:00:00Z")
HUB = "00000000-0000-0000-0000-0000000000c3"


def signed_in(simulator: Simulator, **more: str) -> dict[str, str]:
    """Return an environment with a managed identity and the stand-in as the cloud."""
    identity = {"IDENTITY_ENDPOINT": f"{simulator.url}/msi/token", "IDENTITY_HEADER": "simulated"}
    return {**identity, "AUDITOR_AUTH": "managed-identity", "AUDITOR_ARM_ENDPOINT": simulator.url, **more}


def scan(simulator: Simulator, at: Path, *more: str) -> Ended:
    return in_process("scan", "-q", "-o", "json", *AT, *more, at=at, env=signed_in(simulator))


def twin(name: str, number: int) -> list[dict[str, Any]]:
    """Return the sample's workload under another name, with ids of its own but for the subscription and the roles."""
    document = sample()
    shared = {SAMPLE_SUB, document["tenantId"]}
    shared |= {ids.name_of(one["id"]) for one in document["resources"] if one["type"].endswith("/roleDefinitions")}

    def own(found: re.Match[str]) -> str:
        return found[0] if found[0] in shared or not number else f"{number:08}{found[0][8:]}"

    text = json.dumps(document["resources"]).replace("assist", name)
    resources: list[dict[str, Any]] = json.loads(re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", own, text))
    return resources


def renamed(document: dict[str, Any], *pairs: tuple[str, str]) -> list[dict[str, Any]]:
    """Return the resources of an estate with texts replaced, in any place."""
    text = json.dumps(document["resources"])
    for old, new in pairs:
        text = text.replace(old, new)
    found: list[dict[str, Any]] = json.loads(text)
    return found


_OF_PLACES = ("resource-group-", "policy-watches-", "subscription-")
"""Rules on groups and subscriptions, which there are more of where the same things are spread."""


def failures(ended: Ended) -> Counter[tuple[str, str | None]]:
    failed = [one for one in ended.findings if one["status"] == "fail" and not one["rule_id"].startswith(_OF_PLACES)]
    return Counter((one["rule_id"], one["component"]) for one in failed)


@pytest.fixture(scope="module")
def one_workload(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Return what the sample estate's file gives."""
    at = tmp_path_factory.mktemp("one")
    path = at / "estate.json"
    path.write_text(json.dumps(sample()))
    return in_process("evaluate", path, "--complete", "-q", "-o", "json", *AT, at=at)


def test_an_estate_without_any_ai_workload_invents_none(simulator: Simulator, tmp_path: Path) -> None:
    simulator.serve(estate(resource("Microsoft.Network/routeTables/only")))

    ended = scan(simulator, tmp_path)

    assert ended.code == 1, ended.err
    assert {one["workload"] for one in ended.findings} == {None}
    assert failures(ended) == {("workload-component-present", None): 1}
    failed = next(one for one in ended.findings if one["rule_id"] == "workload-component-present")
    assert failed["message"].startswith("None of the architecture is in the estate")
    assert ended.report["gaps"] == []


def test_a_scan_judges_with_several_processes(simulator: Simulator, tmp_path: Path) -> None:
    """What collects works with threads; none of them is left that would forbid to fork."""
    simulator.serve(estate(resource("Microsoft.Network/routeTables/only")))
    line = ("-v", "scan", "-q", "-o", "json", *AT, "--processes")

    one, two = (auditor(*line, number, at=tmp_path, env=signed_in(simulator)) for number in ("1", "2"))

    assert "judging in one process" not in two.err
    assert two.code == one.code == 1, two.err
    assert [each["fingerprint"] for each in two.findings] == [each["fingerprint"] for each in one.findings]


def test_three_workloads_in_one_subscription_are_told_apart(
    simulator: Simulator, tmp_path: Path, one_workload: Ended
) -> None:
    """Collected without the command: at half of Azure's quota for one subscription it would wait for fifteen seconds."""
    copies = [twin(name, number) for number, name in enumerate(("assist", "triage", "claims"))]
    merged = {ids.key(body["id"]): body for copy in copies for body in copy}
    simulator.serve({**sample(), "resources": [*merged.values()]})
    path = tmp_path / "estate.sqlite"
    options = CollectOptions(Auth.MANAGED_IDENTITY, arm_endpoint=simulator.url, retry=QUICK, quotas=AMPLE)
    collect(CollectScope(), options, lambda metadata: SnapshotWriter(path, metadata, derive))

    ended = in_process("evaluate", path, "-q", "-o", "json", *AT, at=tmp_path)

    assert ended.code == 1, ended.err
    by_workload: dict[str | None, Counter[str]] = {}
    for one in ended.findings:
        if one["status"] == "fail":
            by_workload.setdefault(one["workload"], Counter())[one["rule_id"]] += 1
    by_workload.pop(None, None)
    assert sorted(map(str, by_workload)) == ["mlw-assist-sdc", "mlw-claims-sdc", "mlw-triage-sdc"]
    assert by_workload["mlw-triage-sdc"] == by_workload["mlw-claims-sdc"] == by_workload["mlw-assist-sdc"]
    assert set(failures(ended)) == set(failures(one_workload))
    assert ended.report["gaps"] == []


def test_a_workload_over_four_subscriptions_with_a_hub_is_one(
    simulator: Simulator, tmp_path: Path, one_workload: Ended
) -> None:
    def placed(kinds: str, subscription: str) -> tuple[str, str]:
        group = "resourceGroups/rg-assist-prod/providers"
        return f"/subscriptions/{SAMPLE_SUB}/{group}/{kinds}", f"/subscriptions/{subscription}/{group}/{kinds}"

    moved = renamed(
        sample(),
        placed("Microsoft.Network/privateDnsZones", HUB),
        placed("Microsoft.OperationalInsights", PARTS[0]),
        placed("Microsoft.KeyVault", PARTS[1]),
    )
    names = {SAMPLE_SUB: "spoke", HUB: "hub", PARTS[0]: "logs", PARTS[1]: "vaults"}
    listed = [{"subscriptionId": one, "displayName": name} for one, name in names.items()]
    simulator.serve({**sample(), "subscriptions": listed, "resources": moved})

    ended = scan(simulator, tmp_path)

    expected = {one["workload"] for one in one_workload.findings if one["workload"]}
    assert ended.code == 1, ended.err
    assert {one["workload"] for one in ended.findings if one["workload"]} == expected
    assert failures(ended) == failures(one_workload)
    assert ended.report["gaps"] == []


# What goes wrong first

Run = Callable[..., Ended]


@pytest.fixture
def run(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Return the command as a function, in this process: what starts quickly need not load Azure's packages anew."""

    def command_line(*arguments: str, **more: str) -> Ended:
        monkeypatch.chdir(tmp_path)
        for name, value in signed_in(simulator, **more).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["auditor", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ended(int(str(ended.value.code)), said.out, said.err)

    return command_line


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Return a port of this machine where nobody listens, kept from others."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def twins() -> dict[str, Any]:
    found = estate(resource("Microsoft.KeyVault/vaults/kv"))
    found["subscriptions"] += [{"subscriptionId": one, "displayName": "twin"} for one in PARTS[:2]]
    return found


WRONG = {
    "another tenant": (["--tenant", PARTS[0]], "Signed in to tenant", "az login --tenant"),
    "a name that occurs twice": (["-s", "twin"], "2 subscriptions are called 'twin'", "give the id instead"),
    "a name that does not occur": (["-s", "nobody"], "No subscription is called 'nobody'", "az account list"),
    "a subscription that is hidden": (["-s", HUB], "None of the chosen subscriptions", "check the ids"),
}


@pytest.mark.parametrize(("options", "says", "hint"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_scope_is_one_line_with_what_to_do(
    simulator: Simulator, run: Run, options: list[str], says: str, hint: str
) -> None:
    simulator.serve(twins())

    ended = run("scan", "-q", *options)

    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err), ended.err
    assert says in ended.err
    assert hint in ended.err


def test_no_subscription_is_one_line_with_what_to_do(simulator: Simulator, run: Run) -> None:
    simulator.serve({"subscriptions": [], "resources": []})

    ended = run("scan", "-q")

    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err), ended.err
    assert "sees no subscription" in ended.err
    assert "Reader" in ended.err


def test_not_signed_in_is_one_line_with_what_to_do(simulator: Simulator, tmp_path: Path) -> None:
    simulator.serve(twins())
    empty = tmp_path / "bin"
    empty.mkdir()

    ended = in_process("scan", "-q", "--auth", "cli", at=tmp_path, env=signed_in(simulator, PATH=str(empty)))

    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err), ended.err
    assert "az login" in ended.err or "Azure CLI" in ended.err


def test_no_network_is_one_line_with_what_to_do(run: Run, closed_port: int) -> None:
    there = f"http://127.0.0.1:{closed_port}"

    ended = run("scan", "-q", AUDITOR_ARM_ENDPOINT=there)

    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err), ended.err
    assert f"{there} cannot be reached" in ended.err
    assert "HTTPS_PROXY" in ended.err


def test_a_proxy_that_refuses_is_one_line_with_what_to_do(run: Run, closed_port: int) -> None:
    proxy = {"HTTPS_PROXY": f"http://127.0.0.1:{closed_port}", "AUDITOR_ARM_ENDPOINT": "https://arm.invalid"}
    proxy["AUDITOR_ALLOW_ENDPOINT"] = "arm.invalid"

    ended = run("scan", "-q", **proxy)

    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err), ended.err
    assert "https://arm.invalid cannot be reached: ProxyError" in ended.err
    assert "HTTPS_PROXY" in ended.err


def test_preflight_says_what_cannot_be_read_and_what_should_not_be(simulator: Simulator, run: Run) -> None:
    rights = [{"actions": ["*/read"], "notActions": ["Microsoft.KeyVault/vaults/secrets/read"]}]
    simulator.serve(twins(), permissions=rights)

    ended = run("collect", "--preflight", "-s", "sub-test")

    assert ended.code == 2
    assert "  lacks     Microsoft.KeyVault/vaults/secrets/read\n" in ended.out
    assert "warning: should not have Microsoft.OperationalInsights/workspaces/sharedKeys/read" in ended.out
    assert ended.out.endswith("something would be missing: grant what is listed\n")


@pytest.mark.parametrize("arguments", [("scan",), ("collect", "--preflight"), ("collect", "-o", "estate.sqlite")])
def test_where_the_token_goes_is_said_first(simulator: Simulator, run: Run, arguments: tuple[str, ...]) -> None:
    simulator.serve(twins())

    ended = run(*arguments, "-s", "no such subscription")

    assert ended.code == 2
    assert ended.err.splitlines()[0] == f"Azure Resource Manager at {simulator.url}"


def test_an_interrupt_ends_soon_and_leaves_a_file_that_can_be_resumed(simulator: Simulator, tmp_path: Path) -> None:
    held = {"match": "/vaults/kv/secrets\\?", "status": 429, "headers": {"Retry-After": "100"}}
    simulator.serve(twins(), faults=[held])
    path = tmp_path / "estate.sqlite"
    process = subprocess.Popen(
        command("collect", "-q", "-o", path),
        cwd=tmp_path,
        env=environment(tmp_path, signed_in(simulator)),
        stderr=subprocess.PIPE,
    )
    give_up = time.monotonic() + 30
    while not any("/vaults/kv/secrets" in line for line in simulator.paths()):
        assert process.poll() is None
        assert time.monotonic() < give_up
        os.sched_yield()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert time.monotonic() - began < 10
    assert not path.exists()
    kept = read(path.with_name("estate.sqlite.partial"))
    assert [row.name for row in kept.resources if row.type_key == "microsoft.keyvault/vaults"] == ["kv"]
    simulator.serve(twins())

    resumed = in_process("collect", "-q", "--resume", path, at=tmp_path, env=signed_in(simulator))

    assert resumed.code == 0, resumed.err
    assert [one.name for one in sorted(tmp_path.glob("estate*"))] == ["estate.sqlite"]
