"""What the page gives as callables are callables that `sdebayes.steer` takes."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from tests.data.language_models import model, tokenizer
from tests.project.source import ROOT

PAGE = (ROOT / "docs" / "how-to" / "steer.md").read_text(encoding="utf-8")
BLOCKS = [
    block
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    if "def generate" in block
]


class Server:
    """A client with the interface of OpenAI's, which says what it was asked."""

    def __init__(self) -> None:
        self.completions = self
        self.chat = SimpleNamespace(completions=self)

    def create(self, model: str, n: int, prompt: str = "", messages=(), max_tokens: int = 0):
        asked = prompt or messages[0]["content"]
        said = [f"{asked} {row}" for row in range(n)]
        return SimpleNamespace(
            choices=[SimpleNamespace(text=one, message=SimpleNamespace(content=one)) for one in said]
        )


@pytest.mark.parametrize("block", BLOCKS, ids=["transformers", "completions", "chat"])
def test_they_return_so_many_texts_that_follow(block):
    known = {"model": model("llama"), "tokenizer": tokenizer(), "client": Server()}
    exec(block, known)
    found = known["generate"]("So it is.", 3)
    assert len(found) == 3
    assert all(isinstance(one, str) for one in found)
    if "client" in block:
        assert found[2].endswith("So it is. 2")
    else:
        assert not any(one.startswith("So it is.") for one in found)
