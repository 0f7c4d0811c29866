"""Choose how a text goes on, among what a language model or anything else proposes."""

from sdebayes.steering.steer import steer

__all__ = ["steer"]
