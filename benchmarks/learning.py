"""What is learned for the bytes: whole updates beside small ones, the same rounds of training.

MNIST on 10 clients, whole updates beside a chain of codecs with error feedback; then MiniLM on four
sources of sentences, all of the model beside LoRA. Settings were chosen on seeds 0 to 2, LoRA's
rank on 1 and 2; what is reported comes from seeds 3 to 5, where a seed draws the partition, the
model's first numbers and the order of the examples. Accuracy is the global model's after the last
round, on examples that no client has. Ten minutes or more, nearly all of them MiniLM's.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from statistics import mean
from time import perf_counter

import peft
import torch
from rich import box
from rich.console import Console
from rich.table import Table
from tqdm.auto import tqdm

from fedlab.data import dirichlet, mnist, natural, sentiment, tokenized
from fedlab.federations import Federation, History
from fedlab.models import TextClassifier, add_lora, minilm, seed_mlp
from fedlab.mods import compress

SEEDS = (3, 4, 5)

CHAIN = "topk:0.024|int4"
DIGIT_ROUNDS = 40

RANK = 16
TEXT_ROUNDS = 3
FULL_LR, LORA_LR = 2e-4, 3e-3
SENTENCES, TESTED, TOKENS = 320, 1_000, 24  # of each client, of the server, of a sentence


@dataclass(frozen=True)
class Pair:
    """The same rounds twice: with whole updates, and with small ones."""

    seed: int
    whole: History
    small: History

    @property
    def behind(self) -> float:
        """Points of accuracy that the small updates cost; below 0 where they gained some."""
        return 100 * (self.whole.accuracies[-1] - self.small.accuracies[-1])

    @property
    def fewer(self) -> float:
        """How many times fewer bytes of payload went up."""
        return self.whole.ledger.uplink / self.small.ledger.uplink


def digits(seed: int) -> Pair:
    """MNIST, 10 clients, labels skewed by Dirichlet(0.5)."""
    data = mnist()
    parts = dirichlet(data.train.labels, 10, 0.5, seed=seed)
    federation = Federation(
        partial(seed_mlp, seed),
        [data.train.take(part) for part in parts],
        data.test,
        lr=0.3,
        batch=32,
        epochs=2,
    )
    whole = federation.run(DIGIT_ROUNDS, seed=seed)
    return Pair(seed, whole, federation.run(DIGIT_ROUNDS, seed=seed, mods=[compress(CHAIN)]))


def texts(seed: int) -> Pair:
    """MiniLM, a client for each source of sentences, as many sentences each."""
    data = sentiment()
    full = Federation(
        partial(minilm, seed=seed),
        [
            tokenized(data.train.take(part[:SENTENCES]), TOKENS)
            for part in natural(data.train.sources, seed=seed)
        ],
        tokenized(data.test.take(range(TESTED)), TOKENS),
        lr=FULL_LR,
        batch=16,
        optimizer="adamw",
        travels="trainable",
    )
    lora = replace(full, model=partial(with_lora, seed), lr=LORA_LR)
    return Pair(seed, full.run(TEXT_ROUNDS, seed=seed), lora.run(TEXT_ROUNDS, seed=seed))


def with_lora(seed: int) -> TextClassifier:
    """MiniLM with low-rank adapters beside its queries and values; the head is trained whole."""
    model = minilm(seed=seed)
    add_lora(model.body, rank=RANK, targets=["query", "value"], seed=seed)
    return model


def beside(title: str, whole: str, small: str, pairs: Sequence[Pair]) -> Table:
    """A seed a row, then their mean and how far apart they are."""
    columns: tuple[tuple[str, str, Callable[[Pair], float]], ...] = (
        (f"{whole}, %", ".1f", lambda pair: 100 * pair.whole.accuracies[-1]),
        (f"{small}, %", ".1f", lambda pair: 100 * pair.small.accuracies[-1]),
        ("points behind", ".1f", lambda pair: pair.behind),
        (f"{whole}, bytes up", ",.0f", lambda pair: pair.whole.ledger.uplink),
        (f"{small}, bytes up", ",.0f", lambda pair: pair.small.ledger.uplink),
        ("times fewer", ".1f", lambda pair: pair.fewer),
    )
    table = Table(title=title, box=box.MARKDOWN, title_justify="left")
    table.add_column("seed")
    for name, *_ in columns:
        table.add_column(name.replace("|", r"\|"), justify="right")  # the tables are Markdown
    rows: dict[str, Callable[[Iterable[float]], float]] = {"mean": mean, "least": min, "most": max}
    for pair in pairs:
        table.add_row(str(pair.seed), *(f"{value(pair):{form}}" for _, form, value in columns))
    for name, of_all in rows.items():
        values = (f"{of_all(map(value, pairs)):{form}}" for _, form, value in columns)
        table.add_row(name, *values)
    return table


def goals(asked: dict[str, tuple[Sequence[Pair], float, float]]) -> Table:
    """For each: its pairs, how many times fewer bytes are asked for, and points behind at most."""
    table = Table(title="Goals, of the means", box=box.MARKDOWN, title_justify="left")
    table.add_column("what")
    for name in ("measured", "asked", "reached"):
        table.add_column(name, justify="right")

    def row(what: str, got: str, wanted: str, reached: bool) -> None:
        table.add_row(what, got, wanted, "yes" if reached else "no")

    for what, (pairs, least, most) in asked.items():
        fewer, behind = mean(pair.fewer for pair in pairs), mean(pair.behind for pair in pairs)
        row(f"{what}, times fewer", f"{fewer:.1f}", f"{least:g} or more", fewer >= least)
        row(f"{what}, points behind", f"{behind:.2f}", f"{most:g} or less", behind <= most)
    return table


def main() -> None:
    console = Console(width=120)
    started = perf_counter()
    chain = [digits(seed) for seed in tqdm(SEEDS, "MNIST", leave=False)]
    lora = [texts(seed) for seed in tqdm(SEEDS, "MiniLM", leave=False)]
    console.print(
        beside(f"MNIST, {DIGIT_ROUNDS} rounds of 10 clients", "whole", CHAIN, chain),
        beside(f"MiniLM, {TEXT_ROUNDS} rounds of 4 clients", "full", "LoRA", lora),
        goals({"MNIST": (chain, 100, 1), "LoRA": (lora, 50, 2)}),
        sep="\n",
        markup=False,
    )
    histories = [history for pair in chain + lora for history in (pair.whole, pair.small)]
    console.print(
        f"{date.today()}: tested on {len(mnist().test):,} digits and {TESTED:,} sentences; "
        f"{sum(len(history.ledger.failures) for history in histories)} replies failed; "
        f"{(perf_counter() - started) / 60:.0f} minutes on {os.cpu_count()} cores; "
        f"torch {torch.__version__}, peft {peft.__version__}",
        soft_wrap=True,
    )


if __name__ == "__main__":
    main()
