"""A classifier that a network in training learns from (Hinton et al. 2015)."""

import torch
from jaxtyping import Float
from torch import Tensor

from resnets.base.errors import InputError
from resnets.classifier import file as classifiers
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing


class Teacher:
    """Gives its logits for images that were normalized for the student."""

    def __init__(self, teacher: Classifier, student: Preprocessing) -> None:
        self.network = teacher.network
        theirs, device = teacher.preprocessing, teacher.network.fc.weight.device
        # (x · std + mean, as pixels of 0 to 1) normalized their way, as one multiplication and one addition
        std, mean = (torch.tensor(v, device=device).view(1, -1, 1, 1) for v in (theirs.std, theirs.mean))
        ours_std, ours_mean = (torch.tensor(v, device=device).view(1, -1, 1, 1) for v in (student.std, student.mean))
        self.scale, self.offset = ours_std / std, (ours_mean - mean) / std

    @torch.no_grad()
    def __call__(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        return self.network(images * self.scale + self.offset)


def load(path: str, student: Classifier) -> Teacher:
    """The teacher in a classifier's file. Raises InputError when it knows other classes or reads other channels."""
    device = student.network.fc.weight.device
    teacher = classifiers.load(path, device=str(device))
    if teacher.classes != student.classes:
        strange = sorted(set(teacher.classes) ^ set(student.classes)) or ["the same in another order"]
        raise InputError(
            f"teacher {path}: its {len(teacher.classes)} classes are not the {len(student.classes)} classes "
            "of the data "
            f"(such as {', '.join(strange[:3])}); a teacher must have the same classes"
        )
    if teacher.preprocessing.channels != student.preprocessing.channels:
        raise InputError(
            f"teacher {path}: reads {teacher.preprocessing.channels} channels, but the student reads "
            f"{student.preprocessing.channels}; set preprocessing.channels to that of the teacher"
        )
    return Teacher(teacher, student.preprocessing)
