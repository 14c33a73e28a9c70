"""What needs material from beside the checkout is collected only where that is."""

from tests.conformance.material import SHARED

collect_ignore_glob = [] if SHARED.is_dir() else ["test_*.py"]
