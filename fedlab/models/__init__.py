"""The course's models: built from a configuration, with fixed or with verified numbers."""

from fedlab.models.convolutional import mnist_cnn
from fedlab.models.dense import mlp, seed_mlp
from fedlab.models.encoder import TextClassifier, minilm
from fedlab.models.lora import add_lora
from fedlab.models.meta import on_meta
from fedlab.models.pythia import pythia_14m

__all__ = [
    "TextClassifier",
    "add_lora",
    "minilm",
    "mlp",
    "mnist_cnn",
    "on_meta",
    "pythia_14m",
    "seed_mlp",
]
