"""Secrets that are known by what a text says before them: settings, connection strings, options, headers, addresses.

In each pattern the group `secret` is what must go. As in `tokens`, nothing can be read in two ways without a bound.
"""

from __future__ import annotations

import re
from typing import Final

_REFERENCE: Final = (
    r"(?!redacted(?![A-Za-z0-9])|\$[({]|\$env:|\$[A-Za-z_]++(?![A-Za-z0-9_])|\{\{|\{[0-9]|@Microsoft\.KeyVault|@\{|"
    r"@?parameters\(|\\*[\"']?\[[A-Za-z.]{1,40}\(|%[A-Za-z_]{1,60}%|\*{3}|secretref:|"
    r"(?:null|none|true|false|undefined)(?![A-Za-z0-9])|https?://[A-Za-z0-9-]{1,63}\.(?:vault|managedhsm)\.)"
)
"""What names a secret that is kept elsewhere, and must not follow."""
_STRONG: Final = (
    r"(?:password|passwd|passphrase|(?<![A-Za-z])pass|pwd|api[_-]?key|access[_-]?key|account[_-]?key|"
    r"shared[_-]?access[_-]?(?:key|signature)|shared[_-]?(?:key|secret)|client[_-]?secret|secret[_-]?(?:access[_-]?)?key(?:[_-]?base)?|"
    r"secret[_-]?(?:value|text)|instrumentation[_-]?key|subscription[_-]?key|functions?[_-]?key|host[_-]?key|"
    r"master[_-]?key|admin[_-]?key|storage[_-]?key|sas[_-]?token|(?:auth|access|refresh)[_-]?token)"
)
_WEAK: Final = r"(?:secret|token|credentials?|key|(?<![A-Za-z])(?:pat|sas|cookie))"
_OPTION: Final = (
    r"(?:password|passwd|passphrase|pass|pwd|secret|token|(?:api|account|access|storage|shared|client)-?key|sas|"
    r"connection-?string|pat|credential)"
)
_HEADER: Final = r"(?:api-key|subscription-key|x-functions-key|x-auth-token|-secret|(?<![a-z])cookie)"
_HEADER_IN_XML: Final = r"(?:authorization|key|token|secret|password|cookie)"
_SCHEME: Final = r"(?:(?:basic|bearer|digest|apikey|token|sharedkey|sharedaccesssignature)\s{1,3})?"
_CLIENT: Final = (
    r"(?<![A-Za-z])(?:sshpass|certutil|mysql(?:dump|admin)?|mongo(?:sh|dump)?|(?:docker|podman|az|oc|registry) login)"
    r"(?![A-Za-z])"
)
_SET: Final = r"\s{0,3}[:=]\s{0,3}"
_QUOTE: Final = r"\\*[\"']?"
_QUOTED: Final = r"(?:\"(?P<a>(?:[^\"\\]|\\.)*+)|'(?P<b>(?:[^'\\]|\\.)*+)|\\+[\"'](?P<c>[^\"']*+))"
_A_QUOTE: Final = r"(?=\\*[\"'])"
_MIXED: Final = r"(?=[A-Za-z.,_-]{0,64}[0-9!@#$%^*+~?/=|\\:])"
_LIKE_A_KEY: Final = r"(?=(?:[A-Za-z+/_=~%-]{0,64}[0-9]){3})[A-Za-z0-9+/_=~%-]{12,}+(?![(.])"
_WITH_DIGIT: Final = r"(?=[A-Za-z._~+/=-]{0,64}[0-9])"
_WORD: Final = r"[^\s\"'\\-][^\s\"'\\]*+"

KINDS: Final = {
    "password or key that is set": rf"(?i){_STRONG}=(?![=~]){_REFERENCE}"
    rf"(?:{_QUOTED}|(?P<secret>[^;\s\"'<>\\][^;\s\"'<>]*+))",
    "password or key as a member": rf"(?i){_STRONG}{_QUOTE}{_SET}{_A_QUOTE}(?!\\*[\"']?[=~]){_QUOTED}",
    "password or key in prose": rf"(?i){_STRONG}{_SET}(?![=~]){_REFERENCE}(?P<secret>{_MIXED}[^;\s\"'<>,\\]{{6,}}+)",
    "what may be a key that is set": rf"(?i){_WEAK}{_QUOTE}{_SET}{_QUOTE}(?![=~]){_REFERENCE}(?P<secret>{_LIKE_A_KEY})",
    "password with blanks": r"(?i)(?:(?<=;)password|(?<=;)pwd)\s{0,3}=\s{0,3}(?P<secret>[^;\s\"'<>=][^;\n\"'<>]{0,256}+)"
    r"|(?:password|pwd)\s{0,3}=\s{0,3}(?P<a>[^;\s\"'<>=][^;\n\"'<>=]{0,256}+);[A-Za-z ]{2,40}=",
    "password on a line of its own": rf"(?im)^[ \t]{{0,40}}(?:-[ \t])?{_QUOTE}[A-Za-z0-9_.-]{{0,60}}?"
    rf"(?:password|passwd|pwd){_QUOTE}"
    rf"[ \t]{{0,20}}[:=][ \t]{{1,20}}(?![=~]){_REFERENCE}(?P<secret>[^\s\"'<>;,\\]{{3,}}+)[ \t]{{0,20}}\r?$",
    "signature": r"(?i)(?<![A-Za-z0-9])(?:sig|%26sig|signature)(?:=|%3D)(?P<secret>[^&;\s\"'<>\\]{8,}+)",
    "key in a query": r"(?i)[?&](?:code|key|token)=(?P<secret>[^&\s\"'<>\\]{16,}+)",
    "authorization": rf"(?i)authorization{_QUOTE}{_SET}{_QUOTE}{_SCHEME}{_REFERENCE}(?P<secret>[A-Za-z0-9+/=._~:-]{{6,}}+)",
    "bearer token": rf"(?i)(?<![A-Za-z])bearer\s{{1,3}}{_REFERENCE}(?P<secret>{_WITH_DIGIT}[A-Za-z0-9._~+/=-]{{16,}}+)",
    "basic authentication": r"(?i)(?<![A-Za-z])basic\s{1,3}(?P<basic>[A-Za-z0-9+/]{6,}+={0,2})",
    "header": rf"(?i){_HEADER}{_QUOTE}\s{{0,3}}:\s{{0,3}}{_QUOTE}{_REFERENCE}(?P<secret>[^\s\"'<>\\,]{{6,}}+)",
    "header in XML": rf"(?i)(?:name|key)\s{{0,3}}=\s{{0,3}}\\*[\"'][A-Za-z0-9_-]{{0,40}}{_HEADER_IN_XML}\\*[\"']"
    rf"\s{{1,3}}value\s{{0,3}}=\s{{0,3}}{_A_QUOTE}{_QUOTED}",
    "option of a command": rf"(?i)(?<![A-Za-z0-9])(?:--?|/)[A-Za-z0-9_-]{{0,40}}?{_OPTION}(?:\s{{1,3}}|=|:)(?!-)"
    rf"{_REFERENCE}(?:{_QUOTED}|(?P<secret>[^\s\"'<>\\]++))",
    "key as option": rf"(?i)(?<![A-Za-z0-9])--?[A-Za-z0-9_-]{{0,40}}?key(?:\s{{1,3}}|=|:){_QUOTE}"
    rf"{_REFERENCE}(?![/~.])(?P<secret>{_LIKE_A_KEY})",
    "user and password as option": rf"(?<!\S)(?:-u|--user)[\s=]{{0,3}}{_QUOTE}(?!\d{{1,9}}:\d{{1,9}}(?!\S))"
    rf"[^\s:\"'\\/]{{1,64}}:{_REFERENCE}(?P<secret>[^\s\"'\\]++)",
    "password of a client": rf"{_CLIENT}[^|;&\n]{{0,200}}?\s-p\s{{0,3}}{_QUOTE}{_REFERENCE}(?P<secret>{_WORD})",
    "password of a database client": r"(?<![A-Za-z])(?:sqlcmd|bcp|osql)(?:\.exe)?(?![A-Za-z])[^|;&\n]{0,200}?"
    rf"\s-P\s{{0,3}}{_QUOTE}{_REFERENCE}(?P<secret>{_WORD})",
    "password of redis-cli": rf"redis-cli(?![A-Za-z])[^|;&\n]{{0,200}}?\s-a\s{{1,3}}{_QUOTE}(?P<secret>[^\s\"'\\]++)",
    "password of a Windows user": r"(?i)(?<![A-Za-z])net1?\s{1,3}user\s{1,3}[^\s/]{1,64}\s{1,3}(?!/)"
    rf"{_REFERENCE}(?P<secret>[^\s\"'\\]++)",
    "password of a Linux user": rf"echo\s{{1,3}}(?:-n\s{{1,3}})?{_QUOTE}[^\s:\"'\\]{{1,64}}:(?P<secret>[^\s\"'\\|]++)"
    rf"{_QUOTE}\s{{0,3}}\|\s{{0,3}}(?:sudo\s{{1,3}})?chpasswd",
    "password that is piped": rf"echo\s{{1,3}}(?:-n\s{{1,3}})?{_QUOTE}{_REFERENCE}(?P<secret>[^\s\"'\\|]++){_QUOTE}\s{{0,3}}"
    r"\|\s{0,3}(?:sudo\s{1,3}-S|[^|\n]{0,120}?--password-stdin)",
    "password of a share": r"(?i)net1?\s{1,3}use\s[^|&\n]{0,200}?/user:[^\s]{1,64}\s{1,3}(?!/)"
    rf"{_REFERENCE}(?P<secret>[^\s\"'\\]++)",
    "password of a machine": rf"(?i)login\s{{1,3}}[^\s]{{1,64}}\s{{1,3}}password\s{{1,3}}{_REFERENCE}(?P<secret>[^\s\"'\\]++)",
    "password of OpenSSL": rf"(?<![A-Za-z0-9])-pass(?:in|out)?\s{{1,3}}{_QUOTE}pass:{_REFERENCE}(?P<secret>[^\s\"'\\]++)",
    "text of a secure string": rf"(?i)ConvertTo-SecureString\s{{1,3}}(?:-String\s{{1,3}})?{_A_QUOTE}{_QUOTED}",
    "literal of a Kubernetes secret": rf"--from-literal[\s=]{_QUOTE}[^=\s\"'\\]{{1,64}}=(?P<secret>[^\s\"'\\]++)",
    "password in an address": rf"://[^/@\s:\"'<>\\]{{0,128}}:{_REFERENCE}(?P<secret>[^/\s\"'<>\\]{{1,256}})@",
    "token in an address": r"://(?P<secret>(?=[A-Za-z_~-]{0,64}[0-9])[A-Za-z0-9_~-]{20,256}+)@",
}
"""Patterns by what they find."""

_WORDS: Final = {
    "signature": ("sig=", "sig%3d", "signature=", "signature%3d"),
    "key in a query": ("code=", "key=", "token="),
    "authorization": ("authorization",),
    "bearer token": ("bearer",),
    "basic authentication": ("basic",),
    "header in XML": ("value",),
    "key as option": ("key",),
    "user and password as option": ("-u",),
    "password of a client": ("sshpass", "certutil", "mysql", "mongo", " login"),
    "password of a database client": ("sqlcmd", "bcp", "osql"),
    "password of redis-cli": ("redis-cli",),
    "password of a Windows user": ("user",),
    "password of a Linux user": ("chpasswd",),
    "text of a secure string": ("securestring",),
    "password that is piped": ("|",),
    "password of a share": ("/user:",),
    "password of a machine": ("login",),
    "password of OpenSSL": ("pass:",),
    "literal of a Kubernetes secret": ("literal",),
    "password in an address": ("@",),
    "token in an address": ("@",),
}
_NAMES: Final = (
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "credential",
    "pat",
    "sas",
    "cookie",
    "signature",
    "connection",
)
IS_SET: Final = re.compile(
    r"(?:pass(?:word|wd|phrase)?|pwd|key|signature|secret|base|value|text|token|credentials?|pat|sas|cookie)"
    r"\\*[\"']?\s{0,20}[:=]"
)
IS_OPTION: Final = re.compile(
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|key|sas|connection-?string|pat|credential)[\s=:]"
)
_CONDITIONS: Final = {
    **dict.fromkeys(
        (
            "password or key that is set",
            "password or key as a member",
            "password or key in prose",
            "what may be a key that is set",
            "password with blanks",
            "password on a line of its own",
            "header",
        ),
        IS_SET,
    ),
    "option of a command": IS_OPTION,
}
_FOLDED: Final = {ord("\u017f"): "s", ord("\u0131"): "i", ord("\u0307"): None}
"""What a pattern that ignores case takes for an ASCII letter, and `str.lower` does not: long s, dotless i, I with a dot."""


class Phrases:
    """Patterns of which none fits a text that has, folded, none of the words, or for which the `condition` does not hold.

    They are made when the first text has one.
    """

    __slots__ = ("_kinds", "_patterns", "condition", "words")

    def __init__(self, words: tuple[str, ...], condition: re.Pattern[str] | None) -> None:
        self.words = words
        self.condition = condition
        self._kinds = [kind for kind in KINDS if _needs(kind) == (words, condition)]
        self._patterns: tuple[re.Pattern[str], ...] | None = None

    @property
    def patterns(self) -> tuple[re.Pattern[str], ...]:
        """Return the patterns, in the order of their kinds."""
        if self._patterns is None:
            self._patterns = tuple(re.compile(KINDS[kind]) for kind in self._kinds)
        return self._patterns


def _needs(kind: str) -> tuple[tuple[str, ...], re.Pattern[str] | None]:
    """Return of which words a text has one that a pattern fits, and what else holds of it."""
    return _WORDS.get(kind, _NAMES), _CONDITIONS.get(kind)


def folded(text: str) -> str:
    """Return a text as the words are looked for in it: in lower case, as the patterns understand that."""
    lowered = text.lower()
    return lowered if lowered.isascii() else lowered.translate(_FOLDED)


PHRASES: Final = tuple(Phrases(*needs) for needs in dict.fromkeys(map(_needs, KINDS)))
MAY_HOLD: Final = re.compile(r"[=:\s@]|%3D")
"""What every text has that one of the patterns fits."""
