"""From the steps of some texts to a data set of their vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from sdebayes._core.errors import StoreError
from sdebayes._core.stored import encode
from sdebayes.data.cache import EmbeddingCache
from sdebayes.data.container import pack
from sdebayes.data.encoders import Encoder, identity_of
from sdebayes.data.places import pieces_of, whole_text
from sdebayes.data.segment import Step, Steps
from sdebayes.data.token_steps import word_spans
from sdebayes.data.unread import Unread, count_unread, tally_of_ends, tally_of_gaps, tally_of_windows
from sdebayes.data.vectors import embed_pieces


@dataclass(frozen=True)
class Embedder:
    """How texts are embedded.

    Attributes
    ----------
    encoder
        The encoder.
    step
        How texts are cut.
    time
        What ``t`` counts.
    kept
        Where vectors and counts are kept, as `stores` opens it.
    """

    encoder: Encoder
    step: Steps
    time: str
    kept: dict[str, EmbeddingCache | None]

    def cut(self, text: str) -> list[Step]:
        """Cut a text; a blank one has no step."""
        return self.step.cut_for(text, self.encoder) if text.strip() else []

    def embedded(
        self, texts: Mapping[str, str], steps: Sequence[Sequence[Step]], shown: bool
    ) -> tuple[xr.Dataset, Unread]:
        """Embed texts that were cut into these steps: ``y``, ``t``, ``n_steps``, ``text``, ``words``, unchecked."""
        names = list(texts)
        asked = [
            [pieces_of(item, text, self.encoder, self.step) for item in one]
            for text, one in zip(texts.values(), steps, strict=True)
        ]
        pieces = list(dict.fromkeys(piece for one in asked for item in one for piece in item))
        read = [list(dict.fromkeys(whole_text(piece) for item in one for piece in item)) for one in asked]
        ends = count_unread(
            [piece for piece in pieces if isinstance(piece, str)], self.encoder, self.kept["unread"]
        )
        windows = tally_of_windows(names, read, self.encoder, self.kept["windows"])
        vectors = embed_pieces(pieces, self.encoder, self.kept["vectors"], shown)
        values = [
            np.array([np.mean([vectors[piece] for piece in item], axis=0) for item in one]) for one in asked
        ]
        times = [_TIMES[self.time](text, one) for text, one in zip(texts.values(), steps, strict=True)]
        dataset = pack(values, times, names, "embedding", [[item.text for item in one] for one in steps])
        dataset["words"] = dataset["text"].dims, _words(dataset["text"].values)
        unread = Unread(tally_of_ends(names, steps, ends), windows, tally_of_gaps(names, steps, values))
        return dataset, unread

    def attributes(self) -> dict[str, str]:
        """Say how texts are embedded."""
        said = {
            "time_unit": self.time,
            "step": repr(self.step),
            "encoder": identity_of(self.encoder),
            "step_meaning": self.step.meaning,
            "step_rule": _stored_rule(self.step),
        }
        return {name: words for name, words in said.items() if words}

    def warning(self, step: Step) -> str:
        """Say what makes neighbours alike; reading in context makes no layers so."""
        of_encoder = "" if step.layer is not None else getattr(self.encoder, "warning", "")
        return " ".join(filter(None, (self.step.warning, of_encoder)))


@np.vectorize(otypes=[float])
def _words(text: str) -> float:
    """Count what stands between white space; NaN after a trajectory's end."""
    return float(len(text.split())) or np.nan


def _stored_rule(step: Steps) -> str:
    """Describe a rule so that new texts can be cut by it; the empty string where no file can hold it."""
    try:
        return encode(step)
    except StoreError:
        return ""


def _step_index(text: str, steps: Sequence[Step]) -> np.ndarray:
    return np.array([index if step.layer is None else step.layer for index, step in enumerate(steps)], float)


def _tokens_before(text: str, steps: Sequence[Step]) -> np.ndarray:
    starts = [start for start, _ in word_spans(text)]
    return np.searchsorted(starts, [step.start for step in steps]).astype(np.float64)


def _fraction_before(text: str, steps: Sequence[Step]) -> np.ndarray:
    return np.array([step.start / len(text) for step in steps])


_TIMES: dict[str, Callable[[str, Sequence[Step]], np.ndarray]] = {
    "step": _step_index,
    "token": _tokens_before,
    "fraction": _fraction_before,
}
