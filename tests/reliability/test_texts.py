"""Texts, names and columns of any kind: the package's own error with the place, or a data set that files hold."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections import Counter

import numpy as np
import numpyro
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import sdebayes as sb
from sdebayes._core.characters import cleaned
from sdebayes._core.errors import DataError, LeftOutWarning, SdebayesError, StoreError
from sdebayes._core.netcdf import write_netcdf
from sdebayes.data import load, read_texts, save
from sdebayes.data.corpus import as_corpus

THREE = "The river rises. The harvest is late. Nobody minded it at all."
LABELS = ("trajectory", "group")

ODD = st.sampled_from(
    "\0\x07\x1b\x7f\x85\x93\ufeff\u200b\u200e\u202a\u202e\u2066\u2069\u2028\ud800\udfff\ufffe\uffff\U0010ffff\U000e0041"
    "\r\n\t\v\f \xa0/\\.,;\"'[]{}:#%e木ẞİﷺ🙂"
)
PLAIN = st.characters(exclude_categories=["Cc", "Cs"])
TEXTS = st.text(PLAIN, max_size=40) | st.text(ODD | PLAIN, max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
KEYS = st.sampled_from(["text", "name", "year", "a b", "a/b", "", ".", "time", "space_mean", "y"]) | TEXTS
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
ROWS = st.one_of(
    OBJECTS, st.builds(lambda row, text: row | {"text": f"{THREE} {text}"}, OBJECTS, TEXTS), VALUES
)


class Lengths:
    """Embeds a text as its length and its number of e's, as an encoder that takes only what is UTF-8."""

    identity = "lengths"

    def encode(self, texts):
        return np.array(
            [[len(text.encode()), text.count("e") + len(text) % 3] for text in texts], dtype=float
        )


def embed(corpus, encoder=None, **options):
    return sb.embed(corpus, encoder or Lengths(), **({"cache": False, "progress": False} | options))


def outcome(make, folder, files) -> str:
    """Return whether texts are refused by the package's own error, or all that is made of them comes back from files.

    Texts that cannot be embedded, because they have two sentences or always the same, go along with arrays.
    """
    try:
        corpus = make()
    except (DataError, StoreError):
        return "refused"
    try:
        data = embed(corpus)
    except DataError:
        names = [str(name) for name in corpus["trajectory"].values]
        data = sb.trajectories(
            {name: np.random.default_rng(0).normal(size=(3, 2)) for name in names},
            texts=[[text] * 3 for text in corpus["text"].values],
            covariates={str(name): corpus[name].values for name in corpus.coords if name not in LABELS},
        )
    for name in files:
        xr.testing.assert_identical(load(save(data, folder / name)), data)
    return "came back"


def attack(strategy, make, folder, examples, files=("data.nc",)) -> Counter:
    """Try examples of a strategy, and count what became of them."""
    found = Counter()

    @settings(max_examples=examples, database=None, deadline=None)
    @given(strategy)
    def attempt(drawn):
        found["tried"] += 1
        found[outcome(lambda: make(folder, drawn), folder, files)] += 1

    attempt()
    held = found["refused"] + found["came back"]
    print(f"{held} of {found['tried']} held: {found['came back']} came back, {found['refused']} were refused")
    return found


def from_file(folder, name, content):
    (folder / name).write_bytes(content)
    return read_texts(folder / name)


def as_jsonl(rows) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def as_csv(rows) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode("utf-8", "surrogatepass")


ATTACKS = {
    "bytes": (
        st.tuples(st.sampled_from(["a.txt", "a.csv", "a.jsonl"]), st.binary(max_size=60)),
        lambda folder, drawn: from_file(folder, *drawn),
    ),
    "txt": (
        TEXTS,
        lambda folder, text: from_file(folder, "a.txt", f"{THREE} {text}".encode("utf-8", "surrogatepass")),
    ),
    "csv": (
        st.tuples(st.lists(KEYS, min_size=1, max_size=4), st.lists(st.lists(TEXTS, max_size=4), max_size=3)),
        lambda folder, drawn: from_file(folder, "a.csv", as_csv([drawn[0], *drawn[1]])),
    ),
    "csv with texts": (
        st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=3),
        lambda folder, rows: from_file(
            folder,
            "a.csv",
            as_csv([["name", "text", "k ind"], *((n, f"{THREE} {t}", k) for n, t, k in rows)]),
        ),
    ),
    "jsonl": (
        st.lists(ROWS, min_size=1, max_size=3),
        lambda folder, rows: from_file(folder, "a.jsonl", as_jsonl(rows)),
    ),
    "strings": (
        st.dictionaries(TEXTS, TEXTS.map(lambda text: f"{text} {THREE} {text}"), min_size=1, max_size=3),
        lambda folder, texts: sb.data.corpus.as_corpus(texts),
    ),
    "columns": (
        st.tuples(KEYS, VALUES, VALUES),
        lambda folder, drawn: sb.data.corpus.as_corpus(
            xr.Dataset(
                {
                    "text": ("trajectory", [THREE, f"{THREE} More."]),
                    drawn[0]: ("trajectory", objects(drawn[1:])),
                },
                {"trajectory": ["a", "b"]},
            )
        ),
    ),
}


def objects(values) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@pytest.mark.parametrize("name", ATTACKS)
def test_any_texts_are_refused_or_come_back(tmp_path, name):
    found = attack(*ATTACKS[name], tmp_path, 15)
    assert found["refused"] + found["came back"] == found["tried"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_any_texts_are_refused_or_come_back_at_length(tmp_path, name):
    found = attack(*ATTACKS[name], tmp_path, 400)
    assert found["refused"] + found["came back"] == found["tried"]
    found = attack(*ATTACKS[name], tmp_path, 30, ("data.nc", "data.zarr"))
    assert found["refused"] + found["came back"] == found["tried"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.txt",
            f"{THREE}\n{THREE} \0 {THREE}",
            r"a\.txt, line 2: there is the character U\+0000 .* UTF-16",
        ),
        ("a.txt", THREE.encode("utf-16"), r"a\.txt is not UTF-8: byte 0xff at position 0, line 1"),
        ("a.txt", THREE.encode("utf-16-le"), r"a\.txt: there is the character U\+0000"),
        ("a.txt", f"{THREE}\n\nIt was \x93so\x94.", r"line 3: .* U\+0093 after .* Windows-1252"),
        ("a.txt", f"\x1b[31m{THREE}", r"U\+001B .* a control character"),
        ("a.txt", f"{THREE} \u202e.elbat", r"U\+202E .* another order than it is read"),
        ("a.txt", b"One.\nTwo.\n\xff", r"byte 0xff at position 10, line 3"),
        ("a.txt", b"", r"blank: 'a'"),
        ("a.csv", b"", r"a\.csv has no row"),
        ("a.csv", "text,text\na,b\n", r"a\.csv, line 1: Two columns have one name: 'text'"),
        ("a.csv", "text,a b,a/b\na,b,c\n", r"line 1: Two columns have one name: 'a_b'"),
        ("a.csv", 'text,k\n"One.\nTwo.",1\nThree.\n', r"line 4 has 1 fields, but the header has 2: text, k"),
        ("a.csv", 'text\n"One.\nTwo."\nA\0B\n', r"a\.csv, line 4: there is the character U\+0000"),
        ("a.csv", 'text\na\n"b\nc', r"a\.csv, line 3 cannot be read as CSV: unexpected end of data"),
        ("a.csv", "name,text\n,One.\n", r"a\.csv, line 2: the name is blank"),
        ("a.csv", 'name,text\n"a\nb",One.\n', r"line 2: the name is 'a\\nb', with a line break"),
        ("a.jsonl", "[" * 100_000, r"a\.jsonl, line 1 is nested too deeply"),
        (
            "a.jsonl",
            '{"text": "a", "b": ' + "[" * 900 + "]" * 900 + "}\n3",
            r"a\.jsonl, line 2 is no JSON object",
        ),
        (
            "a.jsonl",
            '{"text": "a"}\n{"text": "a", "text": "b"}',
            r"line 2 is not JSON: the key 'text' stands twice",
        ),
        ("a.jsonl", '{"text": "a", "n": 1e999}', r"line 1, column 'n' is infinite"),
        ("a.jsonl", '{"text": "a", "n": -Infinity}', r"line 1, column 'n' is infinite"),
        ("a.jsonl", '{"text": "a", "n": ' + "9" * 5000 + "}", r"line 1 is not JSON: Exceeds the limit"),
        (
            "a.jsonl",
            '{"text": "a"}\n{"text": "b \\ud800"}',
            r"line 2, column 'text': .* U\+D800 .* surrogate",
        ),
        ("a.jsonl", '{"text": "b", "c\\u0007": 1}', r"line 1, a key: .* U\+0007"),
        ("a.jsonl", '{"text": "b", "c": "\\u202e"}', r"line 1, column 'c': .* U\+202E"),
        ("a.jsonl", '{"text": ["b"]}', r"line 1 has no text"),
        ("a.jsonl", '{"text": null}', r"line 1 has no text"),
        ("a.jsonl", '{"text": "a", "name": ["b"]}', r"line 1: the name is \['b'\]"),
        ("a.jsonl", "null", r"line 1 is no JSON object"),
        ("a.jsonl", "", r"a\.jsonl has no row"),
    ],
)
def test_what_is_refused_is_refused_with_its_place(tmp_path, name, content, message):
    content = content if isinstance(content, bytes) else content.encode()
    with pytest.raises(DataError, match=message):
        from_file(tmp_path, name, content)


def test_what_is_no_part_of_the_words_is_cleaned(tmp_path):
    text = "\ufeffThe river\u2066 rises\u2069.\r\nThe harvest is late.\r\ufeffNobody\v minded\f it."
    plain = "The river rises.\nThe harvest is late.\nNobody  minded  it."
    for name, content in (
        ("a.txt", text),
        ("a.csv", f'\ufefftext\r\n"{text}"\r\n'),
        ("a.jsonl", f"\ufeff{json.dumps({'text': text})}\r\n\r\n"),
    ):
        (found,) = from_file(tmp_path, name, content.encode())["text"].values
        assert found == plain
    assert sb.data.corpus.as_corpus([text])["text"].item() == plain
    assert cleaned(plain, "text") == plain


def test_all_that_is_ordinary_stays(tmp_path):
    text = "„Größe“ naïve 木 🙂 שלום\u200f a\u200bb\ufffd \ue000\u0378 \uffff\ttab.\nİẞﷺ\u2028"
    assert from_file(tmp_path, "a.txt", text.encode())["text"].item() == text


def test_columns_of_files_get_names_that_files_hold(tmp_path):
    header = " text ,year of birth,,a/b,.c,time,space_mean,name"
    corpus = from_file(tmp_path, "a.csv", f"{header}\n{THREE},1,2,3,4,5,6,x\n{THREE} So.,,,,,,,y\n".encode())
    names = ["year_of_birth", "column_3", "a_b", "_c", "_time", "_space_mean"]
    assert [name for name in corpus.coords if name != "trajectory"] == names
    assert [float(corpus[name].values[0]) for name in names] == [1, 2, 3, 4, 5, 6]
    assert np.isnan(corpus["_c"].values[1])
    data = embed(corpus)
    for name in ("data.nc", "data.zarr"):
        xr.testing.assert_identical(load(save(data, tmp_path / name)), data)


def test_columns_of_csv_are_numbers_where_each_cell_is_one(tmp_path):
    rows = ["year,gap,share,code,mixed,none", "1990,1,-0.5,007,1,", "2003,,12.25,8,a,"]
    lines = "\n".join(f"{row},{text}" for row, text in zip(rows, ["text", THREE, THREE], strict=True))
    corpus = from_file(tmp_path, "a.csv", lines.encode())
    assert corpus["year"].dtype == np.int64
    assert corpus["year"].values.tolist() == [1990, 2003]
    np.testing.assert_array_equal(corpus["gap"].values, [1, np.nan])
    assert corpus["share"].values.tolist() == [-0.5, 12.25]
    for name, texts in {"code": ["007", "8"], "mixed": ["1", "a"], "none": ["", ""]}.items():
        assert corpus[name].values.tolist() == texts


def test_a_table_is_a_corpus():
    frame = pd.DataFrame({"name": ["a", "b"], "text": [THREE, f"{THREE} So."], "year of birth": [1990, 2003]})
    corpus = as_corpus(frame)
    assert corpus["trajectory"].values.tolist() == ["a", "b"]
    assert corpus["year_of_birth"].values.tolist() == [1990, 2003]
    assert as_corpus(frame[["text"]])["trajectory"].values.tolist() == ["text 1", "text 2"]
    with pytest.raises(DataError, match=r"columns name, body; expected one called 'text'.*frame\.rename"):
        as_corpus(pd.DataFrame({"name": ["a"], "body": [THREE]}))
    with pytest.raises(DataError, match="Text 'text 2' is of type float"):
        as_corpus(pd.DataFrame({"text": [THREE, np.nan]}))


def test_directories_within_a_directory_are_named(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.txt").write_text(THREE)
    with pytest.raises(DataError, match=r"1 directories, which are not read\. Give these themselves: .*own$"):
        read_texts(tmp_path)


def test_columns_of_json_keep_numbers_and_say_what_is_missing(tmp_path):
    columns = {
        "whole": [1, 2],
        "gaps": [1, None],
        "nan": [float("nan"), 2],
        "large": [2**70, 1],
        "true": [True, False],
        "mixed": [True, "a"],
        "none": [None, None],
        "nested": [{"ä": [1]}, []],
        "word": ["a", None],
    }
    rows = [{"text": f"{THREE} {i}"} | {name: values[i] for name, values in columns.items()} for i in (0, 1)]
    corpus = from_file(tmp_path, "a.jsonl", as_jsonl(rows))
    assert corpus["whole"].values.tolist() == [1, 2]
    np.testing.assert_array_equal(corpus["gaps"].values, [1, np.nan])
    np.testing.assert_array_equal(corpus["nan"].values, [np.nan, 2])
    assert corpus["large"].values.tolist() == [str(2**70), "1"]
    assert corpus["true"].values.tolist() == [True, False]
    assert corpus["mixed"].values.tolist() == ["true", "a"]
    assert corpus["none"].values.tolist() == ["", ""]
    assert corpus["nested"].values.tolist() == ['{"ä": [1]}', "[]"]
    assert corpus["word"].values.tolist() == ["a", ""]


def test_fields_and_lines_may_be_of_any_length(tmp_path):
    long = " ".join(f"Sentence number {number} is here." for number in range(20_000))
    before = csv.field_size_limit()
    corpus = from_file(tmp_path, "a.csv", as_csv([["text"], [long]]))
    assert csv.field_size_limit() == before
    assert corpus["text"].item() == long
    assert from_file(tmp_path, "a.jsonl", as_jsonl([{"text": long}]))["text"].item() == long
    with pytest.raises(DataError, match="line 2 cannot be read"):
        from_file(tmp_path, "b.csv", f'text\n"{long}'.encode())
    assert csv.field_size_limit() == before


def test_long_fields_are_read_in_threads(tmp_path):
    (tmp_path / "a.csv").write_bytes(as_csv([["text"], ["x" * 200_000]]))
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(read_texts(tmp_path / "a.csv"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8


def test_files_that_cannot_be_opened_are_named(tmp_path):
    with pytest.raises(StoreError, match="cannot be read"):
        read_texts(tmp_path / ("x" * 300 + ".csv"))
    with pytest.raises(DataError, match="read_texts: paths"):
        read_texts("a\0.txt")
    with pytest.raises(DataError, match=r"The name of the file .* U\+DCFF"):
        from_file(tmp_path, "a\udcff.txt", THREE.encode())


BAD = {"surrogate": "a \ud800", "NUL": "a\0b", "escape": "\x1b[2J", "override": "\u202ea"}
BAD_NAMES = BAD | {"empty": "", "blank": " \t", "two lines": "a\nb", "only a mark": "\ufeff"}


@pytest.mark.parametrize("bad", BAD_NAMES)
def test_names_are_checked_before_anything_is_embedded(bad, untyped):
    word, asked = BAD_NAMES[bad], []

    class Asked(Lengths):
        def encode(self, texts):
            asked.append(texts)

    two = {"text": ("trajectory", [THREE, f"{THREE} More."])}
    for corpus in (
        {"a": THREE, word: THREE},
        pd.Series([THREE], index=pd.Index([word], dtype=object)),
        xr.Dataset(two, {"trajectory": ["a", word]}),
        xr.Dataset(two | {word: ("trajectory", [1, 2])}, {"trajectory": ["a", "b"]}),
    ):
        with pytest.raises(DataError, match="name"):
            embed(corpus, Asked())
    assert asked == []


@pytest.mark.parametrize("bad", BAD)
def test_texts_are_checked_before_anything_is_embedded(bad):
    text = f"{THREE} {BAD[bad]}"
    for corpus in ([text], {"a": text}, pd.Series({"a": text}, dtype=object)):
        with pytest.raises(DataError, match=r"Text 'text 1'|Text 'a'"):
            embed(corpus)
    corpus = xr.Dataset({"text": ("trajectory", [THREE]), "k": ("trajectory", [text])}, {"trajectory": ["a"]})
    with pytest.raises(DataError, match="'k' of text 1"):
        embed(corpus)
    with pytest.raises(DataError, match="Text 2 to embed"):
        sb.SentenceEncoder().encode([THREE, text])


@pytest.mark.parametrize(
    "name", ["a/b", "a b", ".", "..", ".zattrs", "a\\b", "é" * 61, "time", "y", "space_mean"]
)
def test_variables_that_files_cannot_hold_are_refused(name, untyped):
    corpus = xr.Dataset({"text": ("trajectory", [THREE]), name: ("trajectory", [1])}, {"trajectory": ["a"]})
    with pytest.raises(DataError, match="The name of a variable of the corpus is"):
        embed(corpus)
    x = np.random.default_rng(0).normal(size=(4, 1))
    with pytest.raises(DataError, match="The name of a covariate is"):
        sb.trajectories(x, covariates={name: [1]})


@pytest.mark.parametrize("value", [{}, [1], 1j, b"a", object()])
def test_values_that_files_cannot_hold_are_refused(value):
    corpus = xr.Dataset(
        {"text": ("trajectory", [THREE]), "k": ("trajectory", objects([value]))}, {"trajectory": ["a"]}
    )
    with pytest.raises(DataError, match="'k' of text 1 is of type"):
        embed(corpus)


@pytest.mark.parametrize("bad", BAD)
def test_what_goes_along_with_arrays_is_checked(bad):
    word, x = BAD[bad], np.random.default_rng(0).normal(size=(2, 4, 1))
    for options in (
        {"names": ["a", word]},
        {"groups": ["a", word]},
        {"time_unit": word},
        {"texts": [["a"] * 4, ["a", "b", word, "c"]]},
        {"covariates": {word: [1, 2]}},
        {"covariates": {"k": ["a", word]}},
        {"covariates": {"k": [["a"] * 4, ["a", "b", word, "c"]]}},
    ):
        with pytest.raises(DataError, match=r"U\+"):
            sb.trajectories(x, **options)
    table = pd.DataFrame(x[0, :, [0, 0]].T, columns=pd.Index(["a", word], dtype=object))
    with pytest.raises(DataError, match=r"The name of column 2: .*U\+"):
        sb.trajectories(table)


def test_names_in_files_of_others_are_checked(tmp_path):
    """A terminal would obey what a name says."""
    data = sb.trajectories(np.random.default_rng(0).normal(size=(1, 4, 1)))
    write_netcdf(data.assign_coords(trajectory=["\x1b[2J"]), tmp_path / "data.nc")
    with pytest.raises(DataError, match=r"The name of trajectory 1: .* U\+001B"):
        load(tmp_path / "data.nc")


@pytest.mark.parametrize("column", ["", None, np.nan, pd.NA, " "])
def test_a_state_has_a_name(column):
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(4, 2)), columns=["a", column])
    with pytest.raises(DataError, match="The name of column 2 is blank"):
        sb.trajectories(table)


@pytest.mark.parametrize("name", ["a/b", "a b", ""])
def test_a_parameter_has_a_name_that_files_hold(name):
    with pytest.raises(SdebayesError, match="The name of a parameter is"):
        sb.priors.Parametric(lambda x, t, parameters: -x, {name: numpyro.distributions.Uniform(1, 2)})


class Short(Lengths):
    """Reads ten words of a text."""

    identity = "short"

    def __init__(self):
        self.asked = []

    def unread_tokens(self, texts):
        self.asked += texts
        return np.array([max(0, len(text.split()) - 10) for text in texts])


LONG = f"Word {'word ' * 24}end."


def test_what_an_encoder_does_not_read_is_counted_and_said(tmp_path):
    encoder, corpus = Short(), {"a": THREE, "b": f"{THREE} {LONG} So {LONG} {LONG}"}
    said = (
        "3 of 9 sentences are longer than the encoder reads, which leaves out their ends: at most 17 tokens, in 'b', "
        "step 4."
    )
    for _ in range(2):
        with pytest.warns(LeftOutWarning, match="^Cut off: 3 of 9 sentences are longer"):
            data = embed(corpus, encoder, cache=tmp_path)
        assert data.attrs["cut_off"] == said
    assert len(encoder.asked) == len(set(encoder.asked)) == 5
    xr.testing.assert_identical(load(save(data, tmp_path / "data.nc")), data)
    states = sb.PCA(1).fit(data).transform(sb.split(data, test=1)[0])
    assert states.attrs["cut_off"] == said
    assert "cut_off" not in embed({"a": THREE}, encoder).attrs


def test_a_long_sentence_now_and_then_is_no_warning():
    many = " ".join(f"Sentence number {number} is here." for number in range(100))
    data = embed({"a": f"{many} {LONG}"}, Short())
    assert data.attrs["cut_off"].startswith("1 of 101 sentences is longer")


@pytest.mark.parametrize("counts", [[1.0, 2.0, 3.0], [1, 2], [[1, 2, 3]], ["a"] * 3, None])
def test_bad_counts_are_refused(counts):
    class Bad(Lengths):
        def unread_tokens(self, texts):
            return counts

    with pytest.raises(DataError, match="unread_tokens returned"):
        embed({"a": THREE}, Bad())
