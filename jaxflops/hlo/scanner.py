"""A cursor over HLO text: balanced brackets, quoted strings, and errors that say the line."""

from __future__ import annotations

import re
from typing import NoReturn

from jaxflops.hlo.ir import HloError

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|[(){}\[\],\n"]')
_BLANK = re.compile(r"\s*")
_CLOSES = {"(": ")", "{": "}", "[": "]"}
_SHOWN = 60


class Scanner:
    """The text and the position reached in it; every character is looked at a few times at most."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        """Raise HloError: `message`, the line number and what stands there."""
        at = self.at if at is None else at
        line = self.text.count("\n", 0, at) + 1
        start = self.text.rfind("\n", 0, at) + 1
        shown = self.text[start:].split("\n", 1)[0].strip()
        if len(shown) > _SHOWN:
            shown = shown[:_SHOWN] + "..."
        raise HloError(f"HLO text, line {line}: {message}; the line reads {shown!r}")

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Match `pattern` here and step over it."""
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def expect(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        """As `take`, but its absence is an error."""
        return self.take(pattern) or self.fail(f"expected {what}")

    def blank(self) -> None:
        """Step over empty lines."""
        self.take(_BLANK)

    def done(self) -> bool:
        """Whether all of the text has been read."""
        return self.at >= len(self.text)

    def bracketed(self, multiline: bool = False) -> str:
        """The text inside the bracket that opens here; steps over the closing one."""
        start = self.at
        self._balance(multiline)
        return self.text[start + 1 : self.at - 1]

    def value(self) -> str:
        """An attribute's value: up to the next comma or line end outside brackets and strings."""
        start = self.at
        while True:
            token = _TOKEN.search(self.text, self.at)
            if token is None or token[0] in (",", "\n"):
                self.at = token.start() if token else len(self.text)
                return self.text[start : self.at]
            self.at = token.start()
            if token[0] in _CLOSES:
                self._balance()
            elif token[0][0] == '"' and len(token[0]) > 1:
                self.at = token.end()
            else:
                self.fail(f"{token[0]!r} is not paired")

    def _balance(self, multiline: bool = False) -> None:
        """Step over the bracket here and all inside it, without recursion: damage nests deeply."""
        stack, start = [_CLOSES[self.text[self.at]]], self.at
        self.at += 1
        while stack:
            token = _TOKEN.search(self.text, self.at)
            if token is None or (token[0] == "\n" and not multiline):
                self.fail(f"a bracket is not closed: {stack[-1]!r} is missing", start)
            self.at, first = token.end(), token[0]
            if first in _CLOSES:
                stack.append(_CLOSES[first])
            elif first == stack[-1]:
                stack.pop()
            elif first in (")", "}", "]", '"'):
                self.fail(f"{first!r} stands where {stack[-1]!r} should close", token.start())


_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|[^\n])")
_CODES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def unquote(text: str) -> str:
    """The contents of a quoted string with its C escapes undone; other text as it is."""
    if not (text.startswith('"') and text.endswith('"')):
        return text
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    plain = _ESCAPE.sub(_unescaped, inner)
    # Numeric escapes are bytes, several of which can make one letter in UTF-8.
    return plain.encode("latin-1").decode(errors="replace") if _is_bytes(plain) else plain


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if code in _CODES:
        return _CODES[code]
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    return chr(int(code, 8) & 0xFF) if code[0] in "01234567" else code


def _is_bytes(text: str) -> bool:
    return not text.isascii() and all(ord(letter) < 0x100 for letter in text)  # noqa: PLR2004
