"""A fit to texts that the tests of several commands share, all made by commands."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sdebayes.cli.app import app

WORDS = ("peace", "trade", "harvest", "winter", "army", "school", "river", "law")


def encode(self, texts: list[str]) -> np.ndarray:
    """A direction for each word, and a little of the text's own."""
    directions = np.eye(len(WORDS))
    own = [int(hashlib.sha256(text.encode()).hexdigest(), 16) % 1000 / 1000 for text in texts]
    base = [sum(directions[i] for i, word in enumerate(WORDS) if word in text) for text in texts]
    return (np.array(base) + 0.2 * np.array(own)[:, None]).astype("f4")


def speech(seed: int, sentences: int = 30) -> str:
    """Sentences whose subject changes now and then."""
    generator = np.random.default_rng(seed)
    subject, lines = 0, []
    for number in range(sentences):
        if generator.random() < 0.3:
            subject = int(generator.integers(len(WORDS)))
        other = WORDS[generator.integers(len(WORDS))]
        lines.append(f"Sentence {number} of {seed} is on {WORDS[subject]} and {other}.")
    return " ".join(lines)


def settings(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Take the place of the network, and keep caches here and JAX's configuration as it is."""
    patch.setattr("sdebayes.data.SentenceEncoder.encode", encode)
    patch.setattr(
        "sdebayes.data.SentenceEncoder.unread_tokens", lambda self, texts: np.zeros(len(texts), int)
    )
    patch.setenv("SDEBAYES_CACHE", str(folder / "cache"))
    patch.setenv("JAX_COMPILATION_CACHE_DIR", "off")
    patch.setenv("XLA_FLAGS", os.environ["XLA_FLAGS"])


def run(*arguments: str):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result


def said(result, text: str) -> None:
    assert text in " ".join(result.stdout.split())


@pytest.fixture(scope="session")
def speeches(tmp_path_factory) -> Path:
    """Texts, their embeddings, and a fit to three quarters of them."""
    folder = tmp_path_factory.mktemp("speeches")
    (folder / "texts").mkdir()
    for seed in range(8):
        (folder / "texts" / f"speech {seed}.txt").write_text(speech(seed))
    (folder / "new.txt").write_text(speech(99))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings(patch, folder)
        said(run("embed", "texts", "-o", "traj.nc"), "8 texts, 240 steps of 8 dimensions: traj.nc")
        shape = ("--components", "2", "--diagonal", "--strategy", "laplace", "--draws", "20")
        said(run("fit", "traj.nc", "-o", "posterior.nc", "--hold-out", "0.25", *shape), "Pareto k-hat")
    return folder


@pytest.fixture
def here(speeches, monkeypatch) -> Path:
    monkeypatch.chdir(speeches)
    settings(monkeypatch, speeches)
    return speeches
