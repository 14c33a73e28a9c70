"""Baselines as packages: a folder with rules, tables, components and estates of its own, and what it takes away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditor.cli.app import command_line
from auditor.errors import ContentError
from auditor.rulebook import in_force
from auditor.rulebook.baseline import Baseline, load
from auditor.rulebook.in_force import Selection

RULE = """\
id: queue-holder-https-only
title: HTTPS only for the holder of the queue
severity: high
rationale: Anything else can be read on the way.
remediation: {text: Require secure transfer.}
parameters: [must_encrypt]
applies: {component: queue-holder}
require:
  anyOf:
    - {field: properties.supportsHttpsTrafficOnly, equals: true}
    - {value: "[parameters('must_encrypt')]", equals: false}
examples:
  - {name: encrypted, resource: {properties: {supportsHttpsTrafficOnly: true}}, parameters: {must_encrypt: true}, verdict: pass}
  - {name: clear text, resource: {properties: {supportsHttpsTrafficOnly: false}}, parameters: {must_encrypt: true}, verdict: fail}
  - {name: absent means on, resource: {properties: {}}, parameters: {must_encrypt: true}, verdict: pass}
  - {name: allowed, resource: {properties: {supportsHttpsTrafficOnly: false}}, parameters: {must_encrypt: false}, verdict: pass}
"""
BASELINE = """\
name: jobs
version: "1"
rules: [storage-minimum-tls]
parameters:
  tls_min: {type: string, default: "1.2", description: Oldest.}
  must_encrypt: {type: boolean, default: true, description: Whether.}
  subnet_roles: {type: object, default: {apps: null, jobs: null}, description: Subnets.}
components:
  queue-holder: {title: storage, types: [Microsoft.Storage/storageAccounts], required: true, anchor: 1}
  app: {title: app, types: [Microsoft.Web/sites], required: true, reach: [{from: [queue-holder], related: [child]}]}
  spare:
    types: [Microsoft.Web/sites]
    reach: [{from: [app, queue-holder], related: [child]}, {from: app, related: [child]}]
    exclude: [app]
  new-part: {types: [Microsoft.Web/sites], since: "2025-01"}
editions: ["2024-06", "2025-01"]
tables:
  roles:
    rows:
      - {principal: app, scope: queue-holder, role: Reader}
      - {principal: app, scope: queue-holder, role: Owner, until: "2025-01"}
      - {principal: spare, scope: queue-holder, role: Reader}
  traffic: {subnets: {subnet/apps: {inbound: {may: []}}, subnet/jobs: {inbound: {may: []}}}}
controls: {jobs: controls.yaml}
estates: [{file: estate.json, as_of: "2025-02-01T00:00:00Z"}]
"""
CONTROLS = """\
controls:
  - id: JOB-1
    title: Encrypted
    severity: high
    legs: [{asks: The holder of the queue speaks HTTPS, rule: queue-holder-https-only, example: clear text}]
  - {id: JOB-2, title: Looked at, severity: low, legs: [{asks: Somebody looks, manual: Look at the jobs that ran last week.}]}
"""
ACCOUNT = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st"


def estate(*, https: bool = True) -> str:
    account = {
        "id": ACCOUNT,
        "name": "st",
        "type": "Microsoft.Storage/storageAccounts",
        "properties": {"supportsHttpsTrafficOnly": https, "minimumTlsVersion": "TLS1_2"},
    }
    return json.dumps({"resources": [account]})


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "jobs"
    (folder / "rules" / "storage").mkdir(parents=True)
    (folder / "rules" / "storage" / "queue-holder-https-only.yaml").write_text(RULE)
    (folder / "baseline.yaml").write_text(BASELINE)
    (folder / "controls.yaml").write_text(CONTROLS)
    (folder / "estate.json").write_text(estate())
    return folder


def over(folder: Path, text: str) -> Path:
    path = folder / "team.yaml"
    path.write_text(f'name: team\nversion: "1"\nextends: baseline.yaml\n{text}')
    return path


def read(path: Path, edition: str = "") -> Baseline:
    return load(f"{path}{edition}", path.parent / "none")


def auditor(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(command_line(), [str(each) for each in arguments])
    return result.exit_code, result.output


def ids_in_force(path: Path) -> list[str]:
    return [rule.id for rule in in_force.load(Selection(str(path))).in_force]


def test_the_rules_of_a_package_are_in_force_without_being_named(package: Path) -> None:
    rules = in_force.load(Selection(str(package)))

    assert [rule.id for rule in rules.in_force] == ["queue-holder-https-only", "storage-minimum-tls"]
    assert rules.rules["queue-holder-https-only"].controls == {"jobs": ["JOB-1"]}  # the legs say so


def test_the_rules_of_a_package_that_are_given_besides_are_read_once(package: Path) -> None:
    assert len(in_force.load(Selection(str(package), [package / "rules"])).in_force) == 2


def test_an_overlay_has_the_rules_of_the_package_below_until_it_takes_them_away(package: Path) -> None:
    gone = "remove: {rules: [queue-*], controls: [JOB-1], parameters: [must_encrypt]}"

    assert len(ids_in_force(over(package, ""))) == 2
    assert ids_in_force(over(package, gone)) == ["storage-minimum-tls"]


def test_what_an_overlay_takes_away_is_gone_wherever_it_was_named(package: Path) -> None:
    text = """\
remove:
  components: [app]
  parameters: [tls_min, subnet_roles.jobs]
  rows: {roles: [{principal: app}], traffic: [subnet/jobs]}
"""
    found = read(over(package, text))

    assert list(found.components) == ["queue-holder", "spare", "new-part"]
    assert found.components["spare"] == {
        "types": ["Microsoft.Web/sites"],
        "reach": [{"from": ["queue-holder"], "related": ["child"]}],
        "exclude": [],
    }
    assert found.tables["roles"] == {"rows": [{"principal": "spare", "scope": "queue-holder", "role": "Reader"}]}
    assert list(found.tables["traffic"]["subnets"]) == ["subnet/apps"]
    assert sorted(found.parameters) == sorted(found.declared) == ["must_encrypt", "subnet_roles"]
    assert found.parameters["subnet_roles"] == {"apps": None}


def test_an_overlay_declares_parameters_keys_of_parameters_components_and_rows(package: Path) -> None:
    text = """\
declares:
  limit: {type: integer, default: 3, description: How many.}
  subnet_roles: {type: object, default: {agents: snet-a}, description: Further subnets.}
parameters: {subnet_roles: {agents: snet-b}, limit: 4}
components: {agents: {types: [Microsoft.Network/virtualNetworks/subnets], fallback: subnet_roles.agents}}
rows: {roles: [{principal: agents, scope: queue-holder, role: Reader}]}
"""
    found = read(over(package, text))

    assert (found.parameters["limit"], found.declared["limit"].default) == (4, 3)
    assert found.parameters["subnet_roles"] == {"apps": None, "jobs": None, "agents": "snet-b"}
    assert list(found.components)[-1] == "agents"
    assert [row["principal"] for row in found.tables["roles"]["rows"]] == ["agents", "app", "spare"]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("remove: {components: [apps]}", "4:23", "no baseline below has a component 'apps'"),
        ("remove: {parameters: [tls_mni]}", "4:23", "no baseline below declares a parameter 'tls_mni'"),
        ("remove: {parameters: [subnet_roles.x]}", "4:23", "no baseline below declares a parameter 'subnet_roles.x'"),
        (
            "remove: {rows: {roles: [{principal: nobody}]}}",
            "4:25",
            "the table 'roles' of the baseline below has no such row",
        ),
        (
            "remove: {rows: {traffic: [subnet/none]}}",
            "4:27",
            "the table 'traffic' of the baseline below has no such row",
        ),
        ("remove: {rows: {none: [a]}}", "4:23", "no baseline below has a table 'none'"),
        ("remove: {rules: [nothing-*]}", "4:18", "the glob '!nothing-*' matches no rule"),
        ("remove: {controls: [JOB-9]}", "4:21", "no control of a baseline below matches 'JOB-9'"),
        (
            "declares: {tls_min: {type: string, default: x, description: Again.}}",
            "4:21",
            "declares the parameter 'tls_min' already",
        ),
        (
            "declares: {subnet_roles: {type: object, default: {apps: x}, description: Again.}}",
            "4:57",
            "has 'apps' already",
        ),
        ("rows: {none: [{a: b}]}", "4:14", "no baseline below has a table 'none'"),
        ("rows: {traffic: [{a: b}]}", "4:17", "the table 'traffic' has no list of rows"),
        ("controls_as: {none: mine}", "4:21", "no baseline below brings controls of 'none'"),
        ("remove: {component: [app]}", "4:10", "unknown key 'component' in remove"),
        ("components: {a: {types: [], since: '2023-01'}}", "4:17", "the baseline has no edition 2023-01"),
    ],
)
def test_taking_away_or_declaring_what_cannot_be_is_an_error_with_its_place(
    package: Path, text: str, place: str, message: str
) -> None:
    path = over(package, text)

    with pytest.raises(ContentError) as raised:
        in_force.load(Selection(str(path)))

    assert f"{path}:{place}: " in raised.value.message
    assert message in raised.value.message


def test_the_controls_of_the_baseline_below_can_be_carried_on_under_another_name(package: Path) -> None:
    rules = in_force.load(Selection(str(over(package, "controls_as: {jobs: tasks}\nremove: {controls: [JOB-2]}"))))

    assert list(rules.frameworks) == ["tasks"]
    assert list(rules.frameworks["tasks"].controls) == ["JOB-1"]
    assert rules.rules["queue-holder-https-only"].controls == {"tasks": ["JOB-1"]}


def test_an_edition_has_the_rows_and_components_of_its_time(package: Path) -> None:
    old, new, latest = (read(package / "baseline.yaml", edition) for edition in ("@2024-06", "@2025-01", ""))

    assert [row["role"] for row in old.tables["roles"]["rows"]] == ["Reader", "Owner", "Reader"]
    assert [row["role"] for row in new.tables["roles"]["rows"]] == ["Reader", "Reader"]
    assert ("new-part" in old.components, "new-part" in new.components) == (False, True)
    assert latest.tables == new.tables
    assert "since" not in latest.components["new-part"]


def test_an_overlay_without_editions_of_its_own_is_asked_for_those_below(package: Path) -> None:
    path = over(package, "")

    assert len(read(path, "@2024-06").tables["roles"]["rows"]) == 3
    with pytest.raises(ContentError, match="the baseline has no edition 2023-01"):
        read(path, "@2023-01")


def test_validate_runs_the_examples_and_judges_the_estates_of_a_package(package: Path) -> None:
    sentence = "jobs 1: 2 rules in force, 4 examples of its own rules, 1 estates tried, "
    assert auditor("baseline", "validate", package) == (0, f"{sentence}no mistakes\n")

    (package / "estate.json").write_text(estate(https=False))
    code, output = auditor("baseline", "validate", package)

    assert code == 1
    assert "baseline.yaml:25:11: queue-holder-https-only fails in estate.json: " + ACCOUNT in output
    assert output.endswith(f"{sentence}1 mistakes\n")


def test_validate_says_what_an_estate_was_to_fail_and_does_not(package: Path) -> None:
    text = BASELINE.replace('Z"}]', 'Z", fails: [queue-holder-https-only], unknown: [storage-minimum-tls]}]')
    (package / "baseline.yaml").write_text(text)

    code, output = auditor("baseline", "validate", package)

    assert code == 1
    assert "it says that queue-holder-https-only fails in estate.json, and it does not" in output
    assert "it says that storage-minimum-tls has no answer in estate.json, and it does not" in output


def test_validate_notices_a_wrong_example_of_a_package(package: Path) -> None:
    (package / "rules" / "storage" / "queue-holder-https-only.yaml").write_text(
        RULE.replace("{must_encrypt: false}, verdict: pass", "{must_encrypt: false}, verdict: fail")
    )
    code, output = auditor("baseline", "validate", package)

    assert code == 1
    assert "allowed" in output


def test_rule_test_proves_the_rules_of_a_package(package: Path) -> None:
    code, output = auditor("rule", "test", "queue-*", "--baseline", package)

    assert (code, output.splitlines()[-1].split(",")[0]) == (0, "1 rules"), output


def test_two_editions_of_a_baseline_are_compared(package: Path) -> None:
    code, output = auditor("baseline", "diff", f"{package}@2024-06", f"{package}@2025-01", "-o", "json")

    changes = json.loads(output)["changes"]
    assert code == 0
    assert [(each["change"], each["part"], each["name"]) for each in changes] == [
        ("added", "component", "new-part"),
        ("removed", "row", "app, queue-holder, Owner"),
    ]
    assert changes[1]["table"] == "roles"


def test_two_baselines_are_compared_in_words(package: Path) -> None:
    path = over(package, "settings: {storage-minimum-tls: {severity: low}}\nremove: {controls: [JOB-2]}")

    _, table = auditor("baseline", "diff", package, path)
    _, markdown = auditor("baseline", "diff", package, path, "--output", "markdown")

    assert "severity: medium → low" in table
    assert table.endswith("jobs@2025-01 → team@2025-01: 0 added, 1 removed, 1 changed\n")
    assert "## Controls" in markdown
    assert "| removed  | `JOB-2`   | Looked at |" in markdown
