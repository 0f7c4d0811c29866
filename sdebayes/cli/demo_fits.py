"""The fits of the demo and their scores, each kept for runs that ask for the same."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import xarray as xr

from sdebayes._core import files, netcdf
from sdebayes._core.cache_directory import default_directory
from sdebayes._core.errors import StoreError
from sdebayes.data import shuffle_within
from sdebayes.inference import NUTS, AbstractStrategy, Laplace
from sdebayes.model import Exact, GaussianNoise, SDEModel
from sdebayes.posterior import Posterior, compare, fit, load
from sdebayes.priors import GP, HSGP
from sdebayes.schemes import EulerMaruyama

MAIN = "OU + noise + document effect"
MODEL = SDEModel(observation=GaussianNoise(covariance="full", trajectory_effect=True))
OBSERVED = "OU, observed exactly"
LONG = NUTS(draws=1200, warmup=200, target_acceptance=0.5)
QUICK = Laplace(draws=400)
"""Enough for a null and for a picture: the posterior of both is close to normal at its mode."""
CONTROL = NUTS(draws=75, warmup=50, target_acceptance=0.6, max_tree_depth=5)
"""Without order noise and diffusion lie on a ridge, along which long trajectories gain little."""
NULL = SDEModel(observation=Exact())
CURVED = SDEModel(
    GP(basis=HSGP(functions=5)), scheme=EulerMaruyama(), observation=GaussianNoise(trajectory_effect=True)
)
"""A picture: the plain scheme at half the cost of the default one, few functions and few speeches."""
POSTERIORS = "posterior.nc", "observed.nc", "plane.nc"
TABLES = "scores.nc", "shuffled.nc"
_FOLDER = "demo"
_MOST_KEPT = 3
_ROOMS = "_core", "data", "dynamics", "priors", "schemes", "likelihood", "model", "inference", "posterior"


def any_kept() -> bool:
    """Whether there was a run before."""
    return (default_directory() / _FOLDER).is_dir()


def begin() -> None:
    """Do nothing; a process that is asked for it imports what fits need, while the first imports an encoder."""


@dataclass(frozen=True)
class Fits:
    """Fits and scores, read where an earlier run has kept them.

    Parameters
    ----------
    train, test
        Training and held-out speeches.
    plane
        Two states of some of the training speeches.
    seed
        Seed of everything random.
    """

    train: xr.Dataset
    test: xr.Dataset
    plane: xr.Dataset
    seed: int

    @cached_property
    def folder(self) -> Path:
        """Where they are kept: named after all that they depend on, the code of the floors below included."""
        digest = hashlib.sha256()
        for data in (self.train, self.test, self.plane):
            digest.update(data["y"].values.tobytes())
        parts = MODEL, LONG, NULL, CURVED, QUICK, CONTROL, self.seed, version("numpyro"), version("jax")
        for part in parts:
            digest.update((part.describe() if isinstance(part, SDEModel) else repr(part)).encode())
        package = Path(__file__).parents[1]
        for path in sorted(path for room in _ROOMS for path in (package / room).rglob("*.py")):
            digest.update(path.read_bytes())
        return default_directory() / _FOLDER / digest.hexdigest()[:16]

    @property
    def are_kept(self) -> bool:
        """Whether there is nothing left to be fitted."""
        return all((self.folder / name).is_file() for name in (*POSTERIORS, *TABLES))

    def forget(self) -> None:
        """Remove what is kept, and the checkpoints."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget_older(self) -> None:
        """Remove what earlier runs have kept, but for the runs that were last: a run takes 41 MB."""
        with suppress(OSError):  # another process removes them as well
            os.utime(self.folder)
            runs = sorted(self.folder.parent.iterdir(), key=lambda run: run.stat().st_mtime)
            for run in runs[:-_MOST_KEPT]:
                shutil.rmtree(run, ignore_errors=True)

    def copy_to(self, output: Path) -> None:
        """Write the posteriors to a directory."""
        for name in POSTERIORS:
            files.write(output / name, (self.folder / name).read_bytes())

    def main(self) -> Posterior:
        """Fit what the demo is about."""
        return self._posterior("posterior.nc", MODEL, self.train, LONG)

    def observed(self) -> Posterior:
        """Fit the null that sees no noise."""
        return self._posterior("observed.nc", NULL, self.train, QUICK)

    def curved(self) -> Posterior:
        """Fit a drift that may bend, in a plane."""
        return self._posterior("plane.nc", CURVED, self.plane, QUICK)

    def make_quick(self) -> None:
        """Fit the null and the picture, which are then read from their files."""
        self.observed(), self.curved()

    def scores(self, posterior: Posterior) -> xr.Dataset:
        """Score the held-out speeches by the main fit and the null."""
        return self._table(
            "scores.nc", lambda: compare({MAIN: posterior, OBSERVED: self.observed()}, self.test)
        )

    def scores_shuffled(self) -> xr.Dataset:
        """Fit and judge the model where sentences have lost their order."""

        def table() -> xr.Dataset:
            data = shuffle_within(self.train, self.seed)
            control = self._fit(MODEL.scaled_to(self.train), data, CONTROL, "shuffled")
            return compare({MAIN: control}, shuffle_within(self.test, self.seed))

        return self._table("shuffled.nc", table)

    def _posterior(
        self, name: str, model: SDEModel, data: xr.Dataset, strategy: AbstractStrategy
    ) -> Posterior:
        path = self.folder / name
        with suppress(StoreError):
            return load(path)
        found = self._fit(model.scaled_to(data), data, strategy, path.stem)
        found.to_netcdf(path)
        return found

    def _fit(self, model: SDEModel, data: xr.Dataset, strategy: AbstractStrategy, name: str) -> Posterior:
        """Fit, going on from the checkpoint of an earlier run that was interrupted."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return fit(model, data, strategy, seed=self.seed, checkpoint=self.folder / f"{name} checkpoint")

    def _table(self, name: str, make: Callable[[], xr.Dataset]) -> xr.Dataset:
        path = self.folder / name
        with suppress(StoreError):
            return netcdf.read_dataset(path, "It is computed anew.")
        found = make()
        netcdf.write_netcdf(found, path)
        return found
