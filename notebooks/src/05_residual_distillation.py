# %% [markdown]
# # 5. Residual distillation
#
# **You will be able to**
# - show what training with optical flow changes in a teacher, as a picture (Eq. 3), and how little of that is flow
#   at inference;
# - write the residual distillation loss (Eq. 5) and name the picture that minimises it;
# - tell *before* a training how steady the picture is that the residual asks for.
#
# **You need** notebooks 00 to 04.
# **Time**: about 1 minute on a laptop without a GPU.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Back: 4. A plain student](04_plain_student.ipynb) · [Next: 6. Low-rank distillation](06_low_rank_distillation.ipynb)

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from tutorial_lib import evaluation, settings as config, training, zoo
from tutorial_lib.data.clips import RenderedClips, clip_from_scene, filmed
from tutorial_lib.data.scenes import test_scene

# %%
from tutorial_lib.flow.warp import warp
from tutorial_lib.losses import residual
from tutorial_lib.networks.teacher import roll_out
from tutorial_lib.papers.ofd.roles import ZOO
from tutorial_lib.show import figures, players

settings, device, style = config.scale(), config.device(), config.style()
torch.manual_seed(settings.seed)
networks = {role: zoo.load(f"{style}-{role}").to(device) for role in ZOO}
judge = evaluation.judge_of(style, settings).to(device)   # Eq. 1, notebook 01
print(f"scale {settings.name}, {device}")

# %% [markdown]
# ## 1. What does flow change?
#
# A test scene that no network was trained on, under three of the zoo's networks: the teacher with flow,
# the teacher without flow, and the plain student (notebooks 03 and 04).

# %%
height, width, frames = (64, 96, 5) if settings.name == "smoke" else (128, 256, 8)
film = test_scene("alley_2", height, width, frames)
clip = clip_from_scene(film).to(device)
motion = clip.backward.flows, clip.backward.masks      # exact: frame t into t-1

with torch.no_grad():
    T = roll_out(networks["teacher-flow"], clip.frames, *motion)
    T0 = networks["teacher-plain"](clip.frames)
    S0 = networks["student-plain"](clip.frames)

# %% [markdown]
# **Predict, then run.** Both teachers paint the same frame in the same style. Where will they differ: on
# the edges of things, or everywhere? And will the difference look alike in two neighbouring frames?

# %%
gain = 0.5 / (T - T0).mean(1).abs().flatten().quantile(0.99).item()    # one pixel in a hundred is black or white

def signed(difference):
    """The brightness of a difference as a picture: grey = none, white = brighter, black = darker."""
    return (0.5 + gain * difference.mean(-3, keepdim=True)).expand_as(difference)

pictures = {"input": clip.frames, "teacher-plain": T0, "teacher-flow": T,
            "with flow - without": signed(T - T0)}
figures.show(
    figures.images({name: x[-2] for name, x in pictures.items()}, columns=2, height=1.8),
    f"One frame. Bottom right: what differs in brightness, times {gain:.2g}; grey means nothing. Look for pairs of "
    "white and black: strokes that have moved by a part of their width.",
    "Four pictures of one frame: input, plain teacher, flow teacher, and their "
    "difference on grey.")

# %%
grey, change = clip.frames.mean(1), (T - T0).abs().mean(1)
edges = grey.diff(dim=-1).abs()[:, :-1] + grey.diff(dim=-2).abs()[..., :-1]
sharpest = edges > edges.flatten().quantile(0.9)
on_edges = change[:, :-1, :-1][sharpest].mean() / change.mean()
print(f"On the sharpest tenth of the input's edges they differ {on_edges:.2f} times as much as on average:",
      "mostly there." if on_edges > 2 else "not there alone, but everywhere.")

def alike(video):
    """The correlation of neighbouring frames, their motion undone, over traceable pixels."""
    seen = clip.backward.masks.bool().expand(-1, 3, -1, -1)
    pair = torch.stack((video[1:][seen], warp(video[:-1], clip.backward.flows)[seen]))   # (2, pixels)
    return torch.corrcoef(pair)[0, 1].item()

films = {"teacher-plain": T0, "teacher-flow": T, "the difference": T - T0}
print("Neighbouring frames correlate by", ", ".join(f"{alike(x):.2f} in {name}" for name, x in films.items()))

# %% [markdown]
# That picture is Eq. 3 of the paper, the **teacher's residual**, computed for every frame $t$:
#
# $$\Delta T(x_t) = N_T(x_t, f_t) - \tilde N_T(x_t)$$
#
# $N_T$ uses the flow $f_t$, $\tilde N_T$ does not. One frame does not show what it is for. Time does.

# %%
videos = {"teacher-plain": T0, "teacher-flow": T, "with flow - without": signed(T - T0)}
slices = {name: figures.time_slice(x, repeat=6) for name, x in videos.items()}
figures.show(
    figures.images(slices, columns=1, height=1.1),
    "One row of pixels, time running downwards. Broken lines are flicker. The "
    "residual (bottom) "
    "is itself restless: it has to cancel the plain teacher's flicker.",
    "Three time slices: plain teacher, flow teacher, and the difference of the two.")
for name, video in films.items():
    print(f"{name:20} e_stab {evaluation.e_stab(video, *motion):.4f}")

# %% [markdown]
# What does that difference hold? The two teachers differ in *training* (the one with flow was trained on, with the temporal loss)
# and in what they are *given*: a past. A third painting tells the two apart: the weights of the teacher with flow, without any
# past (reading A of notebook 03).
#
# $$T - T_0 = \underbrace{(A - T_0)}_{\text{temporal training}} + \underbrace{(T - A)}_{\text{the past, by flow}}$$

# %%
with torch.no_grad():
    A = networks["teacher-flow"](clip.frames)     # its weights alone

def size(difference):
    return difference.square().mean().item()

print(f"mean square of T - T0 {size(T - T0):.5f}, of A - T0 {size(A - T0):.5f}, of T - A {size(T - A):.5f}")
steady, no_past, restless = (evaluation.e_stab(video, *motion) for video in (T, A, T0))
print(f"e_stab of T0 {restless:.4f}, of A {no_past:.4f}, of T {steady:.4f}: "
      f"{(restless - no_past) / (restless - steady):.0%} of the fall is there without flow.")

# %% [markdown]
# Where that share is large, Eq. 5 distils *temporal training* in the first place, and flow at inference in the second. (Five
# scenes and two styles say how large it is: `results/flow.txt`, printed in notebook 03.) For a student without flow that is good
# news: what it is to learn can be painted without flow.

# %% [markdown]
# ## 2. The student imitates the change, not the picture
#
# The paper calls $\Delta T$ the key to the teacher's stability. The student gets a residual of its own, over the *plain*
# student $\tilde N_S$ (Eq. 4), and a loss that makes the two residuals alike (Eq. 5):
#
# $$\Delta S(x) = N_S(x) - \tilde N_S(x) \qquad
# L_{res}(x) = \lVert \Delta T(x) - \Delta S(x) \rVert_2^2$$
#
# Three of the four pictures are frozen. Only $N_S(x)$ is trained.

# %%
def residual_loss(teacher_with_flow, teacher_plain, student, student_plain):
    teacher_change = teacher_with_flow - teacher_plain    # Eq. 3, (K, 3, H, W)
    student_change = student - student_plain              # Eq. 4, (K, 3, H, W)
    return (teacher_change - student_change).square().mean()   # Eq. 5, a mean per element

# %% [markdown]
# **Predict, then run.** What is the loss of a student that has not changed at all ($N_S = \tilde N_S$)? And for
# which picture is it zero?

# %%
unchanged = residual_loss(T, T0, S0, S0)
print(f"loss of the unchanged student   {unchanged:.5f}")
print(f"mean square of T - T0           {(T - T0).square().mean():.5f}")
print(f"loss of the picture S0 + T - T0 {residual_loss(T, T0, S0 + (T - T0), S0):.5f}")

student = torch.rand_like(S0)   # any student at all
assert torch.isclose(unchanged, (T - T0).square().mean())
assert torch.equal(residual_loss(T, T0, student, S0),
                   residual.residual_distillation_loss(T, T0, student, S0))

# %% [markdown]
# Move everything frozen to one side and Eq. 5 is the distance to *one fixed picture*:
#
# $$L_{res} = \lVert N_S(x) - \big(\tilde N_S(x) + N_T(x, f) - \tilde N_T(x)\big) \rVert_2^2$$
#
# So the minimiser has a name: the plain student's picture plus what the training with flow changed in the teacher. It can
# be computed **before any training**.

# %%
target = S0 + (T - T0)
figures.show(
    figures.images({"student-plain": S0[-2], f"+ (T - T0), brightness times {gain:.2g}": signed(T - T0)[-2],
                    "= the target": target[-2]}, height=1.6),
    "The target of Eq. 5 (right). Look for strokes that belong to neither network: "
    "ghosts of the teacher.",
    "Plain student, teacher difference, and their sum, which the residual loss asks for.")

assert torch.equal(target, residual.residual_target(T, T0, S0))
assert residual_loss(T, T0, target, S0) < 1e-10
assert torch.isclose(residual_loss(T, T0, student, S0), (student - target).square().mean())

# %% [markdown]
# The sum carries *everything* in which the teachers differ, taste as well as flicker: had the one with flow learned to paint
# the sky red, the target would have a red sky. That is why fine-tuning kept the teachers' colours together (`lambda_look`,
# notebook 03).

# %% [markdown]
# A gift for the training: one frozen picture a frame is all that must be remembered.
# `training.FrozenTargets` does that, so neither teacher runs again after the first pass.

# %% [markdown]
# ## 3. Why not simply copy the teacher?
#
# $$L_{vanilla}(x) = \lVert N_T(x, f) - N_S(x) \rVert_2^2 \qquad (2)$$
#
# The paper says that this blurs, for two reasons: to align the student's output with the teacher's at the level of pixels
# is a hard problem of optimisation; and two architectures differ slightly in style. One might add a third: the
# teacher's picture depends on a past that the student does not see, so it must guess, and the best guess is an average.

# %% [markdown]
# Three short trainings from the same plain student, without the perceptual loss, on the same clips: one copies
# $T$ (Eq. 2), one imitates the change (Eq. 5), and one copies $A$, a teacher without a past: there is nothing to guess.
#
# **Predict, then run.** Which one ends sharpest? Which comes nearest to its target?

# %%
lesson = settings.but(clips=min(settings.clips, 8), clip_length=3,
                      finetune_rate=settings.demo_rate)
clips = RenderedClips(lesson)
frozen = [networks[role] for role in ("teacher-flow", "teacher-plain", "student-plain")]
alone = lesson.but(lambda_percep=0, lambda_temp=0, lambda_rank=0, lambda_res=100)
copies = {}

class Forgetful(torch.nn.Module):
    """The teacher with flow, its past taken away: what it paints depends on one frame alone."""
    def __init__(self, teacher):
        super().__init__()
        self.teacher = teacher

    def forward(self, frame, *past):
        return self.teacher(frame)

lessons = {"Eq. 2": (frozen[0], "vanilla"), "Eq. 5": (frozen[0], "residual"),
           "Eq. 2, no past": (Forgetful(frozen[0]), "vanilla")}
for name, (teacher, source) in lessons.items():
    targets = training.FrozenTargets(clips, teacher, *frozen[1:], source=source)
    copies[name], _ = training.distill(
        frozen[-1], targets, judge, alone, steps=settings.demo_steps // 2)

# %%
with torch.no_grad():
    copied = {name: network(clip.frames) for name, network in copies.items()}
wanted = {"Eq. 2": T, "Eq. 5": residual.residual_target(T, T0, S0), "Eq. 2, no past": A}
print(f"{'':16}{'distance from its target':>26}{'sharpness':>11}{'that of the target':>20}")
for name, video in {"student, to T": S0, **copied}.items():
    aim = wanted.get(name, T)
    print(f"{name:16}{size(video - aim):26.5f}{evaluation.sharpness(video):11.4f}{evaluation.sharpness(aim):20.4f}")
figures.show(
    figures.images({"teacher-flow": T[-2], "student-plain": S0[-2], "A: no past": A[-2],
                    **{f"{name}, briefly": x[-2] for name, x in copied.items()}}, columns=3, height=1.4),
    "Above the models, below the students. Compare the edges of the strokes.",
    "Teacher with flow, plain student, the teacher without its past, and three students that were trained "
    "without a perceptual loss.")

# %%
sharp = {name: evaluation.sharpness(video) for name, video in copied.items()}
near = {name: size(copied[name] - wanted[name]) for name in copied}
print(f"Sharpest: {max(sharp, key=sharp.get)}; nearest to its target: {min(near, key=near.get)}.")
lost = {name: 1 - value / evaluation.sharpness(wanted[name]) for name, value in sharp.items()}
for name, value in sharp.items():
    print(f"{name:16} sharpness {value / evaluation.sharpness(S0) - 1:+.1%} against the plain student, "
          f"{-lost[name]:+.1%} against its target")
print(f"Of what the copy of T loses, the copy of A loses {lost['Eq. 2, no past'] / lost['Eq. 2']:.0%}.")

# %% [markdown]
# The copy of a teacher *without* a past has nothing to guess. Where it is nearly as blurred as the other, the missing past is
# not the reason, and the paper's first one stands: a mean of squares forgives a smear more easily than a stroke in the wrong
# place.

# %% [markdown]
# If Eq. 2 and Eq. 5 differ little in your run: both started from a good student that already resembles the teacher, and
# trained briefly. The paper's Fig. 2 shows the blur after a full training ([RESULTS.md](../RESULTS.md) has ours, with all
# steps). Its Fig. 3 adds that Eq. 5 alone is not satisfying either; from here on the perceptual loss is always beside it.
#
# ## 4. What the paper does not say
#
# The target takes the *plain teacher's* flicker away. But the student has the *plain student's* flicker.

# %% [markdown]
# A toy. The plain student flickers by $a$, the plain teacher by $b$, equally strong, with correlation $\rho$. If the teacher
# with flow is perfectly steady, the target's flicker is $a - b$, of strength
#
# $$\lVert a - b \rVert = \sqrt{2\,(1 - \rho)}\;\lVert a \rVert$$
#
# **Predict, then run.** From which $\rho$ on is the target steadier than the student?

# %%
random = torch.Generator().manual_seed(settings.seed)
a, other = torch.randn(2, 100_000, generator=random)
times = {}
for rho in (0.0, 0.25, 0.45, 0.55, 0.75, 1.0):
    b = rho * a + (1 - rho**2) ** 0.5 * other     # as strong as a, correlated by rho
    times[rho] = ((a - b).std() / a.std()).item()
    print(f"rho {rho:.2f}: flicker of a - b is {times[rho]:.2f} times that of a")
print(f"Of these, the first that is steadier: {min(rho for rho in times if times[rho] < 1)}.")

# %% [markdown]
# Below one half, subtracting the teacher's flicker **adds** to the student's: two unrelated noises do not cancel.
# So how steady the target of Eq. 5 is, is a question about two *plain* networks. Here is the measurement, over
# traceable pixels (mask 1):
#
# $$\text{flicker}_t = M_t \odot \big(y_t - W(y_{t-1}, f_t)\big)$$

# %%
def flicker(video):
    """What changes between frames once the motion is undone: (K-1, 3, H, W)."""
    return clip.backward.masks * (video[1:] - warp(video[:-1], clip.backward.flows))

def agreement(one, another):
    """The correlation of two videos' flicker over traceable pixels."""
    seen = clip.backward.masks.bool().expand(-1, 3, -1, -1)
    pair = torch.stack((flicker(one)[seen], flicker(another)[seen]))     # (2, pixels)
    return torch.corrcoef(pair)[0, 1].item()

# %%
strength = flicker(S0).square().mean().sqrt().item()
assert abs(strength - evaluation.e_stab(S0, *motion)) < 1e-6   # Eq. 14, notebook 08
assert agreement(S0, S0) > 0.999 and agreement(S0, -S0) < -0.999
print(f"flicker of the plain student: {strength:.4f}")

# %% [markdown]
# Two plain students. The zoo's was *drawn to* the plain teacher while it learnt the style: `lambda_agree` in its settings
# is the weight of their mean squared difference. The second one learns the style from scratch right now, briefly, and never
# sees a teacher. It differs in two things, then: it was not drawn to the teacher, and it has learned little.
#
# **Predict, then run.** Whose flicker agrees with the plain teacher's?

# %%
stranger = training.new_student(settings.but(seed=settings.seed + 5)).to(device)
small = settings.but(plain_batch=2)
history = training.train_plain(stranger, judge, small, steps=settings.demo_steps)
with torch.no_grad():
    S1 = stranger(clip.frames)
plain = {"student-plain": S0, "stranger, briefly trained": S1}
rhos = {name: agreement(video, T0) for name, video in plain.items()}
for name, rho in rhos.items():
    print(f"{name:26} agrees with the plain teacher's flicker by {rho:+.2f}")
print(f"More: {max(rhos, key=rhos.get)}.")

# %%
parts = {"teacher-plain": T0, **plain}
figures.show(
    figures.images({name: signed(flicker(video)[-2]) for name, video in parts.items()},
                   height=1.6),
    f"The flicker itself, its brightness times {gain:.2g}. Does a student's pattern repeat the plain "
    "teacher's (left)?",
    "Flicker maps of the plain teacher, the zoo's plain student and a freshly "
    "trained student.")

# %% [markdown]
# Now the decisive figures, **before any distillation**: the plain student against the target that
# Eq. 5 would give it, in steadiness (`e_stab`) and in style loss. Lower is better in both.

# %%
def measured(video):
    with torch.no_grad():
        style_loss = judge.terms(video, clip.frames)["style"].item()
    return evaluation.e_stab(video, *motion), style_loss

print(f"{'':27}{'rho':>6}{'e_stab':>9}{'target':>9}{'style':>9}{'target':>9}")
change = {}
for name, video in plain.items():
    before, after = measured(video), measured(residual.residual_target(T, T0, video))
    change[name] = after[0] / before[0]
    print(f"{name:27}{rhos[name]:6.2f}{before[0]:9.4f}{after[0]:9.4f}"
          f"{before[1]:9.3f}{after[1]:9.3f}")

# %%
figure, axis = plt.subplots(figsize=(5.4, 3.2))
rho = torch.linspace(-0.1, 1, 111)
axis.plot(rho, (2 * (1 - rho)).sqrt(), color="#bbbbbb", label="the toy: a steady teacher")
axis.axhline(1, color="#bbbbbb", linestyle=":")
for marker, name in zip("os", plain, strict=True):
    axis.scatter(rhos[name], change[name], s=60, marker=marker, label=name, zorder=3,
                 color=figures.colour(name))
axis.set(xlabel="agreement of the flicker with the plain teacher's",
         ylabel="e_stab, target / plain student")
axis.legend(fontsize=8)
figures.show(
    figure,
    "Above the dotted line the target itself flickers more than the student that "
    "is to learn from it.",
    "Scatter plot: agreement against the target's flicker relative to the student's.")

# %%
for name in plain:
    steadier = "steadier than the student" if change[name] < 1 else "no steadier"
    print(f"{name}: agreement {rhos[name]:+.2f}, target at {change[name]:.0%} of the flicker: "
          f"{steadier}.")
assert all(-1 <= value <= 1 for value in rhos.values())

# %% [markdown]
# The points need not lie on the toy's curve: the real teacher is not perfectly steady, and the two networks do not flicker
# equally much. Is it the alignment, or that the stranger has hardly trained? A student that was trained as long as the zoo's and
# never saw a teacher (`unaligned-plain`) tells the two apart, in `mosaic`, over all five scenes:

# %%
kept = next((p / "results" / "residual.txt" for p in (Path.cwd(), *Path.cwd().parents)
             if (p / "results" / "residual.txt").is_file()), None)
print(kept.read_text() if kept else "results/residual.txt is not here; data_scripts/measure_residual.py writes it")

# %% [markdown]
# Trained as long, it agrees hardly more than the stranger, and its target flickers more than itself and is far from the style. So
# it is the alignment, and that is why this course draws its plain student to the plain teacher. (The paper does not say that
# it did.) A target that jitters more than the student is a warning, and no verdict yet:

# %% [markdown]
# Can a student end *steadier than its target*? What makes the target jitter? If it were the teacher's past, which the student
# does not see, the target without it, $S_0 + A - T_0$, would be much steadier.

# %%
jitter = {"S0 + T - T0": target, "S0 + A - T0": S0 + A - T0, "S0 - T0": S0 - T0}
for name, video in jitter.items():
    print(f"{name:12} e_stab {evaluation.e_stab(video, *motion):.4f}")

# %% [markdown]
# Where the first two are alike, the jitter is no secret of the past: $S_0$, $A$ and $T_0$ see one frame each, so a student could
# learn it. If it ends steadier all the same (see under the next figure), it has left the jitter out. That may be the blur of
# Eq. 2 over again, this time as a help; nobody has measured it here.

# %% [markdown]
# ## 5. Distil
#
# Two short trainings from the zoo's plain student: Eq. 1 and $\lambda_{res} L_{res}$, and the *control*, Eq. 1 alone.

# %%
targets = training.FrozenTargets(clips, *frozen)
only_residual = lesson.but(lambda_temp=0, lambda_rank=0)
brief, history = training.distill(
    frozen[-1], targets, judge, only_residual, steps=settings.demo_steps)
control, _ = training.distill(
    frozen[-1], targets, judge, only_residual.but(lambda_res=0), steps=settings.demo_steps)
figures.show(
    figures.losses(history, f"lambda_res = {only_residual.lambda_res:g}, nothing else"),
    "The residual term has to fall. What the perceptual term pays cannot be seen here: compare with the control below.",
    "The perceptual, residual and total loss over the steps of the short training.")

# %%
with torch.no_grad():
    briefly, without = brief(clip.frames), control(clip.frames)
tenth = max(1, len(history) // 10)
start, end = (sum(terms["residual"] for terms in part) / tenth
              for part in (history[:tenth], history[-tenth:]))
print(f"L_res, mean of the first and of the last steps: {start:.4f}, {end:.4f}")
rows = {"plain student": S0, "control, Eq. 1 alone": without, "briefly distilled": briefly,
        "the target": target}
found = {name: measured(video) for name, video in rows.items()}
for name, (stab, style_loss) in found.items():
    print(f"{name:21} e_stab {stab:.4f}   style {style_loss:.3f}")
(stab, price), (control_stab, control_price) = found["briefly distilled"], found["control, Eq. 1 alone"]
print(f"Against the control: e_stab {stab / control_stab - 1:+.0%}, style loss {price / control_price - 1:+.0%}. "
      f"{'Steadier' if stab < found['the target'][0] else 'Not steadier'} than its own target.")
assert all(torch.isfinite(p).all() for p in brief.parameters())

# %% [markdown]
# ## 6. The zoo's students
#
# The same distillation with all its steps is the zoo's `student-ours` (it also has the rank loss of notebook 06). Its
# rival is `student-scratch`: same start, same clips, same order, same number of steps, Eq. 1 alone. One thing more differs: beside
# a loss of steadiness the style weighs more in Eq. 1, or the style would pay for it. (Notebook 04 shows what that weight does
# by itself: no steadiness.)

# %%
with torch.no_grad():
    videos = {"input": clip.frames, "teacher-flow": T,
              "student-scratch": networks["student-scratch"](clip.frames),
              "student-ours": networks["student-ours"](clip.frames)}
shown = {name: videos[name] for name in ("teacher-flow", "student-scratch", "student-ours")}
players.play(shown, "05_scratch_and_ours")

# %%
figures.show(
    figures.images({name: figures.time_slice(x, repeat=6) for name, x in videos.items()},
                   columns=1, height=1.1),
    "Time runs downwards. Compare the raggedness of the lower two with the input's "
    "clean lines.",
    "Time slices of the input, the teacher with flow, the student from scratch and ours.")

# %%
scene = filmed(film)
named = {**videos, "brief control": without, "briefly distilled": briefly}
scores = {name: evaluation.score(name, video.cpu(), scene, judge)
          for name, video in named.items()}
controls = {name: "brief control" if name.startswith("brief") else "student-scratch" for name in named}
print(f"{'':18}{'e_stab':>8}{'style':>8}{'content':>9}{'std':>7}   verdict")
for name, row in scores.items():
    verdict = "" if name == "input" else f"{evaluation.verdict(row, scores[controls[name]])}"
    verdict += f" (against {controls[name]})" if verdict not in ("", "control") else ""
    print(f"{name:18}{row.e_stab:8.4f}{row.style:8.3f}{row.content:9.3f}{row.std:7.3f}   {verdict}")
weights = {role: zoo.manifest(f"{style}-{role}")["settings"]["style_weight"]
           for role in ("student-scratch", "student-ours", "student-temp", "student-ours-temp")}
print("\nThe zoo's style weights:", ", ".join(f"{role} {w:g}" for role, w in weights.items())
      + f"; both brief trainings {only_residual.style_weight:g}")
assert scores["input"].e_stab == scores["input"].floor

# %% [markdown]
# Read the verdicts as they are, each student against a control of as many steps. "Steadier, but style +x %" means that steadiness was
# paid for with style: perhaps a point further along the same frontier, not a better network. Notebook 08 asks that
# question for all networks and all scenes.
#
# If your student is not steadier, look first at the agreement in section 4, then at the number of steps.

# %% [markdown]
# ## Summary
#
# What training with flow changes in a teacher is a picture per frame, $T - T_0$; its past, at inference, adds the smaller part. The
# residual loss asks the student for the same change over its own plain self, which is the distance to one fixed picture. How
# steady that picture is depends on how far the two plain networks flicker alike. Measure that before you train. It is a
# warning and no bound: a student can end steadier than its target.

# %% [markdown]
# ## Exercises
#
# **1.** Replace $T_0$ in the target by $A$, the flow teacher's own weights without a past. How far is the target from the plain
# student now, and how steady is it?
#
# <details><summary>Hint</summary>
# What temporal training changed is in both, T and A, so only the past is left in T - A (section 1).
# </details>
#
# **2.** Set `lambda_res` to 10 and to 1000 in section 5. Which of `e_stab` and style moves more?
#
# <details><summary>Hint</summary>
# <code>only_residual.but(lambda_res=...)</code>; keep the steps the same.
# </details>

# %% [markdown]
# **3.** Average the zoo's plain student and the stranger, pixel by pixel, and measure the agreement. Why does it lie where it does?
#
# <details><summary>Hint</summary>
# The correlation of a sum is not the mean of the correlations: unrelated flicker averages out of the denominator.
# </details>
#
# [Next: 6. Low-rank distillation](06_low_rank_distillation.ipynb)
