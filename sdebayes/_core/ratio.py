"""Ratios of totals over trajectories, which are the independent units."""

from __future__ import annotations

import numpy as np


def ratio_and_error(numerator: np.ndarray, denominator: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return :math:`r = \sum_i d_i / \sum_i n_i` and its standard error over trajectories i.

    The error is that of a ratio estimator, :math:`\sqrt{N/(N-1) \sum_i (d_i - r n_i)^2} / \sum_i n_i`
    (Cochran 1977, Sampling Techniques, eq. 6.12).

    Parameters
    ----------
    numerator, denominator
        d and n, (…, trajectory).

    Returns
    -------
    (ratio, standard_error)
        (…).
    """
    count, total = numerator.shape[-1], denominator.sum(-1)
    ratio = numerator.sum(-1) / total
    residual = numerator - ratio[..., None] * denominator
    return ratio, np.sqrt(count / (count - 1) * np.sum(residual**2, axis=-1)) / total
