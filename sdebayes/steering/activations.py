"""Activation steering: a vector added to what a layer of a language model holds, while it generates."""

from __future__ import annotations

from types import TracebackType
from typing import Annotated, Any

import numpy as np

from sdebayes._core.arguments import Said, checked
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.kinds import Finite, Numbers, WholeNumber
from sdebayes.data.language_model import blocks_of

type CausalModel = Annotated[
    Any,
    Said(
        "a causal language model of transformers, with its head", lambda value: hasattr(value, "base_model")
    ),
]

_TRIED = 4


@checked
class ActivationSteering:
    r"""Add a vector to the hidden states of a layer of a language model, for as long as a ``with`` block lasts.

    .. math::
        h_l(w_i) \leftarrow h_l(w_i) + s\, v

    at every token that the model reads or writes inside of the block, s being the strength and v the vector. The
    weights stay as they are. Behind the block, however it ends, the model is the one that it was.

    Parameters
    ----------
    model
        A model of transformers, as ``AutoModelForCausalLM.from_pretrained`` loads it.
    layer
        l, counted as by `sdebayes.HiddenStates`. It must be what a block puts out, which is tried on a few tokens: of
        most models neither 0, the embedding of tokens, nor the last one, on which there is a norm.
    vector
        v, (embedding,), in units of the hidden states: the ``vector`` of `sdebayes.guiding_drift`; or the difference
        of the mean hidden states of two sets of texts, which is contrastive activation addition.
    strength
        s. Negative leads away.

    Raises
    ------
    DataError
        If the layer is not what a block puts out, or the vector has another width.
    ModelError
        If the layers of the model cannot be found.

    See Also
    --------
    sdebayes.guiding_drift : Finds the vector.
    sdebayes.HiddenStates : Counts layers alike.

    Notes
    -----
    In contrastive activation addition the vector is added at all tokens behind the user's prompt, here at those of the
    prompt as well: a text that is to go on has no user. The larger the strength, the farther the hidden states are from
    any that the model was trained on, and the worse what it writes.

    References
    ----------
    Turner et al. (2023), Steering language models with activation engineering, doi:10.48550/arXiv.2308.10248. Rimsky
    et al. (2024), Steering Llama 2 via contrastive activation addition, doi:10.48550/arXiv.2312.06681.

    Examples
    --------
    With a small model of random weights:

    >>> from transformers import LlamaConfig, LlamaForCausalLM
    >>> sizes = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "vocab_size": 99}
    >>> model = LlamaForCausalLM(LlamaConfig(num_hidden_layers=4, **sizes)).eval()
    >>> tokens = model.dummy_inputs
    >>> with sb.ActivationSteering(model, 2, np.ones(16), strength=8.0):
    ...     steered = model(**tokens).logits
    >>> bool((steered != model(**tokens).logits).any())
    True
    """

    def __init__(
        self, model: CausalModel, layer: WholeNumber, vector: Numbers, strength: Finite = 1.0
    ) -> None:
        blocks = blocks_of(model.base_model, model.config.get_text_config().num_hidden_layers)
        if blocks is None:
            raise ModelError(
                f"ActivationSteering: the blocks of {type(model).__name__} cannot be told from its other parts; give a "
                "causal language model such as GPT-2, Llama, Qwen or Mamba."
            )
        places = _outputs(model.base_model, blocks)
        if layer not in places:
            raise DataError(
                f"ActivationSteering: layer {layer} of {type(model).__name__} is not what a block puts out; the layers "
                f"{min(places)} to {max(places)} are."
            )
        values, width = np.asarray(vector, dtype=np.float64), model.config.get_text_config().hidden_size
        if values.shape != (width,):
            raise DataError(
                f"ActivationSteering: the vector has the shape {values.shape}; expected ({width},), the width of the "
                "hidden states. Is it of another model?"
            )
        self.model = model
        self.layer = layer
        self.vector = values
        self.strength = strength
        self._block = blocks[places[layer]]
        self._hook: Any = None

    def __repr__(self) -> str:
        name, size = type(self.model).__name__, np.linalg.norm(self.strength * self.vector)
        return f"ActivationSteering({name}, layer {self.layer}, adding {size:.3g})"

    def __enter__(self) -> ActivationSteering:
        """Begin to add.

        Raises
        ------
        ModelError
            If it adds already.
        """
        if self._hook is not None:
            raise ModelError("ActivationSteering: this one adds already; make another one to add twice.")
        self._hook = self._block.register_forward_hook(self._added, prepend=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the model as it was."""
        self._hook.remove()
        self._hook = None

    def _added(self, block: Any, given: Any, output: Any) -> Any:
        """Return a block's output with the vector on it; some have more to return than hidden states."""
        if isinstance(output, tuple):
            return (self._moved(output[0]), *output[1:])
        return self._moved(output)

    def _moved(self, states: Any) -> Any:
        return states + states.new_tensor(self.strength * self.vector)


def _outputs(network: Any, blocks: Any) -> dict[int, int]:
    """Find which layers are what a block puts out, and of which block, from a run on a few tokens."""
    import torch

    found: dict[int, Any] = {}

    def keep(number: int) -> Any:
        def hook(block: Any, given: Any, output: Any) -> None:
            found[number] = output[0] if isinstance(output, tuple) else output

        return hook

    hooks = [block.register_forward_hook(keep(number)) for number, block in enumerate(blocks)]
    try:
        with torch.inference_mode():
            tokens = (
                torch.arange(_TRIED, device=network.device)[None]
                % network.config.get_text_config().vocab_size
            )
            layers = network(tokens, output_hidden_states=True, use_cache=False).hidden_states
    finally:
        for one in hooks:
            one.remove()
    return {
        layer: number
        for layer, states in enumerate(layers)
        for number, output in found.items()
        if torch.equal(states, output)
    }
