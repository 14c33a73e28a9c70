from __future__ import annotations

from auditor.cli.options import AnswerFormat
from auditor.report.answers.sheet import FORMATS


def test_the_command_offers_every_format_that_answers_have() -> None:
    assert {choice.value for choice in AnswerFormat} == FORMATS.keys()
