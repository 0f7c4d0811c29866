"""Torch at work beside everything else: on which device, quiet, and on one thread for each batch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_MOST_WORKERS = 4


def workers(device: str) -> int:
    """Return how many batches run side by side on a device."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST_WORKERS) if device == "cpu" else 1


def best_device() -> str:
    """Return the device that torch computes on fastest here: "cuda" or "mps" where there is one, else "cpu"."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@contextmanager
def quiet_torch() -> Iterator[None]:
    """Keep torch to one thread for each batch, without progress bars or warnings about forks.

    Batches side by side need no barrier between threads: on busy cores torch's own threads take ten times as long.
    """
    import torch
    from transformers.utils import logging

    before, parallelism = torch.get_num_threads(), os.environ.get("TOKENIZERS_PARALLELISM")
    bars = logging.is_progress_bar_enabled()
    use_one_thread()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    logging.disable_progress_bar()
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if bars:
            logging.enable_progress_bar()
        if parallelism is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = parallelism


def use_one_thread() -> None:
    """Keep torch to one thread in the thread that calls."""
    import torch

    torch.set_num_threads(1)
