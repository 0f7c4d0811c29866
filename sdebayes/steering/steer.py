"""Steer a text: sentence by sentence, the best of what is proposed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr

from sdebayes._core.arguments import Said, checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import SdebayesError, SteeringError, UnlikelyTargetWarning
from sdebayes._core.kinds import Count, Seed
from sdebayes.analysis.quality.continuation import joined, states_of
from sdebayes.analysis.quality.reading import MOST_DRAWS
from sdebayes.data.embed import EncoderLike
from sdebayes.simulation.source import SourceLike, as_source
from sdebayes.steering.log import Log
from sdebayes.steering.proposals import ask, check_rule, offered, usual_gap, with_aim
from sdebayes.steering.target import TYPICAL, Target, read_target
from sdebayes.steering.weighing import Weights, weigh

type Generate = Annotated[
    Any, Said("a function: generate(text, n) returns n texts that may follow", callable)
]

UNLIKELY = 0.01
"""Below this tail probability a target is said to be unlikely, or not come to."""
PACKAGE = str(Path(__file__).parents[1])
_BEFOREHAND = (
    "the target is unlikely: of what texts come to that go on freely,",
    "Candidates can hardly lead there: give a nearer place, or more steps.",
)
_AFTERWARDS = (
    "the text ends away from the target: of what may follow it,",
    "Offer more candidates, or such as lead there, or take more steps.",
)


@checked
def steer(
    generate: Generate,
    posterior: SourceLike,
    target: Target | None = None,
    *,
    context: str = "",
    candidates: Count = 8,
    steps: Count = 6,
    choice: Literal["best", "draw"] = "best",
    seed: Seed = 0,
    encoder: EncoderLike | None = None,
    samples: Count | None = None,
) -> xr.Dataset:
    r"""Write a text sentence by sentence, each chosen among candidates.

    At each step the candidates :math:`c_j` are weighed by how well they go on from the text so far and, if there is a
    target, by how likely the process then comes to it:

    .. math::
        \mathrm{fit}_j = \log \frac{p(c_j \mid \mathrm{text})}{p(c_j)}, \qquad
        \mathrm{pull}_j = \log \frac{p(\mathrm{target} \mid \mathrm{text}, c_j)}{p(\mathrm{target} \mid \mathrm{text})},
        \qquad \mathrm{score}_j = \mathrm{fit}_j + \mathrm{pull}_j, \qquad
        \mathrm{probability}_j = \frac{\exp \mathrm{score}_j}{\sum_i \exp \mathrm{score}_i},

    every density averaged over the posterior. If candidates are such as stand anywhere in texts, drawing by these
    probabilities is drawing from the process conditioned on its end (Doob's h-transform). The forecast's own spread
    decides how greedy a step is: far from its end the process forgets the step, and the target pulls little.

    Parameters
    ----------
    generate
        ``generate(text, n)`` returns n texts that may follow: a language model, or anything else. Of each its first
        step is judged; it may return fewer, blank ones and repetitions, which are left out.
    posterior
        A posterior of texts, whose steps share no sentence.
    target
        None: the candidate that goes on best. ``"typical"``: the one whose surprise is the most usual, with the score
        :math:`-z^2/2`, z being the normal score of its tail probability. A place (state,), where the text is to be
        after its last step, such as a fixed point; a path (step, state), NaN where anything may be; or the mean
        place of example sentences, as texts or trajectories.
    context
        What the text begins with. Without it the first step has nothing to go on from, and the target alone decides.
    candidates
        How many are asked for at each step.
    steps
        How many steps are written.
    choice
        The ``"best"`` candidate, or a ``"draw"`` by the probabilities.
    seed
        Seed of the draws, and of the choice between candidates that are equally good.
    encoder
        As in `sdebayes.analysis.quality.rank`.
    samples
        At most so many posterior draws, evenly spread; by default at most 100.

    Returns
    -------
    xarray.Dataset
        The log, over ``step`` and ``candidate``: the texts of all ``candidates``, ``score``, its parts ``fit`` and
        ``pull`` and ``score_by_draw`` (sample, step, candidate) in nats, ``probability`` and ``probability_by_draw``,
        ``tail_probability``, and their states ``y``. Over ``step``: ``chosen``, the candidate; its ``text``;
        ``agreement``, the share of the draws of which it has the highest score; ``offered`` and ``left_out``, how many
        were weighed and not. NaN and "" where fewer were offered. ``attrs["text"]`` is the whole text.

        Of a target: ``target`` (step, state); ``distance`` (step, candidate), Euclidean, to the next point of it;
        ``free_tail_probability`` (step), how often the process, going on freely from the text, comes at least as far
        from its forecast as the target lies, by :math:`\chi^2` of all points ahead; and ``target_tail_probability``
        (step, candidate), the same behind the candidate: of the last step, whether the text has come to the target.

    Raises
    ------
    SteeringError
        If ``generate`` fails or offers nothing, or anything fails behind the first step; its ``log`` holds all steps
        before.
    DataError
        If the target has another shape.
    StateSpaceError
        If the target is in another space, or texts have no place in the posterior's.
    ModelError
        If states are observed exactly, or steps share sentences.

    Warns
    -----
    UnlikelyTargetWarning
        After the first step, where its ``free_tail_probability`` is below .01: the target is one to which texts hardly
        come. After the last one, where the ``target_tail_probability`` of what was chosen is: the text ends away from
        the target.

    See Also
    --------
    sdebayes.analysis.quality.rank : The score of one step.
    sdebayes.guiding_drift : Where the next step would have to go.
    sdebayes.ActivationSteering : Moves the language model itself.

    Notes
    -----
    Sentences are embedded by themselves. The fit is the score of `sdebayes.analysis.quality.rank`: it takes away what
    makes a sentence likely anywhere. Of typical surprise the probabilities are weights, and say nothing of what the
    process would do.

    References
    ----------
    Chopin, Fulop, Heng & Thiery (2023), Computational Doob h-transforms for online filtering of discretely observed
    diffusions, arXiv:2206.03369. Meister, Pimentel, Wiher & Cotterell (2023), Locally typical sampling,
    doi:10.1162/tacl_a_00536, for typical surprise.

    Examples
    --------
    Continuing the example of :class:`sdebayes.PCA`; in the place of ``candidates`` stands a language model:

    >>> posterior = sb.fit(sb.SDEModel(), states, sb.Laplace(draws=50), seed=0)
    >>> def candidates(text, n):
    ...     return ["We will build new roads.", "Taxes will fall.", "It rained all day."]
    >>> log = sb.steer(candidates, posterior, target=[2.0, 0.0], context="My fellow citizens.", steps=2)
    >>> dict(log["score"].sizes)
    {'step': 2, 'candidate': 3}
    >>> log.attrs["text"].startswith("My fellow citizens. ")
    True
    """
    check_rule(posterior)
    source = as_source(posterior, whole=True)
    aim = read_target(target, source, posterior, steps, encoder)
    draws = choose_draws(source.n_draws, 8 * candidates, samples, MOST_DRAWS)
    generator = np.random.default_rng(seed)
    state = states_of(posterior, context, encoder) if context.strip() else None
    log = Log(context, aim, source, draws)
    room = steps + (0 if state is None else int(state["n_steps"].values[0])) + len(aim.ahead(0)[0])
    for step in range(steps):
        place, gap = f"step {step + 1} of {steps}", usual_gap(posterior, state)
        try:
            offer = offered(posterior, ask(generate, log.text, candidates, place), encoder, place)
            led = with_aim(offer.states, *aim.ahead(step), gap)
            weights = weigh(posterior, draws, state, led, gap, aim.words == TYPICAL, candidates, room)
        except SdebayesError as error:
            if step == 0:
                raise
            said = f"{error} The {step} steps before are in the error's .log."
            raise SteeringError(said, log.dataset()) from error
        if step == 0:
            _warn(weights.free_tail_probability, *_BEFOREHAND)
        chosen = _choose(weights, choice, generator)
        log.add(offer, weights, chosen)
        state = _gone_on(state, offer.states.isel(trajectory=[chosen]), gap)
    _warn(weights.target_tail_probability[chosen], *_AFTERWARDS)
    return log.dataset()


def _warn(tail: float, said: str, advice: str) -> None:
    """Say that a target is one to which texts hardly come, or that a text has not come to it."""
    if tail < UNLIKELY:
        share = f"{tail:.1g} lies at least as far from where it is expected"
        warnings.warn(
            f"steer: {said} {share}. {advice}", UnlikelyTargetWarning, skip_file_prefixes=(PACKAGE,)
        )


def _choose(weights: Weights, choice: str, generator: np.random.Generator) -> int:
    if choice == "draw":
        return int(generator.choice(weights.score.size, p=weights.probability))
    return int(generator.choice(np.flatnonzero(weights.score == weights.score.max())))


def _gone_on(state: xr.Dataset | None, chosen: xr.Dataset, gap: float) -> xr.Dataset:
    """Put the chosen step behind the text."""
    if state is None:
        return chosen
    both, first = joined(state, chosen, gap)
    return both.isel(time=slice(first + 1))
