"""A kind of fact says in one declaration what rules may read of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_type_hints

import pytest

from auditor.analysis import registry
from auditor.analysis.fact import About, Fact, FactField, Hidden, Known, Record, Schema, fact, record
from auditor.azure import paths
from auditor.azure.vocabulary import ValueType
from auditor.model import Gap
from tests.estates.contexts import chat_context

GAP = Gap("/", "ink", "forbidden")


@record
class Page(Record):
    """A page."""

    number_: int
    """its number"""
    ink: Known[str]
    """what it is written with"""


@fact("test.book", subject="the thing")
class Book(Fact):
    """A book."""

    title_page: Page | None
    """the first page"""
    pages: tuple[Page, ...]
    """all pages"""
    shelf: Hidden[str]

    def sentence(self) -> str:
        """Say where the book stands."""
        return f"It stands on {self.shelf}."


def book(title_page: Page | None = None, *pages: Page) -> Book:
    return Book(about=About(subject="/Books/1", sub_object="Copy"), title_page=title_page, pages=pages, shelf="top")


def test_the_body_has_what_is_known_and_has_a_value() -> None:
    assert book(None, Page(number_=1, ink=GAP), Page(number_=2, ink="blue")).body() == {
        "pages": [{"number": 1}, {"number": 2, "ink": "blue"}]
    }


def test_what_is_not_known_is_told_with_its_path_and_reason() -> None:
    blank = Page(number_=1, ink=GAP)

    assert list(book(blank, Page(number_=1, ink="red"), blank).gaps()) == [
        ("titlePage.ink", GAP),
        ("pages[1].ink", GAP),
    ]


def test_of_every_kind_the_hidden_fields_are_those_whose_evaluated_type_says_so() -> None:
    for kind in (kind for analysis in registry.ANALYSES for kind in analysis.kinds):
        types = get_type_hints(kind, include_extras=True)
        hidden = {name for name, declared in types.items() if "hidden" in getattr(declared, "__metadata__", ())}
        told = {name for name, _ in kind.json_names}
        own = set(kind.__struct_fields__) - {"about"}

        assert told == own - hidden, kind.fact_kind


def test_a_schema_lists_the_fields_with_their_types_and_words_and_no_hidden_ones() -> None:
    schema = Schema(Book)

    assert schema.fields["titlePage.ink"] == FactField("titlePage.ink", ValueType(("text",)), may_be_unknown=True)
    assert schema.words == {
        "titlePage": "the first page",
        "titlePage.number": "its number",
        "titlePage.ink": "what it is written with",
        "pages": "all pages",
        "pages[*].number": "its number",
        "pages[*].ink": "what it is written with",
    }
    assert list(schema.fields) == list(schema.words)


def test_a_sentence_may_use_what_rules_do_not_see() -> None:
    assert book().sentence() == "It stands on top."


def test_a_fact_is_identified_by_its_kind_subject_and_sub_object() -> None:
    assert book().id == "test.book:/books/1#copy"


KINDS = [kind for analysis in registry.ANALYSES for kind in analysis.kinds]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.fact_kind)
def test_each_kind_says_what_it_and_its_fields_mean(kind: type[Fact]) -> None:
    schema = Schema(kind)
    assert kind.__doc__
    assert kind.filed_under
    assert [path for path in schema.fields if not path.endswith("[*]") and not schema.words[path]] == []


def test_what_analyses_yield_is_what_their_kinds_declare() -> None:
    for analysis in registry.ANALYSES:
        for derived in analysis.run(chat_context()):
            body = derived.body()
            for path, field in Schema(type(derived)).fields.items():
                wrong = [value for value in _values(body, path) if not _fits(value, field)]
                assert not wrong, f"{derived.fact_kind}: {path} is {wrong}"


def _values(body: Mapping[str, object], path: str) -> list[object]:
    try:
        return [value for _, value in paths.walk(body, paths.parse(path))]
    except paths.ShapeError:
        return []  # of a field that holds a list or something else, elements of what is no list


def _fits(value: object, field: FactField) -> bool:
    holds = field.holds
    match value:
        case paths.ABSENT:
            return "absent" in holds.types or field.may_be_unknown
        case bool():
            return "boolean" in holds.types
        case int() | float():
            return "number" in holds.types
        case str():
            return "text" in holds.types and (not holds.values or value in holds.values)
        case list():
            return "list" in holds.types
        case _:
            return "object" in holds.types
