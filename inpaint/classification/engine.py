"""One epoch of a classifier: train it, or count what it gets right."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from inpaint.classification.data import LabelledImages
from inpaint.classification.samples import ValidationSamples
from inpaint.data import init_worker
from inpaint.utils import imagenet


@dataclass(frozen=True)
class Scores:
    """How a network did on some images."""

    top1: float  # % whose class has the highest logit
    top5: float  # % whose class is among the five highest
    loss: float  # mean cross entropy
    pictures: int  # that were read
    unreadable: int = 0  # and were left out

    def __str__(self) -> str:
        left_out = f", {self.unreadable} unreadable" if self.unreadable else ""
        return (
            f"top-1 {self.top1:.3f} %, top-5 {self.top5:.3f} %, loss {self.loss:.4f} "
            f"({self.pictures:,} pictures{left_out})"
        )


def train_epoch(
    model: nn.Module,
    batches: Iterable[dict[str, Tensor]],
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    after_step: Callable[[dict[str, Any], dict[str, Tensor]], None],
    lr_of: Callable[[], float],
) -> None:
    """Take a step for each batch.

    lr_of: the learning rate of the step to come.
    after_step: called with the batch and the step's figures, scalars of this process: `total`,
        the cross entropy, `top1` and `top5` in %.
    """
    model.train()
    for batch in batches:
        image, label = unpack(batch, accelerator.device)
        for group in optimizer.param_groups:
            group["lr"] = lr_of()
        with accelerator.autocast():
            logits = model(image)
        loss = F.cross_entropy(logits.float(), label)
        optimizer.zero_grad(set_to_none=True)
        accelerator.backward(loss)
        optimizer.step()
        hits = hits_among(logits.detach(), label).float().mean(0) * 100
        after_step(batch, {"total": loss.detach(), "top1": hits[0], "top5": hits[1]})


@torch.no_grad()
def evaluate(
    model: nn.Module,
    image_list: LabelledImages,
    accelerator: Accelerator,
    *,
    size: int,
    batch_size: int,
    workers: int = 0,
) -> Scores:
    """Scores on all readable images, whatever the number of processes; the model is in eval
    mode afterwards.

    Raises ValueError when no image is readable.
    """
    model.eval()
    samples = ValidationSamples(image_list, size)
    mine = range(accelerator.process_index, len(samples), accelerator.num_processes)
    loader = DataLoader(
        Subset(samples, mine),
        batch_size=batch_size,
        num_workers=workers,
        worker_init_fn=init_worker,
        generator=torch.Generator(),
    )
    sums = torch.zeros(5, dtype=torch.float64)  # top-1, top-5, loss, images, unreadable
    for batch in loader:
        known = batch["label"] >= 0
        image, label = unpack(
            {key: value[known] for key, value in batch.items()}, accelerator.device
        )
        sums[4] += (~known).sum()
        if not len(label):
            continue
        with accelerator.autocast():
            logits = model(image).float()
        sums[:2] += hits_among(logits, label).sum(0).cpu()
        sums[2] += F.cross_entropy(logits, label, reduction="sum").item()
        sums[3] += len(label)
    total = accelerator.reduce(sums.float().to(accelerator.device), reduction="sum").tolist()
    count, unreadable = round(total[3]), round(total[4])
    if not count:
        raise ValueError(f"none of {unreadable} validation pictures is readable")
    top1, top5 = (100 * hits / count for hits in total[:2])
    return Scores(top1, top5, total[2] / count, count, unreadable)


def hits_among(logits: Tensor, label: Tensor) -> Tensor:
    """Whether the class is the highest logit, and among the five highest: bool (B, 2)."""
    best = logits.topk(min(5, logits.shape[1]), dim=1).indices
    found = best == label[:, None]  # (B, up to 5)
    return torch.stack([found[:, 0], found.any(1)], 1)


def unpack(batch: dict[str, Tensor], device: torch.device) -> tuple[Tensor, Tensor]:
    """image (B, 3, H, W), normalised float32 in channels_last, and label (B,), on the device."""
    image = batch["image"].to(device, non_blocking=True).float() / 255
    mean, std = (image.new_tensor(v).view(1, 3, 1, 1) for v in (imagenet.MEAN, imagenet.STD))
    image = ((image - mean) / std).contiguous(memory_format=torch.channels_last)
    return image, batch["label"].to(device, non_blocking=True)
