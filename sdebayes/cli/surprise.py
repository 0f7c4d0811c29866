"""What ``sdebayes score --surprise`` prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sdebayes.analysis import quality
from sdebayes.cli.inputs import space_of, states_for
from sdebayes.cli.json_lines import say_line
from sdebayes.data import load
from sdebayes.posterior import Posterior

_NUMBERS = ("surprise", "information", "p_value", "q_value")
_SHORTEST = 1


def say_surprise(
    posterior: Posterior,
    paths: Sequence[Path],
    calibration: Sequence[Path],
    exemplars: Path | None,
    rate: float,
    encoder: str | None,
) -> None:
    """Print a JSON line for each step.

    Parameters
    ----------
    posterior
        The fit.
    paths
        Texts or a data set.
    calibration
        Held-out texts or a data set of such, or none.
    exemplars
        A data set with texts, of which those nearest to what was expected are shown; or None.
    rate
        Of false discoveries within a text.
    encoder
        The posterior's encoder, if its name alone does not lead to it.
    """
    data = states_for(posterior, paths, encoder, _SHORTEST)
    known = states_for(posterior, calibration, encoder, _SHORTEST) if calibration else None
    two_sided = not posterior.model.likelihood.states_observed
    found = quality.surprise(posterior, data, two_sided, calibration=known)
    from_training: dict[str, Any] = {}
    if exemplars is not None:
        from_training = {"space": space_of(posterior), "training": load(exemplars)}
    table = quality.misfits(found, rate, **from_training)
    expected = _expected(table)
    for row, name in enumerate(found["trajectory"].values):
        for step in np.flatnonzero(np.isfinite(found["surprise"].values[row])):
            line: dict[str, Any] = {"name": str(name), "step": int(step)}
            if "text" in found:
                line["text"] = str(found["text"].values[row, step])
            line |= {one: float(found[one].values[row, step]) for one in _NUMBERS if one in found}
            place = (str(name), int(step))
            line["belongs"] = place not in expected
            if expected.get(place):
                line["expected"] = expected[place]
            say_line(line)
    if table.attrs["caution"]:
        print(f"sdebayes: {table.attrs['caution']}", file=sys.stderr)


def _expected(table: xr.Dataset) -> dict[tuple[str, int], list[str]]:
    """Return, for each step that does not belong, the sentences that were expected in its place, if they are known."""
    texts = (
        table["exemplar_text"].values.tolist() if "exemplar_text" in table else [[]] * table.sizes["misfit"]
    )
    places = zip(table["name"].values, table["step"].values, strict=True)
    return {
        (str(name), int(step)): list(map(str, own)) for (name, step), own in zip(places, texts, strict=True)
    }
