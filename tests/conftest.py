"""Settings of all tests."""

import torch

# Tiny tensors: a second thread only waits, and on a busy machine it waits long.
torch.set_num_threads(1)
