"""Files of posteriors under damage, full disks and edits by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import SdebayesError, StoreError
from sdebayes._core.netcdf import write_netcdf
from sdebayes.posterior import store
from sdebayes.posterior.load import from_tree
from tests.reliability.attacks import flipped, largest_file

FLIPS = 60
NO_TEXTS = (-5, 1.5, float("nan"), True, np.array([1, 2]))
WRONG = (*NO_TEXTS, "x", "", 99)


@pytest.fixture(scope="session")
def posterior() -> sb.Posterior:
    values = [np.random.default_rng(k).normal(size=(12, 6)) for k in range(4)]
    words = [[f"sentence {step}" for step in range(12)] for _ in values]
    embedded = sb.trajectories(values, texts=words).rename(state="embedding")
    states = sb.PCA(1).fit(embedded).transform(embedded)
    return sb.fit(sb.SDEModel(observation=sb.Exact()), states, sb.Laplace(draws=6), seed=0, progress=False)


@pytest.fixture
def path(posterior, tmp_path):
    return posterior.to_netcdf(tmp_path / "fit.nc")


def test_every_flipped_bit_and_every_cut_is_noticed(path, monkeypatch):
    """HDF5 is not asked."""
    monkeypatch.delattr(xr, "open_datatree")
    whole, held = path.read_bytes(), 0
    attacks = [flipped(whole, seed) for seed in range(FLIPS)]
    attacks += [whole[:end] for end in np.random.default_rng(0).integers(len(whole), size=20)]
    for content in attacks:
        path.write_bytes(content)
        with pytest.raises(StoreError, match=r"fit\.nc cannot be read: it (is damaged|has no seal)"):
            sb.load(path)
        held += 1
    print(f"{held} of {len(attacks)} flipped bits and cuts of a posterior noticed")
    assert held == len(attacks)


def test_a_full_disk_keeps_the_former_file_and_the_posterior(posterior, path):
    former = path.read_bytes()
    with largest_file(10_000), pytest.raises(StoreError, match=r"fit\.nc cannot be written: .*Make room"):
        posterior.to_netcdf(path)
    assert path.read_bytes() == former
    assert [entry.name for entry in path.parent.iterdir()] == ["fit.nc"]
    posterior.to_netcdf(path)
    xr.testing.assert_identical(sb.load(path).drift([0.3]), posterior.drift([0.3]))


def test_the_mode_is_kept(posterior, path):
    path.chmod(0o600)
    posterior.to_netcdf(path)
    assert path.stat().st_mode & 0o777 == 0o600


def changed(tree: xr.DataTree, group: str, edit: Callable[[xr.Dataset], xr.Dataset]) -> xr.DataTree:
    tree = tree.copy(deep=True)
    tree[group] = xr.DataTree(edit(tree[group].to_dataset()))
    return tree


def values_of(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[xr.Dataset], xr.Dataset]:
    return lambda group: group.assign({name: (group[name].dims, change(group[name].values))})


def fatal(tree: xr.DataTree) -> Iterator[tuple[str, Callable[[], xr.DataTree]]]:
    """Edits that leave no whole posterior."""
    for name in store.GROUPS:
        yield f"no group {name}", partial(tree.drop_nodes, name)
    for name in ("schema", "schema_version", "model", "model_description", "precision", "strategy_name"):
        for value in WRONG if name not in ("model_description", "strategy_name") else NO_TEXTS:
            yield f"{name}={value!r}", partial(with_attributes, tree, {**tree.attrs, name: value})
        attrs = {key: value for key, value in tree.attrs.items() if key != name}
        yield f"no {name}", partial(with_attributes, tree, attrs)
    yield "space=x", lambda: changed(tree, "constant_data", lambda g: g.assign_attrs(space="x"))
    for site in tree["unconstrained"].data_vars:
        edit = partial(changed, tree, "unconstrained")
        yield f"no {site}", partial(edit, lambda group, site=site: group.drop_vars(site))
        yield (
            f"{site} has one more dimension",
            partial(
                edit, values_of(site, lambda v: v) if False else lambda group, site=site: widened(group, site)
            ),
        )
        for what, change in (("NaN", np.nan), ("infinite", np.inf)):
            yield f"{site} {what}", partial(edit, values_of(site, partial(one_wrong, wrong=change)))
        yield f"{site} as text", partial(edit, values_of(site, lambda v: v.astype(str)))
    for name in ("drift_matrix", "equilibrium"):
        edit = partial(changed, tree, "posterior")
        yield f"{name} NaN", partial(edit, values_of(name, partial(one_wrong, wrong=np.nan)))
    for group, names in {
        "constant_data": ("trajectory_index", "space_mean", "space_components"),
        "observed_data": ("y", "t"),
    }.items():
        for name in names:
            yield f"no {name}", partial(changed, tree, group, lambda g, name=name: g.drop_vars(name))
            yield f"{name} of nothing", partial(changed, tree, group, values_of(name, np.zeros_like))


def with_attributes(tree: xr.DataTree, attributes: dict) -> xr.DataTree:
    tree = tree.copy()
    tree.attrs = attributes
    return tree


def widened(group: xr.Dataset, site: str) -> xr.Dataset:
    return group.assign({site: group[site].expand_dims(more=3, axis=2)})


def one_wrong(values: np.ndarray, wrong: float) -> np.ndarray:
    values = values.copy()
    values.flat[-1] = wrong
    return values


def test_a_posterior_that_was_edited_is_refused(posterior, tmp_path):
    """Even where the file was sealed again, which no tool but this package does."""
    path, held, missed = tmp_path / "edited.nc", 0, []
    edits = list(fatal(posterior.data))
    for what, edit in edits:
        try:
            tree = edit()
            store.check(tree, path)
            from_tree(tree, path)
        except StoreError as error:
            held += "edited.nc" in str(error) or "sdebayes.load(path, model=" in str(error)
        except Exception as error:
            missed.append(f"{what}: {error!r}"[:300])
        else:
            missed.append(what)
    print(f"{held} of {len(edits)} edits of a posterior refused")
    assert not missed, "\n".join(missed)
    assert held == len(edits)


@pytest.mark.slow
def test_edits_through_files(posterior, tmp_path):
    """The same edits, written, sealed and loaded."""
    path, ends, edits = tmp_path / "edited.nc", Counter(), list(fatal(posterior.data))
    for _, edit in edits:
        try:
            write_netcdf(edit(), path)
        except StoreError:
            ends["cannot be written"] += 1
            continue
        with pytest.raises(SdebayesError):
            sb.load(path)
        ends["refused"] += 1
    print(f"{len(edits)} edited files of a posterior: {dict(ends)}")
