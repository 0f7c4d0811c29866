"""Types, errors, dimension names, linear algebra and numerical precision: what every floor above rests on."""

from sdebayes._core import errors

__all__ = ["errors"]
