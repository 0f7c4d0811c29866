"""A table of scores that a report is handed must be of its model and of its held-out trajectories."""

from __future__ import annotations

import pytest

import sdebayes as sb
from sdebayes.reporting.chapters import order
from sdebayes.reporting.context import ReportContext


@pytest.fixture(scope="module")
def table(noisy, texts):
    return sb.compare({"this model": noisy}, texts[1])


def test_the_right_table_passes(noisy, texts, table):
    context = ReportContext(noisy, *texts, 10, 0, table)
    assert order.parts(context).identical(order.parts(ReportContext(noisy, *texts, 10, 0)))


def test_a_table_whose_first_row_is_another_models_is_refused(noisy, texts, table):
    swapped = table.isel(candidate=[1, 0, *range(2, table.sizes["candidate"])])
    with pytest.raises(
        sb.errors.ModelError, match=r"first row, 'iid', is off by up to .* put this posterior first"
    ):
        order.parts(ReportContext(noisy, *texts, 10, 0, swapped))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table, test: (table.isel(trajectory=slice(None, None, -1)), test), "in another order"),
        (lambda table, test: (table, test.isel(trajectory=slice(1, None))), "is in one of them alone"),
        (lambda table, test: (table.drop_vars("lower"), test), "has no 'lower'"),
        (lambda table, test: (table, None), "without test"),
    ],
    ids=["order", "others", "no_table", "no_test"],
)
def test_a_table_of_other_trajectories_is_refused_before_anything_is_computed(
    noisy, texts, table, tmp_path, change, said
):
    comparison, test = change(table, texts[1])
    path = tmp_path / "report.html"
    with pytest.raises(sb.errors.DataError, match=said):
        sb.report(noisy, path, texts[0], test, comparison=comparison)
    assert not path.exists()
