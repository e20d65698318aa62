import torch

# Two pytest workers share the cores. With more threads than cores torch's threads wait for each
# other: the slowest of these tests takes 23 s instead of one.
torch.set_num_threads(1)
