"""A property that a component is reached by must be one that resources of its origin's type can have."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import ContentError
from auditor.rulebook import in_force
from auditor.rulebook.in_force import Selection

BASELINE = """\
name: agents
version: "1"
rules: [storage-minimum-tls]
parameters: {{tls_min: {{type: string, default: "1.2", description: Oldest.}}}}
components:
  foundry: {{title: account, types: [Microsoft.CognitiveServices/accounts], required: true, anchor: 1, where: [{where}]}}
  egress: {{title: subnet, types: [Microsoft.Network/virtualNetworks/subnets], reach: [{{from: foundry, property: "{path}"}}]}}
"""
ACCOUNTS = "Microsoft.CognitiveServices/accounts"


def load(folder: Path, path: str, where: str = "", *, beside: bool = False) -> None:
    text = BASELINE.format(path=path, where=where)
    if beside:
        head, _, components = text.partition("components:\n")
        text = f"{head}components: components.yaml\n"
        (folder / "components.yaml").write_text(components)
    (folder / "baseline.yaml").write_text(text)
    in_force.load(Selection(str(folder / "baseline.yaml")))


@pytest.mark.parametrize(
    "path",
    [
        "properties.networkInjections[*].subnetArmId",
        "PROPERTIES.networkinjections[*].SUBNETARMID",
        "properties.networkInjections",
        "identity.principalId",
    ],
)
def test_a_path_that_the_type_s_file_names_is_fine(tmp_path: Path, path: str) -> None:
    load(tmp_path, path)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("properties.networkInjections.0.subnetArmId", r"0 is a place in a list; write \[\*\]"),
        ("properties.networkInjections[0].subnetArmId", r"leads nowhere.*did you mean 'properties.networkInjections\["),
        ("properties.networkInjection[*].subnetArmId", "leads nowhere.*did you mean"),
        ("properties.networkInjections[*].subnetArmId.id", "leads nowhere"),
        ("networkInjections[*].subnetArmId", "leads nowhere"),
        ("properties..subnetArmId", "is no property path"),
    ],
)
@pytest.mark.parametrize("beside", [False, True])
def test_a_path_that_leads_nowhere_is_an_error_with_its_place(
    tmp_path: Path, path: str, message: str, *, beside: bool
) -> None:
    with pytest.raises(ContentError, match=message) as caught:
        load(tmp_path, path, beside=beside)

    file, line = ("components.yaml", 2) if beside else ("baseline.yaml", 7)
    assert str(caught.value).startswith(f"{tmp_path}/{file}:{line}:")


def test_so_is_one_in_a_condition(tmp_path: Path) -> None:
    load(tmp_path, "identity.principalId", '{path: properties.allowProjectManagement, in: ["true"]}')
    with pytest.raises(ContentError, match=r"'properties\.allowProjects' leads nowhere") as caught:
        load(tmp_path, "identity.principalId", '{path: properties.allowProjects, in: ["true"]}')
    assert str(caught.value).startswith(f"{tmp_path}/baseline.yaml:6:")


def test_a_package_s_own_file_of_the_type_adds_a_property(tmp_path: Path) -> None:
    types = tmp_path / "types" / f"{ACCOUNTS}.yaml"
    types.parent.mkdir(parents=True)
    types.write_text(f"type: {ACCOUNTS}\nproperties: {{properties.agentSubnet.id: }}\n")
    load(tmp_path, "properties.agentSubnet.id")


def test_of_a_type_that_no_file_describes_nothing_is_known_to_be_wrong(tmp_path: Path) -> None:
    text = BASELINE.format(path="properties.anything.id", where="").replace(ACCOUNTS, "Contoso.Test/things")
    (tmp_path / "baseline.yaml").write_text(text)
    in_force.load(Selection(str(tmp_path / "baseline.yaml")))
