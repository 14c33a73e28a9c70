"""Say whether the source of advisories on packages can be reached: ends with 0 where it can, with 1 and a line where not."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request

_PAGE = "https://pypi.org/pypi/requests/2.19.0/json"
"""A release with advisories that are long known: an answer without them comes from a mirror that has none."""


def main() -> int:
    """Ask for a release that has advisories."""
    try:
        with urllib.request.urlopen(_PAGE, timeout=10) as answer:
            known = json.load(answer).get("vulnerabilities")
    except (urllib.error.URLError, OSError, ValueError) as problem:
        print(f"advisories cannot be reached ({problem}): packages are not audited")
        return 1
    if not known:
        print("advisories are not served here: packages are not audited")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
