"""Models with their content filters; keys, their copies and their age; secrets."""

from __future__ import annotations

from collections.abc import Iterator

from tests.estates.arm import Body, resource
from tests.estates.draft import Change, Draft
from tests.estates.faults.fault import Fault, drops, removes, sets
from tests.estates.faults.openness import ACCOUNT, ENDPOINT, STORAGE, VAULT

MODEL = f"{ACCOUNT}/deployments/gpt35"
FILTER = f"{ACCOUNT}/raiPolicies/blocking-filter"
HARMS = ("hate", "sexual", "selfharm", "violence")
DETECTORS = {
    ("jailbreak", "Prompt"): "AOAI-CF-003",
    ("profanity", "Prompt"): "AOAI-CF-004",
    ("profanity", "Completion"): "AOAI-CF-004",
}
_OLD, _LONG_AGO = "2023-06-01T00:00:00Z", 1_672_531_200  # 2023-01-01
_PAST = 1_707_220_900  # just after the deployment


def _entry(draft: Draft, name: str, source: str) -> Body:
    [found] = [
        each
        for each in draft[FILTER]["properties"]["contentFilters"]
        if each["name"] == name and each["source"] == source
    ]
    entry: Body = found
    return entry


def _filter(name: str, source: str, **values: object) -> Change:
    return lambda draft: _entry(draft, name, source).update(values)


def _unfiltered(name: str, source: str) -> Change:
    return lambda draft: draft[FILTER]["properties"]["contentFilters"].remove(_entry(draft, name, source))


def _filters() -> Iterator[Fault]:
    cells = {(name, source): "AOAI-CF-002" for name in HARMS for source in ("Prompt", "Completion")} | DETECTORS
    for (name, source), control in cells.items():
        where = f"{name} in {source.lower()}s"
        yield Fault(f"{where} is not filtered", (control,), _filter(name, source, enabled=False))
        yield Fault(f"{where} is noted, not blocked", (control,), _filter(name, source, blocking=False))
        yield Fault(f"{where} has no filter", (control,), _unfiltered(name, source))
        if name in HARMS:
            for level in ("Medium", "High"):
                late = _filter(name, source, allowedContentLevel=level)
                yield Fault(f"{where} is blocked from {level} on", (control,), late)
    later = sets(FILTER, mode="Asynchronous_filter")
    yield Fault("answers are shown before they are filtered", ("AOAI-CF-005",), later)
    # the default is too lax, and the policy of their own filters nothing any more
    lax = ("AOAI-CF-001", "AOAI-CF-002", "AOAI-CF-003", "AOAI-CF-004", "AOAI-CF-006")
    default = sets(MODEL, raiPolicyName="Microsoft.Default")
    yield Fault("the model uses the default filter", lax, default)
    yield Fault("the model names no filter", lax, drops(MODEL, "raiPolicyName"))
    # and nobody knows in which mode nothing works
    gone = sets(MODEL, raiPolicyName="gone")
    yield Fault("the model names a filter that is gone", (*lax, "AOAI-CF-005"), gone)

    def changed(draft: Draft) -> None:
        draft[FILTER]["systemData"]["lastModifiedAt"] = "2024-02-15T00:00:00Z"

    def unused(draft: Draft) -> None:
        properties = draft[FILTER]["properties"]
        draft.add(
            resource(
                "Microsoft.CognitiveServices/accounts/raiPolicies",
                "oai-chat01",
                "old",
                location=None,
                properties=properties,
            )
        )

    yield Fault("the filter was changed after the deployment", ("AOAI-CF-006",), changed)
    yield Fault("a filter is unused", ("AOAI-CF-006",), unused)


def _models() -> Iterator[Fault]:
    yield Fault("another model is deployed", ("AOAI-MDL-001",), sets(MODEL, model__name="gpt-4"))
    upgraded = sets(MODEL, versionUpgradeOption="Whenever")
    yield Fault("the model is upgraded in a way that nobody chose", ("AOAI-MDL-002",), upgraded)
    exempt = sets(ACCOUNT, capabilities=[{"name": "ContentLogging", "value": "false"}])
    yield Fault("nobody watches for abuse", ("AOAI-CF-008",), exempt)
    blocked = sets(ACCOUNT, abusePenalty={"action": "Throttle", "rateLimitPercentage": 50})
    yield Fault("the account is punished for abuse", ("AOAI-CF-008",), blocked)

    def nothing(draft: Draft) -> None:
        draft[MODEL]["sku"]["capacity"] = 0

    yield Fault("the model has no capacity", ("AOAI-CAP-001",), nothing)


def _regenerated(end: str, operation: str, at: str) -> Change:
    def make(draft: Draft) -> None:
        event = {
            "operationName": operation,
            "status": "Succeeded",
            "eventTimestamp": at,
            "resourceId": draft[end]["id"],
        }
        draft["eventtypes/management"]["properties"]["events"] += [
            {**event, "keyName": key} for key in ("key1", "key2")
        ]

    return make


def _older(end: str) -> Change:
    def make(draft: Draft) -> None:
        draft[end]["systemData"]["createdAt"] = _OLD

    return make


def _attribute(secret: str, name: str, value: object) -> Change:
    return sets(f"{VAULT}/secrets/{secret}", **{f"attributes__{name}": value})


def _keys() -> Iterator[Fault]:
    yield Fault("the keys of the model are old", ("KEY-ROT-001",), _older(ACCOUNT))
    yield Fault("the keys of the endpoint are old", ("KEY-ROT-002",), _older(ENDPOINT))
    operation = "Microsoft.CognitiveServices/accounts/regenerateKey/action"
    stale = _regenerated(ACCOUNT, operation, "2024-02-10T00:00:00Z")
    yield Fault("the vault keeps an old key of the model", ("KEY-ROT-003",), stale)
    operation = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/regenerateKeys/action"
    stale = _regenerated(ENDPOINT, operation, "2024-02-10T00:00:00Z")
    yield Fault("the vault keeps an old key of the endpoint", ("KEY-ROT-003",), stale)
    for end in STORAGE:
        for key in ("key1", "key2"):
            yield Fault(f"{key} of {end} is old", ("KEY-ROT-005",), sets(end, **{f"keyCreationTime__{key}": _OLD}))
        yield Fault(f"the keys of {end} never expire", ("KEY-ROT-005",), drops(end, "keyPolicy"))
        long = sets(end, keyPolicy__keyExpirationPeriodInDays=180)
        yield Fault(f"the keys of {end} expire late", ("KEY-ROT-005",), long)
        off = sets(end, allowSharedKeyAccess=False)
        yield Fault(f"{end} takes no keys", (), off)
    keyed = sets("searchServices/srch-chat01", disableLocalAuth=False, authOptions={"apiKeyOnly": {}})
    # the log of ninety days shows that nobody renewed them
    yield Fault("AI Search takes keys only", ("SRCH-IAM-001", "KEY-ROT-008"), keyed)

    def vault_key(draft: Draft) -> None:
        attributes = {"enabled": True, "created": 1_707_220_800, "updated": 1_707_220_800}
        policy = {"lifetimeActions": [{"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "notify"}}]}
        properties = {"kty": "RSA", "attributes": attributes, "rotationPolicy": policy}
        draft.add(resource("Microsoft.KeyVault/vaults/keys", "kv-chat01", "cmk", properties=properties))

    # no policy watches the age of keys in vaults yet
    yield Fault("a vault's key does not rotate", ("KEY-ROT-006", "KEY-ROT-004"), vault_key)


def _secrets() -> Iterator[Fault]:
    copies = ("chatApiKey", "openai-key")
    for secret in (*copies, "gateway-public-cert"):
        copy, certificate = (("KEY-ROT-003",), ()) if secret in copies else ((), ("AGW-TLS-004",))
        end = f"{VAULT}/secrets/{secret}"
        yield Fault(f"{secret} never expires", ("KV-SEC-002",), drops(end, "attributes.exp"), certificate)
        yield Fault(f"{secret} has expired", ("KV-SEC-002", *copy, *certificate), _attribute(secret, "exp", _PAST))
        old = _attribute(secret, "created", _LONG_AGO)
        # a copy that is older than its service cannot be of its key
        yield Fault(f"{secret} is old", ("KV-SEC-002", *copy), old)
    for secret in copies:
        yield Fault(f"{secret} is turned off", ("KEY-ROT-003",), _attribute(secret, "enabled", value=False))
        # with it goes the role on it, which its reader needs
        yield Fault(f"{secret} is gone", ("KEY-ROT-003", "IAM-RBAC-014"), removes(f"{VAULT}/secrets/{secret}"))

    def left_over(draft: Draft) -> None:
        attributes = {"enabled": True, "created": 1_707_220_800, "exp": 1_722_945_600}
        draft.add(
            resource("Microsoft.KeyVault/vaults/secrets", "kv-chat01", "old", properties={"attributes": attributes})
        )

    def broken(draft: Draft) -> None:
        properties = {
            "status": "SecretNotFound",
            "vaultName": "kv-chat01",
            "secretName": "chatApiKey",
            "reference": "r",
        }
        kind = "Microsoft.Web/sites/config/appsettings"
        reference = resource("Microsoft.Web/sites/config", "app-chat01", "configreferences", location=None)
        setting = {"id": f"{reference['id']}/appsettings/chatApiKey", "name": "chatApiKey", "type": kind}
        draft.add({**setting, "properties": properties})

    yield Fault("a secret is left over", ("KV-SEC-004",), left_over)
    yield Fault("an app's reference leads to no secret", ("APP-SEC-002",), broken)
    for flag in ("enabledForDeployment", "enabledForTemplateDeployment", "enabledForDiskEncryption"):
        yield Fault(f"the vault is {flag}", ("KV-SEC-005",), sets(VAULT, **{flag: True}))
    yield Fault("the vault can be purged", ("KV-SEC-001",), drops(VAULT, "enablePurgeProtection"))
    # such policies are on the whole vault, never on one secret
    own = sets(VAULT, enableRbacAuthorization=False)
    yield Fault("the vault goes by policies of its own", ("KV-IAM-001", "KV-SEC-003"), own)


FAULTS = (*_filters(), *_models(), *_keys(), *_secrets())
