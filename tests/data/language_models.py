"""Tiny language models with random weights, and a tokenizer of bytes, made where tests ask for them."""

from __future__ import annotations

from functools import cache

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

CONTEXT = 96
WIDTH = 16
LAYERS = 4
ATTENTION = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 32,
    "head_dim": 8,
    "max_position_embeddings": CONTEXT,
}
SETTINGS = {
    "gpt2": {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": 2, "n_positions": CONTEXT},
    "llama": ATTENTION,
    "qwen2": ATTENTION,
    "qwen3": ATTENTION,
    "mamba": {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "state_size": 4, "time_step_rank": 2},
    "rwkv": {
        "hidden_size": WIDTH,
        "attention_hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "intermediate_size": 32,
        "context_length": CONTEXT,
    },
    "bert": {
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": CONTEXT,
    },
}
CAUSAL = [name for name in SETTINGS if name != "bert"]


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """Make a tokenizer that knows every byte, and a few words."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("Ċ", "Ċ"), ("i", "s"), ("Ġ", "is")]
    words = ["<end>", *letters, *("".join(pair) for pair in merges)]
    vocabulary = {word: index for index, word in enumerate(words)}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>")


@cache
def model(name: str):
    """Make a model of a kind, its weights large enough that layers differ."""
    torch.manual_seed(0)
    ends = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    config = CONFIG_MAPPING[name](vocab_size=len(tokenizer()), **ends, **SETTINGS[name])
    made = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim > 1 and parameter.std() < 0.1:
                parameter.mul_(5)
    return made


def pair(name: str):
    """Return what `sdebayes.HiddenStates` takes."""
    return model(name), tokenizer()
