"""Known wrong answers to the exercises of lesson 04, and what each is told."""


def mean_of_a_list(pairs):
    kept = list(pairs)
    return sum(u * w for u, w in kept) / sum(w for _, w in kept)


def mean_of_products(pairs):
    weighted, weights = zip(*((u * w, w) for u, w in pairs), strict=True)
    return sum(weighted) / sum(weights)


WRONG = [
    ("04.1", 5_050, "first round"),
    ("04.1", 5_000, "one round's updates"),
    ("04.1", 10_000, "two rounds"),
    ("04.1", 10_025, "one model each"),
    ("04.1", 50_050, "not all ten rounds'"),
    ("04.1", 100, "running mean"),
    ("04.1", 9_584.43, "in MiB"),
    ("04.1", 10.05, "GB"),
    ("04.2", lambda pairs: sum(u for u, _ in pairs) / 3, "counts alike"),
    ("04.2", lambda pairs: sum(u * w for u, w in pairs), "weighted sum"),
    ("04.2", lambda pairs: sum(u * w for u, w in pairs) / 3, "not by how many came"),
    ("04.2", lambda pairs: next(u for u, _ in pairs).mean(), "an array of shape"),
    ("04.2", lambda pairs: next(u for u, _ in pairs), "not the weighted mean"),
    ("04.2", mean_of_a_list, "at once and of 30 3"),
    ("04.2", mean_of_products, "keep none of them"),
    ("04.3", 100, "shares of the mean"),
    ("04.3", 2, "counts a half"),
    ("04.3", 0.0099, "share by examples"),
    ("04.3", 0.0198, "turn it round"),
    ("04.4", 2_239_160, "three things"),
    ("04.4", (3, 2), "three things"),
    ("04.4", (3, 2, 12 * 203_560), "bill's own total"),
    ("04.4", (3, 2, 10 * 203_560), "did answer in the other"),
    ("04.4", (3, 2, 9 * 203_560), "two models of its own"),
    ("04.4", (3, 2, 203_560), "what is left of the bill"),
    ("04.4", (3, 2, 19 * 203_560), "what travelled"),
    ("04.4", (3, 2, 11), "in models"),
    ("04.4", (4, 2, 2_239_160), "node 4 is not the one"),
    ("04.4", (3, 1, 2_239_160), "another round than 1"),
    ("04.4", (3, 2, "2 MB"), "expected a number"),
    ("04.5", 0.5, "float32"),
    ("04.5", 0.333, "may stay"),
    ("04.5", 66.7, "between 0 and 1"),
    ("04.5", 0.75, "6 bytes"),
    ("04.5", 0.8, "4 bytes, not 8"),
]
