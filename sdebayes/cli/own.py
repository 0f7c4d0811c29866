"""Classes and objects of the user's own modules, which are imported because the user names them, never a file."""

from __future__ import annotations

import importlib
import os
import re
import sys
from types import ModuleType
from typing import Any

from sdebayes._core.errors import ModelError

_NAME = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)", re.ASCII)


def is_own(name: str | None) -> bool:
    """Whether a choice is of the form ``module:Name``, and no file."""
    return name is not None and _NAME.fullmatch(name) is not None and not os.path.exists(name)


def own(option: str, name: str, kind: type) -> Any:
    """Return the object that ``module:Name`` names, made without arguments where it is a class.

    Parameters
    ----------
    option
        Where the user has named it, for messages.
    name
        The name; its module is imported.
    kind
        What it must be.

    Raises
    ------
    ModelError
        If the module cannot be imported, has no such object, or one of another kind.
    """
    if not is_own(name):
        raise ModelError(f"{option} {name} is not known; give module:Name.")
    module, attribute = name.split(":")
    try:
        found = getattr(imported(option, module), attribute)
    except AttributeError as error:
        raise ModelError(f"{option} {name}: the module {module} has no {attribute}.") from error
    if isinstance(found, type):
        try:
            found = found()
        except TypeError as error:
            raise ModelError(
                f"{option} {name}: {attribute} cannot be made without arguments ({error}); name an object of your "
                f"module instead, such as one_of_it = {attribute}(...)."
            ) from error
    if not isinstance(found, kind):
        raise ModelError(f"{option} {name} is of the class {type(found).__name__}, expected {kind.__name__}.")
    return found


def imported(option: str, module: str) -> ModuleType:
    """Import a module of the environment or of the current folder; a ModelError if that fails."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(
            here
        )  # last, so that no file of the folder stands in the place of an installed package
    try:
        return importlib.import_module(module)
    except Exception as error:  # a module of the user's own may fail in any way
        raise ModelError(
            f"{option} {module}: the module cannot be imported ({type(error).__name__}: {error}); it is looked for in "
            f"the environment and in {here}."
        ) from error
