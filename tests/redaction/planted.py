"""Made-up secrets of many kinds, put together at run time, and the places of an estate that they slip into.

None stands in a file: scanners of repositories, which would report them, are the reason.
"""

from __future__ import annotations

import base64
import json
import random
import string
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.collect.conftest import resource

_LOWER, _UPPER, _DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
_ALNUM = _LOWER + _UPPER + _DIGITS
_HEX = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Secret:
    """A text with a secret in it: `parts` are what nobody may find anywhere afterwards."""

    kind: str
    text: str
    parts: tuple[str, ...]


class Forge:
    """Makes secrets: the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - nothing depends on it but this test

    def word(self, length: int, alphabet: str = _ALNUM) -> str:
        """Return random characters, of each kind that the alphabet has at least one."""
        kinds = [kind for kind in (_LOWER, _UPPER, _DIGITS) if set(kind) & set(alphabet)] if length >= 8 else []
        firm = [self._random.choice(sorted(set(kind) & set(alphabet))) for kind in kinds]
        drawn = [*firm, *(self._random.choice(alphabet) for _ in range(length - len(firm)))]
        self._random.shuffle(drawn)
        return "".join(drawn)

    def base64(self, size: int) -> str:
        """Return random bytes in Base64."""
        return base64.b64encode(self._random.randbytes(size)).decode()

    def password(self) -> str:
        """Return what a person might choose."""
        return self.word(6, _LOWER) + "!" + self.word(3, _DIGITS) + self.word(2, _UPPER)

    def guid(self) -> str:
        """Return a GUID."""
        return "-".join(self.word(size, _HEX) for size in (8, 4, 4, 4, 12))

    def token(self, *parts: str | tuple[int, str]) -> str:
        """Return fixed parts with random ones between them."""
        return "".join(part if isinstance(part, str) else self.word(*part) for part in parts)


def _jwt(forge: Forge) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return ".".join([part({"alg": "HS256"}), part({"sub": forge.guid(), "exp": 1}), forge.word(43, _ALNUM + "-_")])


def _pem(forge: Forge, label: str) -> str:
    lines = [forge.base64(48) for _ in range(6)]
    return "\n".join([f"-----BEGIN {label} KEY-----", *lines, f"-----END {label} KEY-----"])


_BARE: Mapping[str, Callable[[Forge], str]] = {
    "GitHub token": lambda f: f.token("gh" + "p_", (36, _ALNUM)),
    "GitHub app token": lambda f: f.token("gh" + "s_", (36, _ALNUM)),
    "GitHub fine-grained token": lambda f: f.token("github_" + "pat_", (22, _ALNUM), "_", (59, _ALNUM)),
    "GitLab token": lambda f: f.token("gl" + "pat-", (20, _ALNUM)),
    "Slack token": lambda f: f.token("xo" + "xb-", (12, _DIGITS), "-", (12, _DIGITS), "-", (24, _ALNUM)),
    "Slack webhook": lambda f: f.token(
        "https://hooks." + "slack.com/services/T", (9, _UPPER), "/B", (9, _UPPER), "/", (24, _ALNUM)
    ),
    "Discord webhook": lambda f: f.token("https://disc" + "ord.com/api/webhooks/", (18, _DIGITS), "/", (68, _ALNUM)),
    "AWS access key": lambda f: f.token("AK" + "IA", (16, _UPPER + "234567")),
    "npm token": lambda f: f.token("np" + "m_", (36, _ALNUM)),
    "PyPI token": lambda f: f.token("py" + "pi-AgEIcHlwaS5vcmc", (80, _ALNUM + "-_")),
    "Google API key": lambda f: f.token("AI" + "za", (35, _ALNUM + "-_")),
    "Google OAuth secret": lambda f: f.token("GOC" + "SPX-", (28, _ALNUM)),
    "SendGrid key": lambda f: f.token("S" + "G.", (22, _ALNUM), ".", (43, _ALNUM)),
    "Stripe key": lambda f: f.token("sk_" + "live_", (24, _ALNUM)),
    "Twilio key": lambda f: f.token("S" + "K", (32, _HEX)),
    "Mailgun key": lambda f: f.token("ke" + "y-", (32, _HEX)),
    "Mailchimp key": lambda f: f.token((32, _HEX), "-u" + "s12"),
    "Databricks token": lambda f: f.token("da" + "pi", (32, _HEX)),
    "Azure DevOps token": lambda f: f.token((76, _ALNUM), "AZ" + "DO", (4, _ALNUM)),
    "old Azure DevOps token": lambda f: f.token((52, _LOWER + "234567")),
    "Entra client secret": lambda f: f.token((3, _ALNUM), "8Q" + "~", (34, _ALNUM + "_~")),
    "Azure OpenAI key": lambda f: f.token((52, _ALNUM), "JQ" + "QJ99", (26, _ALNUM)),
    "Azure Search key": lambda f: f.token((42, _ALNUM), "Az" + "SeA", (5, _ALNUM)),
    "OpenAI key": lambda f: f.token("s" + "k-", (48, _ALNUM)),
    "OpenAI project key": lambda f: f.token("s" + "k-proj-", (60, _ALNUM + "-_")),
    "Anthropic key": lambda f: f.token("s" + "k-ant-api03-", (80, _ALNUM + "-_")),
    "Hugging Face token": lambda f: f.token("h" + "f_", (34, _ALNUM)),
    "Telegram token": lambda f: f.token((9, _DIGITS), ":", (35, _ALNUM)),
    "DigitalOcean token": lambda f: f.token("do" + "p_v1_", (64, _HEX)),
    "Vault token": lambda f: f.token("hv" + "s.", (90, _ALNUM)),
    "Docker Hub token": lambda f: f.token("dck" + "r_pat_", (27, _ALNUM)),
    "New Relic key": lambda f: f.token("NR" + "AK-", (27, _UPPER + _DIGITS)),
    "Grafana token": lambda f: f.token("gl" + "sa_", (32, _ALNUM), "_", (8, _HEX)),
    "Shopify token": lambda f: f.token("shp" + "at_", (32, _HEX)),
    "NuGet key": lambda f: f.token("oy" + "2", (43, _LOWER + _DIGITS)),
    "age key": lambda f: f.token("AGE-SECRET" + "-KEY-1", (58, _UPPER + _DIGITS)),
    "LaunchDarkly key": lambda f: "sd" + "k-" + f.guid(),
    "storage key": lambda f: f.base64(64),
    "random key": lambda f: f.word(40),
    "JSON web token": _jwt,
    "RSA key": lambda f: _pem(f, "RSA PRIV" + "ATE"),
    "PKCS 8 key": lambda f: _pem(f, "PRIV" + "ATE"),
    "OpenSSH key": lambda f: _pem(f, "OPENSSH PRIV" + "ATE"),
    "key in DER": lambda f: "MII" + "EvgIBADANBgkqhkiG9w0" + f.base64(300),
}

_SAID: Mapping[str, tuple[Callable[[Forge], str], str]] = {
    "storage connection string": (
        lambda f: f.base64(64),
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={0};EndpointSuffix=core.windows.net",
    ),
    "Service Bus connection string": (
        lambda f: f.base64(32),
        "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey={0}",
    ),
    "SQL connection string": (
        Forge.password,
        "Server=tcp:s.database.windows.net,1433;Database=d;User ID=u;Password={0};Encrypt=True",
    ),
    "MySQL connection string": (Forge.password, "Server=m;Uid=u;Pwd={0};"),
    "Redis connection string": (
        lambda f: f.base64(32),
        "r.redis.cache.windows.net:6380,password={0},ssl=True,abortConnect=False",
    ),
    "Cosmos connection string": (
        lambda f: f.base64(64),
        "AccountEndpoint=https://c.documents.azure.com:443/;AccountKey={0};",
    ),
    "Mongo connection string": (
        lambda f: f.word(12),
        "mongodb+srv://user:{0}@cluster0.mongodb.net/db?retryWrites=true",
    ),
    "AMQP address": (lambda f: f.word(10), "amqps://svc:{0}@queue.contoso.com/vhost"),
    "address with password": (Forge.password, "https://deploy:{0}@git.contoso.com/repo.git"),
    "Redis address": (lambda f: f.word(10), "redis://:{0}@cache.contoso.com:6379/0"),
    "SAS": (
        lambda f: f.base64(32).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
        "https://a.blob.core.windows.net/c/b.zip?sv=2022-11-02&se=2030-01-01&sr=b&sp=r&sig={0}",
    ),
    "function key": (lambda f: f.word(54), "https://f.azurewebsites.net/api/run?code={0}"),
    "basic header": (lambda f: base64.b64encode(f"user:{f.password()}".encode()).decode(), "Authorization: Basic {0}"),
    "bearer header": (lambda f: f.word(32), "curl -H 'Authorization: Bearer {0}' https://api.contoso.com"),
    "API key header": (lambda f: f.word(32, _HEX), "Ocp-Apim-Subscription-Key: {0}"),
    "password option": (Forge.password, "./join.sh --user admin --password {0} --quiet"),
    "password option of PowerShell": (Forge.password, "Join-Domain -Credential x -AdminPassword '{0}' -Force"),
    "password of a client": (Forge.password, "docker login registry.contoso.com -u ci -p {0} && docker pull x"),
    "password of mysql": (lambda f: f.word(9), "mysql -u root -p{0} -e 'select 1'"),
    "password of sqlcmd": (Forge.password, "sqlcmd -S s -U sa -P {0} -Q x"),
    "user of curl": (Forge.password, "curl -u deploy:{0} https://x.contoso.com"),
    "net user": (Forge.password, "net user backup {0} /add"),
    "secure string": (Forge.password, 'ConvertTo-SecureString "{0}" -AsPlainText -Force'),
    "exported variable": (Forge.password, "export DB_PASSWORD={0}; ./run"),
    "AWS secret": (lambda f: f.word(40), "aws_secret_access_key = {0}"),
    "password in JSON": (Forge.password, '{{"user": "u", "password": "{0}"}}'),
    "password in JSON in JSON": (Forge.password, '{{"body": "{{\\"clientSecret\\": \\"{0}\\"}}"}}'),
    "password in YAML": (Forge.password, "db:\n  user: u\n  password: {0}\n"),
    "chpasswd": (Forge.password, "echo 'root:{0}' | chpasswd"),
    "password with blanks": (lambda f: f"{f.word(6)} {f.word(6)}", "Server=s;User ID=u;Password={0};Encrypt=True"),
    "password of words": (lambda f: f.word(7, _LOWER), "db:\n  user: u\n  password: {0}\n"),
    "password that is piped": (Forge.password, "echo {0} | docker login r.contoso.com -u ci --password-stdin"),
    "password of a share": (Forge.password, "net use z: //s/share /user:u {0}"),
    "password of a machine": (Forge.password, "machine h.contoso.com login u password {0}"),
    "password of OpenSSL": (Forge.password, "openssl pkcs12 -in x.pfx -passin pass:{0}"),
    "header in XML": (lambda f: f.word(20), '<Header Name="x-api-key" Value="{0}" />'),
    "Kubernetes literal": (Forge.password, "kubectl create secret generic s --from-literal=pw={0}"),
    "hidden in Base64": (
        lambda f: base64.b64encode(f"export DB_PASSWORD={f.password()}; run".encode()).decode(),
        "echo {0} | base64 -d | sh",
    ),
}
KINDS = (*_BARE, *_SAID)


def _parts(secret: str) -> tuple[str, ...]:
    """Return what must not be found: of a key of several lines each line, of others all of it."""
    lines = [line for line in secret.splitlines() if not line.startswith("-----")]
    return tuple(lines) if len(lines) > 1 else (secret.rpartition("/")[2] if "://" in secret else secret,)


def secrets(seed: int = 1) -> list[Secret]:
    """Return a secret of each kind; those that are known by their form also in the middle of a sentence."""
    forge = Forge(seed)
    made = []
    for kind, draw in _BARE.items():
        for shape in ("{0}", "run --with {0} and go on"):
            secret = draw(forge)
            made.append(Secret(kind, shape.replace("{0}", secret), _parts(secret)))
    for kind, (draw, shape) in _SAID.items():
        secret = draw(forge)
        made.append(Secret(kind, shape.format(secret), (secret,)))
    return made


Place = Callable[[int, str], dict[str, Any]]
PLACES: Mapping[str, Place] = {
    "command of a container group": lambda n, t: resource(
        f"Microsoft.ContainerInstance/containerGroups/g{n}",
        properties={"containers": [{"name": "c", "properties": {"command": ["/bin/sh", "-c", t]}}]},
    ),
    "environment of a container group": lambda n, t: resource(
        f"Microsoft.ContainerInstance/containerGroups/e{n}",
        properties={
            "containers": [{"name": "c", "properties": {"environmentVariables": [{"name": "SETTING", "value": t}]}}]
        },
    ),
    "arguments of a container app": lambda n, t: resource(
        f"Microsoft.App/containerApps/a{n}",
        properties={"template": {"containers": [{"args": [t], "env": [{"name": "X", "value": t}]}]}},
    ),
    "deployment script": lambda n, t: resource(
        f"Microsoft.Resources/deploymentScripts/s{n}",
        properties={
            "scriptContent": f"set -e\n{t}\n",
            "arguments": t,
            "environmentVariables": [{"name": "A", "value": t}],
        },
    ),
    "settings of an extension": lambda n, t: resource(
        f"Microsoft.Compute/virtualMachines/vm{n}/extensions/script",
        properties={"settings": {"commandToExecute": t, "script": t, "fileUris": [t]}},
    ),
    "task of a registry": lambda n, t: resource(
        f"Microsoft.ContainerRegistry/registries/r{n}/tasks/build",
        properties={
            "step": {"type": "Docker", "arguments": [{"name": "ARG", "value": t, "isSecret": False}], "contextPath": t}
        },
    ),
    "definition of a Logic App": lambda n, t: resource(
        f"Microsoft.Logic/workflows/w{n}",
        properties={
            "definition": {
                "actions": {
                    "call": {
                        "type": "Http",
                        "inputs": {"method": "POST", "uri": "https://x", "headers": {"x-custom": t}, "body": t},
                    }
                },
                "parameters": {"p": {"type": "String", "defaultValue": t}},
            },
            "parameters": {"p": {"value": t}},
        },
    ),
    "web test": lambda n, t: resource(
        f"Microsoft.Insights/webtests/t{n}",
        properties={
            "Configuration": {"WebTest": f"<WebTest><Request><Body>{t}</Body></Request></WebTest>"},
            "Request": {"Headers": [{"key": "X-Any", "value": t}], "RequestBody": t},
        },
    ),
    "dashboard": lambda n, t: resource(
        f"Microsoft.Portal/dashboards/d{n}",
        properties={"lenses": [{"parts": [{"metadata": {"settings": {"content": {"settings": {"content": t}}}}}]}]},
    ),
    "header of a backend": lambda n, t: resource(
        f"Microsoft.ApiManagement/service/am{n}/backends/b",
        properties={"url": "https://x", "credentials": {"header": {"x-any": [t]}, "query": {"q": [t]}}},
    ),
    "deployment": lambda n, t: {
        **resource(f"Microsoft.Resources/deployments/d{n}"),
        "properties": {
            "parameters": {"any": {"type": "String", "value": t}},
            "outputs": {"any": {"type": "String", "value": t}, "obj": {"type": "Object", "value": {"deep": [t]}}},
        },
    },
    "tag": lambda n, t: resource(f"Microsoft.Network/routeTables/rt{n}", tags={"note": t}),
    "setting of an app": lambda n, t: resource(
        f"Microsoft.Web/sites/web{n}",
        kind="app",
        properties={
            "siteConfig": {
                "appSettings": [{"name": "ANY", "value": t}],
                "appCommandLine": t,
                "connectionStrings": [{"name": "c", "connectionString": t, "type": "Custom"}],
            }
        },
    ),
    "automation variable": lambda n, t: resource(
        f"Microsoft.Automation/automationAccounts/aa{n}/variables/v",
        properties={"value": json.dumps(t), "isEncrypted": False, "description": t},
    ),
    "linked service": lambda n, t: resource(
        f"Microsoft.DataFactory/factories/f{n}/linkedservices/l",
        properties={"type": "Custom", "typeProperties": {"any": t}},
    ),
    "policy of an API": lambda n, t: resource(
        f"Microsoft.ApiManagement/service/ap{n}/policies/policy",
        properties={"format": "xml", "value": f"<policies><inbound>{t}</inbound></policies>"},
    ),
}
"""Resources that hold a text where people write what they like, by number."""


def estate() -> tuple[list[dict[str, Any]], list[Secret]]:
    """Return resources with secrets planted in each place, and what was planted."""
    planted = secrets()
    places = list(PLACES.values())
    return [places[number % len(places)](number, secret.text) for number, secret in enumerate(planted)], planted


def text_of(report: Path) -> str:
    """Return all that a report shows: of a workbook, what its parts hold."""
    if not zipfile.is_zipfile(report):
        return report.read_text(encoding="utf-8")
    with zipfile.ZipFile(report) as book:
        return "".join(book.read(name).decode("utf-8") for name in sorted(book.namelist()))
