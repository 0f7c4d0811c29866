"""Bayesian stochastic differential equations for how a text moves through meaning."""

import lazy_loader

# Names are imported when they are first used, from where ``__init__.pyi`` says.
_attribute, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    return _attribute(name)
