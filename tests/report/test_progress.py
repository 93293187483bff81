"""The progress bar, on a terminal that is a list of what was written."""

import io

from jaxflops.report.progress import Bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def drawn(steps, stream=None):
    """What is written when the shares come at the given seconds."""
    now = iter(second for second, _ in steps)
    stream = stream or Terminal()
    bar = Bar(stream, lambda: next(now))
    for number, (_, share) in enumerate(steps, 1):
        bar(number, share)
    return stream.getvalue()


def test_a_short_run_shows_nothing():
    assert drawn([(0, 0.5), (0.9, 1.0)]) == ""


def test_a_long_run_shows_its_share_and_takes_it_away():
    written = drawn([(0, 0.1), (2, 0.5), (4, 1.0)])
    half = "[############............]  50%, samples:      2"
    assert written == f"\r{half}\r" + f"\r{' ' * len(half)}\r"


def test_a_file_gets_no_bar():
    assert drawn([(0, 0.1), (2, 0.5)], io.StringIO()) == ""


def test_a_second_run_has_its_own_patience():
    terminal = Terminal()
    now = iter((0, 5, 6, 6.5))
    bar = Bar(terminal, lambda: next(now))
    for number, share in ((1, 0.5), (2, 1.0), (1, 0.5), (2, 0.6)):
        bar(number, share)
    assert "samples:      1" not in terminal.getvalue()
    assert "60%" not in terminal.getvalue()
