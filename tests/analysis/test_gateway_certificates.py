"""The certificate that a listener serves: its version, switch and dates, and who may read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.analysis.contract import Context
from auditor.analysis.gateway.analysis import ANALYSIS
from auditor.estate.graph import Estate
from auditor.keys.certificates import certificate_at
from auditor.model import Gap
from tests.estates.derived import Derived
from tests.estates.graph import estate_of

Body = dict[str, Any]
FactsOf = Callable[..., list[Derived]]
Make = Callable[..., Context]

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
RG = f"{SUBSCRIPTION}/resourceGroups/rg/providers"
GATEWAY = f"{RG}/Microsoft.Network/applicationGateways/agw"
VAULT = f"{RG}/Microsoft.KeyVault/vaults/kv"
SECRET = f"{VAULT}/secrets/web"
IDENTITY = f"{RG}/Microsoft.ManagedIdentity/userAssignedIdentities/id-agw"
PRINCIPAL = "11111111-2222-4333-8444-555555555555"
NOW = datetime(2024, 2, 20, tzinfo=UTC)
LATEST = "0123456789abcdef0123456789abcdef"
URI = "https://kv.vault.azure.net/secrets/web"


def gateway(address: str | None = URI, **listener: Any) -> Body:
    certificate = {"publicCertData": "MII"} if address is None else {"keyVaultSecretId": address}
    named = {"sslCertificate": {"id": f"{GATEWAY}/sslCertificates/web"}}
    return {
        "id": GATEWAY,
        "name": "agw",
        "type": "Microsoft.Network/applicationGateways",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {"principalId": PRINCIPAL}}},
        "properties": {
            "sku": {"tier": "WAF_v2"},
            "sslCertificates": [{"id": f"{GATEWAY}/sslCertificates/web", "name": "web", "properties": certificate}],
            "httpListeners": [
                {
                    "id": f"{GATEWAY}/httpListeners/https",
                    "name": "https",
                    "properties": {"protocol": "Https", **named, **listener},
                }
            ],
        },
    }


def vault(**properties: Any) -> Body:
    kind = "Microsoft.KeyVault/vaults"
    stated = {"vaultUri": "https://kv.vault.azure.net/", "enableRbacAuthorization": True, **properties}
    return {"id": VAULT, "name": "kv", "type": kind, "properties": stated}


def secret(days: float | None = 90, **attributes: Any) -> Body:
    ends = {} if days is None else {"exp": int((NOW + timedelta(days=days)).timestamp())}
    return {
        "id": SECRET,
        "name": "web",
        "type": "Microsoft.KeyVault/vaults/secrets",
        "properties": {
            "attributes": {"enabled": True, **ends, **attributes},
            "secretUri": URI,
            "secretUriWithVersion": f"{URI}/{LATEST}",
        },
    }


def role(scope: str = VAULT, principal: str = PRINCIPAL) -> Body:
    reader = "4633458b-17de-408a-b874-0445c86b69e6"  # Key Vault Secrets User
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/a",
        "name": "a",
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "scope": scope,
            "principalId": principal,
            "principalType": "ServicePrincipal",
            "roleDefinitionId": f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{reader}",
        },
    }


@pytest.fixture
def only(make: Make, facts_of: FactsOf) -> Callable[..., Derived]:
    """Return a function that gives the one certificate of a small estate."""

    def run(*bodies: Body, **options: Any) -> Derived:
        (fact,) = facts_of(ANALYSIS, make(bodies, **options), "gateway.certificate")
        return fact

    return run


def test_a_certificate_in_order_is_usable_readable_and_far_from_expiry(only: Callable[..., Derived]) -> None:
    fact = only(gateway(), vault(), secret(90), role())
    assert (fact.fields["usable"], fact.fields["readable"], fact.fields["daysLeft"]) == (True, True, 90)
    assert "expires on 2024-05-20, in 90 days" in fact.summary


@pytest.mark.parametrize(
    ("given", "usable", "word"),
    [
        (secret(90, enabled=False), False, "disabled"),
        (secret(-1), False, "expired"),
        (secret(0), False, "expired"),
        (secret(1), True, "in 1 days"),
        (secret(90, nbf=int((NOW + timedelta(days=2)).timestamp())), False, "expires"),
        (secret(None), True, "not known"),
    ],
    ids=["disabled", "expired", "expires now", "a day left", "not yet valid", "without an end"],
)
def test_what_is_switched_off_or_out_of_its_dates_cannot_be_served(
    only: Callable[..., Derived],
    given: Body,
    word: str,
    *,
    usable: bool,
) -> None:
    fact = only(gateway(), vault(), given, role())
    assert fact.fields["usable"] is usable
    assert word in fact.summary


def test_the_state_of_a_version_that_is_not_the_latest_is_not_known(only: Callable[..., Derived]) -> None:
    latest = only(gateway(f"{URI}/{LATEST.upper()}"), vault(), secret(), role())
    older = only(gateway(f"{URI}/ffffffffffffffffffffffffffffffff"), vault(), secret(), role())
    assert (latest.fields["versioned"], latest.fields["daysLeft"], latest.fields["renews"]) == (True, 90, False)
    assert {"enabled", "daysLeft", "usable"} <= older.uncollected.keys()


def test_a_secret_that_does_not_exist_and_one_that_was_not_read_are_told_apart(only: Callable[..., Derived]) -> None:
    missing = only(gateway(), vault(), role())
    assert (missing.fields["missing"], missing.fields["usable"]) == (True, False)
    unread = only(gateway(), vault(), role(), gaps=[Gap(VAULT, "Microsoft.KeyVault/vaults/secrets", "refused")])
    assert (unread.fields["missing"], "usable" in unread.uncollected) == (False, True)
    elsewhere = only(gateway("https://other.vault.azure.net/secrets/web"), vault(), secret(), role())
    assert {"usable", "readable", "daysLeft"} <= elsewhere.uncollected.keys()


def test_an_uploaded_certificate_shows_no_state(only: Callable[..., Derived]) -> None:
    fact = only(gateway(None), vault(), secret(), role())
    assert fact.fields["source"] == "uploaded"
    assert {"daysLeft", "usable"} <= fact.uncollected.keys()


def test_a_certificate_that_no_https_listener_serves_is_no_fact(make: Make, facts_of: FactsOf) -> None:
    plain = gateway(protocol="Http")
    assert not facts_of(ANALYSIS, make([plain, vault(), secret()]), "gateway.certificate")


@pytest.mark.parametrize(
    ("bodies", "readable"),
    [
        ([vault(), role(VAULT)], True),
        ([vault(), role(SECRET)], True),
        ([vault(), role(f"{VAULT}/secrets/other")], False),
        ([vault(), role(VAULT, "99999999-2222-4333-8444-555555555555")], False),
        ([vault()], False),
        ([vault(enableRbacAuthorization=False), role(VAULT)], False),
        (
            [
                vault(
                    enableRbacAuthorization=False,
                    accessPolicies=[{"objectId": PRINCIPAL, "permissions": {"secrets": ["Get"]}}],
                )
            ],
            True,
        ),
        (
            [
                vault(
                    enableRbacAuthorization=False,
                    accessPolicies=[{"objectId": PRINCIPAL, "permissions": {"secrets": ["list"]}}],
                )
            ],
            False,
        ),
    ],
    ids=[
        "vault",
        "secret",
        "another secret",
        "another identity",
        "none",
        "a role where policies rule",
        "policy",
        "list only",
    ],
)
def test_an_identity_reads_by_what_rules_the_vault(
    only: Callable[..., Derived],
    bodies: list[Body],
    readable: bool,  # noqa: FBT001
) -> None:
    assert only(gateway(), secret(), *bodies).fields["readable"] is readable


def test_assignments_that_were_not_read_leave_it_open(only: Callable[..., Derived]) -> None:
    gap = Gap(SUBSCRIPTION, "Microsoft.Authorization/roleAssignments", "refused")
    assert "readable" in only(gateway(), vault(), secret(), gaps=[gap]).uncollected


def test_a_policy_of_renewal_counts_where_it_is_shown(only: Callable[..., Derived]) -> None:
    def shown(action: str) -> Body:
        policy = {"lifetimeActions": [{"action": {"actionType": action}}]}
        kind = "Microsoft.KeyVault/vaults/certificates"
        return {"id": f"{VAULT}/certificates/web", "name": "web", "type": kind, "properties": {"policy": policy}}

    assert "renews" in only(gateway(), vault(), secret(), role()).uncollected
    for action, renews in (("AutoRenew", True), ("EmailContacts", False)):
        assert only(gateway(), vault(), secret(), role(), shown(action)).fields["renews"] is renews
    assert only(gateway(f"{URI}/{LATEST}"), vault(), secret(), shown("AutoRenew")).fields["renews"] is False


def _estate(enabled: bool, start: int | None, end: int | None) -> Estate:  # noqa: FBT001
    dates = {"nbf": start, "exp": end}
    attributes = {"enabled": enabled, **{name: value for name, value in dates.items() if value is not None}}
    plain = secret(None)
    plain["properties"]["attributes"] = attributes
    return estate_of([gateway(), vault(), plain])


_MOMENT = st.integers(-3, 3)


@settings(max_examples=60, deadline=None)
@given(enabled=st.booleans(), start=st.none() | _MOMENT, end=st.none() | _MOMENT)
def test_it_is_usable_just_while_it_is_on_and_the_day_lies_between_its_dates(
    *,
    enabled: bool,
    start: int | None,
    end: int | None,
) -> None:
    base = int(NOW.timestamp())
    first, last = (None if day is None else base + day * 86400 for day in (start, end))
    estate = _estate(enabled, first, last)
    reader = estate.get(GATEWAY)
    assert reader is not None
    found = certificate_at(estate, reader, URI)
    assert found is not None
    for day in range(-4, 5):
        is_within = (start is None or start <= day) and (end is None or day < end)
        assert found.is_usable(NOW + timedelta(days=day)) is (enabled and is_within)
