"""Figures inside the page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PREFERRED_BYTES = 120_000
"""Up to this size a figure is drawn in vectors, whatever its pixels would take."""


@dataclass(frozen=True)
class Picture:
    """A figure as a data address, and its width in inches."""

    address: str
    width: float


def picture(axes: Axes | np.ndarray) -> Picture:
    """Turn the figure of these axes into a picture, and close it.

    Parameters
    ----------
    axes
        Axes, or an array of axes of one figure.

    Returns
    -------
    Picture
        In vectors, or in pixels where these take less room and the vectors too much.
    """
    import matplotlib.pyplot as plt

    figure = np.ravel(np.asarray(axes))[0].figure
    width = float(figure.get_size_inches()[0])
    try:
        with plt.rc_context({"svg.hashsalt": "sdebayes"}):
            vector = _saved(figure, "svg", metadata={"Date": None, "Creator": None})
        pixels = _saved(figure, "png", dpi=200) if len(vector) > PREFERRED_BYTES else vector
    finally:
        plt.close(figure)
    if len(vector) <= len(pixels):
        return Picture(_address("image/svg+xml", vector), width)
    return Picture(_address("image/png", pixels), width)


def _saved(figure: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, **options)
    return buffer.getvalue()


def _address(media: str, content: bytes) -> str:
    return f"data:{media};base64,{base64.b64encode(content).decode('ascii')}"
