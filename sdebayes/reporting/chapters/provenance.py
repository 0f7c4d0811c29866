"""What the page was made of, so that it can be made again."""

from __future__ import annotations

from importlib.metadata import version

from sdebayes.reporting.blocks import Chapter, Facts, Paragraph
from sdebayes.reporting.context import ReportContext

_ATTRIBUTES = {
    "strategy": "strategy",
    "seed": "seed of the fit",
    "precision": "precision",
    "sdebayes_version": "sdebayes at the fit",
    "encoder": "encoder",
    "step": "step",
    "left_out": "left out",
    "cut_off": "cut off by the encoder",
    "windows": "read in windows",
    "missing": "steps without a vector",
    "time_unit": "unit of time",
    "null": "null",
    "space_hash": "hash of the state space",
    "data_hash": "hash of the training data",
}
_PACKAGES = ("sdebayes", "numpyro", "jax", "arviz", "xarray", "numpy")


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    attributes = {**context.data.attrs, **context.posterior.data.attrs}
    items = [(label, str(attributes[name])) for name, label in _ATTRIBUTES.items() if name in attributes]
    items.append(("versions at the report", ", ".join(f"{name} {version(name)}" for name in _PACKAGES)))
    items.append(("seed of the report", str(context.seed)))
    text = "The page holds no script and asks no network for anything."
    return Chapter("provenance", "Provenance", [Facts(items), Paragraph(text, quiet=True)])
