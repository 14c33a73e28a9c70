"""Judge a deployed Azure estate against an architecture baseline, and show the evidence.

What programs may build on is here; all else is the tool's own and changes without notice.
`load` reads an estate, `collect` gets one from Azure, `evaluate` judges it; docs/library.md shows them at work.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

# This loads the package `auditor.collect`, whose name the function below takes: a package that is loaded first cannot
# take it back later.
from auditor.collect.options import Auth, CloudName

if TYPE_CHECKING:
    from auditor.errors import AuditorError
    from auditor.model import Evidence, Exemption, Finding, Gap, Report, Resource, RuleInfo, Severity, Status
    from auditor.snapshot.model import Metadata, Snapshot

    __version__: str

__all__ = [
    "AuditorError",
    "Evidence",
    "Exemption",
    "Finding",
    "Gap",
    "Metadata",
    "Report",
    "Resource",
    "RuleInfo",
    "Severity",
    "Snapshot",
    "Status",
    "__version__",
    "collect",
    "evaluate",
    "load",
]

_HOMES = {
    "AuditorError": "auditor.errors",
    "Metadata": "auditor.snapshot.model",
    "Snapshot": "auditor.snapshot.model",
    **dict.fromkeys(
        ["Evidence", "Exemption", "Finding", "Gap", "Report", "Resource", "RuleInfo", "Severity", "Status"],
        "auditor.model",
    ),
}


def __getattr__(name: str) -> object:
    """Import the classes, and read the version, when they are first asked for."""
    if name == "__version__":
        return import_module("auditor.shipped").tool_version()
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load(source: str | os.PathLike[str]) -> Snapshot:
    """Read an estate from a file: a snapshot of the tool's, or an export of resources in any form that `evaluate` takes.

    Raises AuditorError, in one line with what to do about it, where the file is neither.
    """
    from auditor.inputs import read

    return read.read(Path(source))


def evaluate(
    snapshot: Snapshot,
    baseline: str | os.PathLike[str] = "openai-chat",
    *,
    rules: Sequence[str | os.PathLike[str]] = (),
    parameters: Mapping[str, object] | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    exemptions: Sequence[str | os.PathLike[str]] = (),
    known: str | os.PathLike[str] | None = None,
    complete: bool = False,
    as_of: datetime | None = None,
) -> Report:
    """Judge an estate offline, as the command of that name does, and return findings with their evidence.

    `baseline` is the name of a shipped one, the path of a file, or `auto` for the shipped one that fits the estate best;
    `rules` are folders or files of further rules.
    `parameters` sets parameters of the baseline by name; `select` and `ignore` narrow the rules by globs on their ids.
    `known` is a JSON report, or a file of known failures: each failure then says by `change` how it stands to them.
    `complete` says that what is not in the estate does not exist.
    `as_of` is the time of judgement, with its time zone: without it the estate's own, else now.
    Raises AuditorError where the baseline, a rule or an exemption is wrong, or there is nothing to judge.
    """
    from auditor import audit
    from auditor.engine.accepted import known_files
    from auditor.rulebook import in_force

    if as_of is not None and as_of.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    assignments = [f"{name}={json.dumps(value)}" for name, value in (parameters or {}).items()]
    wanted = in_force.Selection(os.fspath(baseline), list(map(Path, rules)), assignments, select, ignore)
    chosen = in_force.load(audit.chosen(snapshot, wanted))
    terms = audit.Terms(
        complete=complete,
        as_of=as_of,
        exemption_files=list(map(Path, exemptions)),
        known=known_files.read(Path(known)) if known is not None else None,
    )
    return audit.audit(snapshot, chosen, terms)


def collect(
    path: str | os.PathLike[str],
    *,
    tenant: str | None = None,
    management_groups: Sequence[str] = (),
    subscriptions: Sequence[str] = (),
    resource_groups: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    auth: str = Auth.AUTO,
    cloud: str = CloudName.PUBLIC,
    arm_endpoint: str | None = None,
    allow_endpoints: Sequence[str] = (),
    redact_people: bool = False,
) -> Snapshot:
    """Read a part of Azure into a snapshot file, and return it. Nothing is ever written to Azure.

    Without a scope, every subscription that the identity can read. What could not be read is in the snapshot's `gaps`.
    An `arm_endpoint` that is not Azure's own must be among `allow_endpoints`, too, because it is sent a token.
    Raises AuditorError where nothing trustworthy can be read: not signed in, no such subscription, no network.
    """
    from auditor.collect import run
    from auditor.collect.options import CollectOptions
    from auditor.collect.scope import CollectScope
    from auditor.estate.navigation import derive
    from auditor.snapshot.writer import SnapshotWriter

    scope = CollectScope(tenant, management_groups, subscriptions, resource_groups, tags or {})
    options = CollectOptions(
        auth=Auth(auth),
        cloud=CloudName(cloud),
        arm_endpoint=arm_endpoint,
        allow_endpoints=allow_endpoints,
        redact_people=redact_people,
    )
    file = Path(path)
    run.collect(scope, options, lambda metadata: SnapshotWriter(file, metadata, derive))
    return load(file)
