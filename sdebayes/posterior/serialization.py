"""Models as JSON: which classes with which constants, and no code."""

from __future__ import annotations

from dataclasses import is_dataclass

from sdebayes._core import stored
from sdebayes._core.errors import StoreError
from sdebayes._core.stored import encode as encode
from sdebayes.inference import AbstractStrategy
from sdebayes.model.sdemodel import SDEModel


def described(model: SDEModel, strategy: AbstractStrategy) -> dict[str, str]:
    """Return what a file says of a model and its strategy."""
    return {
        **described_model(model),
        "strategy": repr(strategy),
        "strategy_name": stored.name_of(type(strategy)),
    }


def described_model(model: SDEModel) -> dict[str, str]:
    """Return what a file says of a model: ``not_stored`` is what no file can hold, or empty."""
    not_stored = ""
    try:
        text = stored.encode(model)
    except StoreError as error:
        text, not_stored = "", str(error)
    return {"model": text, "model_description": model.describe(), "not_stored": not_stored}


def check_known_again(strategy: AbstractStrategy) -> None:
    """Raise a StoreError unless the next process can tell a strategy from others, as a checkpoint asks."""
    if not is_dataclass(strategy):
        name = type(strategy).__name__
        raise StoreError(
            f"A checkpoint knows a fit by the fields of its strategy, and {name} is no dataclass: put "
            f"@dataclass(frozen=True) above class {name}, or fit without checkpoint."
        )


def decode(text: str) -> SDEModel:
    """Read a model from JSON, its known functions in the precision in force.

    Raises
    ------
    StoreError
        If the text is not a model of this version, or has a class that is not defined.
    """
    give_it = "give the model yourself: sdebayes.load(path, model=...)."
    try:
        model = stored.decode(text)
    except StoreError as error:
        raise StoreError(f"The stored model cannot be read. {error} Or {give_it}") from error
    except Exception as error:  # what a file holds may be anything, and fail in any way
        raise StoreError(
            f"The stored model cannot be read ({type(error).__name__}: {error}); {give_it}"
        ) from error
    if not isinstance(model, SDEModel):
        raise StoreError(f"The stored model is no SDEModel; {give_it}")
    return model
