"""The tests run on the CPU, whatever else is attached: they hold numbers against XLA:CPU's.

`JAX_PLATFORMS=cuda,cpu python -m pytest tests/gpu` runs those that want a GPU.
"""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
