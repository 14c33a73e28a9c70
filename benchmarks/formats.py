"""Measure what it takes to write a report of very many findings: time, size and the most memory, for each format.

    python -m benchmarks.formats [--findings 1000000] [--limit 250] [FORMAT...]

The findings come from a generator that makes them in order and holds none, so that what is measured is the format; each
format is written in a process of its own, to a file that is thrown away. Ends with 1 where one takes more memory than the limit.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, overload

from auditor.model import Evidence, Finding, Report, RuleInfo, Severity, SnapshotIdentity, Status
from auditor.report.format import View, named
from auditor.report.pipeline_log import LogSafeStream

STREAMED: Final = ("csv", "jsonl", "sarif")
_GROUP: Final = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-{:06}"
_RULES: Final = 100


@dataclass(frozen=True, slots=True)
class GeneratedFindings(Sequence[Finding]):
    """Findings that are made when they are asked for, in the order in which reports list them."""

    number: int

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[Finding]:
        return (_finding(index, self.number) for index in range(self.number))

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        if isinstance(index, slice):
            return [_finding(each, self.number) for each in range(self.number)[index]]
        return _finding(range(self.number)[index], self.number)


def _finding(index: int, number: int) -> Finding:
    rule = index * _RULES // number
    group = _GROUP.format(index // 1000)
    resource_id = f"{group}/providers/Microsoft.Storage/storageAccounts/st{index:09}"
    evidence = Evidence(
        "properties.publicNetworkAccess", "equals", "Disabled", "Enabled", source="arm", api_version="2024-01-01"
    )
    return Finding(
        rule_id=_rule_id(rule),
        severity=_severity(rule),
        status=Status.FAIL,
        resource_id=resource_id,
        resource_type="Microsoft.Storage/storageAccounts",
        message=f"Public access to storage off: publicNetworkAccess of st{index:09} is Enabled, expected Disabled.",
        workload="chat01",
        component="storage",
        location="eastus2",
        evidence=(evidence,),
        remediation_cli=f"az storage account update --ids {resource_id} --public-network-access Disabled",
        fingerprint=f"{index:032x}",
        collected_at="2024-02-06T10:00:00Z",
        controls={"openai-chat": ("STOR-NET-001",), "mcsb-v1": ("NS-2",)},
    )


def _rule_id(rule: int) -> str:
    return f"storage-rule-{rule:03}"


def _severity(rule: int) -> Severity:
    return list(Severity)[rule * len(Severity) // _RULES]


def report(number: int) -> Report:
    """Return a report of that many failures of a hundred rules; always the same for the same number."""
    rules = [
        RuleInfo(_rule_id(each), "Public access to storage off", _severity(each), "An open endpoint takes calls from anywhere.",
                 "Set publicNetworkAccess to Disabled.", ("https://learn.microsoft.com/azure/storage/",),
                 {"openai-chat": ("STOR-NET-001",)}, f"rules/storage/{_rule_id(each)}.yaml", 1)
        for each in range(_RULES)
    ]  # fmt: skip
    return Report(
        tool_version="0.1.0",
        baseline_name="openai-chat",
        baseline_version="2024.1",
        snapshot=SnapshotIdentity("0" * 64, "2024-02-06T10:00:00Z", {}),
        as_of=datetime(2024, 2, 6, 12, tzinfo=UTC),
        as_of_source="snapshot",
        rules={rule.id: rule for rule in rules},
        resources=number,
        findings=GeneratedFindings(number),
        gaps=(),
    )


def _measure(name: str, number: int) -> None:
    """Write one format and print seconds, bytes and the most memory in MB."""
    with tempfile.TemporaryFile() as file:
        started = time.perf_counter()
        chosen = named(name)
        stream = LogSafeStream(file, chosen.hash_sign)
        chosen.write(report(number), stream, View(include_passed=True))
        stream.finish()
        seconds, size = time.perf_counter() - started, file.tell()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{seconds:.1f} {size} {peak:.0f}")


def main() -> int:
    """Measure each format in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("formats", nargs="*", default=STREAMED, metavar="FORMAT")
    parser.add_argument("--findings", type=int, default=1_000_000)
    parser.add_argument("--limit", type=int, default=250, help="MB of memory that a format may take")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        _measure(given.formats[0], given.findings)
        return 0
    worst = 0
    for name in given.formats:
        arguments = [sys.executable, "-m", "benchmarks.formats", name, "--alone", "--findings", str(given.findings)]
        root = Path(__file__).parents[1]
        told = subprocess.run(arguments, check=True, capture_output=True, text=True, cwd=root)  # noqa: S603 - our own script
        seconds, size, peak = told.stdout.split()
        print(
            f"{name:14} {given.findings:>10,} findings {seconds:>8} s {int(size) / 1e6:>10,.0f} MB written {peak:>6} MB of memory"
        )
        worst = max(worst, int(peak))
    return 1 if worst > given.limit else 0


if __name__ == "__main__":
    sys.exit(main())
