"""The errors that sdebayes raises: each says what was found, where, what was expected and what to do next.

Examples
--------
>>> try:
...     sb.PCA(0)
... except sb.errors.DataError as error:
...     print(error)
PCA: n=0 must be a whole number, 1 or more, below 2**31.
"""


class SdebayesError(Exception):
    """Base class of every error that sdebayes raises on purpose."""


class DataError(SdebayesError, ValueError):
    """Texts, states or files that cannot be used as they are."""


class ModelError(SdebayesError, ValueError):
    """A model whose parts do not fit together, or do not fit the data."""


class ArgumentError(DataError, ModelError):
    """An argument of the wrong type or value, found before anything is done."""


class StateSpaceError(SdebayesError, ValueError):
    """Scores or states of two different state spaces were about to be mixed."""


class InferenceError(SdebayesError, RuntimeError):
    """A fit that could not be started or finished."""


class StoreError(SdebayesError, OSError):
    """A file that cannot be read or written."""


class ClusterError(SdebayesError, RuntimeError):
    """Work on a cluster that could not be finished: it was lost, or its workers are not what they should be."""


class SteeringError(SdebayesError, RuntimeError):
    """Steering ended early, because no candidate came.

    Attributes
    ----------
    log
        What was chosen before, as `sdebayes.steer` returns it; None if nothing was.
    """

    def __init__(self, message: str, log: object = None) -> None:
        super().__init__(message)
        self.log = log


class LeftOutWarning(UserWarning):
    """Some data were left out, as was asked for: the message says how many, and which."""


class NotStoredWarning(UserWarning):
    """A file was written without something that no file can hold: the message says what, and how to load without it."""


class UnlikelyTargetWarning(UserWarning):
    """A text is steered to where texts hardly come, or has not come to its target: the message says how far it is."""


class MissingDependencyError(SdebayesError, ImportError):
    """An optional package is needed and is not installed."""
