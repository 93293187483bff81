"""The scoreboard: hand-derived values against jaxflops, verdicts, children that fail, the table."""

import sys
from pathlib import Path

import jax
import pytest
import scoreboard
from counting import child
from counting.cases import CASES
from counting.child import Answer, answer_of, ask
from counting.counters import COUNTERS
from counting.scores import Score, data, markdown

import jaxflops as jf

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_jaxflops_counts_what_was_derived_by_hand(case):
    analysis = jf.analyze(case.fn, strict=True)(*case.args)
    assert analysis.matmul_flops == case.asked.contractions
    # and `others` has room for all the rest, in the most generous counting
    total = analysis.total
    rest = total.other_flops + total.transcendentals + total.int_ops
    assert rest <= case.asked.others


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_no_contraction_can_hide_in_the_other_arithmetic(case):
    assert case.derivation
    for reading in (case.asked, *case.own.values()):
        assert 20 * reading.others < reading.contractions
    assert set(case.own) <= set(COUNTERS) - {"jaxflops"}


@pytest.mark.parametrize("name", ["grad", "remat grad", "grouped convolution grad", "complex dot"])
def test_xla_agrees_where_nothing_loops(name):
    case, counter = CASES[name], COUNTERS["XLA lowered"]
    score = Score(case, counter, Answer(counter.ask(case)))
    assert score.verdict == ("own convention" if name == "complex dot" else "right")


def test_a_loop_stands_in_the_program_as_the_case_says():
    for name, primitive in {
        "while": "while",
        "scan": "scan",
        "lstm": "scan",
        "cond": "cond",
    }.items():
        eqns = jax.make_jaxpr(CASES[name].fn)(*CASES[name].args).eqns
        assert primitive in [eqn.primitive.name for eqn in eqns]


def verdict(case, counter, *answer):
    return Score(CASES[case], COUNTERS[counter], Answer(*answer)).verdict


def test_contractions_that_are_told_apart_must_be_exact():
    exact = CASES["lstm"].asked.contractions
    assert verdict("lstm", "jaxflops", exact) == "right"
    assert verdict("lstm", "jaxflops", exact + 1) == "wrong"
    assert verdict("lstm", "jaxflops", exact - 1) == "wrong"


def test_one_number_for_all_work_may_hold_all_other_arithmetic_and_no_more():
    contractions, others, _ = CASES["lstm"].asked
    for value, expected in [
        (contractions, "right"),
        (contractions + others, "right"),
        (contractions + others + 1, "wrong"),
        (contractions - 1, "wrong"),
        (contractions // 10, "wrong"),  # the body once
        (0, "wrong"),
    ]:
        assert verdict("lstm", "XLA lowered", value) == expected


def test_a_convention_is_the_counters_own_and_not_ours():
    alike = CASES["complex dot"].asked.contractions // 4
    assert verdict("complex dot", "XLA lowered", alike) == "own convention"
    assert verdict("complex dot", "jaxflops", alike) == "wrong"
    assert verdict("complex dot", "XLA lowered", alike + 1) == "wrong"


def python(code):
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("code", "error", "why"),
    [
        ("raise SystemExit(3)", "crashed", "exit code 3"),
        ("import os; os.abort()", "SIGABRT", ""),
        ("1 / 0", "crashed", "ZeroDivisionError: division by zero"),
        ("print('no json')", "crashed", ""),
        ("print('{\"value\": 1.5}')", "crashed", ""),
        ("print('{\"value\": true}')", "crashed", ""),
        ("pass", "crashed", ""),
        ('print(\'{"error": "TypeError", "why": "of it"}\')', "TypeError", "of it"),
    ],
)
def test_a_child_that_fails_is_shown_as_its_error(code, error, why):
    found = answer_of(python(code), timeout=60)
    assert (found.value, found.error) == (None, error)
    assert why in found.why


def test_what_a_child_prints_before_its_answer_is_no_answer():
    found = answer_of(python("print('{\"value\": 1}'); print('{\"value\": 7}')"), timeout=60)
    assert found == Answer(7)


def test_a_child_that_hangs_is_ended():
    found = answer_of(python("import time; time.sleep(600)"), timeout=0.5)
    assert found == Answer(None, "timeout", "no answer in 0.5 s")


def raising(error):
    def counter(case):
        raise error

    return counter


def test_what_a_counter_raises_is_its_answer(monkeypatch):
    roofline = COUNTERS["jax roofline"]
    for error, word in [
        (TypeError("first\nlast"), "TypeError"),
        (ModuleNotFoundError("No module named 'absl'", name="absl"), "not installed"),
        (ModuleNotFoundError("No module named 'else'", name="else"), "ModuleNotFoundError"),
    ]:
        monkeypatch.setitem(COUNTERS, "jax roofline", roofline._replace(ask=raising(error)))
        said = child.answer("scan", "jax roofline")
        assert said == {"error": word, "why": str(error).splitlines()[-1]}


@pytest.mark.slow
def test_a_child_answers():
    assert ask("complex dot", "jaxflops", timeout=300) == Answer(8 * 16 * 32 * 24)


TABLE = """\
| case | by hand | jaxflops | XLA lowered | Flax NNX tabulate |
| --- | --- | --- | --- | --- |
| scan | 196,608 | wrong, ×0.5: 98,304 | wrong, ×0.0833: 16,386 | not installed |
| complex dot | 98,304 | right: 98,304 | own convention (a): 24,576 | not installed |
| cond | 49,152 | right: 49,152 | timeout | not installed |

(a) an operation on complex numbers counts as one

Right: jaxflops 2 of 3, XLA lowered 0 of 3 and 1 by its own convention, Flax NNX tabulate not \
installed. (here)"""


def scores(jaxflops_on_scan):
    answers = {
        ("scan", "jaxflops"): Answer(jaxflops_on_scan),
        ("scan", "XLA lowered"): Answer(16386),
        ("complex dot", "jaxflops"): Answer(98304),
        ("complex dot", "XLA lowered"): Answer(24576),
        ("cond", "jaxflops"): Answer(49152),
        ("cond", "XLA lowered"): Answer(None, "timeout", "no answer in 1 s"),
    }
    names = ["jaxflops", "XLA lowered", "Flax NNX tabulate"]
    absent = Answer(None, child.NOT_INSTALLED)
    return {
        (case, name): answers.get((case, name), absent)
        for case in ("scan", "complex dot", "cond")
        for name in names
    }


def test_the_table_shows_right_wrong_and_what_failed():
    rows = [Score(CASES[c], COUNTERS[n], a) for (c, n), a in scores(98304).items()]
    assert markdown(rows, "here") == TABLE
    written = data(rows, "here")
    assert written["cases"]["scan"]["asked"]["contractions"] == 196608
    assert "contractions = L · 2·B·D²" in written["cases"]["scan"]["derivation"]
    assert written["scores"][0] == {
        "case": "scan", "counter": "jaxflops", "verdict": "wrong",
        "value": 98304, "error": "", "why": "",
    }  # fmt: skip


@pytest.mark.parametrize(("value", "code"), [(196608, 0), (98304, 1), (None, 1)])
def test_the_exit_code_tells_whether_jaxflops_is_right(monkeypatch, capsys, tmp_path, value, code):
    canned = scores(value)
    monkeypatch.setattr(scoreboard, "ask", lambda case, counter, timeout: canned[case, counter])
    file = tmp_path / "board.json"
    given = ["--cases", "scan, complex dot,cond", "--json", str(file)]
    assert scoreboard.main([*given, "--counters", "jaxflops,XLA lowered"]) == code
    assert "XLA lowered on cond: timeout: no answer in 1 s" in capsys.readouterr().out
    assert '"verdict": "own convention"' in file.read_text()


def test_a_case_that_is_none_is_refused():
    with pytest.raises(SystemExit, match="case 'scna': choose from 'scan', 'nested scan'"):
        scoreboard.main(["--cases", "scna"])


def test_the_readme_quotes_the_last_runs():
    results = sorted((ROOT / "scripts" / "results").glob("scoreboard_jax_*.md"))
    written = [line for path in results for line in path.read_text().splitlines()]
    readme = (ROOT / "README.md").read_text()
    quoted = readme.split("<!-- scoreboard -->")[1].split("<!-- end of scoreboard -->")[0]
    lines = [line for line in quoted.splitlines() if line.strip()]
    assert len(results) == 2
    assert len(lines) > len(CASES)
    assert [line for line in lines if line not in written] == []
