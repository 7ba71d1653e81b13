"""How many threads the mathematics below us starts: one, where marks are looked for."""

from __future__ import annotations

import os

_NAMES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def one_each() -> None:
    """Have one thread in this process and each of its workers, unless the user chose otherwise.

    To be called before numpy is imported: then it reads the environment, and never again.
    """
    # A search multiplies small matrices: further threads spin while they wait, which took a
    # picture's signing from 1.5 to 8 seconds of processor time on a busy machine with two cores.
    for name in _NAMES:
        os.environ[name] = os.environ.get(name) or "1"
