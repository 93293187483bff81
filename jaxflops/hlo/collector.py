"""Reading makes many objects at once, none of them garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """Python's garbage collector off for a while: it took a third of the time to read a module.

    Afterwards all young objects count as old, by `freeze` and `unfreeze`, which visit none of them;
    the collection that `enable` sets off would visit every field of every new one.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():  # what a program has frozen itself stays so
                gc.freeze()
                gc.unfreeze()
            gc.enable()
