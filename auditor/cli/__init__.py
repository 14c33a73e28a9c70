"""The command line: parse, call, write, choose the exit code; no logic.

In reading order:

1. The frame. `app` puts the commands together and turns what goes wrong into one line; `help_page` and `man_page` lay them
   out. `options` are those that several commands share, `plain_values` takes those that need no check, `settings` reads
   `auditor.toml` (`settings_model` by `toml_source`), `variables` finds misspelt ones of the environment.
2. Commands, one module for those that belong together: `collect`, `evaluate`, `access`, `network`, `diff`, and so on.
3. What they share. `context` is the estate that is asked, `judging` an audit of it, `follow_up` what becomes of a report,
   `progress` and `judging_progress` say how far work is, `streams` writes.
"""

from auditor.cli.app import main

__all__ = ["main"]
