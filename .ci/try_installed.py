"""Use the installed package from arrays to a report, in a folder that is not the repository's."""

import importlib
import pkgutil
import sys
from pathlib import Path

import sdebayes as sb

LAZY = {"jax", "matplotlib", "numpyro", "scipy", "sklearn", "torch", "transformers", "xarray"}
loaded = LAZY & sys.modules.keys()
if loaded:
    sys.exit(f"import sdebayes loads {', '.join(sorted(loaded))}")

data, _ = sb.datasets.benchmark("ornstein_uhlenbeck", n_steps=40, dt=0.1, n_trajectories=4, seed=1, noise=0.2)
model = sb.SDEModel(sb.priors.Linear(), sb.priors.Constant(), observation=sb.GaussianNoise())
posterior = sb.fit(model, data, sb.Laplace(draws=30), seed=0)
sb.report(posterior, "report.html", data=data)
posterior.to_netcdf("posterior.nc")
again = sb.load("posterior.nc")
if again.log_score(data).values.tolist() != posterior.log_score(data).values.tolist():
    sys.exit("a posterior that was written and read scores otherwise")

for module in pkgutil.walk_packages(sb.__path__, "sdebayes."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(f"report.html: {Path('report.html').stat().st_size / 1e6:.1f} MB")
