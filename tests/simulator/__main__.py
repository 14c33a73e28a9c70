"""Run the stand-in: `python -m tests.simulator LOG [CERTIFICATE KEY]`; worlds come in on stdin, one JSON a line."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from tests.simulator.server import Server, World


def main() -> None:
    """Serve until stdin ends."""
    log, *tls = [Path(text) for text in sys.argv[1:]]
    plain = Server(log)
    servers = [plain]
    if tls:
        secure = Server(log, (tls[0], tls[1]), share=plain)
        secure.tls_url = plain.tls_url = secure.base_url
        servers.append(secure)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps({"url": plain.base_url, "tls_url": plain.tls_url}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        order = json.loads(line)
        plain.world = World.of(order)
        sys.stdout.write("ready\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
