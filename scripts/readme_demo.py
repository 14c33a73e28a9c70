"""Write into the README what the demo prints. With --check, say only whether it is out of date."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import auditor
from auditor import shipped
from auditor.report.format import View
from auditor.report.formats import table

README = Path(__file__).parents[1] / "README.md"
HEAD, TAIL = 34, 17  # lines of the demo that the README shows


def demo() -> str:
    """Return the beginning and the end of what the demo prints."""
    sample = shipped.folder("samples") / "chat.json"
    report = auditor.evaluate(auditor.load(sample), complete=True)
    out = io.StringIO()
    table.FORMAT.write(report, out, View(include_passed=False, width=100))
    lines = out.getvalue().strip("\n").splitlines()
    return "\n".join([*lines[:HEAD], "", "…", "", *lines[-TAIL:]])


def main() -> int:
    """Write the README, or compare it."""
    old = README.read_text(encoding="utf-8")
    block = f"<!-- demo -->\n\n```text\n{demo()}\n```\n\n<!-- /demo -->"
    new = re.sub(r"<!-- demo -->.*?<!-- /demo -->", lambda _: block, old, flags=re.DOTALL)
    if "--check" not in sys.argv[1:]:
        README.write_text(new, encoding="utf-8")
    elif new != old:
        sys.stdout.write("README.md shows an old demo: run python scripts/readme_demo.py\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
