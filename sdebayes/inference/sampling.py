"""What chains say of themselves: convergence, divergences, depth of the trees, energy."""

from __future__ import annotations

from collections.abc import Collection

import arviz_stats as az
import numpy as np
import xarray as xr

from sdebayes.inference.clustering import cluster
from sdebayes.inference.findings import Finding, Severity

RHAT_LIMIT = 1.01
ESS_LIMIT = 400
BFMI_LIMIT = 0.3
FEW_DIVERGENCES, MANY_DIVERGENCES = 0.002, 0.01
"""Below the first share divergences are chance unless they lie together, from the second on they are too many."""
CLUSTER_CHANCE = 0.01
FEWEST_OF_A_CHAIN, FEWEST_DRAWS = 4, 25
"""With fewer R-hat and ESS do not exist, or say nothing."""


def sampling_findings(tree: xr.DataTree, max_tree_depth: int, parts: Collection[str] = ()) -> list[Finding]:
    """Check convergence of the chains; too few draws to do so are the only finding.

    Parameters
    ----------
    tree
        With the groups ``posterior`` and ``sample_stats``.
    max_tree_depth
        The limit the sampler ran under.
    parts
        Parameters of functions that can be written in more ways than one, such as a linear part and a field: they
        are only noted, and the functions judged by their values.

    References
    ----------
    Vehtari et al. (2021), Rank-normalization, folding, and localization: an improved R-hat, doi:10.1214/20-BA1221;
    Betancourt (2016), arXiv 1604.00695, for E-BFMI; Gabry et al. (2019), Visualization in Bayesian workflow, sec. 3,
    doi:10.1111/rssa.12378, for divergences that lie together.
    """
    statistics = tree["sample_stats"].to_dataset()
    posterior = tree["posterior"].to_dataset()
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    if draws < FEWEST_OF_A_CHAIN or chains * draws < FEWEST_DRAWS:
        return [_too_few(chains, draws)]
    return [
        *_convergence(posterior.drop_vars(parts)),
        *_of_parts(posterior[list(parts)]),
        _divergences(statistics["diverging"].values, posterior),
        _depth(statistics["tree_depth"].values, max_tree_depth),
        _energy(tree),
    ]


def _too_few(chains: int, draws: int) -> Finding:
    where = "one chain" if chains == 1 else f"{chains} chains"
    return Finding(
        "Draws",
        "problem",
        f"{chains * draws} in {where} are too few to judge the sampler by.",
        "Fit with draws=1000, or at least with 100.",
        {"draws": float(chains * draws)},
    )


def _largest_rhat(posterior: xr.Dataset, undefined: float = np.inf) -> tuple[str, float]:
    """Return the worst parameter; one that stands still or is not finite has no R-hat, which is worse than any."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = az.rhat(posterior)
    values = {str(name): float(np.nan_to_num(a.values, nan=undefined).max()) for name, a in found.items()}
    name = max(values, key=lambda key: values[key])
    return name, values[name]


def _smallest_ess(posterior: xr.Dataset, method: str) -> tuple[str, float]:
    with np.errstate(divide="ignore", invalid="ignore"):
        found = az.ess(posterior, method=method)
    values = {str(name): float(np.nan_to_num(a.values, nan=0.0).min()) for name, a in found.items()}
    name = min(values, key=lambda key: values[key])
    return name, values[name]


def _of_parts(posterior: xr.Dataset) -> list[Finding]:
    if not posterior.data_vars or posterior.sizes["chain"] < 2:
        return []
    name, value = _largest_rhat(posterior, undefined=1.0)  # a term may be in, or out, in all draws
    if value <= RHAT_LIMIT:
        return []
    return [
        Finding(
            "R-hat of the parts",
            "note",
            f"largest {value:.4f} ({name}), among the parts that drift and diffusion are made of.",
            "Read drift and covariance, which are judged by their own R-hat, and not these parts.",
            {"rhat": value},
        )
    ]


def _convergence(posterior: xr.Dataset) -> list[Finding]:
    if posterior.sizes["chain"] < 2:
        rhat = Finding(
            "R-hat",
            "warning",
            "one chain only, so convergence cannot be judged.",
            "Fit with chains=2 or more.",
        )
    else:
        name, value = _largest_rhat(posterior)
        rhat = Finding(
            "R-hat",
            "good" if value <= RHAT_LIMIT else "warning" if value <= 1.05 else "problem",
            f"largest {value:.4f} ({name}), limit {RHAT_LIMIT}.",
            "" if value <= RHAT_LIMIT else "Draw longer (draws, warmup), or simplify the model.",
            {"rhat": value},
        )
    findings = [rhat]
    for method, subject in (("bulk", "Bulk ESS"), ("tail", "Tail ESS")):
        name, value = _smallest_ess(posterior, method)
        findings.append(
            Finding(
                subject,
                "good" if value >= ESS_LIMIT else "note" if value >= 100 else "warning",
                f"smallest {value:.0f} ({name}), wanted {ESS_LIMIT}.",
                "" if value >= ESS_LIMIT else "Draw longer before you read tail quantiles.",
                {"ess": value},
            )
        )
    return findings


def _divergences(diverging: np.ndarray, posterior: xr.Dataset) -> Finding:
    """Judge divergences by their share, and by whether they lie together.

    Where a trajectory of the sampler meets curvature that its step is too long for, it diverges, again and again and
    in the same place: draws near there are missing. Single ones all over the posterior are rounding and chance.
    """
    count, share = int(diverging.sum()), float(diverging.mean())
    values = {"divergences": float(count), "share": share}
    if not count:
        return Finding("Divergences", "good", f"none of {diverging.size} draws diverged.", values=values)
    found = cluster(posterior, diverging)
    together = found is not None and found.p_value < CLUSTER_CHANCE
    severity: Severity = (
        "problem"
        if share >= MANY_DIVERGENCES
        else "note"
        if share < FEW_DIVERGENCES and not together
        else "warning"
    )
    message = f"{count} of {diverging.size} draws diverged"
    if found is not None:
        values["cluster_p_value"] = found.p_value
        message += (
            f", together, where {found.name} is {'large' if found.high else 'small'}: draws are missing there"
            if together
            else ", scattered over the posterior"
        )
    advice = (
        "So few tell nothing; raise target_acceptance (0.9, 0.95) if more come."
        if severity == "note"
        else "Raise target_acceptance (0.9, 0.95), or give tighter priors."
    )
    return Finding("Divergences", severity, f"{message}.", advice, values)


def _depth(depth: np.ndarray, limit: int) -> Finding:
    share = float((depth >= limit).mean())
    return Finding(
        "Tree depth",
        "good" if share == 0 else "note" if share < 0.05 else "warning",
        f"{share:.1%} of draws reached the limit of 2^{limit} leapfrog steps.",
        "" if share == 0 else "Draws are correlated but valid; a longer warm-up may help.",
        {"share_at_limit": share},
    )


def _energy(tree: xr.DataTree) -> Finding:
    values = np.atleast_1d(np.asarray(az.bfmi(tree)["energy"].values, dtype=float))
    smallest = float(values.min())
    return Finding(
        "E-BFMI",
        "good" if smallest >= BFMI_LIMIT else "warning",
        f"smallest {smallest:.2f} over chains, wanted {BFMI_LIMIT}.",
        ""
        if smallest >= BFMI_LIMIT
        else "The energy is explored slowly; a heavy-tailed parameter is likely.",
        {"bfmi": smallest},
    )
