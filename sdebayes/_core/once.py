"""Values that are computed once for an object, whatever thread asks for them first."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable


def once[Owner, Value](function: Callable[[Owner], Value]) -> Callable[[Owner], Value]:
    """Make a function of an object compute once for it: threads that ask meanwhile wait for the first.

    An error is not kept: who asks next computes anew, and is told of it as well.

    Parameters
    ----------
    function
        A method without arguments, perhaps under ``property``, or a function of one object, which has a ``__dict__``.
    """
    is_method = function.__qualname__ != function.__name__
    name = function.__name__ if is_method else f"{function.__module__}.{function.__name__}"

    @functools.wraps(function)
    def known(owner: Owner) -> Value:
        own = vars(owner)
        if name not in own:
            with own.setdefault(f"{name} is under way", threading.RLock()):
                if name not in own:
                    own[name] = function(owner)
        found: Value = own[name]
        return found

    return known
