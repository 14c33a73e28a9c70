"""Take secrets out of a body before it is stored, so that a changed secret still shows as changed.

A removed value becomes `redacted:` and the start of a keyed hash. The hash is no protection for a value that can be
guessed; it is there so that two snapshots can be compared.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from auditor import resource_id as ids

MARK: Final = "redacted:"

_SECRET_NAMES: Final = frozenset(
    {
        "accesskey", "accountkey", "adminpassword", "apikey", "clientsecret", "connectionstring", "customdata",
        "instrumentationkey", "listcallbackurl", "password", "primaryconnectionstring", "primarykey",
        "primarysharedkey", "privatekey", "publishingpassword", "sastoken", "sasuri", "sasurl",
        "sas", "scriptdata", "sdktelemetryappinsightskey", "secondaryconnectionstring", "secondarykey",
        "secondarysharedkey", "secretvalue", "serviceuri", "sharedaccesskey", "sharedkey",
        "storageaccountaccesskey", "storageaccountkey", "commandtoexecute", "userdata", "certificatepassword",
        "encodedcertificate", "accesstoken", "refreshtoken", "registrationtoken", "adminuserpassword",
        "administratorloginpassword", "publishingusername", "callbackurl", "webhookurl", "decryptionkey",
        "validationkey", "workspacekey", "hookurl", "httptriggerurl", "secret", "token", "pfxblob", "x12authenticationkey",
    }
)  # fmt: skip
_SECRET_ENDINGS: Final = (
    "password",
    "connectionstring",
    "clientsecret",
    "sharedkey",
    "accountkey",
    "accesskey",
    "sastoken",
)
_SECRET_TREES: Final = frozenset(
    {
        "appsettings",
        "connectionstrings",
        "credentials",
        "environmentvariables",
        "machinekey",
        "protectedsettings",
        "webhookproperties",
    }
)
"""Objects and lists whose leaves are values of secrets; what only names something is kept."""

_VALUE_LISTS: Final = frozenset({"env", "secrets"})
"""Lists of `{name, value}`; the same words also name lists of permissions, which stay."""

_NAMES_IN_TREES: Final = frozenset(
    {
        "id", "name", "type", "authtype", "credentialstype", "secretref", "secretname", "keyvaulturl",
        "keyvaultsecretid", "identity", "clientid", "resourceid", "tenantid", "secretsource",
    }
)  # fmt: skip
_API_PROPERTY_ENDINGS: Final = ("key", "connectionstring", "secret")

_IN_TEXT: Final = (
    re.compile(r"(?i)(?<=[?&;]sig=)[^&\s\"'<>]+"),
    re.compile(r"(?i)(?<=\?code=)[^&\s\"'<>]{16,}"),
    re.compile(r"(?i)(?<=&code=)[^&\s\"'<>]{16,}"),
    re.compile(r"(?i)(?<=AccountKey=)[^;\s\"'<>]+"),
    re.compile(r"(?i)(?<=SharedAccessKey=)[^;\s\"'<>]+"),
    re.compile(r"(?i)(?<=SharedAccessSignature=)[^;\s\"'<>]+"),
    re.compile(r"(?i)(?<=InstrumentationKey=)[^;\s\"'<>]+"),
    re.compile(r"(?i)(?<=Password=)[^;\s\"'<>]+"),
    re.compile(r"(?i)(?<=Pwd=)[^;\s\"'<>]+"),
    re.compile(r"(?<=://)[^/@\s:]+:[^/@\s]+(?=@)"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"),
    re.compile(r"(?i)(?<=Bearer )[A-Za-z0-9._~+/=-]{20,}"),
)
_MAYBE_IN_TEXT: Final = re.compile(r"(?i)sig=|code=|key=|signature=|password=|pwd=|@|eyJ|bearer ")
_PEOPLE: Final = frozenset({"createdby", "lastmodifiedby"})


class Redactor:
    """Removes secrets from bodies with one key."""

    def __init__(self, key: bytes, *, people: bool = False) -> None:
        self._key = hashlib.sha256(b"auditor redaction " + key).digest()
        self._people = people

    def body(self, body: Mapping[str, object]) -> dict[str, object]:
        """Return the body of a resource without its secrets; the given one is left as it is."""
        where = ids.key(str(body.get("id", "")))
        return {name: self._member(name, value, f"{where}|{name}") for name, value in body.items()}

    def _member(self, name: str, value: object, where: str) -> object:
        lowered = name.lower().replace("_", "").replace("-", "")
        if lowered in _SECRET_TREES and isinstance(value, (Mapping, list)):
            return self._tree(value, where)
        if lowered in _VALUE_LISTS and isinstance(value, list):
            return [self._named_value(item, where) for item in value]
        if _is_secret_name(lowered):
            return self._tree(value, where)
        if lowered == "apiproperties" and isinstance(value, Mapping):
            return {key: self._api_property(key, item, f"{where}.{key}") for key, item in value.items()}
        if self._people and lowered in _PEOPLE and isinstance(value, str) and "@" in value:
            return self._hash(value, where)
        return self._any(value, where)

    def _any(self, value: object, where: str) -> object:
        if isinstance(value, Mapping):
            return {name: self._member(str(name), item, f"{where}.{name}") for name, item in value.items()}
        if isinstance(value, list):
            return [self._any(item, where) for item in value]
        if isinstance(value, str) and _MAYBE_IN_TEXT.search(value):
            return self._text(value, where)
        return value

    def _api_property(self, name: str, value: object, where: str) -> object:
        if name.lower().endswith(_API_PROPERTY_ENDINGS):
            return self._tree(value, where)
        return self._member(name, value, where)

    def _named_value(self, value: object, where: str) -> object:
        if not isinstance(value, Mapping):
            return self._any(value, where)
        path = f"{where}.{value.get('name')}"
        return {
            name: self._tree(item, path) if str(name).lower() == "value" else self._member(str(name), item, path)
            for name, item in value.items()
        }

    def _tree(self, value: object, where: str) -> object:
        """Redact every leaf but those that name things."""
        if isinstance(value, Mapping):
            return {
                name: self._any(item, f"{where}.{name}")
                if str(name).lower() in _NAMES_IN_TREES and not isinstance(item, (Mapping, list))
                else self._tree(item, f"{where}.{name}")
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self._tree(item, where) for item in value]
        return self._secret(value, where)

    def _secret(self, value: object, where: str) -> object:
        if value is None or isinstance(value, bool) or value in ("", [], {}):
            return value  # whether it is set is what the reader may know
        if isinstance(value, str) and (value.startswith((MARK, "@Microsoft.KeyVault("))):
            return value  # a reference to a secret is not one
        return self._hash(str(value), where)

    def _text(self, text: str, where: str) -> str:
        for pattern in _IN_TEXT:
            text = pattern.sub(lambda found: self._hash(found.group(), where), text)
        return text

    def _hash(self, text: str, where: str) -> str:
        if text.startswith(MARK):
            return text
        return MARK + hmac.new(self._key, f"{where}|{text}".encode(), hashlib.sha256).hexdigest()[:16]


def _is_secret_name(lowered: str) -> bool:
    return lowered in _SECRET_NAMES or lowered.endswith(_SECRET_ENDINGS)
