import torch

# Two workers of pytest share the cores. More threads than cores make torch wait for itself: the
# slowest of these tests takes 23 s instead of one.
torch.set_num_threads(1)
