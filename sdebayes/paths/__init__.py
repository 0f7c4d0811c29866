"""Trajectories: the container, and the way from texts through embeddings to states."""

from sdebayes.paths.container import trajectories, validate
from sdebayes.paths.embed import embed
from sdebayes.paths.encoders import Encoder, Precomputed
from sdebayes.paths.io import load, save
from sdebayes.paths.reduce import PCA
from sdebayes.paths.segment import Sentences, Step, Steps
from sdebayes.paths.sentence_encoder import SentenceEncoder
from sdebayes.paths.shuffling import shuffle, shuffle_across, shuffle_within
from sdebayes.paths.space import StateSpace
from sdebayes.paths.split import split
from sdebayes.paths.texts import read_texts

__all__ = [
    "PCA",
    "Encoder",
    "Precomputed",
    "SentenceEncoder",
    "Sentences",
    "StateSpace",
    "Step",
    "Steps",
    "embed",
    "load",
    "read_texts",
    "save",
    "shuffle",
    "shuffle_across",
    "shuffle_within",
    "split",
    "trajectories",
    "validate",
]
