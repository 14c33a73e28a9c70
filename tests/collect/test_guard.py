from __future__ import annotations

import pytest
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.rest import HttpRequest

from auditor.collect.arm.pages import origin
from auditor.collect.arm.pipeline import HostPin, ReadOnlyGuard
from auditor.collect.arm.sender import bucket_of
from auditor.errors import CollectionError

ARM = "https://management.azure.com"
ACCOUNT = f"{ARM}/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"


def request(method: str, url: str) -> PipelineRequest[HttpRequest]:
    return PipelineRequest(HttpRequest(method, url), PipelineContext(None))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "HEAD", "OPTIONS", "get"])
def test_nothing_but_get_passes(method: str) -> None:
    if method == "get":
        ReadOnlyGuard().on_request(request("GET", ACCOUNT))
        return
    with pytest.raises(CollectionError, match="not a read"):
        ReadOnlyGuard().on_request(request(method, ACCOUNT))


@pytest.mark.parametrize(
    ("url", "passes"),
    [
        (f"{ARM}/providers/Microsoft.ResourceGraph/resources?api-version=1", True),
        (f"{ARM}/PROVIDERS/microsoft.resourcegraph/RESOURCES/", True),
        (f"{ARM}/providers/Microsoft.ResourceGraph/resourcesHistory", False),
        (f"{ARM}/subscriptions/s/providers/Microsoft.Web/register", False),
        (f"{ARM}/batch?api-version=1", False),
        (f"{ACCOUNT}/listKeys?x=/providers/microsoft.resourcegraph/resources", False),
        ("https://graph.microsoft.com/v1.0/directoryObjects/getByIds", True),
    ],
)
def test_post_is_for_two_queries(url: str, *, passes: bool) -> None:
    if passes:
        ReadOnlyGuard().on_request(request("POST", url))
    else:
        with pytest.raises(CollectionError):
            ReadOnlyGuard().on_request(request("POST", url))


@pytest.mark.parametrize(
    "path",
    [
        "/listKeys",
        "/listAdminKeys",
        "/config/authsettingsV2/list",
        "/listsecrets",
        "/listCredentials",
        "/publishxml",
        "/listAccountSas",
    ],
)
def test_no_way_of_asking_brings_secrets(path: str) -> None:
    with pytest.raises(CollectionError, match="secrets"):
        ReadOnlyGuard().on_request(request("GET", ACCOUNT + path))


@pytest.mark.parametrize("path", ["/deployments/listKeys", "/deployments/list/providers/A.B/c", "/listUsages"])
def test_a_resource_may_be_called_like_an_operation(path: str) -> None:
    ReadOnlyGuard().on_request(request("GET", ACCOUNT + path))


@pytest.mark.parametrize(
    ("url", "passes"),
    [
        ("https://management.azure.com/x", True),
        ("https://MANAGEMENT.azure.com:443/x", True),
        ("http://management.azure.com/x", False),
        ("https://management.azure.com.evil.example/x", False),
        ("https://management.azure.com@evil.example/x", False),
        ("https://management.azure.com:8443/x", False),
    ],
)
def test_a_token_stays_at_one_host(url: str, *, passes: bool) -> None:
    if passes:
        HostPin(ARM).on_request(request("GET", url))
    else:
        with pytest.raises(CollectionError, match="not the chosen cloud"):
            HostPin(ARM).on_request(request("GET", url))


def test_calls_draw_on_the_quota_of_their_subscription() -> None:
    assert bucket_of(f"{ARM}/subscriptions/ABC/locations") == "abc"
    assert bucket_of(f"{ARM}/subscriptions") == "tenant"
    assert bucket_of(f"{ARM}/providers/Microsoft.ResourceGraph/resources?api-version=1") == "resource graph"
    assert origin("https://a/") == origin("https://A:443/x")
