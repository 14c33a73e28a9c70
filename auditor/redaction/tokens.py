"""Secrets that are known by their form, whatever stands around them.

Each pattern starts at a boundary, and repeats only what cannot be read in two ways (bounded or possessive), so that a
text is read in time proportional to its length; the tests count the steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

KINDS: Final = {
    "GitHub token": r"gh[opsur]_[A-Za-z0-9]{36,255}+",
    "GitHub fine-grained token": r"github_pat_[A-Za-z0-9_]{22,255}+",
    "GitLab token": r"gl(?:pat|ptt|dt|rt|cbt|oas|soat|ft|imt|agent)-[A-Za-z0-9_-]{20,}+",
    "Slack token": r"xox[abeoprs]-[A-Za-z0-9-]{10,}+",
    "Slack app token": r"xapp-\d-[A-Za-z0-9-]{20,}+",
    "Slack webhook": r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}+",
    "Teams webhook": r"webhook\.office\.com/webhookb2/[A-Za-z0-9@/_-]{20,}+",
    "Discord webhook": r"discord(?:app)?\.com/api/webhooks/\d{5,25}/[A-Za-z0-9_-]{20,}+",
    "AWS access key": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])",
    "npm token": r"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])",
    "PyPI token": r"pypi-AgE[A-Za-z0-9_-]{40,}+",
    "RubyGems key": r"rubygems_[a-f0-9]{48}",
    "NuGet key": r"oy2[a-z0-9]{43}(?![A-Za-z0-9])",
    "Docker Hub token": r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}+",
    "Google API key": r"AIza[A-Za-z0-9_-]{35}",
    "Google OAuth secret": r"GOCSPX-[A-Za-z0-9_-]{20,}+",
    "Google access token": r"ya29\.[A-Za-z0-9_-]{20,}+",
    "SendGrid key": r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}+",
    "Stripe key": r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}+",
    "Stripe webhook secret": r"whsec_[A-Za-z0-9+/=]{24,}+",
    "Twilio key": r"SK[0-9a-f]{32}(?![A-Za-z0-9])",
    "Mailgun key": r"key-[0-9a-f]{32}(?![A-Za-z0-9])",
    "Mailchimp key": r"[0-9a-f]{32}-us\d{1,2}(?![A-Za-z0-9])",
    "Databricks token": r"dapi[0-9a-f]{32}(?:-\d)?(?![A-Za-z0-9])",
    "Azure DevOps token": r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])",
    "old Azure DevOps token": r"(?=[a-z]{0,30}[2-7])[a-z2-7]{52}(?![A-Za-z0-9])",
    "Entra client secret": r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}+",
    "key of an Azure service": r"[A-Za-z0-9]{52}JQQJ9[A-Za-z0-9]{24,32}+={0,2}",
    "Azure Search key": r"[A-Za-z0-9]{42}AzSe[A-D][A-Za-z0-9]{5}(?![A-Za-z0-9])",
    "Azure Functions key": r"[A-Za-z0-9_-]{44}AzFu[A-Za-z0-9_-]{4}={0,2}",
    "OpenAI key": r"sk-[A-Za-z0-9_-]{20,}+",
    "Hugging Face token": r"hf_[A-Za-z0-9]{30,}+",
    "Telegram bot token": r"\d{8,10}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])",
    "DigitalOcean token": r"do[opr]_v1_[a-f0-9]{64}",
    "HashiCorp Vault token": r"hv[sbr]\.[A-Za-z0-9_-]{24,}+",
    "Terraform token": r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{40,}+",
    "New Relic key": r"NRAK-[A-Z0-9]{27}",
    "Grafana token": r"gl(?:sa|c)_[A-Za-z0-9+/=_]{30,}+",
    "Shopify token": r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
    "Square token": r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,}+",
    "Postman key": r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}",
    "Linear key": r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}+",
    "Notion token": r"(?:secret|ntn)_[A-Za-z0-9]{43,50}(?![A-Za-z0-9])",
    "Atlassian token": r"ATATT3[A-Za-z0-9_=-]{40,}+",
    "age key": r"AGE-SECRET-KEY-1[A-Z0-9]{40,}+",
    "Pulumi token": r"pul-[a-f0-9]{40}",
    "Doppler token": r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{30,}+",
    "Sentry token": r"sntry[su]_[A-Za-z0-9+/=_]{40,}+",
    "PlanetScale token": r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{30,}+",
    "LaunchDarkly key": r"(?:sdk|mob|api)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![A-Za-z0-9])",
    "private key": r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*+"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    "PuTTY key": r"Private-Lines: ?\d{1,4}[A-Za-z0-9+/=\s\\]*+",
    "private key without armour": r"MII[A-Za-z0-9+/]{3}IBA[ADz][A-Za-z0-9+/=\s\\]{40,}+",
}  # fmt: skip
"""Patterns by what they find: DER of a private key starts with its version, of a certificate with a sequence."""

_IN_LONG_WORDS: Final = frozenset(
    (
        "Azure DevOps token",
        "old Azure DevOps token",
        "Entra client secret",
        "key of an Azure service",
        "Azure Search key",
        "Azure Functions key",
    )
)
"""Those that begin with any letters or digits, and have thirty and more characters: looked for only where as many stand."""


def _alternatives() -> Iterator[str]:
    for is_long, kinds in groupby(KINDS, _IN_LONG_WORDS.__contains__):
        patterns = "|".join(KINDS[kind] for kind in kinds)
        yield rf"(?=[A-Za-z0-9_~.-]{{30}})(?:{patterns})" if is_long else patterns


TOKENS: Final = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_alternatives())})")
JSON_WEB_TOKENS: Final = re.compile(
    r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+){0,3}"
)
