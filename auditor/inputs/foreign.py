"""Name the files of this field that hold no deployed estate, each with the command that gives what is needed.

Everything is told apart by content. Nothing here reads a resource: it says why there is none to read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.errors import InputError

EXPORT: Final = "export what is deployed: az graph query -q 'resources' -o json > estate.json, or auditor collect"
_MESSAGES: Final = "look at what it says, and send messages elsewhere than the output (2>messages.txt)"
_DEPLOY: Final = f"deploy it, then {EXPORT}"
Document = Mapping[str, object]


class Foreign(Struct, frozen=True):
    """A kind of file: what it is, in the words of those who have it, and what to give instead."""

    what: str
    hint: str = EXPORT


ACTIVITY_LOG: Final = Foreign(
    "an activity log, which says what was done and not what is deployed", f"give it beside the estate; {EXPORT}"
)
_BICEP: Final = Foreign("a Bicep file, which describes a deployment and not an estate", _DEPLOY)
_TEMPLATE: Final = Foreign("an ARM template, which describes a deployment and not an estate", _DEPLOY)
_STATE: Final = Foreign("a Terraform state, which holds what Terraform knows and not what is deployed")
_CSV: Final = Foreign(
    "CSV, which leaves out the settings of resources", f"JSON is needed; in the portal 'Download as JSON', or {EXPORT}"
)
_DIRECTORY: Final = Foreign(
    "an export of Microsoft Entra ID, which holds the directory and not what is deployed",
    f"say who is in a group by --set group_members.GROUP_ID=[PRINCIPAL_ID, …]; {EXPORT}",
)
_SNAKE_CASE: Final = Foreign(
    "the output of az ml, or of a program in Python, which names settings and their values in other words than Azure",
    f"for one resource, az resource show --ids ID -o json; {EXPORT}",
)
_SCANNER: Final = "the output of {}, which holds its verdicts and not the resources"

# First bytes of what is no text at all.
_BINARY: Final[tuple[tuple[bytes, Foreign], ...]] = (
    (b"PK\x03\x04", Foreign("an Excel workbook or a ZIP archive", f"unpack it, or {EXPORT}")),
    (b"\xd0\xcf\x11\xe0", Foreign("an Excel workbook of the old form")),
    (b"%PDF", Foreign("a PDF document")),
    (b"\x89PNG", Foreign("a picture")),
)
# What texts that are no JSON begin with or hold near their beginning.
_TEXTS: Final[tuple[tuple[re.Pattern[str], Foreign], ...]] = (
    (
        re.compile(r"\s*(\x1b\[\d+m)?(ERROR|WARNING|az *:|Get-Az\w+ *:|Please run 'az login')"),
        Foreign("a message of a command line, or begins with one", f"{_MESSAGES}, or {EXPORT}"),
    ),
    (
        re.compile(r"\s*<\?xml|\s*<[a-zA-Z][\w:-]*[\s/>]|\s*<!DOCTYPE", re.IGNORECASE),
        Foreign("an HTML or XML page", "sign in and export again"),
    ),
    (
        re.compile(
            r"(?m)^\s*(targetScope\s*=|@description\(|param\s+\w+\s+\w+|(resource|module)\s+\w+\s+'[^']+'\s*(existing\s*)?=)"
        ),
        _BICEP,
    ),
    (re.compile(r"(?m)^\s*using\s+'[^']+\.bicep'"), _BICEP),
    (
        re.compile(
            r'(?m)^\s*(resource|data)\s+"\w+"\s+"\w+"\s*\{|^\s*(provider|variable|module|terraform)\s+("[^"]*"\s*)?\{'
        ),
        Foreign("Terraform configuration, which describes a deployment and not an estate", _DEPLOY),
    ),
    (re.compile(r"\s*scoutsuite_results\s*="), Foreign(_SCANNER.format("ScoutSuite"))),
    (
        re.compile(r"(?m)^(-{3,}\s*)?$\s*^-?\s*[A-Za-z$]\w*:\s"),
        Foreign("YAML", f"print JSON instead (-o json), or {EXPORT}"),
    ),
    (re.compile(r"\A-?\s*[A-Za-z$]\w*:(\s|$)"), Foreign("YAML", f"print JSON instead (-o json), or {EXPORT}")),
    (
        re.compile(r"(?m)^-{3,}(\s+-{3,})+\s*$"),
        Foreign("a table for people", f"print JSON instead (-o json), or {EXPORT}"),
    ),
)
_HEAD: Final = 4000


def binary(start: bytes) -> Foreign | None:
    """Return what a file is by its first bytes, where these are no text, or None."""
    return next((foreign for magic, foreign in _BINARY if start.startswith(magic)), None)


def in_text(data: bytes) -> Foreign | None:
    """Return what a text that does not begin like JSON is, or None where it is nothing that is known here."""
    head = data[:_HEAD].decode("utf-8-sig", "replace")
    if "\ufffd" in head or "\0" in head:
        return None
    for pattern, foreign in _TEXTS:
        if pattern.match(head) if pattern.pattern.startswith(r"\s*") else pattern.search(head):
            return foreign
    return _separated(head)


def _separated(head: str) -> Foreign | None:
    """Return CSV (or another table of columns) where the first lines have separators as no sentences have them."""
    plain, *rest = [re.sub(r'"[^"]*"', "", line) for line in head.splitlines() if line.strip()] or [""]
    if re.search(r"[,;](?! )", plain) and not re.search(r"[,;] ", plain):
        return _CSV
    columns = len(re.findall(r"[,;]", plain))
    if columns > 1 and rest and not plain.rstrip().endswith(".") and len(re.findall(r"[,;]", rest[0])) == columns:
        return _CSV
    return Foreign("a table of columns", f"print JSON instead (-o json), or {EXPORT}") if "\t" in plain else None


def _has(*names: str) -> Callable[[Document], bool]:
    return lambda document: all(name in document for name in names)


def _is_template(document: Document) -> bool:
    schema = str(document.get("$schema") or "").lower()
    listed = document.get("resources")
    if isinstance(listed, list) and listed and isinstance(listed[0], dict) and _is_of_template(listed[0]):
        return True
    return "deploymenttemplate.json" in schema or ("contentVersion" in document and isinstance(listed, list | dict))


def _is_of_template(document: Document) -> bool:
    """Whether an entry is a resource as templates state them: it says by which API it is made, and has no id yet."""
    return all(name in document for name in ("type", "apiVersion", "name")) and "id" not in document


def _is_what_if(document: Document) -> bool:
    inner = document.get("properties")
    return "id" not in document and isinstance(inner, dict) and isinstance(inner.get("changes"), list)


def _is_sarif(document: Document) -> bool:
    return isinstance(document.get("runs"), list) and "version" in document


def _is_azure_hound(document: Document) -> bool:
    meta = document.get("meta")
    listed = document.get("data")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    return (isinstance(meta, dict) and str(meta.get("type", "")).lower() == "azure") or str(
        first.get("kind", "")
    ).startswith("AZ")


# Settings that many types have.
_OF_MANY: Final = frozenset({"creationcontext", "provisioningstate", "publicnetworkaccess"})


def _is_in_snake_case(document: Document) -> bool:
    """Whether a resource states its settings as Python spells them, as `az ml` does; it renames words among them, too."""
    inner = document.get("properties")
    stated = [*document, *inner] if isinstance(inner, dict) else [*document]
    own_id = document.get("id")
    if "_" not in "".join(stated) or not isinstance(own_id, str) or not ids.is_resource_id(own_id):
        return False
    names = [name for name in stated if "_" in name]
    kind = shipped().get(ids.type_of(own_id) or "")
    known = {step.folded for one in (kind.properties if kind else ()) for step in one.steps[:2]} | _OF_MANY
    return any(name.replace("_", "").lower() in known for name in names)


_OF_DIRECTORY: Final = frozenset(
    [
        "userprincipalname",
        "appid",
        "securityenabled",
        "mailnickname",
        "mailenabled",
        "serviceprincipaltype",
        "signinaudience",
    ]
)


def _is_of_directory(document: Document) -> bool:
    """Whether Microsoft Graph, or a command of the directory, states something: its ids are bare GUIDs."""
    names = {name.lower() for name in document}
    stated = (str(document.get(name) or "") for name in ("@odata.type", "@odata.context", "OdataType", "ODataType"))
    is_graph = any("microsoft.graph" in text or "graph.microsoft.com" in text for text in stated)
    return is_graph or ({"id", "displayname"} <= names and not names.isdisjoint(_OF_DIRECTORY))


def _is_of_vault(document: Document) -> bool:
    names = {name.lower() for name in document}
    at = str(document.get("id") or document.get("kid") or document.get("Id") or "").lower()
    return (
        "attributes" in names
        and at.startswith("https://")
        and ("/secrets/" in at or "/keys/" in at or "/certificates/" in at)
    )


# The first that fits names the document.
_DOCUMENTS: Final[tuple[tuple[Callable[[Document], bool], Foreign], ...]] = (
    (
        lambda document: "deploymentparameters.json" in str(document.get("$schema") or "").lower(),
        Foreign("the parameters of a deployment, which hold no resources", _DEPLOY),
    ),
    (_is_template, _TEMPLATE),
    (_has("terraform_version", "lineage"), _STATE),
    (
        _has("planned_values"),
        Foreign("a Terraform plan, which says what will change and not what is deployed", _DEPLOY),
    ),
    (
        _has("resource_changes"),
        Foreign("a Terraform plan, which says what will change and not what is deployed", _DEPLOY),
    ),
    (
        _has("terraform_version", "values"),
        Foreign("a Terraform state (terraform show -json), which holds what Terraform knows and not what is deployed"),
    ),
    (_has("terraform_version"), _STATE),
    (
        _has("changes", "status"),
        Foreign("the result of what-if, which says what will change and not what is deployed", _DEPLOY),
    ),
    (
        _is_what_if,
        Foreign("the result of what-if, which says what will change and not what is deployed", _DEPLOY),
    ),
    (_has("@level", "@message"), Foreign("messages of Terraform, which hold no resources")),
    (_has("deployment", "version"), Foreign("a Pulumi state, which holds what Pulumi knows and not what is deployed")),
    (_is_sarif, Foreign(_SCANNER.format("a scanner (SARIF)"))),
    (
        _has("findings", "schema_version"),
        Foreign("a report of auditor", "give the snapshot or export that it was made of"),
    ),
    (_is_azure_hound, Foreign("the output of AzureHound, which holds rights and not settings")),
    (_has("account_id", "services", "last_run"), Foreign(_SCANNER.format("ScoutSuite"))),
    (_has("check_type", "results"), Foreign(_SCANNER.format("Checkov"))),
    (_has("groups", "summary"), Foreign(_SCANNER.format("Steampipe or Powerpipe"))),
    (_has("columns", "rows"), Foreign("the output of a query in table form", f"print JSON objects, or {EXPORT}")),
    (_has("Recommendations", "Resources"), Foreign(_SCANNER.format("Azure Quick Review"))),
    (_has("recommendations", "impacted"), Foreign(_SCANNER.format("Azure Quick Review"))),
)
_ENTRIES: Final[tuple[tuple[Callable[[Document], bool], Foreign], ...]] = (
    (_is_template, _TEMPLATE),
    (_is_of_template, _TEMPLATE),
    (_has("mode", "provider", "instances"), _STATE),
    (_has("class_uid", "metadata"), Foreign(_SCANNER.format("Prowler or another scanner (OCSF)"))),
    (_has("CheckID", "Status"), Foreign(_SCANNER.format("Prowler"))),
    (_has("ruleName", "outcome"), Foreign(_SCANNER.format("PSRule"))),
    (_has("check_type", "results"), Foreign(_SCANNER.format("Checkov"))),
    (_has("check_id", "check_result"), Foreign(_SCANNER.format("Checkov"))),
    (_has("control_id", "status"), Foreign(_SCANNER.format("Steampipe or Powerpipe"))),
    (
        _has("complianceState", "policyAssignmentId"),
        Foreign("states of Azure Policy, which hold verdicts and not the resources"),
    ),
    (
        _has("changeType", "resourceId"),
        Foreign("changes, which say what was or will be changed and not what is deployed"),
    ),
    (
        _has("RoleAssignmentId", "RoleDefinitionName"),
        Foreign(
            "the output of AzGovViz or Get-AzRoleAssignment, which holds no settings of resources",
            f"for roles, az role assignment list --all -o json; {EXPORT}",
        ),
    ),
    (
        _has("IsCustom", "AssignableScopes"),
        Foreign("the output of Get-AzRoleDefinition", f"for roles, az role definition list -o json; {EXPORT}"),
    ),
    (
        _has("DenyAssignmentName", "ExcludePrincipals"),
        Foreign(
            "the output of Get-AzDenyAssignment",
            f"for deny assignments, az rest on Microsoft.Authorization/denyAssignments; {EXPORT}",
        ),
    ),
    (
        _has("directoryScopeId", "roleDefinitionId"),
        Foreign("an export of roles of Microsoft Entra, which give none on resources"),
    ),
    (_is_of_directory, _DIRECTORY),
    (
        _is_of_vault,
        Foreign(
            "a list of secrets, keys or certificates as the vault itself shows them, without rotation policies",
            f"az rest on Microsoft.KeyVault/vaults/{{secrets,keys}} shows them as resources; {EXPORT}",
        ),
    ),
    (_has("kind", "data"), Foreign("the output of AzureHound, which holds rights and not settings")),
    (
        _has("rule_id", "status", "fingerprint"),
        Foreign("a report of auditor", "give the snapshot or export that it was made of"),
    ),
)


def in_document(document: object) -> Foreign | None:
    """Return what a decoded document is that holds no deployed estate, or None where it is nothing known here."""
    if isinstance(document, Mapping):
        return next((foreign for fits, foreign in _DOCUMENTS if fits(document)), None) or in_entry(document)
    return None


def in_entry(entry: object) -> Foreign | None:
    """Return what an entry of a list is that is no resource as Azure states it, or None where it is nothing known here."""
    if isinstance(entry, Mapping) and _is_in_snake_case(entry):
        return _SNAKE_CASE
    if not isinstance(entry, Mapping) or (
        isinstance(entry.get("id"), str) and str(entry["id"]).startswith("/subscriptions/") and "type" in entry
    ):
        return None
    return next((foreign for fits, foreign in _ENTRIES if fits(entry)), None)


def refusal(label: str, foreign: Foreign) -> InputError:
    """Return the error that names what was given and what is needed."""
    return InputError(f"{label} is {foreign.what}", foreign.hint)
