"""From texts to trajectories of embeddings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import xarray as xr

from sdebayes._core.arguments import Said, checked
from sdebayes._core.kinds import Count, PathLike, one_of
from sdebayes.data.container import validate
from sdebayes.data.corpus import as_corpus
from sdebayes.data.embedding import Embedder
from sdebayes.data.encoders import Encoder
from sdebayes.data.segment import Sentences, Steps
from sdebayes.data.shortness import long_enough
from sdebayes.data.store.embed import embed_to_store
from sdebayes.data.text_files import TextFiles
from sdebayes.data.validation import MINIMUM_STEPS
from sdebayes.data.vectors import stores

type TimeUnit = Annotated[str, one_of("step", "token", "fraction")]

type EncoderLike = Annotated[
    Encoder,
    Said(
        "an object with encode(list of str), such as sdebayes.SentenceEncoder()",
        lambda value: not isinstance(value, str | bytes),
    ),
]


@checked
def embed(
    corpus: object,
    encoder: EncoderLike,
    step: Steps | None = None,
    *,
    cache: bool | PathLike | None = None,
    progress: bool | None = None,
    time: TimeUnit = "step",
    min_steps: Count | None = None,
    store: PathLike | None = None,
) -> xr.Dataset:
    """Cut each text into steps and embed them.

    Parameters
    ----------
    corpus
        A list of texts, a mapping {name: text}, or a Dataset ``text(trajectory)`` whose other variables along
        ``trajectory`` are carried over as coords. With a store also `TextFiles`, or any iterable of texts or of pairs
        (name, text), of which memory holds 64 at a time.
    encoder
        An object with ``encode(list[str]) -> (n, embedding)``.
    step
        How to cut; by default one sentence for each step.
    cache
        Whether to keep vectors on disk in the default directory, or the directory to keep them in; by default they are
        kept unless there is a store. Vectors are saved as the work goes on, so an interrupted call resumes where it
        was. Encoders without ``identity`` are not cached.
    progress
        Whether to show a progress bar on the standard error stream; by default if that is a terminal.
    time
        What ``t`` counts: ``"step"`` the step's index; ``"token"`` the words and punctuation marks before the step;
        ``"fraction"`` the share of the text's characters before the step.
    min_steps
        Leave out texts with fewer steps, blank ones included, with a warning that names them. By default texts with
        fewer than 3 are refused; texts of 1 or 2 can be scored and not fitted.
    store
        A zarr directory for a corpus that memory does not hold: texts are written to it as they are embedded, 64 at a
        time, in single precision. The same call goes on where a killed one was. What is returned is opened and not
        read; :func:`sdebayes.data.load` opens it again. If a Dask scheduler is active, each 64 texts are a task, and
        this process writes what comes; the vectors are those of one process.

    Returns
    -------
    xr.Dataset
        ``y(trajectory, time, embedding)``, ``t``, ``n_steps``, ``text(trajectory, time)`` and the number of its
        ``words(trajectory, time)``, with the encoder, the step, and in ``attrs`` a ``warning`` where the construction
        itself induces autocorrelation, which texts were ``left_out``, and of how many sentences the encoder has
        ``cut_off`` the end; these are warned of where they are more than one in a hundred. Of `HiddenStates` also
        which texts are read in ``windows``, and which steps are ``missing``, being left out; both are warned of.

    Raises
    ------
    DataError
        If there is no text, texts are blank or have too few steps (all of them are named), or ``encoder`` or ``step``
        is none.
    StoreError
        If the model or the cache cannot be read or written; if the store holds other texts, or such that were embedded
        otherwise, or another process writes to it.
    ClusterError
        If texts of a store are embedded on a cluster that is lost, or whose workers die of a task or have another
        version of the package; what the store holds by then is kept.

    See Also
    --------
    sdebayes.SentenceEncoder : Vectors of sentences.
    sdebayes.HiddenStates : Vectors of a language model.
    sdebayes.PCA : From embeddings to states.
    sdebayes.data.read_texts : Texts of files.

    Examples
    --------
    >>> corpus = sb.datasets.load_sotu(since=1990, sentences=12, speeches=8)
    >>> embedded = sb.embed(corpus, sb.SentenceEncoder())
    >>> dict(embedded.sizes)
    {'trajectory': 8, 'time': 12, 'embedding': 384}
    >>> str(embedded["text"].values[0, 1])
    'And now, as President, it is my privilege to report to you on the state of the Union.'
    """
    kept = stores(encoder, store is None if cache is None else cache)
    rule = Embedder(encoder, Sentences() if step is None else step, time, kept)
    shown = sys.stderr.isatty() if progress is None else progress
    if store is not None:
        return embed_to_store(corpus, rule, Path(store), shown, min_steps)
    return _in_memory(corpus, rule, shown, min_steps)


def _in_memory(corpus: object, rule: Embedder, shown: bool, min_steps: int | None) -> xr.Dataset:
    blank = min_steps is not None
    texts = corpus.in_memory(blank) if isinstance(corpus, TextFiles) else as_corpus(corpus, blank)
    whole = dict(zip(map(str, texts["trajectory"].values), texts["text"].values, strict=True))
    cut = {name: rule.cut(text) for name, text in whole.items()}
    counts = {name: len(one) for name, one in cut.items()}
    names, left_out = long_enough(counts, min_steps, "texts", repr(rule.step))
    steps = [cut[name] for name in names]
    dataset, unread = rule.embedded({name: whole[name] for name in names}, steps, shown)
    unread.warn()
    texts = texts.sel(trajectory=names)
    dataset = dataset.assign_coords(
        {name: texts[name].variable for name in texts.coords if name != "trajectory"}
    )
    said = {"warning": rule.warning(steps[0][0]), "left_out": left_out, **unread.said()}
    dataset.attrs |= rule.attributes() | {name: words for name, words in said.items() if words}
    if min_steps is not None and min_steps < MINIMUM_STEPS:
        dataset.attrs["min_steps"] = min_steps
    return validate(dataset)
