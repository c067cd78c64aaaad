"""Known wrong answers to the exercises of lesson 01, and what each is told."""

WRONG = [
    ("01.1", 101_770, "4 bytes wide"),
    ("01.1", 406_528, "biases are missing"),
    ("01.1", 203_540, "float16"),
    ("01.1", 203_560, "784-64-10"),
    ("01.2", lambda mib: mib, "2²⁰"),
    ("01.2", lambda mib: int(mib) * 2**20 / 10**6, "do not round"),
    ("01.3", lambda sd: sum(t.numel() for t in sd.values()) * 4, "halves are 2 bytes"),
    ("01.3", lambda sd: {}["x"], "your answer raised KeyError"),
    ("01.1", 407.08, "in kB"),
    ("01.1", 814_160, "float64"),
    ("01.4", 163_840_000, "2 bytes wide"),
    ("01.4", 655_360_000, "one listing"),
    ("01.4", 32_768_000, "sends it to ten"),
    ("01.4", 65_536_000, "one client"),
    ("01.4", 327.68, "in MB"),
]
