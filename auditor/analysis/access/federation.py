"""Facts about whose tokens managed identities trust, and what whoever has one may then do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, Literal, TypeAlias

from auditor.analysis import facts
from auditor.analysis.access.access_context import AccessContext
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.azure import body
from auditor.estate.lookup import FEDERATED_CREDENTIALS, USER_IDENTITIES
from auditor.model import Resource
from auditor.truth import Truth

Power: TypeAlias = Literal["some", "none", "not known"]
_POWER: Final[dict[Truth, Power]] = {Truth.YES: "some", Truth.NO: "none", Truth.UNKNOWN: "not known"}
_SHOWN: Final = 5


@record
class TrustedSubject(Record, frozen=True, kw_only=True):
    """A federated credential: whoever gets a token with its issuer and subject acts as the identity."""

    credential: str
    """the credential's id"""
    issuer: str | None
    """who issues the tokens"""
    subject: str | None
    """the subject, or the expression on claims in its place"""
    trusts: str
    """issuer and subject as one text"""


@fact("access.federation", subject="the managed identity")
class FederatedIdentity(Fact, frozen=True, kw_only=True):
    """Whose tokens a user-assigned identity trusts, and what they let one do."""

    grounds: ClassVar[Mapping[str, str]] = {"power": "dangers"}
    identity: str
    """the id of the identity"""
    trusted: tuple[TrustedSubject, ...]
    """its federated credentials, as far as they were read"""
    is_whole: Known[bool]
    """whether these are all"""
    power: Power
    """`some` where the identity has any permission, active or eligible, `none` where it has none, or `not known`"""
    dangers: tuple[str, ...]
    """names of the dangers that it surely permits, at any scope"""
    name: Hidden[str]

    def sentence(self) -> str:
        """Say whose tokens the identity trusts, and what it may do."""
        trusted = facts.listed([one.trusts for one in self.trusted], _SHOWN)
        if not trusted:
            return f"Identity {self.name} trusts no other issuer" + (
                " that was read." if self.is_whole is not True else "."
            )
        return f"Identity {self.name} trusts {trusted}; {self._may()}."

    def _may(self) -> str:
        if self.power == "none":
            return "it has no permission now"
        dangers = ", ".join(self.dangers)
        return (
            f"whoever has such a token may {dangers}"
            if dangers
            else "what it may then do is not among the dangers known"
        )


def power_of(access: AccessContext, principal: str | None) -> Power:
    """Return whether a principal has any permission; without its id this is not known."""
    return "not known" if principal is None else _POWER[access.graph.power(principal)]


def derive_facts(access: AccessContext) -> Iterator[FederatedIdentity]:
    """Yield one fact per user-assigned identity."""
    estate = access.context.estate
    for identity in estate.judged(USER_IDENTITIES):
        text = body.text(identity.properties, "principalId")
        principal = None if text is None else text.lower()
        credentials = estate.children(identity.id, FEDERATED_CREDENTIALS)
        parts = access.graph.parts.get(principal or "", ())
        yield FederatedIdentity(
            about=facts.about(
                access.context,
                identity.id,
                role=(parts[0].workload, parts[0].component) if parts else None,
                inputs=[(one.id, "properties") for one in credentials],
            ),
            identity=identity.id,
            trusted=tuple(map(_trusted, credentials)),
            is_whole=estate.relation_gap(identity.id, "federatedCredential") or True,
            power=power_of(access, principal),
            dangers=access.graph.dangers_of(principal or ""),
            name=identity.name,
        )


def _trusted(credential: Resource) -> TrustedSubject:
    issuer = body.text(credential.properties, "issuer")
    claims = body.text(credential.properties, "claimsMatchingExpression.value")
    subject = body.text(credential.properties, "subject") or claims
    return TrustedSubject(
        credential=credential.id, issuer=issuer, subject=subject, trusts=f"{issuer or '?'} {subject or '?'}"
    )
