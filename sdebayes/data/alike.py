"""Embed new texts as those of a fit were: by the encoder and the rule that its attributes name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from sdebayes._core.errors import StateSpaceError, StoreError
from sdebayes._core.stored import decode
from sdebayes.data.embed import embed
from sdebayes.data.encoders import Encoder, identity_of
from sdebayes.data.hidden_states import NAMED, HiddenStates
from sdebayes.data.language_model import PACKAGED
from sdebayes.data.segment import Steps
from sdebayes.data.sentence_encoder import SentenceEncoder

_HUB = re.compile(r"hub ([A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?)", re.ASCII)


def embed_alike(
    attributes: Mapping[Any, Any],
    corpus: object,
    encoder: Encoder | None = None,
    min_steps: int | None = None,
) -> xr.Dataset:
    """Embed texts by the encoder and the rule of a fit.

    Parameters
    ----------
    attributes
        Those of the posterior's tree.
    corpus
        As `embed` takes it.
    encoder
        The fit's encoder, where its name alone does not lead to it. What a file names is not fetched.
    min_steps
        As in `embed`.

    Raises
    ------
    StateSpaceError
        If the fit was to arrays, by another encoder, or its encoder or rule cannot be had from its attributes.
    DataError, StoreError
        As `embed`.
    """
    if attributes.get("space_hash") is None:
        raise StateSpaceError(
            "This posterior was fitted to arrays, in which texts have no place; give a data set of such arrays."
        )
    wanted = str(attributes.get("encoder", ""))
    chosen = local_encoder(wanted) if encoder is None else encoder
    if identity_of(chosen) != wanted:
        raise StateSpaceError(
            f"The posterior's texts were embedded by {wanted!r} and these would be by {identity_of(chosen)!r}; "
            "name the same encoder with --encoder, or give it as encoder=."
        )
    rule = stored_rule(attributes)
    return embed(corpus, chosen, rule, time=str(attributes.get("time_unit", "step")), min_steps=min_steps)


def stored_rule(attributes: Mapping[Any, Any]) -> Steps:
    """Return the rule that a file describes, of a class that is defined here: nothing is imported.

    Raises
    ------
    StateSpaceError
        If it describes none.
    """
    reason = ""
    try:
        found = decode(str(attributes.get("step_rule", "")))
    except StoreError as error:
        reason = f" {error}"
    except Exception:  # what a file says may be anything, and fail in any way
        pass
    else:
        if isinstance(found, Steps):
            return found
    raise StateSpaceError(
        f"The posterior's texts were cut by {str(attributes.get('step', ''))!r}, which cannot be repeated from its "
        f"file.{reason} Embed the new ones with sdebayes.embed and give the data set."
    )


def local_encoder(wanted: str) -> SentenceEncoder | HiddenStates:
    """Return the encoder that a file names, if it is a packaged one, or one of the hub that was fetched before.

    Nothing is fetched because a file says so, and no path is opened.

    Raises
    ------
    StateSpaceError
        If it names anything else.
    """
    named = NAMED.fullmatch(wanted)
    model = named["model"] if named else wanted
    if named is None and not model.startswith("hub "):
        return SentenceEncoder()
    if named and model.startswith(f"{PACKAGED} "):
        return _hidden_states(named, None)
    of_hub = _HUB.fullmatch(model)
    if of_hub is None or Path(of_hub[1]).exists():
        raise StateSpaceError(
            f"The posterior's file names the encoder {wanted!r}, which is a path or no name of a model; a file may "
            "name the packaged model, or one of the hub that is on this machine already. If you trust it, name it "
            "yourself with --encoder, or give it as encoder=."
        )
    return _hidden_states(named, of_hub[1]) if named else SentenceEncoder(of_hub[1], download=False)


def _hidden_states(named: re.Match[str], model: str | None) -> HiddenStates:
    """Make the encoder whose options a file names."""

    def number(name: str) -> int | None:
        return None if named[name] is None else int(named[name])

    return HiddenStates(
        model,
        number("layer"),
        named["pool"],
        skip=int(named["skip"]),
        alone=named["read"] == "alone",
        context=number("context"),
        overlap=number("overlap"),
        download=False,
    )
