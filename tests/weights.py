"""For the tests of the models: a MiniLM that nothing was downloaded for, and weights compared."""

import hashlib

from fedlab.models import minilm


def untrained(seed=0):
    return minilm(pretrained=False, seed=seed)


def digests(model):
    return {
        name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest()
        for name, tensor in model.state_dict().items()
    }
