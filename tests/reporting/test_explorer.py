"""The explorer holds the numbers of the analyses, and texts as texts."""

from __future__ import annotations

import base64
import gzip
import json
import re

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes import explorer
from sdebayes._core.errors import DataError, MissingDependencyError, ModelError, StateSpaceError
from sdebayes.analysis.phase_space import without_effect
from sdebayes.explorer import ExplorerData, library
from sdebayes.explorer.data import MOST_STEPS, SMOOTHED_DRAWS, _few, _words
from tests.reporting.conftest import SCRIPT, with_groups


@pytest.fixture(scope="module")
def shown(noisy, texts) -> ExplorerData:
    return ExplorerData.of(noisy, texts[0])


def steps(shown: ExplorerData, name: str) -> np.ndarray:
    return np.array([text["steps"][name] for text in shown.texts], dtype=float)


def test_places_and_their_errors_are_those_of_all_draws_together(shown, noisy, texts):
    smoothed = noisy.smooth(texts[0], samples=SMOOTHED_DRAWS)
    second = smoothed["x"].values[..., None] * smoothed["x"].values[..., None, :] + smoothed["x_covariance"]
    mean = smoothed["x"].mean("sample").values
    variance = np.diagonal(second.mean("sample").values, axis1=-2, axis2=-1) - mean**2
    unit = np.array(shown.unit)
    np.testing.assert_allclose(shown.origin + steps(shown, "x") * unit, mean, atol=0.51 * unit.max(), rtol=0)
    np.testing.assert_allclose(steps(shown, "sd") * unit, np.sqrt(variance), atol=0.51 * unit.max(), rtol=0)


def test_surprise_is_that_of_the_analysis(shown, noisy, texts):
    found = sb.analysis.quality.surprise(noisy, texts[0], samples=50)
    np.testing.assert_allclose(steps(shown, "surprise"), found["surprise"], rtol=1e-3)
    np.testing.assert_allclose(steps(shown, "tail"), found["tail_probability"], rtol=0.06)
    assert [text["title"] for text in shown.texts] == list(texts[0]["trajectory"].values)
    assert shown.texts[1]["steps"]["text"] == list(texts[0]["text"].values[1])


def test_the_drift_of_a_plane_is_that_of_the_posterior_at_its_points(shown, noisy):
    plane = shown.fields[0]["planes"]["0,1"]
    points = np.stack(np.meshgrid(plane["x"], plane["y"], indexing="ij"), axis=-1).reshape(-1, 2)
    drift = np.asarray(noisy.drift(points))
    mean = drift.mean(axis=0)
    np.testing.assert_allclose(
        np.stack([plane["u"], plane["v"]], axis=1), mean, atol=2e-3 * np.abs(mean).max()
    )
    unit = drift / np.linalg.norm(drift, axis=-1, keepdims=True)
    np.testing.assert_allclose(plane["certainty"], np.linalg.norm(unit.mean(axis=0), axis=-1), atol=0.011)


def test_arrows_of_a_drift_that_bends_are_pale_far_from_all_data(four_wells, texts):
    shown = ExplorerData.of(four_wells, texts[0])
    plane = shown.fields[0]["planes"]["0,1"]
    points = np.stack(np.meshgrid(plane["x"], plane["y"], indexing="ij"), axis=-1).reshape(-1, 2)
    far = sb.analysis.fields.data_distance(four_wells, points).values > 0.35
    certainty = np.array(plane["certainty"])
    assert 0.1 < far.mean() < 0.9
    np.testing.assert_array_equal(certainty[far], 0)
    assert certainty[~far].mean() > 0.5
    assert "or no data are near" in shown.words["remark"]


def test_at_the_equilibrium_stand_the_nearest_steps(shown, noisy, texts):
    (place,) = shown.fields[0]["places"]
    zeros = np.array([mark["place"] for mark in shown.fields[0]["equilibria"]])
    assert len(zeros) == noisy.data["posterior"].sizes["chain"] * noisy.data["posterior"].sizes["draw"]
    np.testing.assert_allclose(place["place"], zeros.mean(axis=0), atol=1e-3)
    drift = np.asarray(noisy.drift(zeros))
    assert np.abs(drift[np.arange(len(zeros)), np.arange(len(zeros))]).max() < 1e-3
    centred = without_effect(texts[0], noisy.smooth(texts[0], samples=SMOOTHED_DRAWS))["y"].values
    distance = np.linalg.norm(centred - np.array(place["place"]), axis=-1)
    nearest = np.stack(np.unravel_index(np.argsort(distance, axis=None)[:3], distance.shape), axis=1)
    assert place["nearest"] == nearest.tolist()


@pytest.mark.thorough
def test_a_drift_that_bends_has_all_its_places(four_wells, texts):
    data = texts[0].assign(y=texts[0]["y"].where(texts[0]["time"] != 3))
    found = ExplorerData.of(four_wells, data)
    stable = sorted(tuple(place["place"]) for place in found.fields[0]["places"] if place["stable"])
    np.testing.assert_allclose(stable, [(-1, -1), (-1, 1), (1, -1), (1, 1)], atol=1e-4)
    assert sum(not place["stable"] for place in found.fields[0]["places"]) == 5
    assert found.texts[0]["steps"]["x"][3] == [None, None]
    assert {value for row in found.texts[0]["steps"]["sd"] for value in row} == {0, None}


@pytest.mark.thorough
def test_groups_have_drifts_of_their_own_and_a_colour(grouped, texts):
    data = with_groups(texts[0])
    found = ExplorerData.of(grouped, data)
    assert [field["title"] for field in found.fields] == ["<b>high</b>", "low"]
    assert [text["group"] for text in found.texts] == list(data["group"].values)
    one = sb.analysis.phase_space.fixed_points(grouped.group("low"))["location"].values[:, 0]
    np.testing.assert_allclose([mark["place"] for mark in found.fields[1]["equilibria"]], one, rtol=1e-3)
    own = data.isel(trajectory=(data["group"] == "low").values)
    assert ExplorerData.of(grouped.group("low"), own).fields[0]["equilibria"] == found.fields[1]["equilibria"]


@pytest.mark.thorough
def test_regimes_colour_the_steps(texts):
    model = sb.SDEModel(sb.priors.Regimes(2, drift=sb.priors.Linear(diagonal=True)), observation=sb.Exact())
    posterior = sb.fit(model, texts[0], sb.Laplace(draws=60), seed=0, progress=False)
    found = ExplorerData.of(posterior, texts[0])
    probability = posterior.regime_probability(texts[0])["probability"].mean("sample")
    second = probability.sel(regime=2).transpose("trajectory", "time").values > 0.5
    assert [text["steps"]["regime"] for text in found.texts] == (1 + second).tolist()
    assert [field["title"] for field in found.fields] == ["regime 1", "regime 2"]


def test_of_many_steps_some_trajectories_are_kept_and_that_is_said(noisy, texts, monkeypatch):
    assert MOST_STEPS > 44 * 130
    assert _few(texts[0]) is texts[0]
    monkeypatch.setattr("sdebayes.explorer.data.MOST_STEPS", 100)
    kept = _few(texts[0])
    assert list(kept["trajectory"].values) == list(texts[0]["trajectory"].values[[0, 3]])
    assert "2 of 4 trajectories" in _words(noisy, texts[0], kept)["remark"]
    monkeypatch.setattr("sdebayes.explorer.data.MOST_STEPS", 30)
    assert "the first 30 steps" in _words(noisy, texts[0], _few(texts[0]))["remark"]


def test_what_cannot_be_explored_is_refused(exact, noisy, texts, series):
    with pytest.raises(ModelError, match="planes of two states"):
        sb.explore(exact, series)
    with pytest.raises(StateSpaceError):
        sb.explore(noisy, series)
    with pytest.raises(DataError, match="data"):
        sb.explore(noisy, texts[0].drop_vars("y"))


def test_without_the_library_it_says_what_to_install(shown, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    library.vega.cache_clear()
    with pytest.raises(MissingDependencyError, match="pip install vl-convert-python"):
        _ = explorer.Explorer(shown, "title").html
    library.vega.cache_clear()


def test_no_text_ends_its_element(shown):
    hostile = "</script><!--<script>\u2028</SCRIPT > &lt; \\u003c"
    texts = [one | {"steps": one["steps"] | {"text": [hostile] * 40}} for one in shown.texts]
    data = ExplorerData(shown.states, shown.unit, shown.origin, texts, shown.fields, shown.words)
    page = explorer.Explorer(data, SCRIPT).html
    assert re.findall("<(?:/script|script|!--)", page, re.IGNORECASE) == 3 * ["<script", "</script"]
    packed = re.search('id="explorer-data">([A-Za-z0-9+/=]+)</script>', page)[1]
    assert json.loads(gzip.decompress(base64.b64decode(packed))) == vars(data)


@pytest.mark.smoke
def test_a_page_of_44_speeches_has_at_most_3_megabytes():
    generator = np.random.default_rng(0)
    sentence = "It is of great importance that the people of this nation be well informed of the state of the union. "
    one = {
        "time": list(range(130)),
        "x": generator.integers(-300, 300, (130, 16)).tolist(),
        "sd": generator.integers(10, 99, (130, 16)).tolist(),
        "surprise": generator.normal(20, 5, 130).round(2).tolist(),
        "tail": generator.uniform(size=130).round(2).tolist(),
        "regime": None,
        "text": [sentence + sentence[:50]] * 130,
    }
    plane = dict.fromkeys(("u", "v", "certainty"), generator.normal(size=169).round(4).tolist())
    plane |= {"x": [0.1234] * 13, "y": [0.1234] * 13}
    zeros = [{"place": [0.1234] * 16, "stable": True}] * 100
    field = {"title": "", "planes": {f"{k},9": plane for k in range(15)}, "equilibria": zeros, "places": []}
    texts = [{"title": "1945 Roosevelt", "group": None, "steps": one}] * 44
    states = [f"PC{k}" for k in range(1, 17)]
    words = {"trajectory": "text", "unit": "steps", "remark": "Shown."}
    data = ExplorerData(states, [0.01] * 16, [0.0] * 16, texts, [field], words)
    assert len(explorer.Explorer(data, "Explorer").html.encode()) < 3_000_000


def test_a_frame_holds_the_page_and_a_file_is_whole(shown, tmp_path):
    made = explorer.Explorer(shown, "A <title>")
    assert made.save(tmp_path / "page.html").read_text("utf-8") == made.html
    assert "<title>A &lt;title&gt;</title>" in made.html
    frame = made._repr_html_()
    assert frame.count("<") == 2
    assert 'sandbox="allow-scripts"' in frame


def test_explore_takes_what_the_fit_took(noisy, texts, shown):
    found = sb.explore(noisy, texts[0])
    assert isinstance(texts[0], xr.Dataset)
    assert found.data == shown
