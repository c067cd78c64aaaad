"""For the tests of memory: models with buffers, and with a tensor that two layers share."""

import torch


def normed():
    """Batch normalisation: three buffers, one of them int64."""
    return torch.nn.Sequential(torch.nn.Linear(784, 20), torch.nn.BatchNorm1d(20))


def tied():
    model = torch.nn.Sequential(*(torch.nn.Linear(784, 784, bias=False) for _ in range(2)))
    model[1].weight = model[0].weight
    return model
