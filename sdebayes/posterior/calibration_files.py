"""Finished data sets of a calibration study on disk."""

from __future__ import annotations

from pathlib import Path

from sdebayes.inference.archive import Archive
from sdebayes.posterior.calibration_study import Record


class KeptRecords:
    """A folder with a file for each finished data set.

    Parameters
    ----------
    folder
        Made if it does not exist.
    fingerprint
        What the study is of; files of another study are refused.

    Raises
    ------
    StoreError
        If the folder cannot be made.
    """

    def __init__(self, folder: str | Path, fingerprint: str) -> None:
        whose = "study (model, design, strategy or another argument differs)"
        self._archive = Archive(folder, fingerprint, whose)

    def write(self, number: int, record: Record) -> None:
        """Write a record, whole or not at all.

        Raises
        ------
        StoreError
            If the folder cannot be written.
        """
        self._archive.write(_name(number), record.arrays())

    def read(self, number: int) -> Record | None:
        """Read a record, None where there is none yet.

        Raises
        ------
        StoreError
            If the file is broken, or of another study.
        """
        arrays = self._archive.read(_name(number))
        return Record.of(arrays) if arrays else None


def _name(number: int) -> str:
    return f"replicate-{number}"
