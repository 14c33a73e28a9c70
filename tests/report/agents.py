"""What the agents of pipelines obey in a log, read as their own sources read it.

GitHub: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs . Azure Pipelines:
https://github.com/microsoft/azure-pipelines-agent/blob/master/src/Agent.Sdk/Command.cs (`TryParse`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AgentCommand:
    """A command that an agent found in a line."""

    name: str
    properties: dict[str, str] = field(default_factory=dict)
    data: str = ""


def lines_of(text: str) -> list[str]:
    """Return the lines of a log; some agents end one at a lone carriage return, too."""
    return re.split(r"\r\n|\r|\n", text)


def github_commands(text: str) -> list[AgentCommand]:
    """Return what GitHub's runner obeys: `::name k=v,k=v::data` where a line begins, `##[name k=v;k=v]data` anywhere."""
    found = []
    for line in lines_of(text):
        start = line.lstrip()
        if start.startswith("::") and (end := start.find("::", 2)) >= 0:
            found.append(_command(start[2:end], start[end + 2 :], ",", _GITHUB))
        elif (at := line.find("##[")) >= 0 and (end := line.find("]", at)) >= 0:
            found.append(_command(line[at + 3 : end], line[end + 1 :], ";", _GITHUB))
    return [command for command in found if command.name.lower() in _REGISTERED]


def azure_commands(text: str) -> list[AgentCommand]:
    """Return what Azure's agent obeys: `##vso[area.event k=v;k=v]data`, anywhere in a line."""
    found = []
    for line in lines_of(text):
        at = line.lower().find("##vso[")
        if at >= 0 and (end := line.find("]", at)) >= 0:
            found.append(_command(line[at + 6 : end], line[end + 1 :], ";", _AZURE))
    return found


_REGISTERED = {
    *("internal-set-repo-path", "set-env", "set-output", "save-state", "add-path", "add-mask", "add-matcher"),
    *("remove-matcher", "warning", "error", "notice", "debug", "group", "endgroup", "echo", "stop-commands"),
}
"""The runner obeys no other: https://github.com/actions/runner/blob/main/src/Runner.Worker/ActionCommandManager.cs ."""
_GITHUB = (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%3B", ";"), ("%25", "%"))
_AZURE = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%AZP25", "%"))


def _command(head: str, data: str, between: str, escapes: tuple[tuple[str, str], ...]) -> AgentCommand:
    name, _, properties = head.strip().partition(" ")
    pairs = (part.partition("=") for part in properties.split(between) if "=" in part)
    decoded = {key.strip(): _decoded(value, escapes) for key, _, value in pairs}
    return AgentCommand(name, decoded, _decoded(data, escapes))


def _decoded(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for escaped, plain in escapes:
        text = text.replace(escaped, plain)
    return text
