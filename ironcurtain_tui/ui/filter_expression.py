"""The form of mitmproxy's filters: operators, ``!``, ``&``, ``|``, parentheses. Pure; what an atom means is not here.

Written anew after mitmproxy.flowfilter, because the screen must not import mitmproxy (which takes half a second and
belongs to the side that holds keys); tests hold both against each other. As there, ``!`` binds tightest, then ``&``,
then ``|``, and what simply stands side by side must all hold, whatever binds inside of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ironcurtain_tui.ui.query import FilterError

_SPACE = re.compile(r"\s*")
_OPERATOR = re.compile(r"~([A-Za-z]*)")
_WORD = re.compile(r"""(-?)(?:([A-Za-z]+):(?!//))?(?:("(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?)|([^\s()'"]*))""")
DEEPEST = 50
"""Parentheses and negations inside of each other."""


@dataclass(frozen=True)
class Atom:
    """One condition: ``~name value``, ``name:value`` or a word alone."""

    operator: str
    """Name behind the ``~``; empty when there is none."""
    field: str
    """Name before the colon; empty when there is none."""
    value: str
    place: int
    """Of its first character, from 1."""


class Syntax[Test]:
    """How tests are made: of one condition, and of other tests. ``None`` is a condition still being typed."""

    def __init__(
        self,
        takes_value: Callable[[Atom], bool],
        atom: Callable[[Atom], Test | None],
        negation: Callable[[Test], Test],
        every: Callable[[list[Test]], Test],
        some: Callable[[list[Test]], Test],
    ) -> None:
        """``takes_value`` tells whether a value must follow an operator; FilterError for one that does not exist."""
        self.takes_value = takes_value
        self.atom = atom
        self.negation = negation
        self.every = every
        self.some = some

    def parse(self, text: str) -> Test:
        """The test that ``text`` spells; FilterError says what is wrong and at which character."""
        reader = _Reader(text, self)
        test = reader.side_by_side(0)
        reader.skip()
        if reader.at < len(text):
            raise wrong(f"{text[reader.at]} has nothing to close", reader.at + 1)
        return test


class _Reader[Test]:
    def __init__(self, text: str, syntax: Syntax[Test]) -> None:
        self.text = text
        self.at = 0
        self._syntax = syntax

    def skip(self) -> str:
        """Go to the next character that is no space; the character, or nothing at the end."""
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.text[self.at : self.at + 1]

    def side_by_side(self, depth: int) -> Test:
        tests = []
        while self.skip() not in ("", ")"):
            if (test := self._infix("|", depth)) is not None:
                tests.append(test)
        return self._syntax.every(tests)

    def _infix(self, sign: str, depth: int) -> Test | None:
        tests = [self._operand(sign, depth)]
        while self.skip() == sign:
            self.at += 1
            if self.skip() in ("", ")"):
                raise wrong(f"something must follow {sign}", self.at + 1)
            tests.append(self._operand(sign, depth))
        found = [test for test in tests if test is not None]
        if len(found) < 2:
            return found[0] if found else None
        return self._syntax.some(found) if sign == "|" else self._syntax.every(found)

    def _operand(self, sign: str, depth: int) -> Test | None:
        return self._infix("&", depth) if sign == "|" else self._unary(depth)

    def _unary(self, depth: int) -> Test | None:
        if depth > DEEPEST:
            raise wrong("this goes too deep", self.at + 1)
        first = self.skip()
        begin = self.at
        if first in ("&", "|"):
            raise wrong(f"something must stand before {first}", begin + 1)
        if first == "!":
            self.at += 1
            if self.skip() in ("", ")"):
                return None  # still being typed
            test = self._unary(depth + 1)
            return None if test is None else self._syntax.negation(test)
        if first == "(":
            self.at += 1
            inner = self.side_by_side(depth + 1)
            if self.skip() != ")":
                raise wrong("this parenthesis is not closed", begin + 1)
            self.at += 1
            return inner
        return self._operator(begin) if first == "~" else self._word(begin)

    def _operator(self, begin: int) -> Test | None:
        found = _OPERATOR.match(self.text, begin)
        name = found[1] if found else ""
        atom = Atom(name, "", "", begin + 1)
        self.at = begin + 1 + len(name)
        if self._syntax.takes_value(atom):
            if self.skip() in ("", ")", "(", "~"):
                raise wrong(f"~{name} wants a value after it", self.at + 1)
            atom = Atom(name, "", self._value(), begin + 1)
        elif self.at < len(self.text) and self.text[self.at] not in " \t()":
            raise wrong(f"there is no ~{self.text[begin + 1 :].split()[0]}", begin + 1)
        return self._syntax.atom(atom)

    def _value(self) -> str:
        quoted = self.text[self.at] in "\"'"
        pattern = _WORD if quoted else re.compile(r"[^\s()~'\"]+")
        found = pattern.match(self.text, self.at)
        if found is None:
            raise wrong("this is no value", self.at + 1)
        self.at = found.end()
        return _unquoted(found[3]) if quoted else found[0]

    def _word(self, begin: int) -> Test | None:
        found = _WORD.match(self.text, begin)
        if found is None or found.end() == begin:
            raise wrong(f"{self.text[begin]} has no meaning here", begin + 1)
        self.at = found.end()
        minus, field, quoted, bare = found.groups()
        value = _unquoted(quoted) if quoted else bare
        if minus and not field and not value:
            return None
        test = self._syntax.atom(Atom("", (field or "").casefold(), value or "", begin + 1))
        return self._syntax.negation(test) if minus and test is not None else test


def wrong(what: str, place: int) -> FilterError:
    """What is wrong with a filter, and at which character."""
    return FilterError(f"{what} (character {place})")


def _unquoted(text: str) -> str:
    inner = text[1:-1] if len(text) > 1 and text[-1] == text[0] else text[1:]
    return re.sub(r"\\(.)", r"\1", inner)
