"""Where a token goes is decided by whoever runs the tool: no endpoint, proxy or redirect leads it elsewhere."""

from __future__ import annotations

import pytest

from auditor.collect.arm.clouds import CLOUDS, choose_cloud
from auditor.collect.options import Auth, CloudName
from auditor.errors import CollectionError
from tests.collect.conftest import Collect, estate, resource
from tests.collect.test_scan import Run, run  # noqa: F401 - a fixture
from tests.simulator.client import Simulator

ESTATE = estate(resource("Microsoft.KeyVault/vaults/kv"))
PRIVATE = "https://arm.example.org"
ARM_AUDIENCE = "https://management.azure.com/"


def telling(audience: object) -> object:
    return {"authentication": {"audiences": [audience], "loginEndpoint": "https://login.example.org"}}


@pytest.mark.parametrize("allowed", [(), ("example.org",), ("arm.example.org.evil",), ("arm.example.org:8443",)])
def test_a_private_endpoint_that_is_named_once_is_asked_nothing(allowed: tuple[str, ...]) -> None:
    asked: list[str] = []

    with pytest.raises(CollectionError, match=r"arm\.example\.org is not one of Azure's endpoints") as caught:
        choose_cloud(CloudName.PUBLIC, PRIVATE, asked.append, allowed)

    assert asked == []
    assert caught.value.hint == "name it twice if it is meant: --allow-endpoint arm.example.org"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        (PRIVATE, "arm.example.org"),
        (PRIVATE, "ARM.Example.ORG"),
        (f"{PRIVATE}:8443", "arm.example.org:8443"),
        (f"{PRIVATE}:8443", "arm.example.org"),
    ],
)
def test_a_private_endpoint_that_is_named_twice_may_ask_for_a_token_of_resource_manager(url: str, allowed: str) -> None:
    cloud = choose_cloud(CloudName.PUBLIC, url, lambda _: telling(ARM_AUDIENCE), [allowed])

    assert (cloud.arm, cloud.scope) == (url, "https://management.azure.com/.default")


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=[name.value for name in CLOUDS])
def test_azures_own_endpoints_need_no_second_name_and_tell_nothing_of_themselves(cloud: object) -> None:
    known = next(one for one in CLOUDS.values() if one == cloud)

    assert choose_cloud(CloudName.PUBLIC, known.arm + "/", lambda _: telling("https://vault.azure.net")) == known


@pytest.mark.parametrize(
    "audience",
    [
        "https://vault.azure.net",
        "https://graph.microsoft.com/",
        "https://storage.azure.com/",
        "https://database.windows.net/",
        "https://VAULT.AZURE.NET/",
        "http://arm.example.org",
        "arm.example.org",
        "https://[",
    ],
)
def test_a_private_endpoint_gets_no_token_for_another_service(audience: str) -> None:
    with pytest.raises(CollectionError, match="is not a Resource Manager"):
        choose_cloud(CloudName.PUBLIC, PRIVATE, lambda _: telling(audience), ["arm.example.org"])


@pytest.mark.parametrize(
    "audience", ["https://management.contoso.onmicrosoft.com/guid", "https://arm.example.org/guid"]
)
def test_a_private_cloud_may_have_an_audience_of_its_own(audience: str) -> None:
    cloud = choose_cloud(CloudName.PUBLIC, PRIVATE, lambda _: telling(audience), ["arm.example.org"])

    assert cloud.scope == audience + "/.default"


def test_the_command_refuses_an_endpoint_that_only_the_environment_names(run: Run) -> None:  # noqa: F811
    ended = run("scan", AUDITOR_ARM_ENDPOINT=PRIVATE)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[0] == f"Azure Resource Manager at {PRIVATE}"
    assert "--allow-endpoint arm.example.org" in ended.err


def test_the_public_endpoint_is_said_first_too(run: Run, silent_server: tuple[str, list[bytes]]) -> None:  # noqa: F811
    url, _ = silent_server

    ended = run("scan", AUDITOR_ARM_ENDPOINT="https://management.azure.com", HTTPS_PROXY=url)

    assert ended.code == 2
    assert ended.err.splitlines()[0] == "Azure Resource Manager at https://management.azure.com"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_no_proxy_sees_a_token_in_clear(
    simulator: Simulator,
    run_collect: Collect,
    silent_server: tuple[str, list[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    url, heard = silent_server
    simulator.serve(ESTATE)
    monkeypatch.setenv(name, url)

    with pytest.raises(CollectionError, match="would see the token in clear text") as caught:
        run_collect()

    assert caught.value.hint == "set NO_PROXY=127.0.0.1"
    assert heard == []


def test_a_proxy_of_https_sees_where_the_token_goes_and_not_the_token(
    simulator: Simulator, run_collect: Collect, silent_server: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, heard = silent_server
    simulator.serve(ESTATE)
    monkeypatch.setenv("HTTPS_PROXY", url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    with pytest.raises(CollectionError, match=r"management\.azure\.com cannot be reached"):
        run_collect(arm_endpoint=None)

    assert heard
    assert all(one.startswith(b"CONNECT management.azure.com:443 ") for one in heard)
    assert not any(b"Bearer" in one or b"Authorization" in one for one in heard)


def test_no_proxy_sees_the_token_of_a_managed_identity(
    run_collect: Collect, silent_server: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, heard = silent_server
    monkeypatch.delenv("IDENTITY_ENDPOINT", raising=False)
    monkeypatch.setenv("HTTP_PROXY", url)

    with pytest.raises(CollectionError, match="would see its token in clear text"):
        run_collect(arm_endpoint=None, auth=Auth.MANAGED_IDENTITY)

    assert heard == []


def test_the_runners_token_follows_no_redirect(
    simulator: Simulator, run_collect: Collect, silent_server: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, heard = silent_server
    simulator.serve(ESTATE, redirect=url)
    monkeypatch.setenv("AZURE_TENANT_ID", "t")
    monkeypatch.setenv("AZURE_CLIENT_ID", "c")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{simulator.url}/oidc/token?api=1")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner")

    with pytest.raises(CollectionError, match="Sign-in by github failed"):
        run_collect(auth=Auth.GITHUB)

    assert heard == []
