"""The dimension names of every dataset: a new one needs a row here."""

DIMS: dict[str, str] = {
    "chain": "Markov chain",
    "draw": "draw within a chain",
    "sample": "chain-major stack of (chain, draw)",
    "replicate": "simulated copy of the data that a test compares with, or a data set of a calibration study",
    "quantity": "what a calibration study ranks: drift or covariance at a place, a variance, the log-likelihood",
    "step": "step of an optimisation",
    "group": "group of trajectories",
    "regime": "one of the drifts and diffusions between which a Markov chain switches",
    "regime_bis": "second index of a (regime, regime) matrix",
    "contrast": "pair of groups, of which the first is compared with the second",
    "trajectory": "one text or one path",
    "time": "step of a trajectory, NaN after its end",
    "transition": "an observed step with the step before it; the first of a trajectory follows the initial law",
    "state": "coordinate of the state",
    "state_bis": "second index of a (state, state) matrix",
    "observed_bis": "second index of an (observed, observed) matrix",
    "embedding": "coordinate of the embedding",
    "point": "place in state space at which a function is read",
    "path": "simulated path",
    "horizon": "number of steps ahead",
    "nominal": "probability of a forecast interval",
    "bin": "one of the parts, of equal numbers, that the values of a measure are cut into",
    "lag": "number of steps between two observations",
    "term": "named entry of a list of terms",
    "level_term": "function of a covariate that the level depends on",
    "library_term": "function of the library that a sparse drift chooses from",
    "fixed_point": "zero of the drift",
    "kind": "type of a fixed point",
    "number": "how many there are, from none",
    "cycle": "limit cycle of the drift",
    "attractor": "where the deterministic flow ends",
    "phase": "share of the period of a limit cycle that has passed",
    "candidate": "model or null in a comparison",
    "claim": "claim that held-out scores may support",
    "observed": "coordinate of the observation, where it is not the state itself",
    "statistic": "mean, sd, median, lower and upper of a summary",
    "mode": "eigenvalue of a Jacobian or of the generator, slowest first",
    "property": "property of a stochastic process that is judged",
    "radius": "distance from the middle of the data, in half-widths of their box",
    "exemplar": "one of the observed steps nearest to a place in state space",
}


def is_dim(name: str) -> bool:
    """Whether ``name`` is a dimension name of this package (``grid_*`` included)."""
    return name in DIMS or name.startswith("grid_")
