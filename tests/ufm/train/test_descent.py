"""Stochastic gradient descent, against torch's class of that name."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ufm.train.descent import SGD


@given(st.sampled_from([0.0, 0.9]), st.sampled_from([0.0, 0.1]), st.integers(0, 2**31))
def test_it_is_torchs_bit_for_bit(momentum, weight_decay, seed):
    torch.manual_seed(seed)
    ours = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    theirs.load_state_dict(ours.state_dict())
    descent = SGD(ours.named_parameters(), momentum, weight_decay)
    reference = torch.optim.SGD(theirs.parameters(), 1.0, momentum, weight_decay=weight_decay)
    for step in range(4):
        images = torch.randn(5, 3)
        for network in (ours, theirs):
            network[2].requires_grad_(step != 1)  # a step without gradients for some
            network(images).square().sum().backward()
        reference.param_groups[0]["lr"] = rate = 0.1 / (1 + step)
        descent.step(rate)
        reference.step()
        reference.zero_grad()
        assert all(torch.equal(*pair) for pair in zip(ours.parameters(), theirs.parameters(), strict=True))
        assert all(each.grad is None for each in ours.parameters())
    assert set(descent.momenta) == ({name for name, _ in ours.named_parameters()} if momentum else set())
    for name, parameter in theirs.named_parameters():
        if momentum:
            assert torch.equal(descent.momenta[name], reference.state[parameter]["momentum_buffer"])


@pytest.mark.slow
def test_a_small_training_loads_neither_the_compiler_nor_torchvision(tmp_path):
    """They take longer than its first epoch."""
    code = "import sys; from ufm.commands.main import main; main(sys.argv[1:]); print(*sys.modules)"
    command = [sys.executable, "-c", code, "train", "--epochs", "1", "--threads", "1", "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (tmp_path / "run" / "report.json").exists()
    assert not {"torch._dynamo", "torchvision", "scipy.stats"} & set(done.stdout.split())
