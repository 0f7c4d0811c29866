"""Which properties a process has by its prior, before any data."""

from __future__ import annotations

from sdebayes.analysis.fields.grid import Limits
from sdebayes.analysis.process.entropy import entropy_production
from sdebayes.analysis.process.growth import dissipativity, growth
from sdebayes.simulation.prior import prior_of
from sdebayes.simulation.source import SourceLike

REVERSIBLE = 1e-9
"""An entropy production below it is zero up to rounding, in nats per unit of time."""


def before_data(source: SourceLike, limits: Limits | None) -> dict[str, float]:
    """Return the share of the prior's draws with each property that drift and diffusion tell without a simulation.

    Parameters
    ----------
    source
        A posterior; an SDE has no prior, and nothing is returned.
    limits
        As in `sdebayes.analysis.process.growth`.

    Returns
    -------
    dict
        By the names of `sdebayes.analysis.process.properties`; reversibility only where every draw has it.
    """
    prior = prior_of(source)
    if prior is None:
        return {}
    inward = dissipativity(prior, limits=limits)
    shares = {
        "existence and uniqueness": float(growth(prior, limits=limits)["bounded"].mean()),
        "dissipativity": float(inward["dissipative"].mean()),
        "ergodicity": float(inward["ergodic"].mean()),
    }
    if prior.n_states == 1 or (
        prior.sde.linear is not None and bool((entropy_production(prior)["rate"] < REVERSIBLE).all())
    ):
        shares["reversibility of the model"] = 1.0
    return shares
