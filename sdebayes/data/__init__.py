"""Trajectories: the container, and the way from texts through embeddings to states.

See Also
--------
sdebayes.fit : What to do next.

Examples
--------
>>> data = sb.trajectories({"a": np.eye(4, 2), "b": np.eye(5, 2)}, time_unit="day")
>>> train, test = sb.split(data, test=1)
>>> sb.data.load(sb.data.save(train, "train.nc")).sizes["trajectory"]
1
"""

from sdebayes.data.concatenate import concatenate
from sdebayes.data.container import trajectories, validate
from sdebayes.data.embed import embed
from sdebayes.data.encoders import Encoder, Precomputed
from sdebayes.data.hidden_states import HiddenStates
from sdebayes.data.io import load, save
from sdebayes.data.places import ContextEncoder, Place
from sdebayes.data.reduce import PCA
from sdebayes.data.segment import Sentences, Step, Steps
from sdebayes.data.sentence_encoder import SentenceEncoder
from sdebayes.data.shuffling import shuffle, shuffle_across, shuffle_within
from sdebayes.data.space import StateSpace
from sdebayes.data.split import split
from sdebayes.data.text_files import TextFiles
from sdebayes.data.texts import read_texts
from sdebayes.data.time_lagged import TICA
from sdebayes.data.token_steps import Layers, Prefixes, TokenWindows

__all__ = [
    "PCA",
    "TICA",
    "ContextEncoder",
    "Encoder",
    "HiddenStates",
    "Layers",
    "Place",
    "Precomputed",
    "Prefixes",
    "SentenceEncoder",
    "Sentences",
    "StateSpace",
    "Step",
    "Steps",
    "TextFiles",
    "TokenWindows",
    "concatenate",
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
