"""What the shipped controls rest on stands in the article, word for word, and no control of the catalogue is missing."""

from __future__ import annotations

import re

from auditor.rulebook import in_force
from auditor.rulebook.in_force import Selection
from tests.conformance.material import SHARED

_HEADING = re.compile(r"^#### ([A-Z0-9 /-]+?) ·", re.MULTILINE)
_ROW = re.compile(r"^\| ((?:[A-Z]+-){2}\d{3}) \|", re.MULTILINE)
_SUBNETS = frozenset(
    {"snet-appGateway", "snet-PrivateEndpoints", "snet-AppService", "AzureBastionSubnet", "snet-jumpbox", "snet-agents"}
)
_ID = re.compile(r"[A-Z]+(?:-[A-Z]+)+-\d{3}")


def _shipped() -> dict[str, str]:
    controls = in_force.load(Selection()).frameworks["openai-chat"].controls
    return {control.id: control.article for control in controls.values()}


def test_each_sentence_stands_in_the_article() -> None:
    article = " ".join((SHARED / "spec" / "article.txt").read_text(encoding="utf-8").split())
    assert [(control, text) for control, text in _shipped().items() if not text or text not in article] == []


def test_each_quote_is_whole_sentences_or_a_whole_point_or_cell() -> None:
    lines = (SHARED / "spec" / "article.txt").read_text(encoding="utf-8").splitlines()
    fragments = []
    for control, text in _shipped().items():
        around = [line.partition(text)[::2] for line in lines if text in line]
        if not any(_starts(before) and _ends(text, after) for before, after in around):
            fragments.append((control, text))
    assert fragments == []


def _starts(before: str) -> bool:
    """Whether what stands before a quote ends a sentence, a bullet, a lead or the cells of a table before it."""
    words = before.strip()
    return not words or words[-1] in ".:!?•-" or words.split()[0] in _SUBNETS


def _ends(text: str, after: str) -> bool:
    return text[-1] in ".:!?" or not after.strip() or text.split(maxsplit=1)[0] in {"Allowances", "Allow", "See"}


def test_no_control_of_the_catalogue_is_missing() -> None:
    catalogue = (SHARED / "spec" / "controls.md").read_text(encoding="utf-8")
    more = (SHARED / "spec" / "controls-more.md").read_text(encoding="utf-8")
    listed = {each for heading in _HEADING.findall(catalogue) for each in _ID.findall(heading)}
    listed |= set(_ROW.findall(catalogue)) | set(_ROW.findall(more))
    assert len(listed) > 190
    assert listed - _shipped().keys() == set()
