"""Findings: what a fit's own checks say, how bad it is, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from sdebayes._core.arguments import checked
from sdebayes._core.stored import defined
from sdebayes.schemes import AbstractScheme

Severity = Literal["problem", "warning", "note", "assumed", "not rejected", "good"]

SEVERITIES: dict[Severity, str] = {
    "problem": "Do not use the results before this is mended.",
    "warning": "A conclusion that one would draw may be wrong or is not supported: follow the advice first.",
    "note": "Worth knowing; what is concluded elsewhere holds.",
    "assumed": "True by the model or its prior: the data were not asked.",
    "not rejected": "Tested, and the data do not speak against it, which is no proof.",
    "good": "Measured, and as it should be.",
}

SEPARATION_LIMIT = 0.8
GOOD_BIAS, LARGE_BIAS = 0.02, 0.1


@checked
@dataclass(frozen=True)
class Finding:
    """One check of a fit.

    Parameters
    ----------
    subject
        What was checked.
    severity
        A key of `SEVERITIES`, which says what each means.
    message
        What was found.
    advice
        What to do next; empty where there is nothing to do.
    values
        The numbers behind the message.

    See Also
    --------
    sdebayes.Posterior.diagnosis : Makes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = {finding.subject: finding for finding in posterior.diagnosis()}
    >>> found["Step size"].severity
    'good'
    >>> found["Step size"].message
    'LocalLinearization is exact for this model at any step.'
    """

    subject: str
    severity: Severity
    message: str
    advice: str = ""
    values: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        advice = f" {self.advice}" if self.advice else ""
        return f"[{self.severity}] {self.subject}: {self.message}{advice}"


@dataclass(frozen=True)
class Findings:
    """All findings of a fit, the worst first."""

    items: tuple[Finding, ...]

    def __iter__(self) -> Iterator[Finding]:
        order = list(SEVERITIES)
        return iter(sorted(self.items, key=lambda finding: order.index(finding.severity)))

    def __len__(self) -> int:
        return len(self.items)

    def __str__(self) -> str:
        return "\n".join(str(finding) for finding in self)

    __repr__ = __str__  # what a notebook shows of them

    @property
    def worst(self) -> Severity:
        """The worst severity among them; ``"good"`` if there is none."""
        return next(iter(self)).severity if self.items else "good"


def step_finding(rate_times_step: float, scheme: AbstractScheme, *, additive: bool, exact: bool) -> Finding:
    """Judge the step by the bias that the scheme leaves at ‖J‖Δt, the largest relaxation over one step.

    Parameters
    ----------
    rate_times_step
        Posterior median of the root mean square over states of the data of the spectral norm of the drift's Jacobian,
        times the median step.
    scheme
        The scheme.
    additive
        Whether Σ is constant.
    exact
        Whether the scheme is exact for this model.
    """
    values = {"jacobian_times_step": rate_times_step}
    if exact:
        message = f"{scheme.title} is exact for this model at any step."
        return Finding("Step size", "good", message, values=values)
    bias = scheme.bias(rate_times_step, additive)
    found = f"‖J‖Δt = {rate_times_step:.3g} under {scheme.title}:"
    if bias is None:
        return Finding(
            "Step size",
            "note",
            f"{found} how far drift and Σ may be off is not known of this scheme.",
            "Fit every second observation as well and compare, or use "
            f"{_better(rate_times_step, None, additive)}shorter steps.",
            values,
        )
    severity: Severity = "good" if bias < GOOD_BIAS else "note" if bias < LARGE_BIAS else "warning"
    return Finding(
        "Step size",
        severity,
        f"{found} drift and Σ may be off by some {_share(bias)}.",
        "" if severity == "good" else f"Use {_better(rate_times_step, bias, additive)}shorter steps.",
        values | {"bias": bias},
    )


def _better(rate_times_step: float, bias: float | None, additive: bool) -> str:
    """Name the first recommended scheme that is good, or else the best of those that halve the bias."""
    left = {
        scheme: known
        for scheme in _recommended(additive)
        if (known := scheme.bias(rate_times_step, additive)) is not None
    }
    good = [scheme for scheme, share in left.items() if share < GOOD_BIAS]
    best = good[0] if good else min(left, key=lambda scheme: left[scheme])
    if bias is not None and left[best] > 0.5 * bias:
        return ""
    room = "sdebayes.schemes" if type(best).__module__.startswith("sdebayes.") else type(best).__module__
    return f"{room}.{best.title}(), which leaves some {_share(left[best])}, or "


def _recommended(additive: bool) -> list[AbstractScheme]:
    """Return recommended schemes: first those made for additive noise, then those that read drift at one point."""
    schemes = [kind() for kind in defined(AbstractScheme) if kind.recommended]
    able = [scheme for scheme in schemes if additive or not scheme.requires_additive_noise]
    return sorted(able, key=lambda scheme: (not scheme.requires_additive_noise, scheme.derivatives is None))


def _share(bias: float) -> str:
    return "their own size" if bias >= 1 else f"{100 * bias:.2g} %"


def explosion_finding(share: float) -> Finding:
    """Judge how many draws of the drift point outwards far from the data.

    Parameters
    ----------
    share
        Share of draws that do so in some direction.
    """
    return Finding(
        "Far from the data",
        "good" if share == 0 else "note",
        f"{share:.1%} of draws point outwards somewhere far from the data, where paths may run away.",
        ""
        if share == 0
        else "Read such draws among the data only; for long simulations take a drift that comes back, such as GP().",
        {"explosive": share},
    )
