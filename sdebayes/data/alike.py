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


def local_encoder(wanted: str) -> SentenceEncoder:
    """Return the encoder that a file names, if it is the packaged one, or one of the hub that was fetched before.

    Nothing is fetched because a file says so, and no path is opened.

    Raises
    ------
    StateSpaceError
        If it names anything else.
    """
    if not wanted.startswith("hub "):
        return SentenceEncoder()
    named = _HUB.fullmatch(wanted)
    if named is None or Path(named[1]).exists():
        raise StateSpaceError(
            f"The posterior's file names the encoder {wanted!r}, which is a path or no name of a model; a file may "
            "name the packaged model, or one of the hub that is on this machine already. If you trust it, name it "
            "yourself with --encoder, or give it as encoder=."
        )
    return SentenceEncoder(named[1], download=False)
