"""The verdict on each answer, and the scoreboard as a table and as data."""

from __future__ import annotations

import string
from typing import Any, Literal, NamedTuple

from counting.cases import CASES, Case, Reading
from counting.child import NOT_INSTALLED, Answer
from counting.counters import COUNTERS, Counter
from jaxflops.report.ledger import markdown_table

Verdict = Literal["right", "own convention", "wrong", "failed", "not installed"]


class Score(NamedTuple):
    """One counter's answer on one case."""

    case: Case
    counter: Counter
    answer: Answer

    @property
    def verdict(self) -> Verdict:
        """Right as the case was asked, right by the counter's own convention, or not."""
        if self.answer.value is None:
            return "not installed" if self.answer.error == NOT_INSTALLED else "failed"
        if self._meets(self.case.asked):
            return "right"
        own = self.own
        return "own convention" if own is not None and self._meets(own) else "wrong"

    @property
    def own(self) -> Reading | None:
        """The case by this counter's own convention, where that gives another number."""
        return self.case.own.get(self.counter.name)

    @property
    def ratio(self) -> float:
        """The counter's number over the contractions that were asked for."""
        assert self.answer.value is not None
        return self.answer.value / self.case.asked.contractions

    def _meets(self, reading: Reading) -> bool:
        value, exact = self.answer.value, reading.contractions
        if value is None or self.counter.exact:
            return value == exact
        return exact <= value <= exact + reading.others


def markdown(scores: list[Score], environment: str) -> str:
    """The table of the README: a row for each case, a column for each counter."""
    cases, counters = _distinct(scores)
    marks = _marks(scores)
    cells = {(s.case.name, s.counter.name): _cell(s, marks) for s in scores}
    rows = [
        [name, f"{CASES[name].asked.contractions:,}", *(cells[name, c] for c in counters)]
        for name in cases
    ]
    table = markdown_table(["case", "by hand", *counters], rows)
    notes = [f"({mark}) {words}" for words, mark in marks.items()]
    return "\n\n".join([table, *notes, f"{_tally(scores, counters)} ({environment})"])


def _cell(score: Score, marks: dict[str, str]) -> str:
    value = score.answer.value
    if value is None:
        return score.answer.error
    if score.verdict == "right":
        return f"right: {value:,}"
    if score.verdict == "own convention" and score.own is not None:
        return f"own convention ({marks[score.own.words]}): {value:,}"
    return f"wrong, ×{score.ratio:.3g}: {value:,}"


def _marks(scores: list[Score]) -> dict[str, str]:
    """A letter for each convention that stands in the table."""
    met = [s.own.words for s in scores if s.own is not None and s.verdict == "own convention"]
    return dict(zip(dict.fromkeys(met), string.ascii_lowercase, strict=False))


def _tally(scores: list[Score], counters: list[str]) -> str:
    return "Right: " + ", ".join(f"{name} {_right(scores, name)}" for name in counters) + "."


def _right(scores: list[Score], counter: str) -> str:
    verdicts = [s.verdict for s in scores if s.counter.name == counter]
    if set(verdicts) == {"not installed"}:
        return NOT_INSTALLED
    own = verdicts.count("own convention")
    more = f" and {own} by its own convention" if own else ""
    return f"{verdicts.count('right')} of {len(verdicts)}{more}"


def _distinct(scores: list[Score]) -> tuple[list[str], list[str]]:
    cases = dict.fromkeys(score.case.name for score in scores)
    return list(cases), list(dict.fromkeys(score.counter.name for score in scores))


def data(scores: list[Score], environment: str) -> dict[str, Any]:
    """Everything as JSON: the derivations, each answer and its verdict."""
    return {
        "environment": environment,
        "counters": {c.name: {"says": c.says, "exact": c.exact} for c in COUNTERS.values()},
        "cases": {name: _derived(CASES[name]) for name in _distinct(scores)[0]},
        "scores": [
            {
                "case": score.case.name,
                "counter": score.counter.name,
                "verdict": score.verdict,
                **score.answer._asdict(),
            }
            for score in scores
        ],
    }


def _derived(case: Case) -> dict[str, Any]:
    own = {name: reading._asdict() for name, reading in case.own.items()}
    return {"derivation": case.derivation, "asked": case.asked._asdict(), "own": own}
