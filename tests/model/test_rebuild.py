"""Functions of one draw, over many."""

from __future__ import annotations

import numpy as np
import pytest

from sdebayes.model.rebuild import per_draw


@pytest.mark.parametrize(("counts", "programs"), [((26, 60, 100, 250), 1), ((5, 7, 8), 1), ((1, 25, 60), 3)])
def test_few_sizes_of_blocks_are_compiled(counts, programs):
    traced = []

    def double(draw):
        traced.append(draw.shape)
        return 2 * draw

    apply = per_draw(double, block=100)
    for count in counts:
        draws = np.arange(count, dtype=np.float32)
        np.testing.assert_array_equal(apply(draws), 2 * draws)
    assert len(traced) == programs
