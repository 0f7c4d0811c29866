"""Finished data sets of a calibration study on disk."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from sdebayes._core.errors import StoreError
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
        self.folder, self.fingerprint = Path(folder), fingerprint
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The checkpoint folder {self.folder} cannot be made: {error}.") from error

    def write(self, number: int, record: Record) -> None:
        """Write a record, whole or not at all.

        Raises
        ------
        StoreError
            If the folder cannot be written.
        """
        buffer = io.BytesIO()
        arrays: dict[str, Any] = record.arrays() | {"fingerprint": np.array(self.fingerprint)}
        np.savez(buffer, **arrays)
        try:
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
                file.write(buffer.getvalue())
            os.replace(file.name, self._path(number))
        except OSError as error:
            raise StoreError(f"The checkpoint in {self.folder} cannot be written: {error}.") from error

    def read(self, number: int) -> Record | None:
        """Read a record, None where there is none yet.

        Raises
        ------
        StoreError
            If the file is broken, or of another study.
        """
        path = self._path(number)
        if not path.exists():
            return None
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays: dict[str, Any] = dict(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise StoreError(
                f"The checkpoint {path} cannot be read ({error}); delete it to fit that data set anew."
            ) from error
        if str(arrays.pop("fingerprint", "")) != self.fingerprint:
            raise StoreError(
                f"The checkpoint {path} belongs to another study (model, design, strategy or another argument "
                "differs); give another folder, or delete it."
            )
        return Record.of(arrays)

    def _path(self, number: int) -> Path:
        return self.folder / f"replicate-{number}.npz"
