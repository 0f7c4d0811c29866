"""The difference, or ratio, of one quantity between groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Seed
from sdebayes.analysis.contrast.pairs import SAME, are_same, beside_prior, differences, sources_of, values_of
from sdebayes.analysis.contrast.quantities import QUANTITIES, Quantity
from sdebayes.simulation.posterior_like import PosteriorLike
from sdebayes.simulation.source import SourceLike


@checked
def contrast(
    posterior: PosteriorLike | Mapping[str, SourceLike],
    quantity: Quantity,
    groups: Sequence[str] | None = None,
    *,
    ratio: bool = False,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compare a quantity between groups: its difference in each draw, and the prior's own difference beside.

    Parameters
    ----------
    posterior
        A posterior of several groups, whose draws are of all groups together; or several posteriors, or known SDEs, by
        name, whose draws are independent and are paired at random.
    quantity
        What is compared: a function of one group's SDE, such as ``sdebayes.analysis.process.entropy_production`` or
        ``lambda group: sdebayes.analysis.fields.grid(group, limits=...)``, that returns draws (sample, …); or one of
        ``"time_constants"`` (of the drift's Jacobian, slowest first), ``"equilibrium"`` (zero of a linear drift),
        ``"covariance"`` (Σ at the middle of the data), ``"noise"`` (diagonal of R), ``"trajectory_effect"``
        (diagonal of C), ``"stationary_covariance"`` (of a linear SDE) and ``"entropy_production"``.
    groups
        Which are compared, each with each; default all.
    ratio
        Whether the first is divided by the second, of what is positive, instead of the second subtracted.
    seed
        Seed of the prior's draws and of the random pairs.

    Returns
    -------
    xarray.Dataset
        Over ``contrast``, a pair of groups, and ``sample``: each variable of the quantity, and with the ending
        ``_prior`` the same of draws of the prior, where there is one. `sdebayes.summarize` gives intervals. Default
        regions, as of a grid, are those of all data together.

    Raises
    ------
    ModelError
        If there are not two groups, they have other states, or the quantity is the same in all groups, as where no
        parameter that it is made of has ``by_group``.
    StateSpaceError
        If posteriors are in different state spaces.
    DataError
        If the quantity has no draws, or a ratio is asked for of what is not positive.

    See Also
    --------
    sdebayes.analysis.contrast.overview : Many quantities at once.
    sdebayes.analysis.contrast.shuffled_groups : Groups that were drawn by lot.
    sdebayes.analysis.contrast.trend : A line through the groups.
    sdebayes.plots.contrast.contrast : Draws it.

    Notes
    -----
    With partial pooling the groups' own parameters are drawn towards each other as far as the data allow, and the more
    the fewer data a group has: differences of many groups need no correction for their number (Gelman, Hill & Yajima
    2012, doi:10.1080/19345747.2011.618213). Separate fits have no pooling.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 60, 0.2, n_trajectories=9, noise=0.3)
    >>> data = data.assign_coords(group=("trajectory", ["low", "middle", "high"] * 3))
    >>> model = sb.SDEModel(diffusion=sb.priors.Constant(by_group=True), observation=sb.GaussianNoise())
    >>> posterior = sb.fit(model, data, sb.Laplace(draws=50), seed=0)
    >>> found = sb.analysis.contrast.contrast(posterior, "time_constants", groups=["low", "high"])
    >>> found["contrast"].values.tolist()
    ['low − high']
    >>> sorted(found)
    ['time_constant', 'time_constant_prior']
    """
    read = QUANTITIES[quantity] if isinstance(quantity, str) else quantity
    posteriors, priors = sources_of(posterior, groups, seed)
    values = values_of(posteriors, read)
    if are_same(values, next(iter(posteriors.values())).precision):
        raise ModelError(f"contrast: {SAME}")
    own = differences(values, ratio)
    if priors:
        own = beside_prior(own, differences(values_of(priors, read), ratio))
    return own.assign_attrs({**own.attrs, "seed": seed})
