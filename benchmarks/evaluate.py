"""Measure what judging costs, as a multiple of what parsing the same JSON costs in the same run.

    python benchmarks/evaluate.py [--resources 20000] [--rules rules] [--profile]

The resources are synthetic, of the common types, about 2.9 KB each; one value in ten is not as it should be.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from auditor.baseline import Baseline, RuleInForce, Setting, bind
from auditor.estate.components import Workloads
from auditor.estate.graph import Estate
from auditor.evaluate import Question, findings
from auditor.language import catalogue
from auditor.language.source import load_file
from auditor.rulebook import Words, load_rule, rule_files
from auditor.snapshot.contents import Metadata
from auditor.snapshot.identity import assemble
from auditor.snapshot.normalise import Entry, normalise

T = TypeVar("T")

SUBSCRIPTION: Final = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
BYTES: Final = 2_900
ROUNDS: Final = 3
OFF: Final = ("Disabled", "Enabled")
DENY: Final = ({"defaultAction": "Deny", "bypass": "None", "ipRules": [], "virtualNetworkRules": []},
               {"defaultAction": "Allow", "ipRules": [{"value": "198.51.100.7"}]})  # fmt: skip
# resource type → share, kind, and each property with its value as it should be and as it should not
TYPES: Final[Mapping[str, tuple[int, str | None, Mapping[str, tuple[Any, Any]]]]] = {
    "Microsoft.Storage/storageAccounts": (4, "StorageV2", {
        "publicNetworkAccess": OFF, "minimumTlsVersion": ("TLS1_2", "TLS1_0"), "supportsHttpsTrafficOnly": (True, False),
        "allowBlobPublicAccess": (False, True), "allowSharedKeyAccess": (False, True), "networkAcls": DENY,
        "keyPolicy": ({"keyExpirationPeriodInDays": 90}, None),
        "keyCreationTime": ({"key1": "2024-02-01T00:00:00.0000000Z", "key2": "2024-02-01T00:00:00Z"},
                            {"key1": "2020-01-01T00:00:00Z"}),
    }),
    "Microsoft.CognitiveServices/accounts": (3, "OpenAI", {
        "publicNetworkAccess": OFF, "disableLocalAuth": (True, False), "customSubDomainName": ("name", None),
        "networkAcls": DENY,
    }),
    "Microsoft.KeyVault/vaults": (3, None, {
        "publicNetworkAccess": OFF, "enablePurgeProtection": (True, None), "enableRbacAuthorization": (True, False),
        "enabledForDeployment": (False, True), "enabledForTemplateDeployment": (False, True),
        "enabledForDiskEncryption": (False, True), "networkAcls": DENY,
    }),
    "Microsoft.Web/sites": (3, "app,linux", {
        "publicNetworkAccess": OFF, "httpsOnly": (True, False),
        "siteConfig": ({"minTlsVersion": "1.2", "ftpsState": "Disabled", "remoteDebuggingEnabled": False},
                       {"minTlsVersion": "1.0", "ftpsState": "AllAllowed"}),
    }),
    "Microsoft.MachineLearningServices/workspaces": (2, "Default", {
        "publicNetworkAccess": OFF, "v1LegacyMode": (False, True),
        "managedNetwork": ({"isolationMode": "AllowOnlyApprovedOutbound", "status": {"status": "Active"}}, None),
        "systemDatastoresAuthMode": ("identity", "accesskey"),
    }),
    "Microsoft.ContainerRegistry/registries": (2, None, {
        "publicNetworkAccess": OFF, "adminUserEnabled": (False, True), "anonymousPullEnabled": (False, True),
        "networkRuleBypassOptions": ("None", "AzureServices"),
    }),
    "Microsoft.Search/searchServices": (2, None, {"publicNetworkAccess": OFF, "disableLocalAuth": (True, False)}),
    "Microsoft.Compute/virtualMachines": (1, None, {
        "securityProfile": ({"encryptionAtHost": True, "securityType": "TrustedLaunch",
                             "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}}, {}),
    }),
}  # fmt: skip


def bodies(number: int) -> Iterator[dict[str, Any]]:
    """Yield ARM objects; always the same for the same number."""
    chance = random.Random(number)  # noqa: S311 - synthetic data
    kinds = [name for name, (share, _, _) in TYPES.items() for _ in range(share)]
    for index in range(number):
        yield _body(kinds[index % len(kinds)], index, chance)


def _body(resource_type: str, index: int, chance: random.Random) -> dict[str, Any]:
    _, kind, properties = TYPES[resource_type]
    name = f"{resource_type.rpartition('/')[2].lower()}-{index:06}"
    group = f"{SUBSCRIPTION}/resourceGroups/rg-{index % 97:02}"
    body: dict[str, Any] = {
        "id": f"{group}/providers/{resource_type}/{name}",
        "name": name,
        "type": resource_type,
        "location": chance.choice(("eastus2", "East US 2", "westeurope")),
        "sku": {"name": "Standard_ZRS", "tier": "Standard"},
        "tags": {"env": chance.choice(("prod", "test")), "owner": f"team-{index % 31}", "costCenter": str(index % 977)},
        "properties": {path: wrong if chance.random() < 0.1 else right for path, (right, wrong) in properties.items()},
    }
    if kind is not None:
        body["kind"] = kind
    body["properties"]["provisioningState"] = "Succeeded"
    body["properties"]["endpointsList"] = []
    while (size := len(orjson.dumps(body))) < BYTES:  # what else Azure returns: endpoints, states, times
        rest = body["properties"]["endpointsList"]
        rest.append({"address": f"https://{name}-{size}.example.net/", "state": "Ready", "isPrimary": size % 2 == 0,
                     "changedAt": "2024-02-28T10:11:12.1234567Z", "weights": [size, size / 7, None]})  # fmt: skip
    return body


def rules_in(folder: Path) -> list[RuleInForce]:
    """Return the rules of a folder that are asked of these resource types, with their own defaults."""
    words = Words(catalogue.load(load_file(folder / "properties.yaml")), {})
    nothing = Baseline("benchmark", "1", "", "", (), (), {}, {}, {}, {}, "", ())
    found = []
    for path in rule_files(folder):
        applies = load_file(path).plain()["applies"]
        if applies.get("type") in TYPES and "component" not in applies:
            found.append(bind(load_rule(path, words), nothing, Setting()))
    if not found:
        sys.exit(f"no rules for the types of this benchmark in {folder}")
    return found


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return the least CPU seconds of a few rounds, and the result."""
    seconds, result = [], None
    for _ in range(ROUNDS):
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    assert result is not None  # noqa: S101 - ROUNDS is positive
    return min(seconds), result


def _parse(lines: Iterable[bytes]) -> int:
    return sum(1 for line in lines if orjson.loads(line))


def _question(lines: Iterable[bytes], rules: list[RuleInForce]) -> Question:
    resources, gaps = normalise(Entry(orjson.loads(line), "line") for line in lines)
    estate = Estate(assemble(resources, gaps, Metadata(complete=True)))
    now = datetime(2024, 3, 1, tzinfo=UTC)
    return Question(estate, Workloads(), rules, {}, {}, {}, {}, now, explain_passes=False)


def main() -> None:
    """Print the ratios."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--resources", type=int, default=20_000)
    options.add_argument("--rules", type=Path, default=Path(__file__).parents[1] / "rules")
    options.add_argument("--profile", action="store_true", help="show where judging spends its time")
    chosen = options.parse_args()
    lines = [orjson.dumps(body) for body in bodies(chosen.resources)]
    rules = rules_in(chosen.rules)
    parsing, _ = timed(lambda: _parse(lines))
    start = time.process_time()
    question = _question(lines, rules)
    reading = time.process_time() - start
    judging, found = timed(lambda: findings(question))
    if chosen.profile:
        profile = cProfile.Profile()
        profile.runcall(findings, question)
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    states = Counter(finding.status.value for finding in found)
    size = sum(map(len, lines)) / len(lines)
    sys.stdout.write(
        f"{len(lines)} resources of {size:.0f} bytes, {len(rules)} rules, {len(found)} findings "
        f"({', '.join(f'{name} {number}' for name, number in sorted(states.items()))})\n"
        f"parse {parsing:.3f} s, read {reading:.3f} s, judge {judging:.3f} s "
        f"({judging / len(found) * 1e6:.1f} µs a finding)\n"
        f"judge / parse {judging / parsing:.1f}, read and judge / parse {(reading + judging) / parsing:.1f}\n"
    )


if __name__ == "__main__":
    main()
