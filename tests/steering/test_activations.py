"""What is added to hidden states, seen in the hidden states; and that nothing of it stays."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import sdebayes as sb
from sdebayes._core.errors import ArgumentError, DataError, ModelError
from tests.data.language_models import CAUSAL, LAYERS, WIDTH, model

TOKENS = torch.tensor([[5, 9, 14, 3, 40, 7], [8, 8, 2, 60, 31, 4]])
VECTOR = np.random.default_rng(0).normal(size=WIDTH)


@torch.inference_mode()
def states(network) -> list[np.ndarray]:
    return [one.double().numpy() for one in network(TOKENS, output_hidden_states=True).hidden_states]


@pytest.mark.parametrize("name", CAUSAL)
def test_hidden_states_of_the_layer_move_by_the_vector_and_no_others_before(name):
    network = model(name)
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    before = states(network)
    with sb.ActivationSteering(network, 2, VECTOR, strength=-1.5):
        during = states(network)
    after = states(network)
    np.testing.assert_array_equal(during[1], before[1])
    np.testing.assert_allclose(
        during[2] - before[2], np.broadcast_to(-1.5 * VECTOR, before[2].shape), atol=1e-4
    )
    assert np.abs(during[3] - before[3]).max() > 0.01
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    assert all(torch.equal(value, weights[key]) for key, value in network.state_dict().items())


def test_what_is_written_is_what_the_moved_states_say():
    """Also with the keys and values of earlier tokens kept; a vector of zeros changes nothing."""
    network = model("llama")
    options = {"do_sample": False, "max_new_tokens": 8, "min_new_tokens": 8, "pad_token_id": 0}
    plain = network.generate(TOKENS, **options)
    with sb.ActivationSteering(network, 2, 20 * VECTOR):
        moved = network.generate(TOKENS, **options)
        one_by_one = TOKENS
        for _ in range(8):
            following = network(one_by_one).logits[:, -1:].argmax(-1)
            one_by_one = torch.cat([one_by_one, following], dim=1)
    with sb.ActivationSteering(network, 2, VECTOR, strength=0.0):
        same = network.generate(TOKENS, **options)
    assert torch.equal(moved, one_by_one)
    assert not torch.equal(moved, plain)
    assert torch.equal(same, plain)


def test_nothing_stays_after_an_error():
    network = model("gpt2")
    before = states(network)
    steering = sb.ActivationSteering(network, 1, VECTOR)
    with pytest.raises(ZeroDivisionError), steering:
        _ = 1 / 0
    np.testing.assert_array_equal(states(network)[-1], before[-1])
    assert (
        not network.base_model.h[0]._forward_hooks.keys()
        - model("gpt2").base_model.h[0]._forward_hooks.keys()
    )
    with steering, pytest.raises(ModelError, match="adds already"):
        steering.__enter__()
    with steering, sb.ActivationSteering(network, 1, VECTOR):
        twice = states(network)
    np.testing.assert_allclose(twice[1] - before[1], np.broadcast_to(2 * VECTOR, before[1].shape), atol=1e-4)


def test_what_does_not_fit_is_refused():
    network = model("qwen3")
    with pytest.raises(
        DataError,
        match=re.escape(
            f"layer {LAYERS} of Qwen3ForCausalLM is not what a block puts out; the layers 1 to 3 are"
        ),
    ):
        sb.ActivationSteering(network, LAYERS, VECTOR)
    with pytest.raises(DataError, match=re.escape("shape (3,); expected (16,)")):
        sb.ActivationSteering(network, 1, np.zeros(3))
    with pytest.raises(ArgumentError, match="vector"):
        sb.ActivationSteering(network, 1, np.full(WIDTH, np.nan))
    with pytest.raises(ArgumentError, match="a causal language model of transformers"):
        sb.ActivationSteering("gpt2", 1, VECTOR)
    assert "layer 1, adding" in repr(sb.ActivationSteering(network, 1, VECTOR))


def test_blocks_that_cannot_be_found_are_said_so(monkeypatch):
    network = model("gpt2")
    monkeypatch.setattr(network.config, "n_layer", 7)
    with pytest.raises(ModelError, match="blocks of GPT2LMHeadModel cannot be told"):
        sb.ActivationSteering(network, 1, VECTOR)
