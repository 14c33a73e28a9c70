"""What hangs on services besides their settings: references of apps to secrets, and the backends of API Management."""

from __future__ import annotations

import json

from tests.collect.conftest import Collect, estate, resource
from tests.simulator.client import Simulator

HEADER = "s3cr3t-header-value-0123456789"


def test_references_to_secrets_are_read_and_no_setting_is(simulator: Simulator, run_collect: Collect) -> None:
    app = "Microsoft.Web/sites/app"
    simulator.serve(
        estate(
            resource(app, kind="app"),
            resource(
                f"{app}/config/configreferences/appsettings/chatApiKey",
                properties={"status": "Resolved", "vaultName": "kv", "secretName": "chatApiKey"},
            ),
            resource(
                f"{app}/config/configreferences/connectionstrings/db",
                properties={"status": "SecretNotFound", "vaultName": "kv", "secretName": "db"},
            ),
        )
    )

    _, sink = run_collect()

    kinds = [f"Microsoft.Web/sites/config/{name}" for name in ("appsettings", "connectionstrings")]
    references = [sink.bodies[key]["properties"] for kind in kinds for key in sink.of_type(kind)]
    assert [one["status"] for one in references] == ["Resolved", "SecretNotFound"]
    assert not [path for path in simulator.paths() if "/config/" in path and not path.startswith("GET ")]


def test_backends_of_api_management_are_read_without_their_credentials(
    simulator: Simulator, run_collect: Collect
) -> None:
    service = "Microsoft.ApiManagement/service/apim"
    url = "https://oai.openai.azure.com/openai"
    simulator.serve(
        estate(
            resource(service),
            resource(
                f"{service}/backends/oai", properties={"url": url, "credentials": {"header": {"api-key": [HEADER]}}}
            ),
        )
    )

    _, sink = run_collect()

    (key,) = sink.of_type("Microsoft.ApiManagement/service/backends")
    backend = sink.bodies[key]
    assert backend["properties"]["url"] == url
    assert HEADER not in json.dumps(backend)
