"""Known wrong answers to the exercises of lesson 12, and what each is told."""

from fedlab.capstone import Plan


def single_rounds(target, accuracies):
    return next((n for n, a in enumerate(accuracies) if n and a >= target), None)


def mean_with_round_zero(target, accuracies):
    ends = range(4, len(accuracies))
    return next((n for n in ends if sum(accuracies[n - 4 : n + 1]) / 5 >= target), None)


def mean_of_fewer_than_five(target, accuracies):
    for n in range(1, len(accuracies)):
        last = accuracies[max(1, n - 4) : n + 1]
        if sum(last) / len(last) >= target:
            return n
    return None


WRONG = [
    ("12.1", 12.5, "in kB"),
    ("12.1", 1_250, "do not share"),
    ("12.1", 125_000, "all ten send"),
    ("12.1", 6_250, "what comes down"),
    ("12.1", 203_560, "in full"),
    ("12.1", 7_200_000, "in each round"),
    ("12.1", 12_207, "1,024"),
    ("12.1", 12_800, "KiB"),
    ("12.1", 7_500, "this run has 24"),
    ("12.2", 4, "lean does not"),
    ("12.2", 2, "global model is needed"),
    ("12.2", 1, "folded into"),
    ("12.2", 1_002, "first round"),
    ("12.2", 2_002, "keeps no update"),
    ("12.2", 300, "does not grow"),
    ("12.2", 1_000, "keeps none"),
    ("12.3", single_rounds, "no mean of five"),
    ("12.3", mean_with_round_zero, "five rounds are needed"),
    ("12.3", mean_of_fewer_than_five, "five will do"),
    ("12.3", lambda target, accuracies: len(accuracies) - 1, "rounds 3 to 7"),
    ("12.3", lambda target: 5, "TypeError"),
    ("12.4", {"codec": "int8"}, "expected a Plan, as in Plan(rounds=20), got a dict"),
    ("12.4", Plan(codec="zip"), "unknown codec 'zip'"),
    ("12.4", Plan(layers=("1",)), "no '1'; there are 0, 2"),
    ("12.4", Plan(rounds=100), "from 1 to 40, got 100"),
    ("12.4", Plan(learning_rate=...), "above 0, got ..."),
    ("12.4", Plan(layers=["2"], rounds=2, aggregation="lean"), "points below 92%"),
    ("12.4", Plan(rounds=2, local_epochs=1), "turn codec, layers or rounds"),
    ("12.4", Plan(rounds=2, local_epochs=1), "turn aggregation: a list"),
]
