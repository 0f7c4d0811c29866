"""What each property of a process means, and what its verdict cannot tell."""

from __future__ import annotations

from typing import NamedTuple


class Description(NamedTuple):
    """What is said of a property.

    Attributes
    ----------
    about
        ``"model"``, judged from drift and diffusion, or ``"data"``, judged from data under the model.
    meaning
        What it means if the property holds.
    cannot_tell
        What its verdict leaves open.
    """

    about: str
    meaning: str
    cannot_tell: str


DESCRIPTIONS = {
    "existence and uniqueness": Description(
        "model",
        "From every start there is one solution, and it stays finite for all times.",
        "Nothing about the data: it is a property of drift and diffusion, read on spheres up to 256 times the data's "
        "box. The condition is sufficient: where it fails without an explosion, solutions may exist all the same.",
    ),
    "dissipativity": Description(
        "model",
        "From far away the drift leads back, so that a stationary distribution exists.",
        "Far from the data the drift is the prior's. The condition is sufficient, not necessary.",
    ),
    "ergodicity": Description(
        "model",
        "One stationary distribution, which averages over a long path approach from every start.",
        "How long that takes: see mixing. The condition is sufficient; noise that reaches some states only through the "
        "drift may do as well.",
    ),
    "reversibility of the model": Description(
        "model",
        "The stationary process looks the same backwards: no current circulates in the state space.",
        "Whether hidden states circulate. A model that allows circulation finds some in every draw, so compare with "
        "the reversible reference; the prior draws it towards zero.",
    ),
    "mixing within a trajectory": Description(
        "model",
        "A trajectory lasts at least five times the slowest memory, so that it sees the stationary distribution.",
        "How well a trajectory of one to five times the memory sees it; whether there is a slower motion than "
        "a trajectory can show, which would look like a trajectory effect.",
    ),
    "stationarity": Description(
        "data",
        "Beginnings and ends of trajectories differ in level and spread by no more than chance.",
        "Trends that differ from trajectory to trajectory and cancel, jumps and cycles.",
    ),
    "Markov property": Description(
        "data",
        "The present state is all that tells of the next step: innovations do not correlate with earlier ones.",
        "Memory that is not linear, longer than the lags that were looked at, or hidden below the noise.",
    ),
    "Gaussian innovations": Description(
        "data",
        "What each step brings anew is normal, as a path driven by Brownian motion and seen through normal noise says.",
        "Whether heavy tails come from jumps of the process, from observation noise, or from a variance that changes.",
    ),
    "reversibility of the data": Description(
        "data",
        "Trajectories read backwards look like trajectories read forwards.",
        "Circulation that is smaller than chance; a trend that all trajectories share looks irreversible too.",
    ),
    "distribution of the first state": Description(
        "data",
        "Trajectories start where, and as far apart as, the model's distribution of the first state says.",
        "With few trajectories only starts far away are seen.",
    ),
    "no outliers": Description(
        "data",
        "The largest value that each step brings anew is one that the model can bring about.",
        "Whether a wild value is a mistake, a jump, or the tail of another distribution.",
    ),
    "constant noise": Description(
        "data",
        "The size of what each step brings anew goes with the state no more than the model's Σ does.",
        "Whether Σ or the observation noise varies; behind much noise, that Σ does.",
    ),
    "steady noise": Description(
        "data",
        "Large and small innovations do not come in stretches.",
        "Changes faster than a few steps, which look like heavy tails; whether the drift changes as well.",
    ),
    "short memory": Description(
        "data",
        "Neither what was long ago nor the other states predict more than the model knows.",
        "Paths rougher than Brownian motion behind noise, and memory below what the noise hides.",
    ),
    "return to an equilibrium": Description(
        "data",
        "The process comes back: a random walk that starts where the data do, with the same noise, is rejected.",
        "To how many equilibria; where it is not supported, slow time constants are the prior's.",
    ),
}
