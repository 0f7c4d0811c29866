"""The drift that leads a process to a target: what a text would do next if it were to come there, less what it does."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import Said, checked
from sdebayes._core.errors import ArgumentError, StateSpaceError
from sdebayes._core.kinds import Count
from sdebayes._core.units import with_units
from sdebayes.analysis.quality.continuation import joined, states_of
from sdebayes.data.embed import EncoderLike
from sdebayes.posterior import Posterior
from sdebayes.simulation.source import as_source
from sdebayes.steering.proposals import check_rule, usual_gap, with_aim
from sdebayes.steering.target import TYPICAL, Target, read_target

type Context = Annotated[
    Any, Said("a text, or trajectories of one", lambda value: isinstance(value, str | xr.Dataset))
]


@checked
def guiding_drift(
    posterior: Posterior,
    target: Target,
    context: Context,
    *,
    steps: Count = 6,
    encoder: EncoderLike | None = None,
    samples: Count | None = None,
) -> xr.Dataset:
    r"""Find how a text would have to move in its next step to come to a target, beside how it moves by itself.

    A process that is conditioned on what is seen at its end has the drift :math:`f + \Sigma \nabla \log h`, h being
    the density of the end given the state. The second term, the guiding drift, over one step is

    .. math::
        u = E[X(t + \Delta) + c \mid \mathrm{text}, \mathrm{target}] - E[X(t + \Delta) + c \mid \mathrm{text}],

    draw by draw from the smoothed distributions, of the offset c too where texts have one. It is small far from the
    end, where the process forgets, and where the text is on its way already.

    Parameters
    ----------
    posterior
        A posterior of texts, whose steps share no sentence.
    target
        As in `sdebayes.steer`, other than ``"typical"``.
    context
        What there is of the text.
    steps
        In how many steps the text is to be there.
    encoder
        As in `sdebayes.analysis.quality.rank`.
    samples
        At most so many posterior draws, evenly spread; by default at most 100.

    Returns
    -------
    xarray.Dataset
        ``drift`` (sample, state), u of each draw in units of the states; ``vector`` (embedding), its mean as a
        difference of embeddings, the smallest that has these states: what `sdebayes.ActivationSteering` adds where the
        encoder is `sdebayes.HiddenStates` of the same model and layer.

    Raises
    ------
    ArgumentError
        If there is no target in state space.
    DataError
        If the context has no text, or the target another shape.
    StateSpaceError
        If the posterior has no space of embeddings, or the target is in another one.
    ModelError
        If steps share sentences, or the model has no smoothed distribution.

    See Also
    --------
    sdebayes.steer : Chooses among what is offered.
    sdebayes.ActivationSteering : Adds the vector to hidden states.

    References
    ----------
    Schauer, van der Meulen & van Zanten (2017), Guided proposals for simulating multi-dimensional diffusion bridges,
    doi:10.3150/16-BEJ833.

    Examples
    --------
    Continuing the example of :func:`sdebayes.steer`:

    >>> guide = sb.guiding_drift(posterior, [2.0, 0.0], "My fellow citizens.", steps=3)
    >>> dict(guide.sizes)
    {'sample': 50, 'state': 2, 'embedding': 384}
    >>> bool(guide["drift"].mean("sample")[0] > 0)
    True
    """
    if isinstance(target, str) and target == TYPICAL:
        raise ArgumentError(
            f"guiding_drift: target={target!r} is no place; give one, a path, or example sentences."
        )
    check_rule(posterior)
    space = posterior.space
    if space is None:
        raise StateSpaceError(
            "guiding_drift: the posterior was fitted to arrays, which have no embeddings; fit it to states of texts."
        )
    aim = read_target(target, as_source(posterior), posterior, steps, encoder)
    text = states_of(posterior, context, encoder)
    gap = usual_gap(posterior, text)
    missing = text.isel(time=[0]).assign(y=text["y"].isel(time=[0]) * np.nan, n_steps=text["n_steps"] * 0 + 1)
    data, first = joined(text, with_aim(missing, *aim.ahead(0), gap), gap)
    found = posterior.smooth(xr.concat([data, _unseen(data, first)], "trajectory"), samples)
    x = found["x"].isel(time=first)
    if "trajectory_effect" in found:
        x = x + found["trajectory_effect"]
    u = (x.isel(trajectory=0) - x.isel(trajectory=1)).drop_vars(["trajectory", "time", "t"], errors="ignore")
    ends = space.inverse_transform(np.stack([u.mean("sample").values, np.zeros(u.sizes["state"])]))
    made = xr.Dataset({"drift": u, "vector": ("embedding", ends[0] - ends[1])}, attrs=found.attrs)
    said = {"target": aim.words, "steps": steps, "long_name": "guiding drift over a step"}
    return with_units(made.assign_attrs(said), drift="state")


def _unseen(data: xr.Dataset, first: int) -> xr.Dataset:
    """Return the same data under another name with nothing seen from a step on."""
    seen = xr.DataArray(np.arange(data.sizes["time"]) < first, dims="time")
    names = [f"{name}, free" for name in data["trajectory"].values]
    return data.assign(y=data["y"].where(seen)).assign_coords(trajectory=names)
