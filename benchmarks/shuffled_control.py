"""Does the model gain anything from speeches whose sentences are shuffled? It must not, once its chains have converged.

Data: the demo's 33 training and 11 held-out speeches, 130 sentences, 8 PCs, sentences shuffled within each speech.
Model: latent OU with noise and document effect. Without order noise and diffusion lie on a ridge, along which the
parameters mix slowly; what has to agree between chains is the score.

Run: .uv/bin/uv run python benchmarks/shuffled_control.py
"""

from __future__ import annotations

import argparse

from record import keep
from rich.console import Console

import sdebayes as sb
from sdebayes.cli.console import comparison, say_findings

NAME = "OU + noise + document effect"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--warmup", type=int, default=300)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--depth", type=int, default=7)
    parser.add_argument("--checkpoint", help="a folder to resume from after an interrupt")
    arguments = parser.parse_args()
    corpus = sb.datasets.load_sotu(sentences=130, speeches=44)
    train, test = sb.split(sb.embed(corpus, sb.SentenceEncoder()), test=0.25, seed=arguments.seed)
    space = sb.PCA(8).fit(train)
    train, test = (sb.data.shuffle_within(space.transform(part), arguments.seed) for part in (train, test))
    strategy = sb.NUTS(arguments.draws, arguments.warmup, arguments.chains, max_tree_depth=arguments.depth)
    posterior = sb.fit(sb.SDEModel(), train, strategy, seed=arguments.seed, checkpoint=arguments.checkpoint)
    say_findings(posterior)
    chains = {
        f"{NAME}, chain {k + 1} alone": sb.Posterior(posterior.model, posterior.data.isel(chain=[k]))
        for k in posterior.data["posterior"]["chain"].values
    }
    table = sb.compare({NAME: posterior, **chains}, test)
    for name in (NAME, *chains):
        mine = table.sel(candidate=name)
        gain = f"{float(mine['difference']):+.4f} [{float(mine['lower']):+.4f}, {float(mine['upper']):+.4f}]"
        row = {"chains": "all" if name == NAME else name.removeprefix(f"{NAME}, ")}
        keep(
            "shuffled_control",
            [row | {"draws": arguments.draws, "over iid + document effect": gain}],
            ("chains",),
        )
    Console().print(
        comparison(table, f"shuffled within speeches, {test.sizes['trajectory']} held out", "sentence")
    )


if __name__ == "__main__":
    main()
