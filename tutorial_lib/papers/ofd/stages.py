"""How the networks of Optical Flow Distillation are trained from a `stage.Job`."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from torch import nn

from tutorial_lib.data import styles
from tutorial_lib.data.clips import Clip
from tutorial_lib.errors import TutorialError
from tutorial_lib.losses.perceptual import PerceptualLoss, perceptual_loss
from tutorial_lib.networks.features import load_features
from tutorial_lib.settings import Settings, device
from tutorial_lib.stage import Job, Stage
from tutorial_lib.training import stages
from tutorial_lib.training.balance import steadier, steadiness
from tutorial_lib.training.stages import USES
from tutorial_lib.training.targets import FrozenTargets

TEACHER_SIZE = {"teacher_width", "teacher_blocks"}
STUDENT_SIZE = {"student_width", "student_blocks", "student_smooth"}
POCKET_SIZE = {"pocket_width", "pocket_blocks", "pocket_separable"}


def eq_1(style: str | None, settings: Settings) -> PerceptualLoss:
    """The perceptual loss of a style."""
    if style is None:
        raise TutorialError("A network that paints needs a style: a style's name, or the path of a picture.")
    return perceptual_loss(load_features(settings.features), style, settings).to(device())


def steady(teacher_plain: nn.Module, job: Job) -> Settings:
    """The lambdas of the losses of steadiness, as strong as the style needs; what the user gave stays as given."""
    factor = known_steadiness(teacher_plain, job.clips_of(job.scale), job.style, job.scale)
    return steadier(job.settings, factor, job.given)


def steady_teacher(job: Job) -> Settings:
    teacher_plain, = job.networks.values()
    return steady(teacher_plain, job)


def steady_distillation(job: Job) -> Settings:
    _, teacher_plain, _ = job.networks.values()
    return steady(teacher_plain, job)


def known_steadiness(teacher_plain: nn.Module, clips: Sequence[Clip], style: str, scale: Settings) -> float:
    """`balance.steadiness` by the clips of a scale, the same for a whole family of recipes, so measured once."""
    return _measured_steadiness(teacher_plain, clips, style, styles.record(style)["picture"], scale)


@lru_cache(maxsize=4)
def _measured_steadiness(
    teacher_plain: nn.Module, clips: Sequence[Clip], style: str, picture: str | None, scale: Settings
) -> float:
    return steadiness(teacher_plain, clips, eq_1(style, scale))


def teacher_plain(job: Job, **options) -> nn.Module:
    network, perceptual = stages.new_teacher(job.settings).to(device()), eq_1(job.style, job.settings)
    stages.train_plain(network, perceptual, job.settings, **options)
    return network


def student_plain(new: Callable[[Settings], nn.Module], job: Job, **options) -> nn.Module:
    teacher_plain = next(iter(job.networks.values()), None)
    network, perceptual = new(job.settings).to(device()), eq_1(job.style, job.settings)
    stages.train_plain(network, perceptual, job.settings, agree_with=teacher_plain, **options)
    return network


def teacher_flow(job: Job, **options) -> nn.Module:
    teacher_plain, = job.networks.values()
    teacher, _ = stages.train_teacher(
        teacher_plain, job.clips(), eq_1(job.style, job.settings), job.settings, **options)
    return teacher


def distill(job: Job, **options) -> nn.Module:
    teacher_flow, teacher_plain, start = job.networks.values()
    targets = FrozenTargets(
        job.clips(), teacher_flow, teacher_plain, start, folder=job.targets, **job.recipe.options)
    student, _ = stages.distill(start, targets, eq_1(job.style, job.settings), job.settings, **options)
    return student


STAGES = {
    "teacher-plain": Stage(teacher_plain, USES["plain"] | TEACHER_SIZE),
    "student-plain": Stage(
        partial(student_plain, stages.new_student), USES["plain"] | STUDENT_SIZE, uses_with=USES["agreement"]),
    "pocket-plain": Stage(
        partial(student_plain, stages.new_pocket), USES["plain"] | POCKET_SIZE, uses_with=USES["agreement"]),
    "teacher-flow": Stage(teacher_flow, USES["teacher-flow"], steady_teacher),
    "distill": Stage(distill, USES["distill"], steady_distillation),
}
