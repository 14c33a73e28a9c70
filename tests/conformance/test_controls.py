"""What the shipped controls rest on stands in the article, word for word, and no control of the catalogue is missing."""

from __future__ import annotations

import re

from auditor.rulebook import in_force
from auditor.rulebook.in_force import Selection
from tests.conformance.material import SHARED

_HEADING = re.compile(r"^#### ([A-Z0-9 /-]+?) ·", re.MULTILINE)
_ROW = re.compile(r"^\| ((?:[A-Z]+-){2}\d{3}) \|", re.MULTILINE)
_ID = re.compile(r"[A-Z]+(?:-[A-Z]+)+-\d{3}")


def _shipped() -> dict[str, str]:
    controls = in_force.load(Selection()).frameworks["openai-chat"].controls
    return {control.id: control.article for control in controls.values()}


def test_each_sentence_stands_in_the_article() -> None:
    article = " ".join((SHARED / "spec" / "article.txt").read_text(encoding="utf-8").split())
    assert [(control, text) for control, text in _shipped().items() if not text or text not in article] == []


def test_no_control_of_the_catalogue_is_missing() -> None:
    catalogue = (SHARED / "spec" / "controls.md").read_text(encoding="utf-8")
    more = (SHARED / "spec" / "controls-more.md").read_text(encoding="utf-8")
    listed = {each for heading in _HEADING.findall(catalogue) for each in _ID.findall(heading)}
    listed |= set(_ROW.findall(catalogue)) | set(_ROW.findall(more))
    assert len(listed) > 190
    assert listed - _shipped().keys() == set()
