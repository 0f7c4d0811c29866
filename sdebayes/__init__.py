"""Bayesian stochastic differential equations for how a text moves through meaning."""
