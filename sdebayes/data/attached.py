"""What goes along with trajectories: the texts of their steps, and covariates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdebayes._core.characters import cleaned
from sdebayes._core.errors import DataError
from sdebayes.data.metadata import own_name


@dataclass(frozen=True)
class Steps:
    """How many steps each trajectory has.

    Parameters
    ----------
    names
        Names of the trajectories.
    given
        Their steps as they were given.
    ends
        Their steps up to the last one with a value.
    """

    names: Sequence[str]
    given: Sequence[int]
    ends: Sequence[int]

    def cut[Item](self, values: Iterable[Iterable[Item]], what: str) -> list[list[Item]]:
        """Read values that go along the steps, one list for each trajectory, up to its end.

        Raises
        ------
        DataError
            If there is not one value for each step.
        """
        found = [list(one) for one in values]
        if len(found) != len(self.names):
            raise DataError(
                f"{what} has lists for {len(found)} trajectories, but there are {len(self.names)}; give one list for "
                "each."
            )
        for name, one, given, end in zip(self.names, found, self.given, self.ends, strict=True):
            if len(one) not in (given, end):
                raise DataError(
                    f"{what} of trajectory {name!r} has {len(one)} entries for {given} steps; give one for each step."
                )
        return [one[:end] for one, end in zip(found, self.ends, strict=True)]


def read_texts_of_steps(texts: object, steps: Steps) -> list[list[str]]:
    """Read the text of each step: a list for each trajectory; of one trajectory its list alone will do.

    Raises
    ------
    DataError
        If there is not one text for each step.
    """
    texts = _listed(texts, "texts")
    if len(steps.names) == 1 and all(isinstance(text, str) for text in texts):
        texts = [texts]
    strange = [one for one in texts if isinstance(one, str) or not hasattr(one, "__len__")]
    if strange:
        raise DataError(
            f"texts holds {strange[0]!r} where a list of texts, one for each step of a trajectory, was expected."
        )
    found = steps.cut(texts, "texts")
    for name, one in zip(steps.names, found, strict=True):
        wrong = [text for text in one if not isinstance(text, str)]
        if wrong:
            raise DataError(f"texts of trajectory {name!r} has {wrong[0]!r}; expected a text for each step.")
    return [
        [cleaned(text, f"The text of step {step} of trajectory {name!r}") for step, text in enumerate(one)]
        for name, one in zip(steps.names, found, strict=True)
    ]


def read_covariates(
    covariates: Mapping[str, object], steps: Steps
) -> tuple[dict[str, tuple], dict[str, tuple]]:
    """Read covariates: one value for each trajectory, or one for each step.

    Parameters
    ----------
    covariates
        For each name the values: one for each trajectory, or for each trajectory one for each of its steps.
    steps
        The steps of the trajectories.

    Returns
    -------
    (coords, variables)
        Over ``trajectory``, and over (trajectory, time), after the end NaN, or the empty text among texts.

    Raises
    ------
    DataError
        If a name is taken, values are neither real numbers nor texts, or their number is another one.
    """
    coords: dict[str, tuple] = {}
    variables: dict[str, tuple] = {}
    for name, given in covariates.items():
        what = f"The covariate {name!r}"
        if own_name(name, "The name of a covariate") == "group":
            raise DataError(f"{what} has a name that data sets use themselves; give groups=.")
        values = _listed(given, what)
        along = [not isinstance(value, str) and hasattr(value, "__len__") for value in values]
        if len(steps.names) == 1 and not any(along) and len(values) > 1:
            values, along = [values], [True]
        if all(along):
            variables[name] = (("trajectory", "time"), _padded(steps.cut(values, what), what))
        elif any(along) or len(values) != len(steps.names):
            raise DataError(
                f"{what} has {len(values)} entries for {len(steps.names)} trajectories; give one value, or one list of "
                "values along the steps, for each."
            )
        else:
            coords[name] = ("trajectory", _typed(values, what))
    return coords, variables


def _listed(values: Any, what: str) -> list[Any]:
    listed = hasattr(values, "__len__") and getattr(values, "ndim", 1) > 0
    if isinstance(values, str | bytes | Mapping) or not listed:
        raise DataError(f"{what} is {values!r}; expected a list, with an entry for each trajectory.")
    return list(values)


def _typed(values: list[Any], what: str) -> np.ndarray:
    if all(isinstance(value, str) for value in values):
        return np.array([cleaned(value, what) for value in values], dtype=str)
    array = np.asarray(values)
    if array.dtype.kind not in "iufb" or array.ndim != 1:
        raise DataError(f"{what} must hold real numbers or texts, and not {array.dtype} or both.")
    if np.isinf(array).any():
        raise DataError(f"{what} has an infinite value; write NaN where a value is missing.")
    return array


def _padded(values: list[list[Any]], what: str) -> np.ndarray:
    flat = _typed([value for one in values for value in one], what)
    shape = len(values), max(map(len, values))
    padded = np.full(shape, "", flat.dtype) if flat.dtype.kind == "U" else np.full(shape, np.nan)
    padded[np.arange(shape[1]) < np.array([[len(one)] for one in values])] = flat
    return padded
