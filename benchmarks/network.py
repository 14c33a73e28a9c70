"""Measure decisions on security groups: from ARM JSON to the excess over a table, with all rules without effect.

Run `python -m benchmarks.network` (`--quick`: a tenth of the many small groups). It fails where a limit is broken:
1.5 s for 1,000 rules, 2 ms for a group of 20 (median), 30 s for 10,000 groups of 20. With z3-solver installed it prints
how long Z3 takes for the same question (is there excess), without rules and reasons; both must agree.
"""

from __future__ import annotations

import ipaddress
import random
import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final

from auditor.azure import addresses
from auditor.network.address_book import Surroundings
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.likeness import Sketches
from auditor.network.search import Search
from auditor.network.security_groups import parse_group
from auditor.network.security_rules import Direction, Match, parse_match
from auditor.truth import Truth

Rule = dict[str, Any]
LARGE, LARGE_SECONDS = 1000, 1.5
SMALL, SMALL_SECONDS = 20, 0.002
GROUPS, GROUPS_SECONDS = 10_000, 30.0
SPACE, SUBNET = "10.0.0.0/16", "10.0.1.0/24"
ROW: Final[Rule] = {
    "protocol": "Tcp",
    "sourceAddressPrefix": "Internet",
    "sourcePortRange": "*",
    "destinationAddressPrefix": "*",
    "destinationPortRange": "443",
}
AROUND: Final = Surroundings(addresses.must_parse(SPACE))
LOCAL: Final = addresses.must_parse(SUBNET)
TAGS: Final = ("Internet", "VirtualNetwork", "*", "AzureLoadBalancer")


def realistic(chance: random.Random, count: int) -> list[Rule]:
    """Return rules as people write them: few ports, tags, subnets and customer networks."""
    sources = [*TAGS, *(f"10.{chance.randrange(20)}.{chance.randrange(20)}.0/24" for _ in range(count // 3 + 2))]
    sources += [f"203.0.{chance.randrange(200)}.0/24" for _ in range(count // 3 + 2)]
    targets = ["*", "VirtualNetwork", *(f"10.0.1.{chance.randrange(256)}" for _ in range(count // 4 + 2))]
    ports = ["22", "80", "443", "3389", "1433", "*", "8080-8090", "5432"]
    return [_rule(chance, place, sources, targets, ports) for place in range(count)]


def scattered(chance: random.Random, count: int) -> list[Rule]:
    """Return rules that share nothing: the worst that exact decisions meet."""

    def prefix(*_: object) -> str:
        lengths = (8, 12, 16, 20, 24)
        return f"{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}.0/{chance.choice(lengths)}"

    sources = [prefix() for _ in range(count)]
    targets = [f"10.0.1.{chance.randrange(256)}/{chance.choice((25, 26, 28, 30, 32))}" for _ in range(count)]
    starts = [chance.randrange(65000) for _ in range(count)]
    return [_rule(chance, place, sources, targets, [f"{s}-{s + 500}" for s in starts]) for place in range(count)]


def _rule(chance: random.Random, place: int, sources: list[str], targets: list[str], ports: list[str]) -> Rule:
    return {
        "name": f"r{place}",
        "priority": 100 + place,
        "direction": "Inbound",
        "access": chance.choice(("Allow", "Deny")),
        "protocol": chance.choice(("Tcp", "Udp", "*")),
        "sourceAddressPrefix": chance.choice(sources),
        "sourcePortRange": "*",
        "destinationAddressPrefix": chance.choice(targets),
        "destinationPortRange": chance.choice(ports),
    }


def judge(rules: list[Rule], row: Match, *, with_effects: bool = True) -> Truth:
    """Return whether the group lets in more than the row, after reading it and finding its idle rules."""
    layer = Filter(parse_group("g", {"securityRules": rules}), Direction.INBOUND, AROUND)
    asked = Search(
        FilterChain((layer,), AROUND, addresses.IPV4, LOCAL), [row], Sketches(0)
    )  # as if nothing was asked before
    answer = asked.excess([row])
    if with_effects and asked.decided is not None:
        asked.decided.effects()
    return answer.truth


def timed(work: Callable[[], object]) -> float:
    """Return the processor time that a piece of work takes, in seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> int:
    """Print what each size takes; return 1 above a limit or where Z3 disagrees."""
    many = GROUPS // 10 if "--quick" in sys.argv else GROUPS
    row, _ = parse_match(ROW)
    failed = False
    for make in (realistic, scattered):
        for size in (SMALL, 200, LARGE):
            rules = make(random.Random(1), size)  # noqa: S311 - the same rules in each run
            seconds = timed(lambda rules=rules: judge(rules, row))  # type: ignore[misc]
            failed |= size == LARGE and seconds > LARGE_SECONDS
            print(f"{make.__name__:10} {size:5} rules {seconds * 1000:8.1f} ms{_against_z3(rules, row)}")
    groups = [realistic(random.Random(seed), SMALL) for seed in range(many)]  # noqa: S311 - as above
    each = [timed(lambda rules=rules: judge(rules, row)) for rules in groups]  # type: ignore[misc]
    total, median = sum(each), statistics.median(each)
    print(f"{many} groups of {SMALL} rules: {total:.1f} s, median {median * 1000:.2f} ms")
    failed |= median > SMALL_SECONDS or total > GROUPS_SECONDS * many / GROUPS
    return int(failed)


def _against_z3(rules: list[Rule], row: Match) -> str:
    if find_spec("z3") is None:
        return ""
    own = timed(lambda: judge(rules, row, with_effects=False))
    found: list[bool] = []
    solver = timed(lambda: found.append(_excess_by_z3(rules)))
    answer = judge(rules, row, with_effects=False) is Truth.YES
    if found != [answer]:
        raise SystemExit(f"Z3 says {found[0]}, the diagram {answer}")
    return (
        f"; the question alone {own * 1000:7.1f} ms, Z3 {solver * 1000:8.1f} ms ({solver / max(own, 1e-6):.1f} times)"
    )


def _excess_by_z3(rules: list[Rule]) -> bool:
    """Return whether some TCP or UDP packet over IPv4 passes and is not in the row."""
    import z3  # noqa: PLC0415 - optional

    source, target, kind, port = z3.BitVec("s", 32), z3.BitVec("d", 32), z3.BitVec("k", 1), z3.BitVec("p", 16)

    def within(address: Any, text: str) -> Any:
        network = ipaddress.ip_network(text, strict=False)
        low, high = int(network.network_address), int(network.broadcast_address)
        return z3.And(z3.UGE(address, low), z3.ULE(address, high))

    def named(address: Any, text: str) -> Any:
        network = z3.Or(within(address, SPACE), within(address, "168.63.129.16"))
        if text == "*":
            return z3.BoolVal(val=True)
        if text == "VirtualNetwork":
            return network
        if text == "Internet":
            private = [within(address, one) for one in addresses.prefixes(addresses.NOT_PUBLIC)]
            return z3.And(z3.Not(z3.Or(*private)), z3.Not(network))
        return within(address, "168.63.129.16" if text == "AzureLoadBalancer" else text)

    def matches(rule: Rule) -> Any:
        text = rule["destinationPortRange"]
        first, _, last = text.partition("-")
        ports = (
            z3.BoolVal(val=True) if text == "*" else z3.And(z3.UGE(port, int(first)), z3.ULE(port, int(last or first)))
        )
        kinds = z3.BoolVal(val=True) if rule["protocol"] == "*" else kind == int(rule["protocol"] == "Udp")
        return z3.And(
            kinds, ports, named(source, rule["sourceAddressPrefix"]), named(target, rule["destinationAddressPrefix"])
        )

    fate = named(source, "VirtualNetwork")
    for rule in reversed(rules):
        fate = z3.If(matches(rule), z3.BoolVal(val=rule["access"] == "Allow"), fate)
    solver = z3.Solver()
    solver.add(within(target, SUBNET), fate, z3.Not(matches(ROW)))
    answer = solver.check()
    if answer == z3.unknown:
        raise SystemExit("Z3 does not know")
    return bool(answer == z3.sat)


if __name__ == "__main__":
    sys.exit(main())
