"""Write the first draft of a rule file, with the questions its author has to answer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from auditor import shipped
from auditor.azure.catalogue import Catalogue
from auditor.errors import AuditorError
from auditor.rulebook import load

_DRAFT: Final = """\
id: {rule_id}
title: {title}
severity: medium # critical, high, medium, low or info
rationale: >
  Why does it matter? Say what an attacker, an auditor or an outage would make of the opposite.
remediation:
  text: What should the owner of the resource do?
  cli: az resource update --ids {{id}} --set properties.example=Disabled
references: []
controls: {{}} # framework: [ids], such as mcsb-v1: [NS-2]
parameters: [] # names of the baseline's parameters that it reads
declares: # parameters of its own, which no baseline has
  example_values:
    type: array
    default: [Disabled]
    description: What an organisation may change.
applies:
  type: {resource_type}
require: # what must hold, in Azure Policy's words
  field: properties.example
  in: "[parameters('example_values')]"
  default: Enabled # what Azure applies when the property is absent; leave it out if absence says nothing
examples: # they are the tests: `auditor rule test {rule_id}`
  - name: set as it should be, in any letter case
    resource: {{properties: {{example: disabled}}}}
    verdict: pass
  - name: set otherwise
    resource: {{properties: {{example: Enabled}}}}
    verdict: fail
  - name: absent means the default
    resource: {{properties: {{}}}}
    verdict: fail
  - name: could not be read
    resource: {{properties: {{}}}}
    uncollected: [properties.example]
    verdict: unknown
"""


def draft(rule_id: str, resource_type: str) -> str:
    """Return a rule file that loads, passes its own examples and says what to fill in."""
    title = rule_id.replace("-", " ").capitalize()
    return _DRAFT.format(rule_id=rule_id, title=title, resource_type=resource_type)


def check(path: Path) -> None:
    """Load a draft. ContentError where its id or type cannot be one, AuditorError where the id is a rule's of the tool."""
    load.load_rule(path, load.Words(Catalogue({}), {}))
    if path.stem in {each.stem for each in load.rule_files(shipped.folder("rules"))}:
        raise AuditorError(f"rule id '{path.stem}' is already used by a rule of the tool", "choose another id")
