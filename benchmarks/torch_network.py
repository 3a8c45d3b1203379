"""The network of `same_network.py` in PyTorch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from same_network import CLASSES, DENSE, EMBEDDING, UNITS, VOCABULARY, Weights
from torch import nn


class TorchNetwork(nn.Module):
    """Embedding, two `nn.LSTM`, the state at each text's last token, two dense layers.

    Packed sequences would skip the padding too; on CPUs they are many times slower.
    """

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDING)
        self.lstm_1 = nn.LSTM(EMBEDDING, UNITS[0], batch_first=True)
        self.lstm_2 = nn.LSTM(UNITS[0], UNITS[1], batch_first=True)
        self.dense = nn.Linear(UNITS[1], DENSE)
        self.probabilities = nn.Linear(DENSE, len(CLASSES))
        with torch.no_grad():
            self.embedding.weight.copy_(torch.tensor(weights["embedding/embeddings"]))
            for name in ("lstm_1", "lstm_2"):
                lstm = getattr(self, name)  # its gates are in Keras's order: i, f, c, o
                lstm.weight_ih_l0.copy_(torch.tensor(weights[f"{name}/kernel"].T))
                lstm.weight_hh_l0.copy_(torch.tensor(weights[f"{name}/recurrent_kernel"].T))
                lstm.bias_ih_l0.copy_(torch.tensor(weights[f"{name}/bias"]))
                lstm.bias_hh_l0.zero_()
            for name in ("dense", "probabilities"):
                layer = getattr(self, name)
                layer.weight.copy_(torch.tensor(weights[f"{name}/kernel"].T))
                layer.bias.copy_(torch.tensor(weights[f"{name}/bias"]))

    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return logits (batch, classes)."""
        states, _ = self.lstm_1(self.embedding(token_ids))  # (batch, time, units)
        states, _ = self.lstm_2(states)
        final_state = states[torch.arange(len(states)), lengths - 1]  # (batch, units)
        return self.probabilities(torch.relu(self.dense(final_state)))

    def predict(self, token_ids: NDArray[np.int32], batch_size: int) -> NDArray[np.float32]:
        """Return probabilities (texts, classes) of texts that all have (texts, time) tokens."""
        self.eval()
        with torch.inference_mode():
            parts = torch.from_numpy(token_ids).split(batch_size)
            logits = [self(part, torch.full((len(part),), part.shape[1])) for part in parts]
            return torch.softmax(torch.cat(logits), dim=1).numpy()
