"""Choose how a text goes on, among what a language model or anything else proposes."""

from sdebayes.steering.activations import ActivationSteering
from sdebayes.steering.guiding import guiding_drift
from sdebayes.steering.steer import steer

__all__ = ["ActivationSteering", "guiding_drift", "steer"]
