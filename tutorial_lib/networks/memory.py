"""What is remembered of a sequence of feature maps: a convolutional LSTM."""

import torch
import torch.nn.functional as F
from torch import nn

TINY = 1e-12


class ConvLSTM(nn.Module):
    """One cell that reads feature maps in their order and remembers what they have in common.

    forward(features (B, K, C, H, W)) -> the memory cells C_1 ... C_K, (B, K, hidden, H, W); they start from zeros.

        i, f, o, g = convolution of [F_t, h_{t-1}];  C_t = sigmoid(f) C_{t-1} + sigmoid(i) tanh(g);
        h_t = sigmoid(o) tanh(C_t)

    Without the peephole weights of the source (Shi et al. 2015), which most code leaves out.
    """

    def __init__(self, channels: int, hidden: int | None = None, size: int = 3):
        super().__init__()
        self.hidden = hidden or channels
        self.gates = nn.Conv2d(channels + self.hidden, 4 * self.hidden, size, padding=size // 2)

    def step(
        self, features: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(h, C) after one more feature map (B, C, H, W); None before the first."""
        if state is None:
            nothing = features.new_zeros(len(features), self.hidden, *features.shape[-2:])
            state = nothing, nothing
        h, cell = state
        # In the precision of the features: what is added up along a clip needs it, also under autocast.
        i, f, o, g = self.gates(torch.cat((features, h), 1)).to(features.dtype).chunk(4, 1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(cell), cell

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        state, cells = None, []
        for feature in features.unbind(1):
            state = self.step(feature, state)
            cells.append(state[1])
        return torch.stack(cells, 1)


class Memory(nn.Module):
    """A ConvLSTM with a purpose of its own: from its h_t it tells how the *next* feature map differs from this one.

    The cure for the collapse. A cell that only L_TD teaches has an easy way out: to remember nothing. This one is
    trained on the teacher's features alone, to tell what changes next, and then is frozen: its memory holds something,
    and no student can shrink that. (That a student learns more through it than through a random one is not said.)
    """

    task = "remember"

    def __init__(self, channels: int = 16, hidden: int | None = None):
        super().__init__()
        self.configuration = {"kind": "memory", "channels": channels, "hidden": hidden or channels}
        self.cell = ConvLSTM(channels, hidden)
        self.tell = nn.Conv2d(self.cell.hidden, channels, 3, padding=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The memory cells (B, K, hidden, H, W)."""
        return self.cell(features)

    def prediction_loss(self, features: torch.Tensor) -> torch.Tensor:
        """How far its guesses of F_2 ... F_K are off: the mean squared error as a share of the features' variance."""
        state, error = None, 0.0
        for now, after in zip(features[:, :-1].unbind(1), features[:, 1:].unbind(1), strict=True):
            state = self.cell.step(now, state)
            error = error + F.mse_loss(now + self.tell(state[0]).float(), after)
        return error / (features.shape[1] - 1) / (features.var() + TINY)
