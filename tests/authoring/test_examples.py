"""A rule's examples are its tests: the verdict, the evidence, and what is said when they do not hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from auditor.analysis.contract import Analysis
from auditor.analysis.fact import Fact, Known, Record, fact, record
from auditor.authoring import examples, mutants
from auditor.rulebook.load import Words
from tests.estates.catalogues import catalogue_of
from tests.estates.things import RULE, write_rule

CATALOGUE = catalogue_of(
    """
Microsoft.Storage/storageAccounts:
  properties.minimumTlsVersion:
  properties.provisioningState:
Microsoft.CognitiveServices/accounts:
  properties.publicNetworkAccess: {default: Enabled}
  properties.networkAcls.defaultAction: {default: Allow}
  properties.networkAcls.ipRules[*].value:
Microsoft.Network/networkSecurityGroups:
  properties.securityRules[*].name:
  properties.securityRules[*].properties.access:
  properties.securityRules[*].properties.sourceAddressPrefix:
  properties.securityRules[*].properties.sourceAddressPrefixes[*]:
  properties.securityRules[*].properties.destinationPortRange:
  properties.securityRules[*].properties.destinationPortRanges[*]:
Microsoft.Network/privateEndpoints:
  properties.privateLinkServiceConnections[*].properties.privateLinkServiceId:
  properties.privateLinkServiceConnections[*].properties.privateLinkServiceConnectionState.status:
"""
)


@record
class Opening(Record):
    ports: str
    by: str


@fact("network.opening", subject="the thing")
class Openings(Fact):
    zone: str
    open: Known[tuple[Opening, ...]]


@fact("table.row", subject="the thing")
class TableRow(Fact):
    status: str
    key: Mapping[str, str]


FACTS = {kind.fact_kind: Analysis(kind.fact_kind, lambda _: [], (kind,)) for kind in (Openings, TableRow)}
HEAD = "title: A title\nseverity: low\nrationale: A reason.\nremediation: {text: A remedy.}\n"
RULES = {
    "a parameter, letter case, and what absence means": """\
id: storage-tls-floor
declares: {versions: {type: array, default: [TLS1_2, TLS1_3], description: What will do.}}
applies: {type: Microsoft.Storage/storageAccounts, when: {field: provisioningState, notEquals: Deleting}}
require: {field: minimumTlsVersion, in: "[parameters('versions')]"}
evidence: [sku.name]
examples:
  - {name: lower case, resource: {properties: {minimumTlsVersion: tls1_3}, sku: {name: LRS}}, verdict: pass,
     evidence: [{path: sku.name, actual: LRS, operator: context}]}
  - {name: too old, resource: {properties: {MinimumTLSVersion: TLS1_1}}, verdict: fail,
     evidence: [{path: properties.MinimumTLSVersion, actual: TLS1_1, expected: [TLS1_2, TLS1_3]}]}
  - {name: nothing set, resource: {properties: {minimumTlsVersion: null}}, verdict: fail}
  - {name: going away, resource: {properties: {provisioningState: deleting}}, verdict: not-applicable}
  - {name: narrower, parameters: {versions: [TLS1_3]}, resource: {properties: {minimumTlsVersion: TLS1_2}}, verdict: fail}
""",
    "alternatives, a default, address ranges, and data that is missing": """\
id: cognitive-closed
declares: {ranges: {type: array, default: [192.0.2.0/24, "2001:db8::/48"], description: What will do.}}
applies: {type: Microsoft.CognitiveServices/accounts}
require:
  anyOf:
    - {field: publicNetworkAccess, equals: Disabled}
    - allOf:
        - {field: networkAcls.defaultAction, equals: Deny, default: Allow}
        - every:
            in: networkAcls.ipRules[*]
            where:
              count:
                value: "[parameters('ranges')]"
                name: range
                where: {value: "[ipRangeContains(current('range'), current('networkAcls.ipRules[*].value'))]", equals: true}
              greater: 0
examples:
  - {name: switched off, resource: {properties: {publicNetworkAccess: DISABLED}}, verdict: pass}
  - {name: nothing set is open, resource: {}, verdict: fail,
     evidence: [{path: properties.networkAcls.defaultAction, actual: null, assumed: Allow}]}
  - name: one address too many
    resource: {properties: {networkAcls: {defaultAction: deny, ipRules: [{value: 192.0.2.7}, {value: 198.51.100.0/30}]}}}
    verdict: fail
    evidence: [{path: "properties.networkAcls.ipRules[1]"}]
  - name: both families
    resource: {properties: {networkAcls: {defaultAction: Deny, ipRules: [{value: 192.0.2.128/25}, {value: "2001:db8::1"}]}}}
    verdict: pass
  - name: not an address
    resource: {properties: {networkAcls: {defaultAction: Deny, ipRules: [{value: office}]}}}
    verdict: unknown
  - {name: not read, resource: {}, uncollected: [properties.networkAcls], verdict: unknown}
""",
    "what a related resource is related to in turn, and what of it is not known": """\
id: storage-endpoint-near
applies: {type: Microsoft.Storage/storageAccounts}
require:
  any:
    related: privateEndpoint
    where: {any: {related: subnet, where: {field: name, equals: near}}}
examples:
  - name: near
    resource: {id: /s/a}
    related: {privateEndpoint: [{name: pe1}, {name: pe2, related: {subnet: [{name: far}, {name: near}]}}]}
    verdict: pass
  - {name: far, resource: {id: /s/a}, related: {privateEndpoint: [{name: pe, related: {subnet: [{name: far}]}}]}, verdict: fail}
  - name: the subnet of the endpoint is not known
    resource: {id: /s/a}
    related: {privateEndpoint: [{name: pe, uncollected: ["related:subnet"]}]}
    verdict: unknown
  - name: the name of the subnet is not known
    resource: {id: /s/a}
    related: {privateEndpoint: [{name: pe, related: {subnet: [{uncollected: [name]}]}}]}
    verdict: unknown
""",
    "lists in lists, and ranges of ports": """\
id: nsg-ssh-closed
applies: {type: Microsoft.Network/networkSecurityGroups}
require:
  none:
    in: securityRules[*]
    where:
      allOf:
        - {field: "securityRules[*].access", equals: Allow}
        - anyOf:
            - {field: "securityRules[*].sourceAddressPrefix", in: ["*", Internet]}
            - any:
                in: "securityRules[*].sourceAddressPrefixes[*]"
                where: {field: "securityRules[*].sourceAddressPrefixes[*]", equals: "*"}
        - anyOf:
            - {value: "[portRangeContains(current('securityRules[*].destinationPortRange'), 22)]", equals: true}
            - {value: "[portRangeContains(first(field('securityRules[*].destinationPortRanges')), 22)]", equals: true}
examples:
  - name: hidden in a range of the second rule
    resource: {properties: {securityRules: [
      {name: web, properties: {access: Allow, sourceAddressPrefix: "*", destinationPortRange: "443"}},
      {name: ops, properties: {access: allow, sourceAddressPrefix: internet, destinationPortRange: 20-25}}]}}
    verdict: fail
    evidence: [{path: "properties.securityRules[1]", name: ops}]
  - name: hidden in lists
    resource: {properties: {securityRules: [
      {properties: {access: Allow, sourceAddressPrefixes: [10.0.0.0/8, "*"], destinationPortRanges: ["443", "22"]}}]}}
    verdict: fail
  - name: denied
    resource: {properties: {securityRules: [
      {properties: {access: Deny, sourceAddressPrefix: "*", destinationPortRange: "22"}}]}}
    verdict: pass
  - {name: no rules, resource: {properties: {}}, verdict: pass}
""",
    "related resources, counted": """\
id: ml-endpoint-approved
declares: {least: {type: integer, default: 1, description: What will do.}}
applies: {type: Microsoft.MachineLearningServices/workspaces, when: {field: kind, notIn: [Project]}}
require:
  count:
    related: privateEndpoint
    where:
      any:
        in: Microsoft.Network/privateEndpoints/privateLinkServiceConnections[*]
        where:
          allOf:
            - {field: "privateLinkServiceConnections[*].privateLinkServiceId", equals: "[subject('id')]"}
            - {field: "privateLinkServiceConnections[*].privateLinkServiceConnectionState.status", equals: Approved}
  greaterOrEquals: "[parameters('least')]"
examples:
  - name: approved, the id in another case and with a slash
    resource: {id: /subscriptions/s/w, kind: Hub}
    related: {privateEndpoint: [{id: /p, properties: {privateLinkServiceConnections: [{properties: {
      privateLinkServiceId: /Subscriptions/S/W/, privateLinkServiceConnectionState: {status: approved}}}]}}]}
    verdict: pass
  - name: pending
    resource: {id: /subscriptions/s/w}
    related: {privateEndpoint: [{id: /p, properties: {privateLinkServiceConnections: [{properties: {
      privateLinkServiceId: /subscriptions/s/w, privateLinkServiceConnectionState: {status: Pending}}}]}}]}
    verdict: fail
    evidence: [{path: related(privateEndpoint), expected: count >= 1, actual: 0}]
  - {name: endpoints were not read, resource: {id: /w}, uncollected: ["related:privateEndpoint"], verdict: unknown}
  - {name: none are wanted, parameters: {least: 0}, resource: {id: /w}, uncollected: ["related:privateEndpoint"], verdict: pass}
  - {name: a project, resource: {id: /w, kind: project}, verdict: not-applicable}
""",
    "a derived fact": """\
id: subnet-not-open
applies: {fact: network.opening, when: {field: zone, equals: Internet}}
require: {every: {in: "open[*]", where: {field: "open[*].ports", in: ["443"]}}}
evidence: ["open[*].by"]
examples:
  - {name: closed, resource: {zone: Internet, open: []}, verdict: pass}
  - {name: web only, resource: {zone: Internet, open: [{ports: 443, by: r1}]}, verdict: pass}
  - {name: more, resource: {zone: internet, open: [{ports: "443", by: r1}, {ports: "22", by: r2}]}, verdict: fail,
     evidence: [{path: "open[1].ports", actual: "22"}, {path: "open[1].by", actual: r2}]}
  - {name: inside, resource: {zone: Vnet, open: [{ports: "22"}]}, verdict: not-applicable}
  - {name: not derived, resource: {zone: Internet}, uncollected: [open], verdict: unknown}
""",
    "a row of a table that is compared": """\
id: role-row-approved
declares: {tolerate: {type: array, default: [], description: What will do.}}
applies: {fact: table.row}
require: {anyOf: [{field: status, equals: matched}, {field: status, in: "[parameters('tolerate')]"}]}
evidence: [key]
examples:
  - {name: approved, resource: {status: matched}, verdict: pass}
  - name: nobody approved it
    resource: {status: unexpected, key: {role: owner}}
    verdict: fail
    evidence: [{path: key, actual: {ROLE: Owner}}]
  - {name: tolerated, parameters: {tolerate: [missing]}, resource: {status: Missing}, verdict: pass}
""",
}  # fmt: skip


@pytest.mark.parametrize("what", RULES)
def test_rules_say_what_their_examples_expect(tmp_path: Path, what: str) -> None:
    rule = write_rule(tmp_path, RULES[what].replace("\n", f"\n{HEAD}", 1), words=Words(CATALOGUE, FACTS))

    assert {outcome.example.name: outcome.problems for outcome in examples.run(rule) if outcome.problems} == {}
    assert list(mutants.mutants_of(rule))


def test_an_example_that_does_not_hold_says_what_is_there_instead(tmp_path: Path) -> None:
    text = RULE + (
        "  - {name: wrong status, resource: {properties: {color: green}}, verdict: pass}\n"
        "  - {name: wrong evidence, resource: {properties: {color: green}}, verdict: fail, evidence: [{actual: blue}]}\n"
        "  - {name: wrong path, resource: {properties: {color: green}}, verdict: fail, evidence: [{path: properties.col}]}\n"
        "  - {name: not read, resource: {}, uncollected: [color], verdict: fail}\n"
    )

    problems = {one.example.name: one.problems for one in examples.run(write_rule(tmp_path, text))}

    assert problems == {
        "red": [],
        "blue": [],
        "wrong status": ["is fail, expected pass"],
        "wrong evidence": ["lacks the evidence {'actual': 'blue'}; it has properties.color='green'"],
        "wrong path": ["lacks the evidence {'path': 'properties.col'}; it has properties.color='green'"],
        "not read": ["is unknown, expected fail (not collected)"],
    }


def test_the_time_of_judgement_in_examples_is_fixed(tmp_path: Path) -> None:
    text = RULE.replace("{field: color, equals: red}", "{field: color, less: '[utcNow()]'}")
    text = text.replace("color: Red", "color: 2024-02-29T23:59:59.9999999Z").replace(
        "color: blue", "color: 2024-03-01T00:00:00Z"
    )

    assert [one.problems for one in examples.run(write_rule(tmp_path, text))] == [[], []]
