"""A fit to texts whose sentences name places."""

from __future__ import annotations

import pytest

import sdebayes as sb
from tests.analysis.quality_truth import texts
from tests.steering.places import Places, sentence


@pytest.fixture(scope="session")
def posterior():
    corpus = [" ".join(map(sentence, one)) for one in texts(12, 30, 3)["y"].values]
    data = sb.embed(corpus, Places(), cache=False)
    states = sb.PCA(2).fit(data).transform(data)
    model = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True))
    return sb.fit(model, states, sb.Laplace(draws=30), seed=0, progress=False)
