"""The way from texts to a page on the command line."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import sdebayes as sb
from sdebayes._core.errors import LeftOutWarning
from sdebayes.cli.app import app
from sdebayes.cli.inputs import without_training
from sdebayes.reporting import chapters
from sdebayes.reporting.context import ReportContext
from tests.cli.conftest import run, said, speech
from tests.data import language_models as tiny


def test_score_embeds_new_texts_in_the_posteriors_space(here):
    posterior = sb.load("posterior.nc")
    embedded = sb.embed({"new": speech(99)}, sb.SentenceEncoder(), cache=False, progress=False)
    expected = float(posterior.log_score(posterior.space.transform(embedded))[0])
    said(run("score", "posterior.nc", "new.txt"), f"new 30 {expected:.2f} {expected / 30:.3f}")


@pytest.mark.thorough
def test_a_fit_goes_on_from_its_checkpoint(here, tmp_path):
    """The second time no chain runs: the draws are those of the folder, which belongs to this fit."""
    given = (
        "fit",
        "traj.nc",
        "--exact",
        "--components",
        "1",
        "--draws",
        "6",
        "--warmup",
        "6",
        "--chains",
        "1",
    )
    kept = ("--checkpoint", str(tmp_path / "run"))
    run(*given, *kept, "-o", str(tmp_path / "first.nc"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "sdebayes.inference.checkpoint.Checkpoint.keep", lambda *_: pytest.fail("a block was made")
        )
        run(*given, *kept, "-o", str(tmp_path / "again.nc"))
    first, again = (sb.load(tmp_path / name).data["posterior"] for name in ("first.nc", "again.nc"))
    xr.testing.assert_identical(first.to_dataset(), again.to_dataset())
    other = CliRunner().invoke(app, [*given, *kept, "--seed", "1", "-o", str(tmp_path / "other.nc")])
    assert other.exit_code != 0
    assert not (tmp_path / "other.nc").exists()


@pytest.mark.thorough
def test_score_sets_several_beside_the_baseline(here):
    result = run("score", "posterior.nc", "texts", "new.txt")
    said(result, "Baseline: iid + document effect")
    assert result.stdout.count("speech ") == 8
    for words in (
        "What model can claim",
        "return to an equilibrium:",
        "Few trajectories (9)",
        "not asked coupling",
    ):
        said(result, words)


@pytest.fixture
def given(monkeypatch) -> list[ReportContext]:
    """What the chapters of pages are given, of which the scores alone are written: what others say is the page's."""
    found = []
    monkeypatch.setattr(
        "sdebayes.reporting.page.chapters_of",
        lambda _: [lambda context: found.append(context) or chapters.comparison.write(context)],
    )
    return found


def test_report_judges_on_what_was_held_out(here, given):
    run("report", "posterior.nc", "--data", "traj.nc", "-o", "report.html", "--title", "Of <peace>")
    content = Path("report.html").read_text(encoding="utf-8")
    assert given[0].test.sizes["trajectory"] == 2
    assert given[0].data.sizes["trajectory"] == 6
    assert given[0].explorer
    assert "<h1>Of &lt;peace&gt;</h1>" in content


def test_embed_leaves_out_short_and_blank_texts_on_request(here):
    for name, text in (("short", "Only peace. And trade."), ("empty", ""), ("long", speech(5))):
        Path(f"{name}.txt").write_text(text)
    result = run("embed", "short.txt", "empty.txt", "long.txt", "-o", "long.nc", "--min-steps", "3")
    said(result, "1 texts, 30 steps of 8 dimensions: long.nc")
    left_out = "2 of 3 texts have fewer than 3 steps under Sentences(block=1): 'short' (2), 'empty' (0)."
    assert result.stderr == f"sdebayes: Left out: {left_out}\n"
    assert sb.data.load("long.nc").attrs["left_out"] == left_out


def test_embed_names_texts_that_are_there_twice(here):
    for name, text in (
        ("first", speech(5)),
        ("other", speech(6)),
        ("again", f"{speech(5)} Of peace and trade it is."),
    ):
        Path(f"{name}.txt").write_text(text)
    told = "Texts that share most of their sentences: 'first' and 'again'. A fit counts them as independent"
    said(run("embed", "again.txt", "first.txt", "other.txt", "-o", "all.nc"), told)
    assert "share" not in run("embed", "first.txt", "other.txt", "-o", "two.nc").stdout


def test_embed_writes_to_a_store(here):
    lines = [f'{{"name": "n{i}", "text": "One thing. Another. The {i} third."}}' for i in range(3)]
    Path("many.jsonl").write_text("\n".join([*lines, "no JSON"]))
    said(
        run("embed", "many.jsonl", "-o", "many.zarr", "--store", "--skip-unreadable"), "3 texts, 9 steps of 5"
    )
    assert sb.data.load("many.zarr").attrs["skipped"].startswith("1 text or file cannot be read")
    for options, message in (
        (["--store", "--groups", "a"], "rename the column"),
        (["--skip-unreadable"], "goes with --store"),
        (["--store"], "cannot be read"),
    ):
        result = CliRunner().invoke(app, ["embed", "many.jsonl", "-o", "many.zarr", *options])
        assert result.exit_code == 2
        assert message in " ".join(result.stderr.split())


@pytest.mark.thorough
def test_embed_reads_hidden_states(here, tmp_path):
    tiny.model("gpt2").save_pretrained(tmp_path / "tiny")
    tiny.tokenizer().save_pretrained(tmp_path / "tiny")
    model = ["--encoder", "hidden-states", "--model", str(tmp_path / "tiny")]
    options = [*model, "--layer", "-2", "--pool", "last"]
    said(
        run("embed", "new.txt", "-o", "states.nc", *options), "1 of 1 texts is longer than the encoder reads"
    )
    run("embed", "new.txt", "-o", "alone.nc", *options, "--alone")
    for name, alone in (("states.nc", False), ("alone.nc", True)):
        encoder = sb.HiddenStates(tiny.pair("gpt2"), 3, "last", alone=alone)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LeftOutWarning)
            expected = sb.embed({"new": Path("new.txt").read_text()}, encoder, cache=False, progress=False)
        np.testing.assert_allclose(sb.data.load(name)["y"], expected["y"], atol=1e-5)
    assert "layer -2, last" in sb.data.load("alone.nc").attrs["encoder"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layer", "3"], "--layer: these go with --encoder hidden-states only"),
        (["--encoder", "minilm", "--alone", "--model", "x"], "--model, --alone: these go with"),
        (["--encoder", "hidden-states", "--model", "x", "--pool", "max"], "'mean' or 'last'"),
        (["--encoder", "hidden-states", "--model", "./none"], "'./none' cannot be loaded"),
    ],
)
def test_embed_refuses_options_that_say_nothing(here, options, message):
    result = CliRunner().invoke(app, ["embed", "new.txt", "-o", "states.nc", *options])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_embed_says_what_the_encoder_cuts_off(here, monkeypatch):
    monkeypatch.setattr(
        "sdebayes.data.SentenceEncoder.unread_tokens",
        lambda self, texts: np.array([max(0, len(text) - 100) for text in texts]),
    )
    Path("[odd].txt").write_text(f"{speech(6)} Of peace {'and trade ' * 20}it is.")
    result = run("embed", "[odd].txt", "-o", "[odd].nc")
    said(result, "[odd].nc 1 of 31 sentences is longer than the encoder reads")
    assert "Cut off: 1 of 31 sentences is longer" in result.stderr


@pytest.mark.thorough
def test_report_shows_another_fit_beside(here, given):
    shutil.copy("posterior.nc", "quick.nc")
    run(
        "report",
        "posterior.nc",
        "--data",
        "traj.nc",
        "-o",
        "both.html",
        "--beside",
        "quick.nc",
        "--no-explorer",
    )
    assert not given[0].explorer
    assert "quick" in Path("both.html").read_text(encoding="utf-8")
    for options, words in (
        (["--beside", "quick.nc"], "--data or --test"),
        (["--beside", "posterior.nc", "--data", "traj.nc"], "given twice"),
        (["--plane", "quick.nc"], "expected a nonlinear drift"),
    ):
        result = CliRunner().invoke(app, ["report", "posterior.nc", "-o", "none.html", *options])
        assert result.exit_code == 2
        assert words in result.stderr


def test_compare_leaves_out_what_was_fitted_to(here):
    result = run("compare", "posterior.nc", "--test", "traj.nc")
    said(result, "2 held-out trajectories")
    for row in (
        "posterior",
        "iid",
        "iid + document effect",
        "random walk + noise",
        "Two trajectories tell next to",
    ):
        said(result, row)
    said(result, "What posterior can claim")


def test_simulate_writes_every_draw(here):
    command = ["simulate", "posterior.nc", "--steps", "7", "--paths", "3", "--draws", "5", "-o"]
    run(*command, "sims.nc")
    run(*command, "sims.zarr")
    with xr.open_dataset("sims.nc", engine="h5netcdf") as simulated:
        assert dict(simulated["y"].sizes) == {"sample": 5, "path": 3, "time": 7, "state": 2}
        xr.testing.assert_equal(simulated, xr.open_zarr("sims.zarr", consolidated=False, chunks=None))


def test_trajectories_are_told_apart_by_their_values(here):
    posterior = sb.load("posterior.nc")
    training = posterior.training_data()
    seen, rest = without_training(posterior, training)
    assert list(seen["trajectory"].values) == list(training["trajectory"].values)
    assert rest is None
    seen, rest = without_training(posterior, training.assign(y=training["y"] + 1e-3))
    assert seen is None
    assert rest.sizes == training.sizes


def test_texts_have_no_place_in_a_space_of_other_texts(here):
    result = CliRunner().invoke(app, ["score", "posterior.nc", "new.txt", "--encoder", "another/model"])
    assert result.exit_code == 2
    assert "name the same encoder" in result.stderr
