"""The command line: parse, call, write, choose the exit code; no logic."""

from auditor.cli.app import main

__all__ = ["main"]
