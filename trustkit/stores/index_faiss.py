"""The exact scan of a block of codes with faiss: faster, and most so for many queries at once."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from trustkit.stores.index_columns import BLOCK, WORDS, Array

faiss: Any = import_module("faiss")  # it tells nothing of its types

_FEW_QUERIES, _FEW_QUERIES_BLOCK = 2, 2**20
_AT_ONCE = 32  # queries: bounds what is found in one block to 2^21 pairs, 25 MB


class FaissScan:
    """Its answers are those of `NumpyScan`, in the same order."""

    def __init__(self) -> None:
        # One block is too small to share out, and spinning threads cost more than they bring.
        faiss.omp_set_num_threads(1)

    def block(self, queries: int) -> int:
        """Return many rows for few queries, as no query finds in the cache what another left."""
        return _FEW_QUERIES_BLOCK if queries <= _FEW_QUERIES else BLOCK

    def find(self, codes: Array, words: Array, within: Array) -> tuple[Array, Array, Array]:
        """Return queries, rows, distances; see `Scan`."""
        found = [
            _find(codes, words[begin : begin + _AT_ONCE], within[begin : begin + _AT_ONCE], begin)
            for begin in range(0, len(words), _AT_ONCE)
        ]
        queries, rows, distances = (np.concatenate(part) for part in zip(*found, strict=True))
        return queries, rows, distances


def _find(codes: Array, words: Array, within: Array, first: int) -> tuple[Array, Array, Array]:
    words = np.ascontiguousarray(words)
    result = faiss.RangeSearchResult(len(words))
    faiss.hamming_range_search(
        faiss.swig_ptr(words.view(np.uint8)),
        faiss.swig_ptr(codes.view(np.uint8)),
        len(words),
        len(codes),
        int(within.max()) + 1,  # it finds what is nearer than that
        8 * WORDS,
        result,
    )
    limits = faiss.rev_swig_ptr(result.lims, len(words) + 1)
    many = int(limits[-1])
    if not many:
        nothing = np.empty(0, np.intp)
        return nothing, nothing, nothing.astype(np.uint16)
    limits = limits.astype(np.intp)
    rows = faiss.rev_swig_ptr(result.labels, many).astype(np.intp)
    distances = faiss.rev_swig_ptr(result.distances, many).astype(np.uint16)
    queries = np.repeat(np.arange(len(words)), np.diff(limits))
    near = distances <= within[queries]
    return queries[near] + first, rows[near], distances[near]
