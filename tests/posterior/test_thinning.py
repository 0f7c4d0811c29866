"""One rule of thinning: whatever reads a posterior takes the same draws."""

from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb
from sdebayes.posterior import replicate


@pytest.mark.parametrize(("samples", "taken"), [(7, 7), (1000, None)])
def test_all_that_read_a_posterior_take_the_same_draws(noisy, held_out, samples, taken):
    one = held_out.isel(trajectory=[0])
    found = [
        noisy.predict(one, samples=samples),
        replicate(noisy, one, samples=samples),
        sb.simulate(noisy, np.arange(2.0), samples=samples),
        sb.analysis.fields.grid(noisy, points=2, samples=samples),
    ]
    draws = [part["sample"].values.tolist() for part in found]
    available = noisy.data.posterior.sizes["chain"] * noisy.data.posterior.sizes["draw"]
    assert len(draws[0]) == (taken or available)
    assert draws[0][0] == 0
    assert draws[0][-1] == available - 1
    assert all(other == draws[0] for other in draws)
