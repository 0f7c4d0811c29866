"""What differs between groups of texts, and which group a held-out text is from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np
from scipy.stats import binom, norm

from sdebayes import plots
from sdebayes.analysis.contrast.overview import DIFFERS, NOT_SEEN, UNTOLD, Row
from sdebayes.reporting.blocks import Block, Chapter, Figure, Heading, Paragraph, Table, Verdict, Verdicts
from sdebayes.reporting.chapters import verdicts
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import MEDIAN, duration, listed, number, percent, plural, significant

TITLE = "Groups"
MOST_ROWS, MOST_MODES, MOST_TEXTS, MOST_NAMED = 20, 8, 40, 3
MOST_PAIRS, MOST_STATES = 6, 8
CHANCE = 0.01
UNLIKE = ("Changing variance", "Level of trajectories", "Memory")
"""Findings that warn where trajectories of one group differ from one another."""


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    blocks: list[Block] = [
        *verdicts.reminder(context.findings),
        Paragraph(
            f"The training {context.nouns} are of {len(context.groups)} groups: {sizes(context)}. One fit holds them "
            "all: a value of a group is drawn towards what the groups share, the more the less its own "
            f"{context.nouns} say, so that differences of many groups need no correction for their number."
        ),
        Verdicts([judged(context)]),
    ]
    if context.group_rows:
        blocks += [_overview(context), *_declared(context), *_figure(context)]
    blocks.append(_time_constants(context))
    blocks += _which(context)
    name = context.groups[0]
    blocks.append(
        Paragraph(
            f"Fields, phase space, properties and the {context.nouns} of one group by itself are in a page of its own: "
            f"sdebayes.report(posterior.group({name!r}), …), or sdebayes report --group {name!r}.",
            quiet=True,
        )
    )
    return Chapter("groups", TITLE, blocks)


def sizes(context: ReportContext) -> str:
    """Write the groups with their numbers of training trajectories."""
    labels = context.posterior.training_data()["group"].values
    return listed([f"{name} ({int(np.sum(labels == name))})" for name in context.groups])


def judged(context: ReportContext) -> Verdict:
    """Judge whether groups differ, in more than chance would have of groups that are the same."""
    found = context.group_rows
    if not found:
        return Verdict("note", TITLE, "no quantity with a name can differ between them.")
    differ = [row for row in found if row.verdict == DIFFERS]
    untold = sum(row.verdict == UNTOLD for row in found)
    message = f"{len(differ)} of {plural(len(found), 'comparison')} differ"
    message += f": {_named(differ)}." if differ else "."
    message += f" Of {untold} the data tell hardly more than the prior." if untold else ""
    clear = [row for row in differ if _is_clear(row, len(found))]
    if clear or (differ and binom.sf(len(differ) - 1, len(found), 0.1) < CHANCE):
        if clear:
            message += (
                f" Too clear for chance, where all {context.nouns} of a group are alike: {_named(clear)}."
            )
        unlike = [
            one.subject
            for one in context.findings
            if one.subject in UNLIKE and one.severity in verdicts.DOUBTS
        ]
        if not unlike:
            return Verdict("good", TITLE, message)
        return Verdict(
            "note",
            TITLE,
            f"{message} But {context.nouns} of one group are not alike ({listed(unlike)}): their steps count as one "
            "sample here, and few of them can make such a difference.",
            f"Draw groups of {context.nouns} by lot: sdebayes.analysis.contrast.shuffled_groups, or sdebayes contrast "
            "--shuffles.",
        )
    expected = number(0.1 * len(found), 0)
    advice = f"Of groups that are the same about {expected} would, or fewer: read no single one as found."
    return Verdict(
        "note", TITLE, message, advice if differ else "No difference seen is no proof that there is none."
    )


def _named(differ: list[Row]) -> str:
    """Name the quantities in which most differ."""
    counted = [(meaning, sum(1 for _ in own)) for meaning, own in groupby(differ, lambda row: row.meaning)]
    counted = sorted(counted, key=lambda one: -one[1])
    words = [f"{meaning} ({count})" for meaning, count in counted[:MOST_NAMED]]
    return listed(words) if len(counted) <= MOST_NAMED else f"{', '.join(words)} and others"


def _of_variables(context: ReportContext) -> Iterator[tuple[str, list[Row]]]:
    for name, own in groupby(context.group_rows, lambda row: row.variable):
        yield name, list(own)


def _overview(context: ReportContext) -> Table:
    """Count for each quantity what was found."""
    rows = []
    for _, own in _of_variables(context):
        counts = [sum(row.verdict == verdict for row in own) for verdict in (DIFFERS, NOT_SEEN, UNTOLD)]
        rows.append([own[0].meaning, "ratio" if own[0].ratio else "difference", *map(str, counts)])
    return Table(
        ["quantity", "compared by", "differ", "no difference seen", "the data do not tell"],
        rows,
        "Numbers of comparisons, of each pair of groups and each state. It differs where the 90 % interval leaves out "
        "that nothing differs. Where it does not, no difference is seen if the interval is clearly narrower than the "
        "prior's, and else the data do not tell. Comparisons hang together, so that they err together.",
    )


def _declared(context: ReportContext) -> list[Block]:
    """Say in numbers what differs, the clearest first."""
    differ = sorted((row for row in context.group_rows if row.verdict == DIFFERS), key=_closeness)
    if not differ:
        return []
    rows = [
        [
            f"{row.meaning}{', ' * bool(row.component)}{row.component}",
            f"{row.first} {'/' if row.ratio else '−'} {row.second}",
            _ends(row.posterior),
            "–" if row.prior is None else _ends(row.prior),
        ]
        for row in differ[:MOST_ROWS]
    ]
    shown = "" if len(differ) <= MOST_ROWS else f" The {MOST_ROWS} clearest of {len(differ)}."
    head = ["quantity", "groups", MEDIAN, f"the prior's, {MEDIAN}"]
    return [Table(head, rows, f"What differs: a difference (−) or a ratio (/), the clearest first.{shown}")]


def _is_clear(row: Row, count: int) -> bool:
    """Whether the largest of so many differences would hardly be so large by chance, if their laws are normal."""
    return bool(2 * count * norm.sf(-_closeness(row) * 2 * norm.ppf(0.95)) < CHANCE)


def _closeness(row: Row) -> float:
    """How close the interval comes to there being no difference, in its own widths."""
    middle, low, high = np.log(row.posterior) if row.ratio else np.array(row.posterior)
    return -abs(float(middle)) / float(high - low)


def _ends(ends: tuple[float, float, float]) -> str:
    middle, low, high = (significant(end, 2) for end in ends)
    return f"{middle} [{low}, {high}]"


def _figure(context: ReportContext) -> list[Block]:
    """Draw the quantities in which something differs, or some of them where nothing does."""
    found = context.differences
    if found is None:
        return []
    differing = [name for name, own in _of_variables(context) if any(row.verdict == DIFFERS for row in own)]
    names = differing or [name for name, _ in _of_variables(context)][:MOST_NAMED]
    chosen = found[[name for name in found.data_vars if str(name).removesuffix("_prior") in names]]
    cut = chosen.isel(contrast=slice(MOST_PAIRS)).isel(
        {dim: slice(MOST_STATES) for dim in ("state", "mode") if dim in chosen.dims}
    )
    more = cut.sizes != chosen.sizes
    left = f" At most {MOST_PAIRS} pairs and {MOST_STATES} states of each are drawn." * more
    return [
        Figure(
            picture(plots.contrast.overview(cut)),
            "In what do groups differ?" if differing else "In what might groups differ?",
            "A blue interval that leaves the line out is a difference: zero is the line of differences, one of ratios. "
            f"The grey bar is what the prior alone had: an interval hardly shorter was not learned.{left}",
        )
    ]


def _time_constants(context: ReportContext) -> Table:
    """Set the time constants of groups side by side."""
    found = context.time_constants
    modes = next(iter(found.values()))["mode"].values[:MOST_MODES]
    rows = [[str(mode), *(duration(one.sel(mode=mode)) for one in found.values())] for mode in modes]
    return Table(
        ["mode", *found],
        rows,
        f"Time constants 1/|Re λ| of each group in {context.time_units}, {MEDIAN}, slowest first.",
    )


def _which(context: ReportContext) -> list[Block]:
    """Say which group held-out trajectories are likely to be from."""
    if context.test is None:
        return []
    found = context.posterior.group_log_score(context.test)["probability"]
    own = [str(label) for label in context.test["group"].values]
    names = found["trajectory"].values
    of_own = np.array([float(found.sel(trajectory=t, group=g)) for t, g in zip(names, own, strict=True)])
    likely = [str(label) for label in found.idxmax("group").values]
    right = sum(a == b for a, b in zip(likely, own, strict=True))
    score, chance = float(np.log(np.maximum(of_own, 1e-300)).mean()), -np.log(len(context.groups))
    rows = [
        [str(names[i]), own[i], likely[i], percent(float(of_own[i]))] for i in np.argsort(of_own)[:MOST_TEXTS]
    ]
    few = "" if len(own) <= MOST_TEXTS else f" The {MOST_TEXTS} least likely of {len(own)}."
    return [
        Heading(f"Which group is a {context.noun} from?"),
        Paragraph(
            f"Of {len(own)} held-out {context.nouns} {right} are likeliest under their own group. The mean logarithm "
            f"of its probability is {number(score)}; {number(chance)} is that of equal chances. More is better, and "
            "less says that the groups are not told apart, or too surely."
        ),
        Table(
            [context.noun, "its group", "likeliest group", "probability of its own"],
            rows,
            f"From the score of each held-out {context.noun} under each group, with equal weights before.{few}",
        ),
    ]
