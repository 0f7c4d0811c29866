"""Bayesian stochastic differential equations for how a text moves through meaning."""

import lazy_loader

# Names are imported when they are first used, from where ``__init__.pyi`` says.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
