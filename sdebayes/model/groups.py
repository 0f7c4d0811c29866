r"""Groups of trajectories with parameters of their own, drawn towards values that they share (partial pooling).

A site with by_group has, on unconstrained space, the value

.. math::
    z_g = z + s\, w\, (B δ)_g, \qquad δ_1, …, δ_{G-1} \sim N(0, I), \qquad \log s \sim N(\log s_0, ¼^2)

in group g of G: z, the mean of all groups, has the site's own prior, w is its width (half of the central 68 %, which is
the standard deviation of a normal prior), and s, one for each site, says how far apart groups are. The columns of B are
orthonormal and sum to zero: differences between groups have the prior of independent deviations of standard deviation
s w, and none of z can be taken for theirs. δ is sampled as weights that s multiplies, centred as far as the data know
them (`sdebayes.inference.whitening`). With a deviation for each group, and none of this, ``Laplace`` had the parameters
of a group 2.3 times as wide as they are.

The prior of s is narrow: with few groups of equal parameters a free s goes to zero, and then intervals of differences
leave zero out far more rarely than they say. Constraints of the site, and with them what a prior promises of its
functions (a stable drift), hold in every group.

References
----------
Gelman & Hill (2007), Data Analysis Using Regression and Multilevel/Hierarchical Models, ch. 12, doi:10.1017/
CBO9780511790942; Papaspiliopoulos, Roberts & Sköld (2007), doi:10.1214/088342307000000014, for drawing δ instead of
z_g; Lancaster (1965), The Helmert matrices, doi:10.2307/2312989, for B; Chung et al. (2013),
doi:10.1007/s11336-013-9328-2, for a prior of s that keeps off zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import biject_to
from numpyro.handlers import block, seed, substitute, trace
from numpyro.primitives import Messenger
from scipy.linalg import helmert

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.stored import Stored
from sdebayes._core.tracing import one_at_a_time
from sdebayes._core.types import Key
from sdebayes.dynamics import ObservedSDE
from sdebayes.priors.base import WEIGHT_OFFSET, WEIGHT_SCALE

Program = Callable[[], ObservedSDE]
Sites = dict[str, Any]

DEVIATION, SCALE = "_deviation", "_group_scale"

_PART = "by_group"
_SPREAD = 0.25
_DRAWS = 2000


class OfPart(Messenger):
    """Mark the sites that are drawn within as those of a part of the model that has by_group, or has not."""

    def __init__(self, part: str, by_group: bool) -> None:
        super().__init__()
        self.part, self.by_group = part, by_group

    def process_message(self, message: dict[str, Any]) -> None:
        """Keep the part's name with a site."""
        if self.by_group and message["type"] == "sample":
            message["infer"] = message["infer"] | {_PART: self.part}


@checked
@dataclass(frozen=True, eq=False)
class Pooling(Stored):
    """What groups there are, and which sites have values of their own in each.

    Parameters
    ----------
    groups
        Names of the groups.
    widths
        w of each such site, of the shape of its unconstrained values.
    scale
        s₀, prior median of s.
    """

    groups: tuple[str, ...]
    widths: dict[str, np.ndarray]
    scale: float

    @one_at_a_time
    def sample(self, program: Program) -> ObservedSDE:
        """Draw shared values and deviations inside a NumPyro model; return the SDEs of all groups, stacked.

        Parameters
        ----------
        program
            Draws the SDE of one group, its sites marked.
        """
        with trace() as sites:
            program()
        free = {name: _transform(sites[name]).inv(sites[name]["value"]) for name in self.widths}
        common = {
            name: site["value"]
            for name, site in sites.items()
            if site["type"] == "sample" and name not in self.widths
        }
        contrasts = len(self.groups) - 1
        for name, width in self.widths.items():
            scale = numpyro.sample(name + SCALE, dist.LogNormal(np.log(self.scale), _SPREAD))
            shape = (contrasts, width.size)
            infer = {WEIGHT_SCALE: jnp.full(shape, scale), WEIGHT_OFFSET: jnp.zeros(shape)}
            law = dist.Normal(0.0, 1.0).expand(shape).to_event(2)
            free[name + DEVIATION] = numpyro.sample(name + DEVIATION, law, infer=infer)
            free[name + SCALE] = jnp.log(scale)
        own = {name: value for name, value in self.of_groups(free).items() if name in self.widths}
        return jax.vmap(lambda one: _with_values(program, one, common))(own)

    def of_groups(self, free: Sites) -> Sites:
        """Return the unconstrained sites that one group's SDE has: with a leading group axis where they vary.

        Parameters
        ----------
        free
            The unconstrained sites of the grouped model.
        """
        found, contrasts = {}, jnp.asarray(helmert(len(self.groups)).T, dtype=float)
        for name, value in free.items():
            if name in self.widths:
                apart = (contrasts @ free[name + DEVIATION]).reshape(-1, *value.shape)
                width = jnp.asarray(self.widths[name], dtype=float)
                found[name] = value + jnp.exp(free[name + SCALE]) * width * apart
            elif not self.is_own(name):
                found[name] = value
        return found

    def describe(self) -> list[str]:
        """Say which sites vary between which groups, and how far."""
        return [
            f"Groups: {', '.join(self.groups)}; values of their own have {', '.join(self.widths)}",
            f"  z_g = z + s w (B δ)_g on unconstrained space, Σ_g (B δ)_g = 0, δ ~ Normal(0, I), w the width of z, "
            f"log s ~ Normal(log {self.scale:g}, {_SPREAD:g})",
        ]

    def is_own(self, name: str) -> bool:
        """Whether a site is one of those that are added to the model's own: a deviation, or s."""
        return any(name == site + ending for site in self.widths for ending in (DEVIATION, SCALE))

    def axes(self, sites: Sites) -> dict[str, int | None]:
        """Return the group axis of what `of_groups` returns, as ``jax.vmap`` wants it."""
        return {name: 0 if name in self.widths else None for name in sites}


def pooling_of(program: Program, groups: tuple[str, ...], scale: float, parts: list[str]) -> Pooling:
    """Find the sites of the parts that have by_group, and how wide the priors of their unconstrained values are.

    Those are of 2,000 draws with a seed of their own.

    Parameters
    ----------
    program
        Draws the SDE of one group, its sites marked; its prior is scaled to data.
    groups
        Names of the groups.
    scale
        s₀.
    parts
        Names of the parts with by_group.

    Raises
    ------
    ModelError
        If such a part has no unknown, or one that is not continuous.
    """

    @one_at_a_time
    def marked(key: Key) -> Sites:
        sites = trace(seed(program, key)).get_trace()
        return {name: site for name, site in sites.items() if _PART in site.get("infer", {})}

    found: dict[str, tuple[str, bool]] = {}

    def look(key: Key) -> None:
        found.update(
            {name: (s["infer"][_PART], s["fn"].support.is_discrete) for name, s in marked(key).items()}
        )

    jax.eval_shape(look, jax.random.key(0))
    for part in parts:
        if part not in [own for own, _ in found.values()]:
            raise ModelError(
                f"SDEModel: the {part} has by_group=True, but nothing unknown that could differ between groups."
            )
    discrete = [name for name, (_, is_discrete) in found.items() if is_discrete]
    if discrete:
        raise ModelError(
            f"SDEModel: {discrete[0]!r} is in or out, or a count, and cannot be drawn towards a shared value; use "
            "by_group with continuous parameters."
        )

    def free(key: Key) -> Sites:
        return {name: _transform(site).inv(site["value"]) for name, site in marked(key).items()}

    # one operation after another: samplers take long to compile as one program, and share these
    draws = jax.vmap(free)(jax.random.split(jax.random.key(0), _DRAWS))
    widths = {name: _half_width(np.asarray(values, np.float64)) for name, values in draws.items()}
    return Pooling(groups, widths, scale)


def _half_width(draws: np.ndarray) -> np.ndarray:
    """Return half the width of the central 68.3 % of draws, (draw, ...): a normal one's standard deviation."""
    lower, upper = np.quantile(draws, [0.15866, 0.84134], axis=0)
    return np.asarray((upper - lower) / 2)


def _transform(site: dict[str, Any]) -> Any:
    return biject_to(site["fn"].support)


def _with_values(program: Program, free: Sites, common: Sites) -> ObservedSDE:
    """Run a program with known values: unconstrained ones on the support that the site then has, and others as is."""

    def value(site: dict[str, Any]) -> Any:
        if site["type"] != "sample":
            return None
        name = site["name"]
        return _transform(site)(free[name]) if name in free else common[name]

    with block():
        return substitute(program, substitute_fn=value)()
