"""A small call that works, for what is public: the frame in which single arguments are exchanged."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

import sdebayes as sb
from tests.project.source import ROOT
from tests.reliability.callables import Public, hints_of

LIMITS = [(-1.5, 1.5), (-1.5, 1.5)]
BALLS = tuple(sb.analysis.phase_space.Ball((x, 0.0), 0.5) for x in (-1.0, 1.0))

DEAR = {"report", "calibrate", "embed", "load_sotu", "SentenceEncoder.encode"}
"""Where a value that is allowed takes minutes, or a model of sentences: their other arguments are tested alone."""

OWN_METHODS = (
    "Posterior",
    "StateSpace",
    "PCA",
    "Sentences",
    "Precomputed",
    "SDEModel",
    "FittedNull",
    "Ball",
    "Box",
)
"""Classes whose methods users call; those of the others are for who writes a part of their own."""


SMALL: dict[str, dict[str, Any]] = {
    "points": {"points": 5},
    "samples": {"samples": 1},
    "replicates": {"replicates": 20},
    "resamples": {"resamples": 20},
    "shuffles": {"shuffles": 2},
    "paths": {"paths": 2},
    "progress": {"progress": False},
}
"""Optional arguments that keep a call small."""


class Calls:
    """Arguments of calls that work, made when they are needed."""

    def __init__(self, folder: Path, fitting: Callable[[Any], Any]) -> None:
        self.folder, self._fitting = folder, fitting
        self.results: dict[str, Any] = {}

    @cached_property
    def data(self) -> xr.Dataset:
        """Trajectories of two states."""
        return sb.datasets.benchmark("ornstein_uhlenbeck", 40, 0.2, 8, seed=1)[0]

    @cached_property
    def well(self) -> sb.SDE:
        """A nonlinear SDE."""
        return sb.datasets.benchmark("double_well", 4, 0.2)[1]

    @cached_property
    def posterior(self) -> sb.Posterior:
        """A small fit of a linear model."""
        model = sb.SDEModel(observation=sb.Exact())
        return sb.fit(model, self.data, sb.Laplace(draws=20), progress=False)

    @cached_property
    def simulated(self) -> xr.Dataset:
        """Paths like the data."""
        return sb.simulate(self.posterior, np.arange(40) * 0.2, paths=4, samples=10)

    @cached_property
    def forecast(self) -> xr.Dataset:
        """Forecasts of the data."""
        return sb.forecast(self.posterior, self.data, horizon=2)

    def of(self, one: Public) -> tuple[Callable[..., Any], dict[str, Any]]:
        """Return what is called, and arguments with which it works."""
        name, names = one.name.rpartition(".")[2], [parameter.name for parameter in one.parameters]
        function = (
            one.owner if name.startswith("__") or (one.owner and one.function is one.owner.__init__) else None
        )
        if one.owner is not None and function is None:
            function = getattr(self._objects[one.owner.__name__](), name)
        given = {key: value for own in names for key, value in SMALL.get(own, {}).items()}
        given |= {own: self._plain[own]() for own in names if own in self._plain and self._needed(one, own)}
        special = self._special.get(one.name.removeprefix("sdebayes."))
        if special is not None:
            given |= special()
        elif one.name.startswith("sdebayes.plots."):
            given[names[0]] = self._shown(one)
        missing = [p.name for p in one.parameters if p.default is p.empty and p.name not in given]
        given |= {own: self._fitting(hints_of(one)[own]) for own in missing}
        return function or one.function, given

    @staticmethod
    def _needed(one: Public, own: str) -> bool:
        parameter = next(p for p in one.parameters if p.name == own)
        return parameter.default is parameter.empty or own in ("x0", "limits", "times", "starts")

    @cached_property
    def _plain(self) -> dict[str, Callable[[], Any]]:
        """Values by the name of the argument."""
        return {
            **dict.fromkeys(("data", "dataset", "design", "training", "train", "traj"), lambda: self.data),
            "source": lambda: self.well,
            "model": lambda: sb.SDEModel(observation=sb.Exact()),
            "posterior": lambda: self.posterior,
            "simulated": lambda: self.simulated,
            "limits": lambda: LIMITS,
            "x0": lambda: np.zeros(2),
            "x": lambda: np.zeros(2),
            "times": lambda: np.arange(4) * 0.2,
            "a": lambda: BALLS[0],
            "b": lambda: BALLS[1],
            "region": lambda: BALLS[0],
            "start": lambda: np.zeros(2),
            "end": lambda: np.ones(2),
            "starts": lambda: np.zeros((1, 2)),
            "duration": lambda: 1.0,
            "dt": lambda: 0.2,
            "n": lambda: 2,
            "n_steps": lambda: 4,
            "name": lambda: "double_well",
            "path": lambda: self.folder / "file.nc",
            "centre": lambda: (0.0, 0.0),
            "radius": lambda: 1.0,
            "lower": lambda: (0.0, 0.0),
            "upper": lambda: (1.0, 1.0),
            "function": lambda: lambda *arguments: arguments[0],
            "labels": lambda: ["a", "b"],
            "texts": lambda: ["One. Two. Three."],
            "text": lambda: "One. Two. Three.",
            "forecast": lambda: self.forecast,
            "corpus": lambda: ["One. Two. Three."],
            "forecasts": lambda: {"model": self.forecast},
            "predicted": lambda: self.posterior.predict(self.data),
            "smoothed": lambda: self.posterior.smooth(self.data),
            "models": lambda: {"model": self.posterior},
            "drift": lambda: self.well.drift,
            "diffusion": lambda: self.well.diffusion,
            "matrix": lambda: jnp.eye(2),
            "offset": lambda: jnp.zeros(2),
            "location": lambda: jnp.zeros(2),
            "factor": lambda: jnp.eye(2),
            "scheme": lambda: sb.schemes.Moments(),
            "parameters": dict,
            "null": lambda: sb.nulls.IID(),
            "pieces": lambda: ("One.",),
            "points": lambda: np.zeros((3, 2)),
        }

    @cached_property
    def _objects(self) -> dict[str, Callable[[], Any]]:
        """Objects whose methods are called."""
        return {
            "Posterior": lambda: self.posterior,
            "StateSpace": lambda: sb.PCA(2).fit(self.data),
            "PCA": lambda: sb.PCA(2),
            "Sentences": sb.Sentences,
            "Precomputed": lambda: sb.Precomputed({"One.": [1.0]}),
            "SDEModel": lambda: sb.SDEModel(observation=sb.Exact()).scaled_to(self.data),
            "FittedNull": lambda: next(iter(sb.nulls.fit(self.data).values())),
            "Ball": lambda: BALLS[0],
            "Box": lambda: sb.analysis.phase_space.Box((0.0, 0.0), (1.0, 1.0)),
        }

    @cached_property
    def _special(self) -> dict[str, Callable[[], dict[str, Any]]]:
        """Arguments of functions that take the results of others."""
        result = self.result
        return {
            "analysis.fields.derivatives.places": lambda: {"grid": result("fields.grid")},
            "analysis.fields.reading.magnitude": lambda: {"fields": result("fields.grid")},
            "analysis.fields.reading.signal_to_noise": lambda: {"fields": result("fields.grid")},
            "analysis.phase_space.counts.fixed_point_counts": lambda: {
                "found": result("phase_space.fixed_points")
            },
            "analysis.phase_space.matching.matched": lambda: {"found": result("phase_space.fixed_points")},
            "analysis.phase_space.occupation.occupation_density": lambda: {"paths": self.simulated},
            "analysis.summary.summarize": lambda: {"dataset": xr.Dataset({"z": ("sample", np.arange(9.0))})},
            "posterior.claims.claims": lambda: {"table": sb.compare({"model": self.posterior}, self.data)},
            "paths.container.trajectories": lambda: {"x": np.arange(12.0).reshape(6, 2) ** 2},
            "paths.texts.read_texts": lambda: {"paths": str(self.folder)},
            "paths.space.StateSpace.transform": lambda: {"data": self.data},
            "plots.calibration.ecdf": lambda: {
                "dataset": sb.calibrate(
                    sb.SDEModel(observation=sb.Exact()), self.data, sb.Laplace(draws=20), 2, progress=False
                )
            },
            "plots.checks.elbo": lambda: {"trace": xr.Dataset({"elbo": ("step", np.arange(50.0))})},
            "plots.checks.predictive": lambda: {"simulated": self.simulated},
            **{
                f"plots.scores.{name}": lambda: {"table": sb.compare({"model": self.posterior}, self.data)}
                for name in ("differences", "per_trajectory")
            },
            "posterior.fit.fit": lambda: {"strategy": sb.Laplace(draws=5)},
        }

    def result(self, name: str) -> Any:
        """The result of an analysis, by its name below ``sdebayes.analysis``."""
        if name not in self.results:
            analysis = getattr(getattr(sb.analysis, name.split(".")[0]), name.split(".")[1])
            function, given = self.of(Public(f"{analysis.__module__}.{analysis.__name__}", analysis, None))
            self.results[name] = function(**given)
        return self.results[name]

    def _shown(self, figure: Public) -> Any:
        """What a figure is drawn from: the result of the first analysis that its docstring names."""
        return self.result(_figures.analyses_of(figure.function)[0])


_spec = importlib.util.spec_from_file_location("figures", ROOT / "docs" / "_extensions" / "figures.py")
_figures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_figures)
