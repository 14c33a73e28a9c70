"""What other doors than role assignments give is in the facts, and what has no effect is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.estates.access import (
    SUBSCRIPTION,
    Bodies,
    add,
    assignments,
    facts_after,
    find,
    of_kind,
    place,
    rows,
)
from tests.estates.chat.identities import principal
from tests.estates.derived import Derived

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
MANAGED = "Microsoft.ManagedServices"
READS: dict[str, Any] = {"secrets": ["get", "list"], "keys": [], "certificates": []}
APP_ROW = "chat-ui on app-vault: Key Vault Secrets User"
GATEWAY_ROW = "gateway on app-vault: Key Vault Secrets User"


def delegate(bodies: Bodies, *, inline: bool = False, state: str = "Succeeded", **authorization: Any) -> None:
    offer = {"authorizations": [{"principalId": "p9", "roleDefinitionId": CONTRIBUTOR, **authorization}]}
    definition = f"{SUBSCRIPTION}/providers/{MANAGED}/registrationDefinitions/d1"
    named: dict[str, Any] = {"registrationDefinitionId": definition, "provisioningState": state}
    if inline:
        named["registrationDefinition"] = {"properties": offer}
    else:
        add(bodies, {"id": definition, "type": f"{MANAGED}/registrationDefinitions", "name": "d1", "properties": offer})
    delegation = f"{SUBSCRIPTION}/providers/{MANAGED}/registrationAssignments/r1"
    add(bodies, {"id": delegation, "type": f"{MANAGED}/registrationAssignments", "name": "r1", "properties": named})


def given_by(facts: list[Derived], door: str) -> list[Derived]:
    return [fact for fact in of_kind(facts, "access.assignment") if fact.fields["door"] == door]


@pytest.mark.parametrize("inline", [True, False])
def test_a_delegation_is_what_its_role_permits(inline: bool) -> None:  # noqa: FBT001 - a parameter of the test
    (fact,) = given_by(facts_after(lambda bodies: delegate(bodies, inline=inline)), "Lighthouse delegation")
    assert (fact.fields["role"], fact.fields["scope"]) == ("Contributor", SUBSCRIPTION)
    assert (fact.fields["isForeign"], fact.fields["isHuman"], fact.fields["sanctioned"]) == (True, True, False)
    assert fact.fields["permits"]["readKeys"] is True
    assert fact.fields["isStanding"] is True


def test_a_delegation_that_is_gone_gives_nothing() -> None:
    assert given_by(facts_after(lambda bodies: delegate(bodies, state="Deleted")), "Lighthouse delegation") == []


def test_what_a_delegation_lets_one_activate_is_no_standing_role() -> None:
    def eligible(bodies: Bodies) -> None:
        delegate(bodies)
        offer = next(b for b in bodies.values() if b["type"].endswith("registrationDefinitions"))["properties"]
        offer["eligibleAuthorizations"] = offer.pop("authorizations")
        offer["authorizations"] = []

    (fact,) = given_by(facts_after(eligible), "Lighthouse delegation")
    assert (fact.fields["state"], fact.fields["isStanding"]) == ("eligible", False)


def by_policy(bodies: Bodies, **permissions: Any) -> None:
    """Let access policies rule the vault: one for the web apps' identity, and one for each name given."""
    properties = bodies[place("app-vault")]["properties"]
    properties["enableRbacAuthorization"] = False
    holders = {principal("id-app-chat01"): READS, **permissions}
    properties["accessPolicies"] = [
        {"tenantId": "t", "objectId": holder, "permissions": held} for holder, held in holders.items()
    ]


def test_an_access_policy_beyond_the_table_is_an_excess_like_a_role() -> None:
    facts = facts_after(lambda bodies: by_policy(bodies, stranger={"secrets": ["GET"], "keys": ["wrapKey"]}))
    held = {fact.fields["principalId"]: fact.fields for fact in given_by(facts, "access policy")}
    assert held[principal("id-app-chat01")]["sanctioned"] is True
    assert held["stranger"]["sanctioned"] is False
    assert held["stranger"]["permits"]["readSecrets"] is True
    assert held["stranger"]["permits"]["administerVaultContents"] is False


def test_a_permission_that_nobody_knows_may_be_anything_of_its_kind() -> None:
    facts = facts_after(lambda bodies: by_policy(bodies, stranger={"secrets": ["frobnicate"]}))
    (fact,) = [one for one in given_by(facts, "access policy") if one.fields["principalId"] == "stranger"]
    assert "readSecrets" not in {name for name, held in fact.fields["permits"].items() if held is False}
    assert fact.fields["possibleDangers"] == ["read-secrets", "administer-vault-contents"]


def test_a_data_role_has_no_effect_where_policies_rule() -> None:
    facts = facts_after(by_policy)
    roles = [fact for fact in assignments(facts).values() if fact.fields["role"] == "Key Vault Secrets User"]
    assert roles
    assert {(fact.fields["hasDataAccess"], tuple(fact.fields["dangers"])) for fact in roles} == {(False, ())}
    found = rows(facts)
    assert (found[APP_ROW].fields["works"], found[APP_ROW].fields["how"]) == ("present", "an equivalent role")
    assert (found[GATEWAY_ROW].fields["works"], found[GATEWAY_ROW].fields["how"]) == (
        "missing",
        "roles have no effect there: the service lets in by policies of its own or keys",
    )


def test_who_may_read_the_vault_is_read_from_what_rules_it() -> None:
    (vault,) = of_kind(facts_after(by_policy), "access.vault")
    assert [reader["principalId"] for reader in vault.fields["secretReaders"]] == [principal("id-app-chat01")]
    assert vault.fields["isSeparated"] is False


def only(secret: str, role: str = "gateway") -> Any:
    """Return the change that gives a component one secret of the vault and no more."""

    def change(bodies: Bodies) -> None:
        assignment = find(bodies, "Key Vault Secrets User", role, place("app-vault"))
        assignment["properties"]["scope"] = f"{place('app-vault')}/secrets/{secret}"

    return change


def test_the_secret_that_the_listener_names_is_enough() -> None:
    row = rows(facts_after(only("Gateway-Public-Cert")))[GATEWAY_ROW]
    assert (row.fields["works"], row.fields["how"]) == ("present", "a narrower scope")


def test_another_secret_than_the_listener_names_is_not() -> None:
    row = rows(facts_after(only("another")))[GATEWAY_ROW]
    assert (row.fields["works"], row.fields["how"]) == ("missing", "assignments that do not reach what it reads there")
    assert row.fields["lacking"]["operation"] == "Microsoft.KeyVault/vaults/secrets/getSecret/action"


def test_each_certificate_of_the_gateway_needs_its_secret() -> None:
    def two(bodies: Bodies) -> None:
        only("gateway-public-cert")(bodies)
        certificates = bodies[place("gateway")]["properties"]["sslCertificates"]
        certificates.append({"properties": {"keyVaultSecretId": "https://kv-chat01.vault.azure.net/secrets/second/1"}})

    assert rows(facts_after(two))[GATEWAY_ROW].fields["works"] == "missing"


def test_an_app_needs_the_secrets_that_its_settings_name() -> None:
    def named(bodies: Bodies) -> None:
        kind = "Microsoft.Web/sites/config/appsettings"
        setting = f"{place('chat-ui')}/config/configreferences/appsettings/KEY"
        properties = {"vaultName": "kv-chat01", "secretName": "model-key", "status": "Resolved"}
        add(bodies, {"id": setting, "type": kind, "name": "KEY", "properties": properties})
        only("model-key", "chat-ui")(bodies)

    def other(bodies: Bodies) -> None:
        named(bodies)
        assignment = next(
            b for b in bodies.values() if str(b.get("properties", {}).get("scope")).endswith("/secrets/model-key")
        )
        assignment["properties"]["scope"] = f"{place('app-vault')}/secrets/other"

    assert rows(facts_after(named))[APP_ROW].fields["works"] == "present"
    assert rows(facts_after(other))[APP_ROW].fields["works"] == "missing"
