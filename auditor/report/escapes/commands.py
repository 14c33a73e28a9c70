"""The escapes of what agents of pipelines obey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from auditor.report import pipeline_log
from auditor.report.escapes.output import EscapedOutput
from auditor.report.text import visible


class _WorkflowCommands(EscapedOutput):
    """Lines that an agent obeys: ours, and within them nothing else that it would."""

    hash_sign: ClassVar[str | None] = None

    def line(self, text: str) -> None:
        """Write a line that is no command."""
        self._stream.write(f"{_inert(text)}\n")


class GitHubCommands(_WorkflowCommands):
    """Commands to GitHub's runner: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands ."""

    def command(self, name: str, properties: Mapping[str, str], message: str) -> None:
        """Write a command; `%`, line ends, and in properties `:` and `,` are what ends something there."""
        pairs = ",".join(f"{key}={self._property(value)}" for key, value in properties.items() if value)
        self._stream.write(f"::{name}{' ' if pairs else ''}{pairs}::{self._data(message)}\n")

    @staticmethod
    def _data(text: str) -> str:
        return _inert(text).replace("%", "%25")

    @classmethod
    def _property(cls, text: str) -> str:
        return cls._data(text).replace(":", "%3A").replace(",", "%2C")


class AzureDevOpsCommands(_WorkflowCommands):
    """Commands to the agent of Azure Pipelines.

    https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands ; the agent reads `%AZP25` as `%`:
    https://github.com/microsoft/azure-pipelines-agent/blob/master/docs/design/percentEncoding.md
    """

    def command(self, name: str, properties: Mapping[str, str], message: str) -> None:
        """Write a command; `;` and `]` end a property, and `%` is decoded."""
        pairs = ";".join(f"{key}={self._property(value)}" for key, value in properties.items() if value)
        self._stream.write(f"##vso[{name}{' ' if pairs else ''}{pairs}]{self._data(message)}\n")

    @staticmethod
    def _data(text: str) -> str:
        return _inert(text).replace("%", "%AZP25")

    @classmethod
    def _property(cls, text: str) -> str:
        return cls._data(text).replace(";", "%3B").replace("]", "%5D")


def _inert(text: str) -> str:
    """Return text on one line that no agent obeys, wherever in a line it looks."""
    return pipeline_log.harmless(visible(" ".join(text.split())))
