"""Where a reader finds public names."""

from __future__ import annotations

import importlib
import pkgutil

NAMESPACES = (
    "sdebayes",
    "sdebayes.priors",
    "sdebayes.schemes",
    "sdebayes.inference",
    "sdebayes.dynamics",
    "sdebayes.datasets",
    "sdebayes.data",
    "sdebayes.inference.nulls",
)
NAMESPACES_OF_MODULES = ("sdebayes.analysis", "sdebayes.plots")


def public_namespaces() -> list[str]:
    """Names under which a reader finds public functions and classes."""
    rooms = [
        f"{package}.{module.name}"
        for package in NAMESPACES_OF_MODULES
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__)
        if not module.name.startswith("_")
        and getattr(importlib.import_module(f"{package}.{module.name}"), "__all__", ())
    ]
    return [*NAMESPACES, *rooms]
