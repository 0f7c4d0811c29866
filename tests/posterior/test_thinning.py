"""One rule of thinning: whatever reads a posterior takes the same draws."""

from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb
from sdebayes.posterior import replicate


@pytest.mark.thorough
def test_all_that_read_a_posterior_take_the_same_draws(exact, held_out):
    """So many, from the first to the last; or all, where fewer are at hand than are asked for."""
    available = exact.data.posterior.sizes["chain"] * exact.data.posterior.sizes["draw"]
    for samples, taken in ((3, 3), (1000, available)):
        found = [
            exact.predict(held_out, samples=samples),
            replicate(exact, held_out, samples=samples),
            sb.simulate(exact, np.arange(2.0), samples=samples),
            sb.analysis.fields.grid(exact, points=2, samples=samples),
        ]
        draws = [part["sample"].values.tolist() for part in found]
        assert len(draws[0]) == taken
        assert draws[0][0] == 0
        assert draws[0][-1] == available - 1
        assert all(other == draws[0] for other in draws)
