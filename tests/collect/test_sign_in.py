from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from auditor.collect.arm.clouds import CLOUDS, choose_cloud, is_loopback
from auditor.collect.arm.credentials import claims_of, failed_attempts, open_credential
from auditor.collect.options import Auth, CloudName
from auditor.errors import CollectionError
from tests.checkout import ROOT
from tests.collect.conftest import Collect, estate, resource
from tests.e2e.command import in_process
from tests.simulator.client import Simulator
from tests.simulator.server import issue_token

ESTATE = estate(resource("Microsoft.KeyVault/vaults/kv"))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate for this machine, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="session")
def running_tls(certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path_factory.mktemp("secure") / "requests.jsonl", certificate)
    yield simulator
    everything = simulator.requests(all_of_them=True)
    simulator.stop()
    outside = [
        one
        for one in everything
        if one["method"] != "GET" and not re.search(r"ResourceGraph|getByIds|/oauth2/|/oidc/", one["path"])
    ]
    assert not outside


@pytest.fixture
def secure(
    simulator: Simulator, running_tls: Simulator, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> Simulator:
    """Return the stand-in with a login host that speaks TLS, as azure-identity wants it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    monkeypatch.setenv("AZURE_TENANT_ID", "00000000-0000-0000-0000-00000000ff01")
    monkeypatch.setenv("AZURE_CLIENT_ID", "00000000-0000-0000-0000-00000000aa02")
    assert simulator is not running_tls
    running_tls.serve(ESTATE)
    return running_tls


def test_a_client_secret_of_the_environment_signs_in_at_the_clouds_own_login(
    secure: Simulator, run_collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "right")

    summary, sink = run_collect(auth=Auth.ENVIRONMENT, arm_endpoint=secure.url)

    assert summary.cloud == "Simulated"
    assert summary.identity.tenant_id == "00000000-0000-0000-0000-00000000ff01"
    assert summary.identity.object_id == "00000000-0000-0000-0000-00000000aa01"
    assert sink.metadata.extra["identity"]["credential"] == "EnvironmentCredential"
    assert "right" not in json.dumps([sink.metadata.extra, sink.metadata.scope])


def test_principals_get_their_names_and_the_deleted_are_marked(
    secure: Simulator, run_collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "right")
    roles = [
        resource(f"Microsoft.Authorization/roleAssignments/{name}", properties={"principalId": name})
        for name in ("known", "lost")
    ]
    secure.serve(
        estate(*roles, resource("Microsoft.KeyVault/vaults/kv"), directory=[{"id": "known", "displayName": "App"}])
    )

    summary, sink = run_collect(auth=Auth.ENVIRONMENT, arm_endpoint=secure.url, resolve_principals=True)

    found = {body["name"]: body["properties"] for body in sink.bodies.values() if "directoryObjects" in body["type"]}
    assert found == {"known": {"id": "known", "displayName": "App", "deleted": False}, "lost": {"deleted": True}}
    assert summary.gaps == []


def test_a_wrong_secret_is_one_line_that_says_so(
    secure: Simulator, run_collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")

    with pytest.raises(CollectionError, match="AADSTS7000215") as caught:
        run_collect(auth=Auth.ENVIRONMENT, arm_endpoint=secure.url)

    assert "\n" not in str(caught.value)


def test_github_gives_a_fresh_assertion(
    secure: Simulator, run_collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{secure.url}/oidc/token?api=1")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner")

    summary, _ = run_collect(auth=Auth.GITHUB, arm_endpoint=secure.url)

    assert summary.identity.credential == "ClientAssertionCredential"
    assert any("audience=api%3A%2F%2FAzureADTokenExchange" in one["path"] for one in secure.requests())


def test_azure_pipelines_gives_a_fresh_assertion(
    secure: Simulator, run_collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYSTEM_OIDCREQUESTURI", f"{secure.tls_url}/oidc/token")
    monkeypatch.setenv("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "connection")
    monkeypatch.setenv("SYSTEM_ACCESSTOKEN", "job")

    summary, _ = run_collect(auth=Auth.AZURE_PIPELINES, arm_endpoint=secure.url)

    assert summary.identity.credential == "AzurePipelinesCredential"


def test_a_federated_token_file_signs_a_workload_in(
    secure: Simulator, run_collect: Collect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("an.assertion.of-kubernetes")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))

    summary, _ = run_collect(auth=Auth.WORKLOAD, arm_endpoint=secure.url)

    assert summary.identity.credential == "WorkloadIdentityCredential"


@pytest.fixture
def fake_az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install an `az` that is signed in and counts how often it is asked."""
    calls = tmp_path / "calls"
    answer = json.dumps({"accessToken": issue_token("t"), "expires_on": 4102444800, "tokenType": "Bearer"})
    (tmp_path / "az").write_text(f"#!/bin/sh\necho x >> {calls}\ncat <<'END'\n{answer}\nEND\n")
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return calls


def test_the_cli_is_asked_once_for_all_threads(simulator: Simulator, run_collect: Collect, fake_az: Path) -> None:
    simulator.serve(ESTATE)

    summary, _ = run_collect(auth=Auth.CLI)

    assert summary.identity.credential == "AzureCliCredential"
    assert fake_az.read_text().splitlines() == ["x"]


def test_auto_says_which_credential_answered(
    simulator: Simulator, run_collect: Collect, fake_az: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "dev")
    simulator.serve(ESTATE)

    summary, _ = run_collect(auth=Auth.AUTO)

    assert summary.identity.credential == "AzureCliCredential"
    assert fake_az.exists()


def test_a_token_is_asked_for_once_by_many_threads(fake_az: Path) -> None:
    credential = open_credential(Auth.CLI, CLOUDS[CloudName.PUBLIC], None)
    barrier = threading.Barrier(8)

    def ask(_: int) -> str:
        barrier.wait()
        return credential.get_token("https://management.azure.com/.default").token

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert fake_az.read_text().splitlines() == ["x"]


@pytest.mark.parametrize(
    "auth", [Auth.CLI, Auth.AUTO, Auth.GITHUB, Auth.AZURE_PIPELINES, Auth.WORKLOAD, Auth.ENVIRONMENT]
)
def test_not_signed_in_is_one_line_with_what_to_do(
    simulator: Simulator, run_collect: Collect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, auth: Auth
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "dev")
    simulator.serve(ESTATE)

    with pytest.raises(CollectionError, match=f"Sign-in by {auth.value}") as caught:
        run_collect(auth=auth)

    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_each_way_that_was_tried_is_named_with_its_reason_in_a_line_of_its_own(
    simulator: Simulator, tmp_path: Path
) -> None:
    env = {"AUDITOR_ARM_ENDPOINT": simulator.url, "AZURE_TOKEN_CREDENTIALS": "dev", "PATH": str(tmp_path)}

    ended = in_process("scan", "--auth", "auto", at=tmp_path, env=env)

    endpoint, failed, *attempts = ended.err.splitlines()
    assert ended.code == 2
    assert endpoint.startswith("Azure Resource Manager at")
    assert failed.startswith(
        f"auditor: Sign-in by auto failed: none of {len(attempts)} ways gave a token (run `az login`"
    )
    assert "auditor: AzureCliCredential: Azure CLI not found on path" in attempts
    assert all(re.match(r"auditor: \w+Credential: \w", line) for line in attempts)


def test_reasons_of_several_lines_lose_what_repeats_the_name_or_only_points_elsewhere() -> None:
    guide = "https://aka.ms/azsdk/python/identity"
    message = (
        "DefaultAzureCredential failed to retrieve a token from the included credentials.\nAttempted credentials:"
        "\n\tEnvironmentCredential: EnvironmentCredential authentication unavailable. Environment variables are not "
        f"fully configured.\nVisit {guide}/environmentcredential/troubleshoot to troubleshoot this issue."
        "\n\tWorkloadIdentityCredential: WorkloadIdentityCredential authentication unavailable. See the troubleshooting "
        f"guide for more information: {guide}/troubleshoot. Missing required arguments: 'tenant_id'."
        "\n\tManagedIdentityCredential: ManagedIdentityCredential authentication unavailable."
        "\n\tSharedTokenCacheCredential"
        "\n\tAzureCliCredential: ERROR: AADSTS700082: expired.\n\tTrace: x\n"
        f"To mitigate this issue, please refer to the troubleshooting guidelines here at {guide}."
    )

    assert failed_attempts(message) == [
        "EnvironmentCredential: Environment variables are not fully configured.",
        "WorkloadIdentityCredential: Missing required arguments: 'tenant_id'.",
        "ManagedIdentityCredential: unavailable",
        "SharedTokenCacheCredential: unavailable",
        "AzureCliCredential: ERROR: AADSTS700082: expired. Trace: x",
    ]


def test_the_reasons_of_a_failed_sign_in_can_give_a_terminal_no_orders(tmp_path: Path) -> None:
    (tmp_path / "az").write_text(
        "#!/bin/sh\nprintf 'ERROR: \\033[2J ##vso[task.complete result=Succeeded]' >&2\nexit 1\n"
    )
    (tmp_path / "az").chmod(0o755)
    env = {"AUDITOR_AUTH": "auto", "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential", "PATH": f"{tmp_path}:/usr/bin:/bin"}

    ended = in_process("scan", at=tmp_path, env=env)

    assert "AzureCliCredential: ERROR:" in ended.err
    assert "\x1b" not in ended.err
    assert "##vso" not in ended.err


def test_no_network_is_one_line_with_what_to_do(run_collect: Collect) -> None:
    with pytest.raises(CollectionError, match="cannot be reached") as caught:
        run_collect(arm_endpoint="http://127.0.0.1:9")

    assert "HTTPS_PROXY" in caught.value.hint


def test_a_dead_proxy_is_one_line_with_what_to_do(
    simulator: Simulator, run_collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.serve(ESTATE)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    with pytest.raises(CollectionError, match=re.escape("https://management.azure.com cannot be reached")) as caught:
        run_collect(arm_endpoint=None)

    assert "HTTPS_PROXY" in caught.value.hint


def test_a_wrong_token_is_one_line_with_what_to_do(simulator: Simulator, run_collect: Collect) -> None:
    refusal = {"status": 401, "body": {"error": {"code": "InvalidAuthenticationToken", "message": "wrong issuer"}}}
    simulator.serve(ESTATE, faults=[{"match": "^GET /subscriptions", **refusal}])

    with pytest.raises(CollectionError, match="does not accept the sign-in: InvalidAuthenticationToken"):
        run_collect()


@pytest.mark.parametrize(
    "url",
    [
        "http://management.example.org",
        "ftp://x",
        "management.azure.com",
        "https://u:p@h/",
        "https://h/?x=1",
        "https://h:99999",
        "https://[",
    ],
)
def test_an_endpoint_that_would_leak_or_is_none_is_refused(url: str) -> None:
    with pytest.raises(CollectionError):
        choose_cloud(CloudName.PUBLIC, url, lambda _: None)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://[::1]/", "http://localhost:1"])
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert is_loopback(url)
    assert choose_cloud(CloudName.PUBLIC, url, lambda _: None).arm == url.rstrip("/")


def test_a_private_cloud_tells_its_audience_and_login() -> None:
    older = {"authentication": {"loginEndpoint": "https://login.local/", "audiences": ["https://arm.local/guid"]}}

    cloud = choose_cloud(CloudName.US_GOVERNMENT, "https://arm.local", lambda _: older, ["ARM.local"])

    assert (cloud.scope, cloud.authority) == ("https://arm.local/guid/.default", "https://login.local")
    assert cloud.graph == CLOUDS[CloudName.US_GOVERNMENT].graph


@pytest.mark.parametrize(
    "document",
    [
        None,
        "text",
        [],
        [1],
        {"authentication": "x"},
        {"authentication": {"audiences": [], "loginEndpoint": "http://plain"}},
    ],
)
def test_metadata_that_say_nothing_leave_the_chosen_cloud(document: object) -> None:
    cloud = choose_cloud(CloudName.CHINA, "https://arm.local", lambda _: document, ["arm.local"])

    assert (cloud.scope, cloud.authority) == (CLOUDS[CloudName.CHINA].scope, CLOUDS[CloudName.CHINA].authority)


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.e30.c", "a.W10.c"])
def test_a_token_without_claims_has_none(token: str) -> None:
    assert claims_of(token) == {}


def test_naming_a_scope_loads_no_azure_package() -> None:
    loaded = "any(name.split('.')[0] == 'azure' for name in sys.modules)"
    script = f"import sys, auditor.collect.scope, auditor.collect.options; sys.exit({loaded})"

    assert subprocess.run([sys.executable, "-c", script], check=False, env=os.environ, cwd=ROOT).returncode == 0
