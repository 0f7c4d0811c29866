"""A small call that works, for what is public: the frame in which single arguments are exchanged."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

import sdebayes as sb
from sdebayes.dynamics import ObservedSDE
from tests.project.source import ROOT
from tests.reliability.callables import Public, hints_of

LIMITS = [(-1.5, 1.5), (-1.5, 1.5)]
BALLS = tuple(sb.analysis.phase_space.Ball((x, 0.0), 0.5) for x in (-1.0, 1.0))

DEAR = {"report", "calibrate", "embed", "load_sotu", "SentenceEncoder.encode"}
"""Where a value that is allowed takes minutes, or a model of sentences: their other arguments are tested alone."""

OWN_METHODS = (
    "Posterior",
    "Groups",
    "Switches",
    "StateSpace",
    "PCA",
    "TICA",
    "Sentences",
    "Precomputed",
    "SDEModel",
    "FittedNull",
    "Ball",
    "Box",
)
"""Classes whose methods users call; those of the others are for who writes a part of their own."""

JUDGED = (
    "changing_variance",
    "constant_noise",
    "first_state",
    "long_memory",
    "outliers",
    "return_to_equilibrium",
    "gaussian_innovations",
    "innovations",
    "markov",
    "stationarity",
)
"""Tests of fit: they need the law of a first state."""

SMALL: dict[str, dict[str, Any]] = {
    "points": {"points": 5},
    "samples": {"samples": 2},
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
        drift, diffusion = sb.priors.Linear(diagonal=True), sb.priors.Constant("diagonal")
        model = sb.SDEModel(drift, diffusion, observation=sb.Exact())
        return sb.fit(model, self.data, sb.Laplace(draws=20), progress=False)

    @cached_property
    def leveled(self) -> sb.Posterior:
        """A small fit about a level that goes with time."""
        model = sb.SDEModel(observation=sb.Exact(), level=sb.Level("t"))
        return sb.fit(model, self.data, sb.Laplace(draws=5), progress=False)

    @cached_property
    def grouped(self) -> sb.Posterior:
        """A small fit of two groups."""
        model = sb.SDEModel(sb.priors.Linear(by_group=True), observation=sb.Exact())
        data = self.data.assign_coords(group=("trajectory", ["a", "b"] * 4))
        return sb.fit(model, data, sb.Laplace(draws=20), progress=False)

    @cached_property
    def switching(self) -> sb.Posterior:
        """A small fit of two regimes."""
        model = sb.SDEModel(sb.priors.Regimes(2), observation=sb.Exact())
        return sb.fit(model, self.data, sb.Laplace(draws=5), progress=False)

    @cached_property
    def observed(self) -> ObservedSDE:
        """A linear SDE behind noise, with a law of its first state and an effect of trajectories."""
        sde = sb.datasets.benchmark("ornstein_uhlenbeck", 4, 0.2)[1]
        unit = jnp.eye(2)
        return ObservedSDE(sde, jnp.zeros(2), unit, unit, 0.1 * unit, 0.1 * unit)

    @cached_property
    def with_effect(self) -> sb.Posterior:
        """A small fit with an effect of trajectories."""
        model = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True))
        return sb.fit(model, self.data, sb.Laplace(draws=5), progress=False)

    @cached_property
    def texts(self) -> xr.DataArray:
        """A text at each step of the data."""
        texts = np.array(
            [["Some words, " + "longer ones. " * (1 + (i + j) % 3) for j in range(40)] for i in range(8)]
        )
        return xr.DataArray(
            texts, dims=("trajectory", "time"), coords=self.data["y"].isel(state=0, drop=True).coords
        )

    @cached_property
    def scores(self) -> xr.Dataset:
        """Scores of the forecasts."""
        return sb.analysis.forecasts.scores(self.forecast, self.data)

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
            function = getattr(self.grouped if name == "group" else self._objects[one.owner.__name__](), name)
        given = {key: value for own in names for key, value in SMALL.get(own, {}).items()}
        given |= {own: self._plain[own]() for own in names if own in self._plain and self._needed(one, own)}
        special = self._special.get(self._short(one))
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
        return parameter.default is parameter.empty or own in ("x0", "limits", "times")

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
            "Groups": lambda: self.grouped,
            "Switches": lambda: self.switching,
            "StateSpace": lambda: sb.PCA(2).fit(self.data),
            "PCA": lambda: sb.PCA(2),
            "TICA": lambda: sb.TICA(2),
            "Sentences": sb.Sentences,
            "Precomputed": lambda: sb.Precomputed({"One.": [1.0]}),
            "SDEModel": lambda: self._model,
            "FittedNull": lambda: next(iter(sb.nulls.fit(self.data).values())),
            "Ball": lambda: BALLS[0],
            "Box": lambda: sb.analysis.phase_space.Box((0.0, 0.0), (1.0, 1.0)),
        }

    @staticmethod
    def _short(one: Public) -> str:
        """Where a reader finds it: analyses and figures by their package, without the module."""
        parts = one.name.split(".")[1:]
        shown = parts[0] in ("analysis", "plots") and one.owner is None
        return ".".join([*parts[:2], parts[-1]] if shown else parts)

    @cached_property
    def _special(self) -> dict[str, Callable[[], dict[str, Any]]]:
        """Arguments of functions that take the results of others, or a source of their own."""
        return {**self._analyses, **self._figures, **self._others}

    @cached_property
    def _analyses(self) -> dict[str, Callable[[], dict[str, Any]]]:
        result, sa = self.result, "analysis"
        zeros = partial(result, "phase_space.fixed_points")
        return {
            **dict.fromkeys((f"{sa}.process.{name}" for name in JUDGED), lambda: {"source": self.observed}),
            f"{sa}.contrast.contrast": lambda: {"posterior": self.grouped, "quantity": "equilibrium"},
            f"{sa}.contrast.overview": lambda: {"posterior": self.grouped, "quantities": ["equilibrium"]},
            f"{sa}.contrast.trend": lambda: {
                "posterior": {"a": self.grouped.group("a"), "b": self.grouped.group("b"), "c": self.observed},
                "quantity": "time_constants",
                "at": {"a": 0.0, "b": 1.0, "c": 2.0},
            },
            f"{sa}.regimes.dwell_times": lambda: {"posterior": self.switching},
            f"{sa}.regimes.exemplars": lambda: {"probability": self.switching.regime_probability(self.data)},
            f"{sa}.level.along": lambda: {"posterior": self.leveled},
            f"{sa}.contrast.shuffled_groups": lambda: {
                "posterior": self.grouped,
                "refit": lambda data: self.grouped,
                "quantity": "equilibrium",
            },
            **self._qualities,
            f"{sa}.process.mixing_time": lambda: {"times": np.arange(20) * 0.2},
            f"{sa}.variance.shares": lambda: {"source": self.observed},
            f"{sa}.moments.moment_equations": lambda: {"source": self.observed},
            f"{sa}.moments.predictive_p_values": lambda: {
                "result": sb.analysis.moments.increments(self.data, 3, self.simulated)
            },
            f"{sa}.moments.mask_like": lambda: {"simulated": self.simulated.isel(path=[0] * 8)},
            f"{sa}.forecasts.complexity": lambda: {"texts": self.texts},
            f"{sa}.forecasts.dependence": lambda: {
                "error": self.scores["crps"].isel(horizon=0).mean("state"),
                "measures": self.result("forecasts.complexity")[["words"]],
            },
            f"{sa}.forecasts.reliability": lambda: {"values": self.scores["pit"]},
            f"{sa}.fields.points": lambda: {"grid": result("fields.grid")},
            f"{sa}.fields.signal_to_noise": lambda: {"fields": result("fields.grid")},
            f"{sa}.phase_space.fixed_point_counts": lambda: {"found": zeros()},
            **{
                f"{sa}.phase_space.{name}": lambda: {"x0": np.zeros((1, 2))}
                for name in ("fixed_points", "limit_cycles", "basins")
            },
            f"{sa}.phase_space.matched": lambda: {"found": zeros()},
            f"{sa}.phase_space.simulated_exit_time": lambda: {"x0": BALLS[0].centre},
            f"{sa}.phase_space.exemplars": self._exemplars,
            f"{sa}.phase_space.in_trajectories": lambda: {
                "found": sb.analysis.phase_space.fixed_points(self.with_effect),
                "smoothed": self.with_effect.smooth(self.data),
            },
            f"{sa}.phase_space.without_effect": lambda: {"smoothed": self.with_effect.smooth(self.data)},
            f"{sa}.phase_space.occupation_density": lambda: {"paths": self.simulated},
            f"{sa}.summary.summarize": lambda: {"dataset": xr.Dataset({"z": ("sample", np.arange(9.0))})},
        }

    @property
    def _qualities(self) -> dict[str, Callable[[], dict[str, Any]]]:
        qa, behind_noise = "analysis.quality", lambda: {"posterior": self.with_effect}
        return {
            **dict.fromkeys(
                (f"{qa}.{name}" for name in ("surprise", "coherence", "order_tasks")), behind_noise
            ),
            f"{qa}.misfits": lambda: {"found": self.result("quality.surprise")},
            f"{qa}.rank": lambda: {
                **behind_noise(),
                "context": self.data.isel(trajectory=[0]),
                "candidates": self.data.isel(trajectory=[1, 2]),
            },
            f"{qa}.classify": lambda: {
                "groups": {
                    "a": self.data.isel(trajectory=slice(4)),
                    "b": self.data.isel(trajectory=slice(4, 8)),
                },
                "model": self.with_effect.model,
                "strategy": sb.Laplace(draws=5),
                "folds": 2,
                "shuffles": 0,
            },
        }

    def _exemplars(self) -> dict[str, Any]:
        embedded = self.data.assign(text=self.texts)
        space = sb.PCA(2).fit(embedded)
        return {
            "found": self.result("phase_space.fixed_points"),
            "space": space,
            "data": space.transform(embedded),
        }

    @cached_property
    def _figures(self) -> dict[str, Callable[[], dict[str, Any]]]:
        fields, line = (
            sb.analysis.fields,
            partial(sb.analysis.fields.grid, self.well, states=(0,), points=5, limits=LIMITS[:1]),
        )
        plane = partial(fields.grid, self.well, points=5, limits=LIMITS)
        return {
            **{
                f"plots.fields.{name}": lambda name=name: {
                    "values": getattr(fields, name)(self.well, fields.points(plane()))
                }
                for name in ("divergence", "rotation")
            },
            "plots.fields.stratonovich": lambda: {
                "dataset": fields.stratonovich(self.well, fields.points(line()))
            },
            "plots.regimes.probability": lambda: {"dataset": self.switching.regime_probability(self.data)},
            "plots.fields.scalar": lambda: {"values": plane()["drift"].isel(state=0)},
            "plots.fields.profile": lambda: {"dataset": line()},
            "plots.moments.kramers_moyal_plane": lambda: {
                "dataset": sb.analysis.moments.kramers_moyal(self.data, states=(0, 1))
            },
            "plots.phase_space.exit_time": lambda: {
                "dataset": sb.analysis.phase_space.exit_time(self.well, BALLS[0], BALLS[0].centre, points=9)
            },
            "plots.calibration.ecdf": lambda: {
                "dataset": sb.calibrate(
                    sb.SDEModel(observation=sb.Exact()), self.data, sb.Laplace(draws=20), 2, progress=False
                )
            },
            "plots.checks.elbo": lambda: {"trace": xr.Dataset({"elbo": ("step", np.arange(50.0))})},
            "plots.checks.predictive": lambda: {"simulated": self.simulated},
            "plots.steering.steer": lambda: {"dataset": sb.steer(**self._steering)},
            "plots.steering.path": lambda: {"dataset": sb.steer(**self._steering, target=np.zeros(2))},
            "plots.scores.components": lambda: {"scores": sb.TICA(2).score(self.data)},
            "plots.scores.differences": lambda: {"table": self.table},
            "plots.scores.per_trajectory": lambda: {"table": self.table, "candidate": "model"},
        }

    @cached_property
    def _others(self) -> dict[str, Callable[[], dict[str, Any]]]:
        return {
            "model.sdemodel.SDEModel.along": lambda: {"observations": self._model.read(self.data)},
            "posterior.posterior.Posterior.group": lambda: {"name": "a"},
            "posterior.regimes.Switches.regime": lambda: {"label": 1},
            "posterior.groups.Groups.draw_prior": lambda: {"group": "a"},
            "model.sdemodel.SDEModel.with_scale": lambda: {"scale": self._model.scale},
            "model.sdemodel.SDEModel.with_values": lambda: {
                "observations": self._model.read(self.data),
                "values": self.data["y"].values,
            },
            "inference.marginal.log_evidence": lambda: {"model": self._quadratic},
            "inference.sufficient_statistics.reduction.statistics": lambda: {"model": self._quadratic},
            "plots.process.mixing_time": lambda: {"values": xr.DataArray(np.arange(1.0, 9.0), dims="sample")},
            "dynamics.sde.LinearSDE": lambda: {"drift": self.observed.sde.drift},
            "posterior.claims.claims": lambda: {"table": self.table},
            "steering.steer.steer": lambda: self._steering,
            "steering.guiding.guiding_drift": lambda: (
                {name: self._steering[name] for name in ("posterior", "context", "encoder", "steps")}
                | {"target": np.zeros(2)}
            ),
            "steering.activations.ActivationSteering": lambda: self._activations,
            "posterior.fit.fit": lambda: {"strategy": sb.Laplace(draws=5)},
            "posterior.posterior.Posterior": lambda: {"data": self.posterior.data},
            "paths.container.trajectories": lambda: {"x": np.arange(12.0).reshape(6, 2) ** 2},
            "paths.texts.read_texts": lambda: {
                "paths": str(self._written("texts/one.txt", "One. Two. Three."))
            },
            "paths.encoders.Precomputed": lambda: {"texts": ["One."], "vectors": [[1.0]]},
            "paths.encoders.Precomputed.encode": lambda: {"texts": ["One."]},
            "paths.segment.Step": lambda: {"start": 0},
            "paths.space.StateSpace.transform": lambda: {"data": self.data},
            "paths.space.StateSpace.inverse_transform": lambda: {"data": self._states},
            "paths.space.StateSpace.from_dataset": lambda: {"dataset": self._states},
            "paths.io.load": lambda: {"path": self._stored("data.nc", partial(sb.data.save, self.data))},
            "posterior.load.load": lambda: {"path": self._stored("posterior.nc", self.posterior.to_netcdf)},
        }

    @cached_property
    def _steering(self) -> dict[str, Any]:
        """A small fit of texts, and what their next sentences may be."""
        sentences = [f"It is {number}." for number in range(8)]
        vectors = sb.Precomputed(sentences, np.random.default_rng(0).normal(size=(8, 2)))
        texts = [" ".join(np.random.default_rng(row).permutation(sentences)) for row in range(8)]
        embedded = sb.embed(texts, vectors, cache=False, progress=False)
        states = sb.PCA(2).fit(embedded).transform(embedded)
        posterior = sb.fit(self.with_effect.model, states, sb.Laplace(draws=5), progress=False)
        return {
            "generate": lambda text, n: sentences[:n],
            "posterior": posterior,
            "context": sentences[0],
            "encoder": vectors,
            "candidates": 2,
            "steps": 2,
        }

    @cached_property
    def _activations(self) -> dict[str, Any]:
        """A small language model, made where it is asked for: its libraries take seconds to import."""
        from tests.data.language_models import WIDTH, model

        return {"model": model("gpt2"), "layer": 1, "vector": np.ones(WIDTH)}

    @cached_property
    def _model(self) -> sb.SDEModel:
        """The model whose methods are called."""
        return sb.SDEModel(observation=sb.Exact()).scaled_to(self.data)

    @property
    def _quadratic(self) -> sb.SDEModel:
        """A model whose weights can be integrated out."""
        return sb.SDEModel(sb.priors.GP(), scheme=sb.schemes.EulerMaruyama(), observation=sb.Exact())

    @cached_property
    def table(self) -> xr.Dataset:
        """A table of scores."""
        return sb.compare({"model": self.posterior}, self.data)

    @property
    def _states(self) -> xr.Dataset:
        """States of the space whose methods are called."""
        return self._objects["StateSpace"]().transform(self.data)

    def _written(self, name: str, text: str) -> Path:
        """A file with a text."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def _stored(self, name: str, write: Callable[[Path], Any]) -> Path:
        """A file of the package."""
        path = self.folder / name
        if not path.exists():
            write(path)
        return path

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
