"""What a file names is not fetched, opened or run, unless the user names it too."""

from __future__ import annotations

import json
import os
import pickle
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import sdebayes as sb
from sdebayes._core.errors import DataError, SdebayesError, StateSpaceError, StoreError
from sdebayes.cli.app import app
from sdebayes.cli.inputs import states_for
from sdebayes.posterior import serialization

PACKAGED = sb.SentenceEncoder().identity
SENTENCES = " ".join(f"Sentence {'very ' * (number % 4)}number {number} is here." for number in range(12))
PATHS = (
    "/etc/passwd",
    "/srv/models/evil",
    "./evil",
    "../evil",
    "evil/../../evil",
    "~/evil",
    "~root/evil",
    "C:\\models\\evil",
    "models\\evil",
    "\\\\server\\share\\evil",
    "file:///srv/evil",
    "https://example.org/evil",
    "hf://evil/model",
    "s3://evil/model",
    "a/b/c",
    "evil/",
    "/evil",
    "",
    " ",
    ".",
    "..",
    "-evil",
    "evil\n/srv",
    "evil\0",
    "evil model",
    "é/model",
    "here",
    "here/model",
)
NAMES = ("org/model", "model", "org-1/model_2.3", "sentence-transformers/all-MiniLM-L12-v2")


class Recorded:
    """Stands for SentenceTransformer, remembers what it is asked for, and has nothing."""

    asked: ClassVar[list[tuple[tuple, dict]]] = []

    def __init__(self, *arguments, **options):
        self.asked.append((arguments, options))
        raise OSError("not there")


@pytest.fixture
def recorded(monkeypatch, tmp_path):
    library = ModuleType("sentence_transformers")
    library.SentenceTransformer = Recorded
    monkeypatch.setitem(sys.modules, library.__name__, library)
    monkeypatch.setattr("sdebayes.data.sentence_encoder.quiet_torch", nullcontext)
    monkeypatch.setattr(Recorded, "asked", [])
    monkeypatch.setenv("SDEBAYES_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here" / "model").mkdir(parents=True)
    (tmp_path / "new.txt").write_text(SENTENCES)
    return Recorded.asked


@pytest.fixture
def states() -> xr.Dataset:
    """Trajectories that carry a state space."""

    class Vectors:
        identity = PACKAGED

        def encode(self, texts: list[str]) -> np.ndarray:
            return np.array([[len(text), text.count("e"), len(text) % 7] for text in texts], dtype=float)

    data = sb.embed({"a": SENTENCES, "b": SENTENCES[30:]}, Vectors(), cache=False, progress=False)
    return sb.PCA(1).fit(data).transform(data)


@pytest.fixture
def stored(states):
    """Make a posterior as a file would hold it, as far as texts find their way into its space."""

    def make(**attributes) -> sb.Posterior:
        attributes = {**states.attrs, "precision": "float64", **attributes}
        tree = xr.DataTree.from_dict({"constant_data": states})
        tree.attrs.update(attributes)
        return sb.Posterior(sb.SDEModel(), tree)

    return make


@pytest.fixture
def named(stored, monkeypatch):
    """Score with a file that names an encoder."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "off")
    monkeypatch.setenv("XLA_FLAGS", os.environ["XLA_FLAGS"])

    def score(encoder, *options: str):
        monkeypatch.setattr("sdebayes.posterior.load", lambda path: stored(encoder=encoder))
        Path("posterior.nc").touch()
        return CliRunner().invoke(app, ["score", "posterior.nc", "new.txt", *options])

    return score


def test_no_path_that_a_file_names_is_opened(named, recorded):
    held = 0
    for path in PATHS:
        result = named(f"hub {path}")
        assert result.exit_code == 2, (path, result.output)
        assert "name it yourself with --encoder" in result.stderr
        held += not recorded
    print(f"{held} of {len(PATHS)} paths were not opened")
    assert held == len(PATHS)


def test_no_model_that_a_file_names_is_fetched(named, recorded):
    for name in NAMES:
        result = named(f"hub {name}")
        assert result.exit_code == 2
        assert f"'{name}' cannot be loaded from this machine" in result.stderr
        assert f"--encoder {name}" in result.stderr
    held = sum(options["local_files_only"] and not options["trust_remote_code"] for _, options in recorded)
    print(f"{held} of {len(NAMES)} names were looked up on this machine only")
    assert [arguments for arguments, _ in recorded] == [(name,) for name in NAMES]
    assert held == len(NAMES)


def test_a_user_may_have_it_fetched(named, recorded):
    named("hub org/model", "--encoder", "org/model")
    ((arguments, options),) = recorded
    assert arguments == ("org/model",)
    assert not options["local_files_only"]
    assert not options["trust_remote_code"]


@pytest.mark.parametrize("encoder", ["model 0123456789abcdef01234567", "__import__('os')", "\x1b]0;x\x07", 3])
def test_what_is_no_name_of_the_hub_is_compared_and_no_more(named, recorded, encoder):
    result = named(encoder)
    assert result.exit_code == 2
    assert "name the same encoder with --encoder" in result.stderr
    assert "\x1b" not in result.stderr
    assert recorded == []


def test_nothing_is_fetched_where_that_is_not_wanted(recorded):
    encoder = sb.SentenceEncoder("org/model", download=False)
    with pytest.raises(StoreError, match="download=False"):
        encoder.encode(["One."])
    assert recorded[0][1]["local_files_only"]


@pytest.mark.parametrize(
    "rule",
    [
        *(
            f'{{"class": "Sentences", "block": {block}}}'
            for block in ("9" * 5000, "0", "-1", "1.5", '"\u0663"')
        ),
        '{"class": "os:system", "command": "mkdir run"}',
        '{"class": "NUTS"}',
        "Sentences(block=1)",
        "[" * 100_000,
        "",
        3,
    ],
)
def test_the_rule_that_a_file_describes_is_read_and_not_run(stored, recorded, rule):
    with pytest.raises(StateSpaceError, match="cannot be repeated"):
        states_for(stored(step_rule=rule), [Path("new.txt")])
    assert not Path("run").exists()


BAD_MODELS = (
    '{"class": "os.system"}',
    '{"class": "os:system"}',
    '{"class": "sdebayes.cli.app:app"}',
    '{"class": "Archive", "folder": "run"}',
    '{"class": "SDEModel", "drift": {"class": "__import__"}}',
    '{"class": ["SDEModel"]}',
    '{"class": "SDEModel", "unknown": 1}',
    '{"class": "HSGP", "functions": "x"}',
    '{"array": ["a"]}',
    '{"array": {"b": 1}}',
    '{"tuple": 3}',
    '{"class": "SDEModel", "drift": {"class": "LinearDrift", "matrix": 3, "offset": "x"}}',
    '{"class": "SDEModel", "drift": 3, "diffusion": [], "observation": "Exact"}',
    "[" * 100_000,
    '{"tuple": ' * 100_000,
    "9" * 5000,
    "null",
    "\0",
    "{}",
)


def test_a_model_in_a_file_is_data():
    held = 0
    for text in BAD_MODELS:
        with pytest.raises(SdebayesError):
            serialization.decode(text)
        held += 1
    print(f"{held} of {len(BAD_MODELS)} stored models were refused")


@pytest.mark.parametrize("space", ["[" * 100_000, "{", "[]", "3", "{}", '{"explained_variance": "x"}'])
def test_a_state_space_in_a_file_is_data(states, space):
    with pytest.raises(StateSpaceError, match="changed by hand"):
        sb.data.StateSpace.from_dataset(states.assign_attrs(space=space))


@pytest.mark.parametrize("unobserved", ["[" * 100_000, "{", "{}", "3", "[3]", 3])
def test_what_a_file_says_of_unobserved_states_is_data(states, unobserved):
    with pytest.raises(DataError, match="unobserved"):
        sb.data.validate(states.assign_attrs(unobserved=unobserved))


class Pickled:
    def __reduce__(self):
        return os.mkdir, ("run",)


@pytest.mark.parametrize("array", ["y", "text", "trajectory"])
@pytest.mark.parametrize("filters", [[{"id": "pickle"}], [{"id": "vlen-utf8"}, {"id": "pickle"}]])
def test_no_pickle_is_read_from_a_zarr_store(tmp_path, monkeypatch, array, filters):
    monkeypatch.chdir(tmp_path)
    data = sb.trajectories([np.random.default_rng(0).normal(size=(6, 2))], texts=["a"] * 6)
    store = sb.data.save(data, tmp_path / "data.zarr")
    description = json.loads((store / array / ".zarray").read_text())
    description |= {"filters": filters, "compressor": None}
    (store / array / ".zarray").write_text(json.dumps(description))
    whole = json.loads((store / ".zmetadata").read_text())
    whole["metadata"][f"{array}/.zarray"] = description
    (store / ".zmetadata").write_text(json.dumps(whole))
    for chunk in (store / array).glob("[0-9]*"):
        chunk.write_bytes(pickle.dumps(Pickled()))
    with pytest.raises(StoreError, match="cannot be read"):
        sb.data.load(store)
    assert not Path("run").exists()
    assert "run" not in sys.modules
