"""Arguments written on a command line: `f32[B,D] {w: f32[D,K]} (i32[], 3) lr=0.1`."""

from __future__ import annotations

import ast
import re
from typing import Any, NamedTuple, NoReturn

from jaxflops.errors import SpecError
from jaxflops.jaxpr.specs import spec

_SPACE = re.compile(r"[\s,]*")
_NAME = re.compile(r"[A-Za-z_]\w*")
_KEYWORD = re.compile(r"([A-Za-z_]\w*)\s*=")
_SPEC = re.compile(r"[A-Za-z_]\w*(<\w+>)?\[[^\[\]]*\]")
_NUMBER = re.compile(r"[+-]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][+-]?\d+)?(?![\w.])")
_COLON = re.compile(r"\s*:\s*")
_QUOTED = re.compile(r"'(\\.|[^'\\])*'|\"(\\.|[^\"\\])*\"")
_TIMES = re.compile(r"\s*\*\s*(\d+)")
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_WRITE = "write a spec such as f32[8,128], a number, 'text', true, false, null, {...}, [...], (...)"
_CLOSING = {"{": "}", "[": "]", "(": ")"}


class Arguments(NamedTuple):
    """What `parse_args` read: positional and keyword arguments."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def parse_args(text: str) -> Arguments:
    """Read the arguments of a call, separated by spaces or commas.

    A spec (`f32[B,D]`) is an abstract array; `{w: ..., b: ...}` a dict, `[...]` a list, `(...)` a
    tuple (also of one), `[f32[D,D]]*4` a list repeated; numbers, quoted strings, true, false and
    null are themselves, passed as static values; `name=value` is a keyword argument.
    Raises SpecError with the place marked by a caret.
    """
    return _Reader(text).arguments()


class _Reader:
    """A recursive descent over one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def arguments(self) -> Arguments:
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        while self.skip():
            keyword = self.take(_KEYWORD)
            if keyword is None and kwargs:
                self.fail("a positional argument after a keyword one; write it before them")
            if keyword is None:
                args.append(self.value())
            elif keyword[1] in kwargs:
                self.fail(f"{keyword[1]}= is given twice; write it once", keyword.start())
            else:
                self.skip()
                kwargs[keyword[1]] = self.value()
        return Arguments(tuple(args), kwargs)

    def skip(self) -> bool:
        """Pass over separators; whether anything is left."""
        self.take(_SPACE)
        return self.at < len(self.text)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The match of a pattern here, passed over."""
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def value(self) -> Any:
        """One argument or element."""
        opening = self.text[self.at : self.at + 1]
        if opening == "{":
            return self.dictionary()
        if opening in ("[", "("):
            return self.sequence(opening)
        start = self.at
        if match := self.take(_SPEC):
            return self.spec(match)
        if match := self.take(_NUMBER) or self.take(_QUOTED):
            return _literal(match)
        if match := self.take(_NAME):
            return self.word(match)
        found = repr(self.text[start : start + 12]) if opening else "the end"
        return self.fail(f"expected a value, got {found}; {_WRITE}")

    def spec(self, match: re.Match[str]) -> Any:
        """An abstract array."""
        try:
            return spec(match[0])
        except SpecError as error:
            self.fail(str(error), match.start())

    def word(self, match: re.Match[str]) -> Any:
        """True, false or null."""
        word = match[0]
        if word in _WORDS:
            return _WORDS[word]
        if self.text[self.at : self.at + 1] == "[":
            self.fail(f"the '[' of {word} has no closing ']'; write {word}[8,128]", match.start())
        return self.fail(
            f"{word} is neither a spec nor a value (a string wants quotes); {_WRITE}", match.start()
        )

    def dictionary(self) -> dict[Any, Any]:
        """`{name: value, 'any text': value, 3: value}`."""
        start, result = self.at, {}
        self.at += 1
        while not self.closed(start):
            place = self.at
            match = self.take(_QUOTED) or self.take(_NUMBER) or self.take(_NAME)
            colon = match and self.take(_COLON)
            if not match or not colon:
                self.fail("a dict wants key: value, as in {w: f32[8,8], b: f32[8]}", place)
            key = _literal(match)
            if key in result:
                self.fail(f"the key {key!r} is given twice; write it once", place)
            result[key] = self.value()
        return result

    def sequence(self, opening: str) -> Any:
        """`[...]` or `(...)`, possibly repeated: `[f32[8]]*4`."""
        start, items = self.at, []
        self.at += 1
        while not self.closed(start):
            items.append(self.value())
        times = self.take(_TIMES)
        items *= int(times[1]) if times else 1
        return items if opening == "[" else tuple(items)

    def closed(self, start: int) -> bool:
        """Whether the bracket opened at `start` closes here; raises at the end of the text."""
        opening = self.text[start]
        if not self.skip():
            self.fail(f"{opening!r} has no closing {_CLOSING[opening]!r}; write it", start)
        if self.text[self.at] != _CLOSING[opening]:
            return False
        self.at += 1
        return True

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        """Raise with the text and a caret under the place."""
        place = self.at if at is None else at
        line = re.sub(r"\s", " ", self.text)
        raise SpecError(f"{message}\n  {line}\n  {' ' * place}^")


def _literal(match: re.Match[str]) -> Any:
    """The number or string of a match; a bare name is a string (a dict's key)."""
    text = match[0]
    if match.re is _NUMBER:
        return int(text) if re.fullmatch(r"[+-]?[\d_]+", text) else float(text)
    return ast.literal_eval(text) if match.re is _QUOTED else text
