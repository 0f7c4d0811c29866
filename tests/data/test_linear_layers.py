"""Linear layers multiplied by oneDNN give what torch's own give."""

from __future__ import annotations

import pytest

from sdebayes.data.linear_layers import multiply_by_onednn

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="torch has no oneDNN on this machine"
)


def network(dtype: torch.dtype) -> torch.nn.Module:
    torch.manual_seed(0)
    layers = torch.nn.Linear(12, 20), torch.nn.GELU(), torch.nn.Linear(20, 7, bias=False)
    return torch.nn.Sequential(*layers).to(dtype).eval()


@pytest.mark.parametrize("shape", [(12,), (5, 12), (2, 5, 12)])
def test_they_differ_by_rounding(shape):
    own, other = network(torch.float32), network(torch.float32)
    x = torch.randn(shape)
    multiply_by_onednn(other)
    assert "forward" in vars(other[0])
    with torch.inference_mode():
        torch.testing.assert_close(other(x), own(x), rtol=1e-5, atol=1e-6)


def test_layers_in_double_precision_or_of_another_class_are_left_alone():
    class Own(torch.nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    for layer in (network(torch.float64), torch.nn.Sequential(Own(3, 3))):
        multiply_by_onednn(layer)
        assert "forward" not in vars(layer[0])


def test_without_onednn_nothing_is_changed(monkeypatch):
    layer = network(torch.float32)
    monkeypatch.setattr("torch.backends.mkldnn.is_available", lambda: False)
    multiply_by_onednn(layer)
    assert "forward" not in vars(layer[0])
