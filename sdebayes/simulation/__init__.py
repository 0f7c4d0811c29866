"""Paths of an SDE, or of every posterior draw of one."""

from sdebayes.simulation.ensemble import simulate
from sdebayes.simulation.source import Source, as_source

__all__ = ["Source", "as_source", "simulate"]
