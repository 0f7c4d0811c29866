"""Kernels against another library, their derivatives, and integrals of their spectral densities."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special
from sklearn.gaussian_process import kernels as peer

from tests.priors.processes import KERNELS, exact, named


@pytest.fixture(autouse=True)
def _double(x64):
    """Everything here in double precision."""


@pytest.mark.parametrize("kernel", KERNELS, ids=named)
def test_kernels_agree_with_another_library(kernel):
    x = np.linspace(0, 4, 30)[:, None]
    theirs = {
        "SquaredExponential": peer.RBF(),
        "Matern32": peer.Matern(nu=1.5),
        "Matern52": peer.Matern(nu=2.5),
    }
    np.testing.assert_allclose(exact(kernel, x, x, 1.0), theirs[named(kernel)](x), atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS, ids=named)
def test_slope_and_bend_are_derivatives(kernel):
    r = jnp.linspace(0.1, 4, 20)
    for function, derivative in ((kernel.covariance, kernel.slope), (kernel.slope, kernel.bend)):
        np.testing.assert_allclose(derivative(r), jax.vmap(jax.grad(function))(r) / r, rtol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("kernel", KERNELS, ids=named)
def test_the_spectral_density_is_the_kernels_fourier_transform(kernel, n):
    """Along one axis of an anisotropic kernel, by the radial inversion formula (Hankel's transform)."""
    lengthscale = jnp.array([0.7, 20.0, 0.1][:n])
    wave = {
        1: lambda z: np.cos(z) / np.pi,
        2: lambda z: special.j0(z) / (2 * np.pi),
        3: lambda z: np.sinc(z / np.pi) / (2 * np.pi**2),
    }
    nodes, weights = np.polynomial.legendre.leggauss(400)
    radius = 40 * (nodes + 1)
    omega = np.zeros((400, n))
    omega[:, 0] = radius / lengthscale[0]
    density = np.asarray(kernel.spectral_density(jnp.asarray(omega), lengthscale)) / np.prod(lengthscale)
    for r in (0.0, 0.5, 1.3):
        integral = 40 * weights @ (density * wave[n](radius * r) * radius ** (n - 1))
        np.testing.assert_allclose(integral, kernel.covariance(jnp.array(r)), atol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 8])
@pytest.mark.parametrize("kernel", KERNELS, ids=named)
def test_frequencies_have_the_law_of_the_spectral_density(kernel, n):
    surface = 2 * np.pi ** (n / 2) / special.gamma(n / 2)

    def density(radius):
        omega = np.zeros((len(radius), n))
        omega[:, 0] = radius
        density = np.asarray(kernel.spectral_density(jnp.asarray(omega), jnp.ones(n)))
        return density * surface * (radius / (2 * np.pi)) ** n / radius

    probabilities = np.array([0.1, 0.5, 0.95])
    for probability, end in zip(probabilities, kernel.spectral_radius(probabilities, n), strict=True):
        nodes, weights = np.polynomial.legendre.leggauss(60)
        integral = end / 2 * weights @ density(end / 2 * (nodes + 1))
        assert integral == pytest.approx(probability, abs=1e-6)
