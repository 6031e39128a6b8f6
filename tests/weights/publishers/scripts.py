"""What training scripts save of a network and its classifier.

Checked against the scripts themselves: akamaster's trainer.py; torchvision's references/classification/train.py; timm's
utils/checkpoint_saver.py; pytorch/examples' imagenet/main.py; moco's and moco-v3's main_lincls.py; barlowtwins'
evaluate.py; SupContrast's main_ce.py and util.py; solo-learn's methods/linear.py; ultralytics/yolov5's
classify/train.py; pycls' core/checkpoint.py; mmengine's runner/runner.py; Lightning's checkpoint_connector.py.
"""

import copy
from argparse import Namespace
from typing import Any

import torch
from torch import Tensor, nn

from tests.weights.publishers.pretraining import changed, under

OPTIMIZER = {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}


def akamaster(network: nn.Module) -> dict[str, Any]:
    """akamaster/pytorch_resnet_cifar10: DataParallel's prefix, and the best accuracy."""
    return {"state_dict": under("module.", network), "best_prec1": 91.7}


def torchvision(network: nn.Module) -> dict[str, Any]:
    """torchvision's references with --model-ema: the network, and its average with a count of averages."""
    average = {"n_averaged": torch.tensor(3)} | under("module.", network)
    return {"model": changed(network.state_dict()), "optimizer": OPTIMIZER, "lr_scheduler": {"last_epoch": 3},
            "epoch": 2, "args": Namespace(model="resnet50"), "model_ema": average}  # fmt: skip


def timm(network: nn.Module) -> dict[str, Any]:
    """timm's train.py with --model-ema and --amp."""
    return {"epoch": 2, "arch": "resnet50", "optimizer": OPTIMIZER, "version": 2, "args": Namespace(model="resnet50"),
            "amp_scaler": {"scale": 65536.0}, "state_dict": changed(network.state_dict()),
            "state_dict_ema": network.state_dict(), "metric": 71.3}  # fmt: skip


def examples(network: nn.Module) -> dict[str, Any]:
    """pytorch/examples, imagenet: DataParallel's prefix, and the best accuracy as a tensor."""
    return {"epoch": 90, "arch": "resnet50", "state_dict": under("module.", network),
            "best_acc1": torch.tensor(76.1), "optimizer": OPTIMIZER, "scheduler": {"last_epoch": 90}}  # fmt: skip


def linear_probe(network: nn.Module) -> dict[str, Any]:
    """facebookresearch/moco and moco-v3, main_lincls.py: the encoder with its trained `fc`, no queue any more."""
    return {"epoch": 100, "arch": "resnet50", "state_dict": under("module.", network),
            "best_acc1": torch.tensor([67.5]), "optimizer": OPTIMIZER}  # fmt: skip


def barlow(network: nn.Module) -> dict[str, Any]:
    """facebookresearch/barlowtwins, evaluate.py: accuracies in a Namespace."""
    best = Namespace(top1=torch.tensor(73.2), top5=torch.tensor(91.0))
    return {"epoch": 100, "best_acc": best, "model": under("module.", network), "optimizer": OPTIMIZER,
            "scheduler": {"last_epoch": 100}}  # fmt: skip


def supcontrast(network: nn.Module) -> dict[str, Any]:
    """HobbitLong/SupContrast, main_ce.py."""
    return {"opt": Namespace(model="resnet50", dataset="cifar10"), "model": under("module.", network),
            "optimizer": OPTIMIZER, "epoch": 500}  # fmt: skip


def lightning(network: nn.Module) -> dict[str, Any]:
    """Lightning's Trainer: what its loops, callbacks and optimizers need to go on, and the module's hyperparameters."""
    loop = {"state_dict": {}, "epoch_progress": {"total": {"ready": 1}, "current": {"ready": 1}}}
    return {"epoch": 1, "global_step": 10, "pytorch-lightning_version": "2.2.0", "state_dict": network.state_dict(),
            "loops": {"fit_loop": loop, "validate_loop": loop}, "optimizer_states": [OPTIMIZER],
            "callbacks": {"ModelCheckpoint": {"best": torch.ones(1)}}, "lr_schedulers": [{"last_epoch": 1}],
            "hparams_name": "kwargs", "hyper_parameters": {"classes": 3}}  # fmt: skip


def yolov5(network: nn.Module) -> dict[str, Any]:
    """ultralytics/yolov5, classify/train.py: the averaged network itself, pickled whole in halves."""
    network.half().float()  # so that it computes what the file holds
    return {"epoch": 9, "best_fitness": torch.tensor(0.9), "model": copy.deepcopy(network).half(), "ema": None,
            "updates": 100, "optimizer": None, "date": "2023-01-01T00:00:00"}  # fmt: skip


def pycls(network: nn.Module) -> dict[str, Any]:
    """facebookresearch/pycls: the configuration as text."""
    return {"epoch": 99, "model_state": network.state_dict(), "optimizer_state": OPTIMIZER, "cfg": "MODEL:\n"}


def mmengine(network: nn.Module) -> dict[str, Any]:
    """mmengine's Runner, which trains mmpretrain's networks."""
    history: dict[str, Tensor] = {"train/loss": torch.ones(3)}
    return {"meta": {"epoch": 100, "iter": 1000, "cfg": "model = dict()"}, "state_dict": network.state_dict(),
            "message_hub": {"log_scalars": history, "runtime_info": {"epoch": 99}}, "optimizer": OPTIMIZER,
            "param_schedulers": [{"last_step": 100}]}  # fmt: skip
