"""Members whose values are secrets, known by their names as Azure and its users spell them."""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache
from typing import Final

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
        "validationkey", "workspacekey", "hookurl", "httptriggerurl", "secret", "token", "pfxblob",
        "x12authenticationkey", "authorization", "proxyauthorization", "cookie", "setcookie", "securevalue", "pwd",
        "passwd", "passphrase", "adminkey", "querykey", "masterkey", "functionkey", "hostkey", "pat",
        "ocpapimsubscriptionkey", "xfunctionskey", "xapikey", "xauthtoken",
    }
)  # fmt: skip
_SECRET_ENDINGS: Final = (
    "password", "connectionstring", "clientsecret", "sharedkey", "accountkey", "accesskey", "sastoken", "apikey",
    "passwd", "passphrase", "pwd", "subscriptionkey", "storagekey", "privatekey", "secretkey", "masterkey",
    "functionkey", "accesstoken", "authtoken", "refreshtoken", "bearertoken", "instrumentationkey",
)  # fmt: skip
_MAYBE_ENDINGS: Final = ("key", "secret", "token", "credential", "credentials", "sas", "cookie")
_PUBLIC_ENDINGS: Final = ("publickey", "partitionkey", "sortkey", "foreignkey", "rowkey", "shardkey", "cachekey")
_OPAQUE_ENDINGS: Final = (
    "id", "ids", "name", "type", "etag", "hash", "digest", "checksum", "thumbprint", "fingerprint", "version", "cer",
    "publickey", "certdata", "certificate", "certificates", "keydata", "x5t", "kid", "modulus", "verificationid",
    "signature", "nonce", "skiptoken", "continuationtoken", "cursor", "sha256", "md5", "crc64", "integrity",
)  # fmt: skip
_OPAQUE_NAMES: Final = frozenset({"fqdn", "fqdns", "hostname", "operation", "actions", "notactions"})
_SECRET_TREES: Final = frozenset(
    {
        "appsettings", "connectionstrings", "credentials", "environmentvariables", "machinekey", "protectedsettings",
        "webhookproperties",
    }
)  # fmt: skip
_VALUE_LISTS: Final = frozenset({"env", "secrets"})
NAMES_IN_TREES: Final = frozenset(
    {
        "id", "name", "type", "authtype", "credentialstype", "secretref", "secretname", "keyvaulturl",
        "keyvaultsecretid", "identity", "clientid", "resourceid", "tenantid", "secretsource", "slotsetting", "scheme",
        "secretstype",
    }
)  # fmt: skip
"""What in a tree of secrets only names something."""
ENVELOPE: Final = frozenset({"id", "name", "type", "location", "kind", "apiversion"})
"""What identifies a resource."""
NAMING: Final = ("name", "key", "headername", "parameter", "parametername", "variable")
"""Members that name what a `value` beside them holds."""
NAMED: Final = frozenset({"value", "values", "headervalue", "defaultvalue"})
VALUES: Final = frozenset({"value", "Value", "values", "Values", "headerValue", "defaultValue"})
"""The same as they are spelled."""
API_PROPERTY_ENDINGS: Final = ("key", "connectionstring", "secret")
_PEOPLE: Final = frozenset({"caller", "createdby", "lastmodifiedby"})
_SEPARATORS: Final = re.compile(r"[_\-. ]")


class Meaning(Enum):
    """What a member's name says of its value.

    TREE: its leaves are values of secrets. VALUES: it is a list of `{name, value}` that are. SECRET: it is one itself.
    MAYBE: it is one if it looks like a key. OPAQUE: it may look like a key and is none. PERSON: it may be the address of
    somebody. TEXT: it says nothing.
    """

    TREE = auto()
    VALUES = auto()
    SECRET = auto()
    MAYBE = auto()
    OPAQUE = auto()
    PERSON = auto()
    TEXT = auto()


@lru_cache(maxsize=65_536)
def meaning_of(name: str) -> Meaning:  # noqa: PLR0911 - one line for each meaning
    """Return what a member's name says of its value."""
    word = folded(name)
    if word in _SECRET_TREES:
        return Meaning.TREE
    if word in _VALUE_LISTS:
        return Meaning.VALUES
    if word.endswith(_PUBLIC_ENDINGS):
        return Meaning.OPAQUE
    if word in _SECRET_NAMES or word.endswith(_SECRET_ENDINGS):
        return Meaning.SECRET
    if word in _OPAQUE_NAMES or word.endswith(_OPAQUE_ENDINGS):
        return Meaning.OPAQUE
    if word in _PEOPLE:
        return Meaning.PERSON
    return Meaning.MAYBE if word.endswith(_MAYBE_ENDINGS) else Meaning.TEXT


@lru_cache(maxsize=65_536)
def folded(name: str) -> str:
    """Return a name in comparable form: `api_key`, `api-key` and `ApiKey` are one."""
    return _SEPARATORS.sub("", name).lower()


_LIKE_A_KEY: Final = re.compile(r"(?=(?:[^0-9\s]{0,64}[0-9]){3})(?=[^A-Za-z\s]{0,64}[A-Za-z])[A-Za-z0-9+/=_~%!-]{12,}+")


def looks_like_a_key(text: str) -> bool:
    """Whether a text that is called a key may be one: one word of letters and several digits, and no address."""
    return _LIKE_A_KEY.fullmatch(text) is not None and not text.startswith("/")


def is_always_secret(name: str) -> bool:
    """Whether all that an object of this name holds is secret; else its name may only tell what it is about."""
    return folded(name) in _SECRET_NAMES
