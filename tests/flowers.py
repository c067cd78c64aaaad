"""Flower's own strategies by name, each for eight clients or more of which one may be bad."""

from flwr.serverapp.strategy import (
    Bulyan,
    FedAdagrad,
    FedAdam,
    FedAvg,
    FedAvgM,
    FedMedian,
    FedProx,
    FedTrimmedAvg,
    FedYogi,
    Krum,
    MultiKrum,
)

PLAIN = (FedAvg, FedAdam, FedAdagrad, FedYogi, FedAvgM, FedMedian, FedTrimmedAvg)
STRATEGIES = {kind.__name__: kind for kind in PLAIN} | {
    "FedProx": lambda **settings: FedProx(proximal_mu=0.1, **settings),
    "Krum": lambda **settings: Krum(num_malicious_nodes=1, **settings),
    "MultiKrum": lambda **settings: MultiKrum(
        num_malicious_nodes=1, num_nodes_to_select=3, **settings
    ),
    "Bulyan": lambda **settings: Bulyan(num_malicious_nodes=1, **settings),
}
