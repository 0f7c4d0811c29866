"""Data beside a posterior, each step judged by others of its trajectory as often as it takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.draws import choose_draws
from sdebayes._core.units import with_units
from sdebayes.analysis.quality.reading import MOST_DRAWS, in_space
from sdebayes.criticism.conditionals import Given, Judged, by_themselves, conditionals
from sdebayes.criticism.innovations import Judge
from sdebayes.likelihood.arrays import rows as rows_of
from sdebayes.simulation.source import SourceLike

_GRID = ("trajectory", "time")


@dataclass(frozen=True)
class Examined:
    """Trajectories that are judged step by step.

    Parameters
    ----------
    judge
        The posterior with the data as it reads them.
    states
        The data.
    draws
        Which draws.
    two_sided
        Whether a step is judged by all others; else by those before it.
    alone
        Log density of each step by itself, (sample, trajectory, time); None where states are observed exactly, or
        where nobody asked.
    """

    judge: Judge
    states: xr.Dataset
    draws: np.ndarray
    two_sided: bool
    alone: np.ndarray | None

    @classmethod
    def of(
        cls,
        posterior: SourceLike,
        data: xr.Dataset,
        two_sided: bool,
        samples: int | None,
        by_itself: bool = True,
    ) -> Examined:
        """Bring posterior and data together; ``by_itself`` says whether steps are judged by themselves, too."""
        states = in_space(posterior, data)
        judge = Judge.of(posterior, states)
        size = 8 * judge.observations.times.size
        draws = choose_draws(judge.source.n_draws, size, samples, MOST_DRAWS)
        told = by_itself and not judge.likelihood.states_observed
        alone = by_themselves(judge, draws, states) if told else None
        return cls(judge, states, draws, two_sided, alone)

    def part(self, rows: np.ndarray) -> Examined:
        """Return some of the trajectories."""
        judge = replace(self.judge, observations=rows_of(self.judge.observations, rows))
        alone = None if self.alone is None else self.alone[:, rows]
        return replace(self, judge=judge, states=self.states.isel(trajectory=rows), alone=alone)

    @property
    def observed(self) -> np.ndarray:
        """How many coordinates each step has, (trajectory, time)."""
        count: np.ndarray = np.isfinite(self.states["y"].transpose(*_GRID, "state").values).sum(-1)
        return count

    @property
    def accompanied(self) -> np.ndarray:
        """Whether anything else is there by which a step is judged, (trajectory, time)."""
        seen = (self.observed > 0).astype(int)
        others = seen.sum(1, keepdims=True) if self.two_sided else seen.cumsum(1)
        known: np.ndarray = others - seen > 0
        return known

    def own(self, left_out: np.ndarray | None = None) -> Judged:
        """Judge each step; those left out, (trajectory, time), tell nothing of others."""
        given: Given = "others" if self.two_sided else "past"
        return conditionals(self.judge, self.draws, given, self.states, left_out)

    def numbers(self, own: Judged) -> dict[str, np.ndarray]:
        """Say each step in numbers, (trajectory, time).

        They are the surprise in nats, how often a calibrated process brings a step at least so far off, and, where
        states are observed with noise, what the others have of the step in nats: NaN where there are none.
        """
        from scipy.special import chdtrc

        count = np.where(self.observed > 0, self.observed, np.nan)
        log_density = log_mean(own.log_density)
        found = {"surprise": -log_density, "tail_probability": chdtrc(count, own.distance).mean(0)}
        if self.alone is not None:
            found["information"] = np.where(self.accompanied, log_density - log_mean(self.alone), np.nan)
        return found

    def labelled(self, own: Judged, numbers: dict[str, np.ndarray]) -> xr.Dataset:
        """Name what is found of each step."""
        states = self.states
        inside = np.arange(states.sizes["time"]) < states["n_steps"].values[:, None]
        variables: dict[str, Any] = {
            **{name: (_GRID, values) for name, values in numbers.items()},
            "surprise_by_draw": (("sample", *_GRID), -own.log_density),
            "expected": ((*_GRID, "state"), np.where(inside[..., None], own.mean, np.nan)),
        }
        if self.alone is not None:
            by_draw = np.where(self.accompanied, own.log_density - self.alone, np.nan)
            variables["information_by_draw"] = (("sample", *_GRID), by_draw)
        if "text" in states:
            variables["text"] = (_GRID, states["text"].transpose(*_GRID).values)
        coords = {
            "sample": self.draws,
            "trajectory": states["trajectory"].values,
            "t": (_GRID, states["t"].values),
            "state": states["state"].values,
        }
        given = {"given": "others" if self.two_sided else "past"}
        attrs = self.judge.source.provenance | given | self._caution()
        found = xr.Dataset(variables, coords, attrs)
        found["tail_probability"].attrs["long_name"] = "tail probability"
        return with_units(found, surprise="nat", information="nat", expected="state")

    def _caution(self) -> dict[str, str]:
        """Say of how many trajectories there is a single step."""
        steps = (self.observed > 0).sum(1)
        alone = [repr(str(name)) for name in self.states["trajectory"].values[steps == 1]]
        if not alone:
            return {}
        listed = ", ".join(alone[:5]) + " and others" * (len(alone) > 5)
        return {
            "caution": f"{len(alone)} of {steps.size} trajectories have one observed step, of which no other tells "
            f"anything: {listed}."
        }


def steps_in_numbers(
    posterior: SourceLike, data: xr.Dataset, two_sided: bool, samples: int | None
) -> xr.Dataset:
    """Return what `surprise` does but for p- and q-values, which take several passes, and what steps are by themselves.

    That last is not finite where a nonlinear path that nothing is known of spreads beyond all bounds.
    """
    examined = Examined.of(posterior, data, two_sided, samples, by_itself=False)
    own = examined.own()
    return examined.labelled(own, examined.numbers(own))


def log_mean(log_density: np.ndarray) -> np.ndarray:
    """Return the log of the mean over the first axis of densities given by their logs, NaN where they are."""
    top = log_density.max(axis=0)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        found: np.ndarray = np.log(np.exp(log_density - top).mean(axis=0)) + top
    return found
