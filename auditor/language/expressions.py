"""Parse template expressions: `[parameters('x')]`, `[last(split(field('id'), '/'))]`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from auditor.azure.vocabulary import ResolvedName
from auditor.language.ast import Call, Constant, Expression, PropertyAccess
from auditor.language.functions import CONTEXTUAL, PURE
from auditor.yaml_source import suggestion

MAX_DEPTH: Final = 64
_TOKEN: Final = re.compile(r"\s*(?:'((?:[^']|'')*)'|(-?\d{1,18}(?:\.\d{1,18})?)|([A-Za-z_]\w*)|([()\[\],.]))")
_WORDS: Final = {"true": True, "false": False, "null": None}
_NAMES: Final = {name.lower(): name for name in (*PURE, *CONTEXTUAL)}

Resolve = Callable[[str, str], ResolvedName | None]
"""Called with a contextual function's name and its literal argument: the path it means. ValueError where none."""


def is_expression(text: str) -> bool:
    """Whether a text is an expression: in square brackets, and not escaped by a second one."""
    return text.startswith("[") and text.endswith("]") and not text.startswith("[[")


def unescape(text: str) -> str:
    """Return a literal text: `[[x]` spells `[x]`."""
    return text[1:] if text.startswith("[[") else text


def parse(text: str, resolve: Resolve) -> Expression:
    """Parse an expression with its brackets. ValueError says what is wrong."""
    parser = _Parser(text[1:-1], resolve)
    parsed = parser.expression(0)
    parser.end()
    return parsed


class _Parser:
    def __init__(self, text: str, resolve: Resolve) -> None:
        self._resolve = resolve
        self._tokens = _tokens(text)
        self._next = 0

    def _peek(self) -> str | None:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else None

    def _take(self, sign: str) -> None:
        if self._peek() != sign:
            actual = "the end" if self._peek() is None else f"'{self._peek()}'"
            raise ValueError(f"expression: '{sign}' was expected, {actual} is there")
        self._next += 1

    def end(self) -> None:
        if self._next < len(self._tokens):
            raise ValueError(f"expression: '{self._peek()}' was not expected here")

    def expression(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise ValueError(f"expression: nested deeper than {MAX_DEPTH} levels")
        if self._next >= len(self._tokens):
            raise ValueError("expression: it ends too soon")
        kind, text = self._tokens[self._next]
        self._next += 1
        operand: Expression
        if kind == "text":
            operand = Constant(text)
        elif kind == "number":
            operand = Constant(float(text) if "." in text else int(text))
        elif kind == "name" and text.lower() in _WORDS and self._peek() != "(":
            operand = Constant(_WORDS[text.lower()])
        elif kind == "name":
            operand = self._call(text, depth)
        else:
            raise ValueError(f"expression: '{text}' was not expected here")
        return self._suffixes(operand, depth)

    def _suffixes(self, operand: Expression, depth: int) -> Expression:
        while self._peek() in {".", "["}:
            if self._peek() == ".":
                self._next += 1
                kind, text = self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")
                if kind != "name":
                    raise ValueError("expression: a name was expected after the dot")
                self._next += 1
                operand = PropertyAccess(operand, Constant(text))
            else:
                self._next += 1
                operand = PropertyAccess(operand, self.expression(depth + 1))
                self._take("]")
        return operand

    def _call(self, word: str, depth: int) -> Expression:
        name = _NAMES.get(word.lower())
        if name is None:
            raise ValueError(
                f"expression: there is no function '{word}'; {suggestion(word, _NAMES.values())}".rstrip("; ")
            )
        self._take("(")
        arguments: list[Expression] = []
        while self._peek() != ")":
            if arguments:
                self._take(",")
            arguments.append(self.expression(depth + 1))
        self._take(")")
        fewest, most = CONTEXTUAL.get(name) or PURE[name][1:]
        if not fewest <= len(arguments) <= most:
            arity = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise ValueError(f"expression: {name} takes {arity} arguments, {len(arguments)} are given")
        return Call(name, tuple(arguments), self._reference(name, arguments))

    def _reference(self, name: str, arguments: list[Expression]) -> ResolvedName | None:
        if name not in {"field", "subject", "current", "parameters"}:
            return None
        argument = arguments[0]
        if not isinstance(argument, Constant) or not isinstance(argument.value, str):
            raise ValueError(f"expression: {name} takes a literal name in quotes")  # noqa: TRY004 - a mistake in the text
        return self._resolve(name, argument.value)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"expression: '{text[position : position + 12].strip()}' cannot be read")
        if match[1] is not None:
            tokens.append(("text", match[1].replace("''", "'")))
        elif match[2] is not None:
            tokens.append(("number", match[2]))
        elif match[3] is not None:
            tokens.append(("name", match[3]))
        else:
            tokens.append(("sign", match[4]))
        position = match.end()
    return tokens
