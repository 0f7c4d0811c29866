"""The NumPyro model that reads the least of the data: sums over them where these tell the likelihood."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
from jaxtyping import PyTree

from sdebayes.inference.sufficient_statistics.documents import pseudo_documents
from sdebayes.inference.sufficient_statistics.euler_maruyama import Statistics
from sdebayes.inference.sufficient_statistics.linear_drift import TransitionSums, transition_sums
from sdebayes.inference.sufficient_statistics.linear_weights import linear_weights, obstacle
from sdebayes.inference.sufficient_statistics.reduction import statistics_if_exact
from sdebayes.inference.target import Program
from sdebayes.likelihood import Observations
from sdebayes.likelihood.kalman import transitions_of
from sdebayes.likelihood.pseudo_documents import PseudoDocuments
from sdebayes.model.sdemodel import SDEModel


class Reading(NamedTuple):
    """A NumPyro model with the data that it reads.

    Attributes
    ----------
    program
        The model, a function of the data.
    data
        The data, a pytree of arrays.
    said
        What is read in the place of the data, in words; empty where these are read themselves.
    """

    program: Program
    data: PyTree
    said: str = ""


def shortest_program(model: SDEModel, observations: Observations) -> Reading:
    """Return a NumPyro model with the data that it reads: sums, at a cost that does not depend on the data's number.

    There are sums over transitions under Euler–Maruyama for every drift that is linear in its weights, and under every
    scheme for a linear drift where few Δt differ; and of a linear drift behind normal noise sums over documents, where
    these share their steps. The data are read themselves where their likelihood is not one of sums, where sums over
    documents are hardly fewer, where states are observed exactly and a step in part only, and where sums over
    transitions would lose digits, as in single precision.

    Parameters
    ----------
    model
        The model, scaled to data.
    observations
        The data.
    """
    if jnp.result_type(float) != jnp.float64:
        return Reading(model.program, observations)
    if not obstacle(model):
        ready = linear_weights(model)
        statistics = statistics_if_exact(ready, observations)
        if statistics is not None:
            return Reading(ready.program, statistics, said_of_transitions(statistics))
    if model.likelihood.has_linear_sums(observations):
        sums = transition_sums(observations)
        if sums is not None:
            count = float(np.sum(sums.transitions.number))
            return Reading(_linear_program(model), sums, f"sums over {count:,.0f} transitions")
    if model.likelihood.has_document_sums(observations):
        found = pseudo_documents(observations, model.likelihood.independent)
        if found is not None:
            return Reading(document_program(model), found, said(*found))
    return Reading(model.program, observations)


def said_of_transitions(sums: Statistics) -> str:
    """Say of how many transitions sums are."""
    return f"sums over {float(sums.count):,.0f} transitions"


def said(sums: PseudoDocuments, rest: Observations | None) -> str:
    """Say what is read in the place of documents.

    Parameters
    ----------
    sums
        What stands for most of them.
    rest
        The others, if there are any.
    """
    left = "" if rest is None else f", and {len(rest.values):,} as they are"
    return f"sums over {float(sums.number[:, 0].sum()):,.0f} trajectories{left}"


@lru_cache(maxsize=8)
def document_program(model: SDEModel) -> Program:
    """Return the program of a model that reads pseudo-documents and documents, the same one again.

    Parameters
    ----------
    model
        The model, scaled to data, its likelihood one that has sums over documents.
    """

    def program(data: tuple[PseudoDocuments, Observations | None]) -> None:
        sums, rest = data
        observed = model.build()
        total = model.likelihood.log_density_of_sums(observed, sums)
        if rest is not None:
            total = total + jnp.sum(model.likelihood.log_density(observed, rest))
        numpyro.factor("log_likelihood", total)

    return program


@lru_cache(maxsize=8)
def _linear_program(model: SDEModel) -> Program:
    """Return the program of a model with a linear drift that reads sums over transitions, the same one again."""

    def program(sums: TransitionSums) -> None:
        observed = model.build()
        transitions = transitions_of(observed, model.discretization, sums.steps)
        numpyro.factor("log_likelihood", sums.log_density(observed, transitions))

    return program
