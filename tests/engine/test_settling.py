"""Each gap says what to do about it: grant, complete the export, or look at the data."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from auditor.azure import catalogue
from auditor.engine.coverage.gap_remedies import OPEN_EXPORT, Settling
from auditor.estate.completeness import ALWAYS_EXISTS, NOT_IN_EXPORT
from auditor.estate.graph import OUTSIDE
from auditor.model import Gap
from auditor.snapshot.model import ANY_TYPE
from tests.estates.things import GROUP

SITE = f"{GROUP}/providers/Microsoft.Web/sites/web1"
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/oai1"
MASKED = Gap(SITE, "properties.httpsOnly", "masked")
CUT = Gap("/", ANY_TYPE, "cut")
EXPORT = Settling(frozenset({MASKED, CUT}), catalogue.shipped(), is_collected=False)


@pytest.mark.parametrize(
    ("gap", "phrase"),
    [
        (OPEN_EXPORT, "say --complete if it holds all there is; `auditor collect` reads all there is"),
        (CUT, "export or collect again, to the end"),
        (Gap(SITE, "properties", "forbidden", "sites/read"), "grant sites/read"),
        (
            Gap(ACCOUNT, "Microsoft.CognitiveServices/accounts/deployments", NOT_IN_EXPORT, "deployments/read"),
            (
                f"add what `az rest --method get --url '{ACCOUNT}/deployments?api-version=2025-06-01'` prints, "
                "or use `auditor collect` with deployments/read; say --complete if there is none"
            ),
        ),
        (
            Gap(SITE, "Microsoft.Web/sites/config/web", ALWAYS_EXISTS, "config/read"),
            (
                f"add what `az rest --method get --url '{SITE}/config/web?api-version=2024-04-01'` prints, "
                "or use `auditor collect` with config/read"
            ),
        ),
        (
            Gap("/", "microsoft.web/sites", NOT_IN_EXPORT),
            (
                "add what `az graph query -q \"resources | where type =~ 'Microsoft.Web/sites'\"` prints, "
                "or use `auditor collect`; say --complete if there is none"
            ),
        ),
        (
            Gap("/", "Contoso.Test/things", f"{NOT_IN_EXPORT}: t1, which t2 names"),
            "use `auditor collect`; say --complete if there is none",
        ),
        (MASKED, f"add what `az resource show --ids {SITE}` prints, or use `auditor collect`"),
        (
            Gap(SITE, "Microsoft.Web/sites", OUTSIDE),
            "collect it, too: `auditor collect --subscription 00000000-0000-0000-0000-0000000000a1`",
        ),
        (
            Gap(SITE, "properties.ipRules", "some IP rules cannot be read"),
            "`auditor explain` shows what is not known; what decides it cannot be collected",
        ),
    ],
)
def test_a_gap_of_an_export_says_what_would_settle_it(gap: Gap, phrase: str) -> None:
    assert EXPORT.phrase(gap) == phrase


def test_what_a_collection_missed_is_collected_again() -> None:
    assert replace(EXPORT, is_collected=True).phrase(MASKED) == "collect it again"


def test_a_name_cannot_add_to_the_command() -> None:
    gap = replace(MASKED, scope=f"{GROUP}/providers/Microsoft.Web/sites/a; rm -rf ~")
    phrase = Settling(frozenset({gap}), catalogue.shipped(), is_collected=False).phrase(gap)
    assert f"--ids '{gap.scope}'`" in phrase
