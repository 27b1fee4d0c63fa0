# %% [markdown]
# # 6. Low-rank distillation
#
# **You will be able to**
# - say why a steady clip is a matrix of low rank, and show it in its singular values;
# - compute the nuclear norm of a clip without an SVD (Eq. 6 to 9);
# - name three ways in which the rank loss (Eq. 10, 11) can mislead.
#
# **You need** notebooks 00 to 05.
# **Time**: about 1 minute on a laptop without a GPU.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Back: 5. Residual distillation](05_residual_distillation.ipynb) · [Next: 7. The total loss](07_total_loss.ipynb)

# %%
import copy
import time

import matplotlib.pyplot as plt
import torch

from tutorial_lib import evaluation, settings as config, training, zoo
from tutorial_lib.data.clips import RenderedClips, clip_from_scene
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.flow.warp import warp

# %%
from tutorial_lib.losses import low_rank, temporal
from tutorial_lib.networks.teacher import roll_out
from tutorial_lib.papers.ofd.roles import ZOO
from tutorial_lib.show import figures

settings, device, style = config.scale(), config.device(), config.style()
device = torch.device("cpu") if device.type == "mps" else device      # Apple's GPUs have no float64
torch.manual_seed(settings.seed)
networks = {role: zoo.load(f"{style}-{role}").to(device) for role in ZOO}
judge = evaluation.judge_of(style, settings).to(device)
print(f"scale {settings.name}, {device}")

# %% [markdown]
# ## 1. Five copies of a row
#
# A toy first. A "picture" is a row of 200 numbers, a "clip" five rows under each other. Three clips: five copies, five
# copies with a little noise, five unrelated rows.
#
# **Predict, then run.** How many singular values of each are not zero?

# %%
random = torch.Generator().manual_seed(settings.seed)
row = torch.rand(1, 200, generator=random)
toys = {"five copies": row.expand(5, -1),
        "copies + noise": row + 0.05 * torch.randn(5, 200, generator=random),
        "unrelated rows": torch.rand(5, 200, generator=random)}
toy_values = {name: torch.linalg.svdvals(toy) for name, toy in toys.items()}
for name, values in toy_values.items():
    print(f"{name:15}", "  ".join(f"{value:7.4f}" for value in values))
assert (toy_values["five copies"][1:] < 1e-4).all()

# %%
figures.show(
    figures.spectra(toy_values),
    "Singular values, largest first, on a logarithmic scale. Copies have one; "
    "noise raises the others.",
    "Singular values of the three toy clips, one line each.")

# %% [markdown]
# The **rank** counts the singular values $\gamma_i$ above zero (Eq. 8). It has no slope: a little noise and it jumps from 1 to 5. Their
# sum, the **nuclear norm** (Eq. 9), has one:
#
# $$\lVert X \rVert_* = \sum_i \gamma_i$$
#
# It is what can be minimised in the rank's place.

# %%
for name, values in toy_values.items():
    rank = int((values > 1e-4).sum())
    print(f"{name:15} rank {rank}   nuclear norm {values.sum():7.3f}   "
          f"all but the first {values[1:].sum():6.3f}")

# %% [markdown]
# ## 2. A clip, its motion undone
#
# Frames of a moving camera are not copies. Undo the motion and they are: warp every frame to the middle one, $\tau$, and
# black out what cannot be traced.

# %%
height, width = (64, 96) if settings.name == "smoke" else (128, 256)
film = test_scene("temple_2", height, width, settings.clip_length)
clip = clip_from_scene(film).to(device)       # K frames, exact flow from the middle one
aligned = clip.from_middle.masks * warp(clip.frames, clip.from_middle.flows)      # (K, 3, H, W)
tau = len(clip.frames) // 2
print(f"K = {len(clip.frames)}, tau = {tau}; traceable: "
      + ", ".join(f"{mask.mean():.0%}" for mask in clip.from_middle.masks))

# %%
rows = {f"frame {t}": clip.frames[t] for t in (0, tau, len(clip.frames) - 1)}
rows |= {f"aligned {t}": aligned[t] for t in (0, tau, len(clip.frames) - 1)}
figures.show(
    figures.images(rows, columns=3, height=1.4),
    "Above the frames, below the same frames seen from the middle one. Black: not "
    "traceable.",
    "First, middle and last frame of a clip, above as they are, below aligned and masked.")

# %% [markdown]
# Each aligned frame becomes a row: the **traceable matrix** of Eq. 6,
#
# $$X = \big[\mathrm{vec}(R_1), \dots, \mathrm{vec}(R_K)\big]^T, \qquad
# R_t = M_t \odot W_{t \to \tau}(x_t)$$
#
# with $L = 3HW$ columns (the paper counts $HW$ pixels; each has three colours) and a mask $M_t$ *of each frame's own*. It is not the
# only way: a **common** mask keeps only what all $K$ frames show.
#
# **Predict, then run.** How far do the later singular values fall when the motion is undone? And which mask leaves the lower ones?

# %%
def traceable(frames):
    """Eq. 6: (K, 3, H, W) -> (K, 3HW)."""
    return (clip.from_middle.masks * warp(frames, clip.from_middle.flows)).flatten(1)

common = low_rank.common_mask(clip.from_middle.masks)          # 1 where every frame can be traced
matrix = traceable(clip.frames)
assert torch.equal(matrix, low_rank.traceable_matrix(
    clip.frames, clip.from_middle.flows, clip.from_middle.masks))

def in_common(frames):
    """The same with one mask for all frames."""
    return (common * warp(frames, clip.from_middle.flows)).flatten(1)

# %%
ways = {"motion left in": (common * clip.frames).flatten(1),
        "undone, a common mask": in_common(clip.frames),
        "undone, own masks (Eq. 6)": matrix}
input_values = {name: torch.linalg.svdvals(X).cpu() for name, X in ways.items()}
for name, v in input_values.items():
    print(f"{name:26}", "  ".join(f"{value:7.2f}" for value in v))
figures.show(
    figures.spectra(input_values),
    "The unstylized clip three ways. The lowest line is nearest to copies.",
    "Singular values of the input clip: motion left in, undone with a common mask, "
    "with own masks.")
tails = {name: v[1:].sum().item() for name, v in input_values.items()}
for name, tail in tails.items():
    print(f"{name:26} tail (all but the first) {tail:6.0f}   {tail / tails['motion left in'] - 1:+.0%}")
print(f"Lowest: {min(tails, key=tails.get)}.")

# %% [markdown]
# If Eq. 6 stands *above* the motion left in, that is no mistake of the warping: with masks of their own the rows have holes in
# different places, and every hole counts as a change of the picture. Section 6 measures how much.

# %% [markdown]
# ## 3. The nuclear norm without an SVD
#
# $X$ has few rows and very many columns. The small matrix $X X^T$, $K \times K$, has the squared singular values as its
# eigenvalues:
#
# $$\gamma_i = \sqrt{\lambda_i(X X^T)}$$
#
# Squaring costs half the digits, hence `float64`; and a root has no slope at zero, hence the guard.

# %%
def nuclear(X):
    X = X.double()                                       # (K, L)
    eigenvalues = torch.linalg.eigvalsh(X @ X.T)         # (K,), ascending
    guard = 1e-14 * eigenvalues[-1].detach() + 1e-300
    return eigenvalues.clamp_min(guard).sqrt().sum().float()

by_svd = torch.linalg.svdvals(matrix.double()).sum().float()
assert torch.isclose(nuclear(matrix), by_svd, rtol=1e-5)
assert torch.isclose(nuclear(matrix), low_rank.nuclear_norm(matrix))
print(f"K x K: {nuclear(matrix):.4f}   SVD: {by_svd:.4f}")

# %%
def seconds(function, repeats=5):
    X = torch.rand(5, 3 * 240 * 320, device=device, requires_grad=True)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(X).backward()
        times.append(time.perf_counter() - start)
    return sorted(times)[repeats // 2]

def with_svd(X):
    return torch.linalg.svdvals(X).sum()

ratio = seconds(with_svd) / seconds(nuclear)
print(f"forward and backward, the SVD takes {ratio:.1f} times as long")

# %% [markdown]
# ## 4. Flicker raises the tail
#
# The same clip under three networks, each aligned with the *input's* flow. The figure takes the common mask, which shows
# flicker and nothing else; the table has both.
#
# **Predict, then run.** Order the four by their singular values after the first: input, plain teacher, plain student, teacher with
# flow.

# %%
motion = clip.backward.flows, clip.backward.masks           # frame t into t-1, for e_stab
with torch.no_grad():
    T = roll_out(networks["teacher-flow"], clip.frames, *motion)
    videos = {"input": clip.frames, "teacher-flow": T,
              "teacher-plain": networks["teacher-plain"](clip.frames),
              "student-plain": networks["student-plain"](clip.frames)}
values = {name: torch.linalg.svdvals(in_common(y)).cpu() for name, y in videos.items()}
figures.show(
    figures.spectra(values),
    "Singular values of the aligned clips. The first is the picture; the others "
    "are what differs between frames.",
    "Singular values of input, flow teacher, plain teacher and plain student on a "
    "logarithmic scale.")

# %%
own = {name: torch.linalg.svdvals(traceable(y)).cpu() for name, y in videos.items()}
print(f"{'':15}{'norm (Eq. 6)':>13}{'first':>9}{'tail':>8}{'common tail':>13}{'e_stab':>9}")
for name, v in own.items():
    error = evaluation.e_stab(videos[name], *motion)
    print(f"{name:15}{v.sum():13.2f}{v[0]:9.2f}{v[1:].sum():8.2f}"
          f"{values[name][1:].sum():13.2f}{error:9.4f}")
by_tail = sorted(values, key=lambda name: values[name][1:].sum())
print("from the lowest common tail to the highest:", ", ".join(by_tail))

# %% [markdown]
# ## 5. The loss: whose norm to imitate?
#
# The teacher's (Eq. 10), or the input's (Eq. 11), which the paper prefers because the input is steadier than
# what the teacher makes of it:
#
# $$L_{rank}^T = \big(\lVert X_T \rVert_* - \lVert X_S \rVert_*\big)^2 \qquad
# L_{rank}^{input} = \big(\lVert X_{input} \rVert_* - \lVert X_S \rVert_*\big)^2$$

# %%
norm = {name: nuclear(traceable(video)) for name, video in videos.items()}
whose = {"Eq. 10, teacher's": "teacher-flow", "Eq. 11, input's": "input"}
for equation, wanted in whose.items():
    loss = (norm[wanted] - norm["student-plain"]).square()
    assert torch.isclose(loss, low_rank.low_rank_loss(norm[wanted], norm["student-plain"]))
    way = "shrink" if norm[wanted] < norm["student-plain"] else "grow"
    print(f"{equation:18} norm {norm[wanted]:8.2f}: loss {loss:10.2f}, "
          f"the student's has to {way}")

# %% [markdown]
# **The direction.** "Shrink" can be answered with less flicker; "grow" cannot, and Eq. 11 asks for it wherever the
# painted clip's norm is below the film's. Each is one number for a whole clip, and several pictures share it.
#
# ## 6. What to know before you trust it
#
# **The first singular value dominates.** It is nearly the brightness of the picture. Multiply every frame by a factor: relative to the
# picture, the flicker stays exactly as it was.
#
# **Predict, then run.** What does the loss do? And `e_stab`?

# %%
S0 = videos["student-plain"]
for factor in (1.0, 0.9, 0.8, 0.7):
    dimmed = factor * S0
    loss = low_rank.low_rank_loss(norm["input"], nuclear(traceable(dimmed))).item()
    error = evaluation.e_stab(dimmed, *motion)
    print(f"times {factor:.1f}: L_rank {loss:10.2f}   e_stab {error:.4f}   "
          f"e_stab / std {error / dimmed.std():.4f}")
best = (norm["input"] / norm["student-plain"]).item()
assert torch.isclose(nuclear(traceable(best * S0)), norm["input"], rtol=1e-3)
print(f"times {best:.3f} L_rank is zero and e_stab {best - 1:+.0%}, yet not one stroke is steadier")

# %%
factors = torch.linspace(0, 2 * max(best, 0.6), 49)     # as far on either side of the bottom
curve = [low_rank.low_rank_loss(norm["input"], factor * norm["student-plain"]).item()
         for factor in factors]
figure, axis = plt.subplots(figsize=(5, 2.6))
axis.plot(factors, curve, color=figures.colour("student-plain"))
axis.axvline(1, color="#bbbbbb", linestyle=":")
axis.scatter(best, 0, s=40, color="black", zorder=3)
axis.set(xlabel="every frame times this", ylabel="L_rank (Eq. 11)")
axis.spines[["top", "right"]].set_visible(False)
figures.show(figure, "The bottom of the valley is reached by turning one knob, brightness. "
             "The dotted line is the picture as it is.",
             "Rank loss against a brightness factor: both arms of a parabola that touches zero.")

# %% [markdown]
# A student has weights, not this knob. Which way do they go, down the slope of the norm? Cosines between slopes: 1 is the same
# way, 0 has nothing to do with it.
#
# **Predict, then run.** Is the norm of Eq. 6 nearer to brightness or to flicker (Eq. 12)?

# %%
trained = copy.deepcopy(networks["student-plain"]).requires_grad_(True)
y = trained(clip.frames)
terms = {"norm": nuclear(traceable(y)), "common tail": low_rank.singular_values(in_common(y))[:-1].sum(),
         "brightness": y.mean(), "flicker": temporal.temporal_loss(y[1:], y[:-1], *motion)}
slopes = {}
for name, term in terms.items():
    gradients = torch.autograd.grad(term, list(trained.parameters()), retain_graph=True)
    slopes[name] = torch.cat([gradient.flatten() for gradient in gradients]).double()
cosines = {f"{a} and {b}": torch.cosine_similarity(slopes[a], slopes[b], dim=0).item()
           for a in ("norm", "common tail") for b in ("brightness", "flicker")}
for pair, cosine in cosines.items():
    print(f"{pair:27}{cosine:+.2f}")
nearer = max(("brightness", "flicker"), key=lambda name: abs(cosines[f"norm and {name}"]))
print(f"The norm goes with {nearer}.")

# %% [markdown]
# That is one clip. [RESULTS.md](../RESULTS.md#table-2) has it over eight, in four styles, before and after the distillation: the
# norm's slope is nearly that of brightness everywhere, the common tail's nearly that of flicker. No lambda turns the one into the other.

# %% [markdown]
# **Masks of each frame inflate the tail.** Under Eq. 6 the rows differ wherever one frame is traceable and another is not, even in a perfectly
# steady clip. Make one: $K$ true copies of the middle frame, under both kinds of mask.

# %%
copies = clip.frames[tau].expand_as(clip.frames)      # nothing flickers, nothing moves
holes = {"copies, own masks": clip.from_middle.masks * copies,
         "copies, a common mask": common * copies}
holes = {name: torch.linalg.svdvals(X.flatten(1)).cpu() for name, X in holes.items()}
for name, v in holes.items():
    print(f"{name:22} tail {v[1:].sum():7.2f}, {v[1:].sum() / v.sum():.1%} of the norm")
tail = own["student-plain"][1:].sum()
print(f"{'student-plain, Eq. 6':22} tail {tail:7.2f}")
assert holes["copies, a common mask"][1:].sum() < 1e-2

# %% [markdown]
# What the copies have is the holes' share: compare it with Eq. 6 of the input in section 2. A student can lower it only by painting
# darker what lies in them. The paper says nothing of it; `losses.low_rank` follows Eq. 6 as written.

# %% [markdown]
# **(+) An extra, not in the paper.** Divide by the first singular value and brightness drops out; what is left above 1 is the
# *excess* of the rank: 0 for copies, $K - 1$ where no two frames have anything in common.
#
# $$\lVert X \rVert_* / \gamma_1 - 1$$
#
# `low_rank.rank_excess` computes it. With a common mask beside it, neither brightness nor holes can raise it:
# `lambda_excess` in the settings trains with it, and [RESULTS.md](../RESULTS.md) says what that is worth.

# %%
for name, video in videos.items():
    print(f"{name:15} {low_rank.rank_excess(traceable(video)):.4f}   "
          f"with a common mask {low_rank.rank_excess(in_common(video)):.4f}")
dimmed = low_rank.rank_excess(traceable(0.8 * S0))
assert torch.isclose(dimmed, low_rank.rank_excess(traceable(S0)), rtol=1e-4)

# %% [markdown]
# ## 7. Train with it
#
# Two short trainings from the zoo's plain student on the same clips: Eq. 1 with $\lambda_{rank} L_{rank}^{input}$, at ten times
# the zoo's lambda so that a few steps show something, and the *control*, Eq. 1 alone.
#
# **Predict, then run.** Besides the flicker: will the picture get paler, darker, or stronger in contrast?

# %%
lesson = settings.but(clips=min(settings.clips, 6), lambda_res=0, lambda_temp=0,
                      lambda_rank=10 * settings.lambda_rank, finetune_rate=settings.demo_rate)
frozen = [networks[role] for role in ("teacher-flow", "teacher-plain", "student-plain")]
targets = training.FrozenTargets(RenderedClips(lesson), *frozen)
steps = max(4, settings.demo_steps // 2)
ranked, history = training.distill(frozen[-1], targets, judge, lesson, steps=steps)
control, _ = training.distill(frozen[-1], targets, judge, lesson.but(lambda_rank=0), steps=steps)
figures.show(
    figures.losses(history, f"lambda_rank = {lesson.lambda_rank:g}, nothing else"),
    "The rank term is one squared number a clip and jumps from clip to clip: "
    "follow the running mean.",
    "Perceptual, rank and total loss over the steps of the short training.")

# %%
with torch.no_grad():
    results = {"input": clip.frames, "student-plain": S0,
               "control, Eq. 1 alone": control(clip.frames),
               "rank, briefly trained": ranked(clip.frames),
               "student-ours": networks["student-ours"](clip.frames)}
for name, y in results.items():
    error = evaluation.e_stab(y, *motion)
    style_loss = judge.terms(y, clip.frames)["style"].item()
    print(f"{name:22} norm {nuclear(traceable(y)):8.2f}   e_stab {error:.4f}   "
          f"style {style_loss:7.3f}   std {y.std():.4f}   mean {y.mean():.4f}")
assert all(torch.isfinite(p).all() for p in ranked.parameters())

# %%
def anatomy(y):
    """What the norm is made of: brightness, contrast, and what changes from frame to frame."""
    *rest, first = low_rank.singular_values(traceable(y)).tolist()     # ascending
    return {"brightness": y.mean().item(), "contrast": y.std().item(), "first value": first,
            "the other values": sum(rest)}


with_rank, without = (anatomy(results[name])
                      for name in ("rank, briefly trained", "control, Eq. 1 alone"))
changes = {name: with_rank[name] / without[name] - 1 for name in without}
print("with L_rank, against the control:")
for name, change in changes.items():
    print(f"  {name:17}{change:+7.1%}")
relative = (1 + changes["the other values"]) / (1 + changes["first value"]) - 1
print(f"The picture is {'darker' if changes['brightness'] < 0 else 'brighter'} and its contrast "
      f"{'weaker' if changes['contrast'] < 0 else 'stronger'}. For that brightness, the other values are "
      f"{relative:+.1%}: {'steadier' if relative < -0.01 else 'no steadier, as section 6 warned'}.")
figures.show(
    figures.images({name: y[tau] for name, y in results.items()}, columns=2, height=1.8),
    "Briefly trained without and with the rank loss, then the zoo's student. Compare "
    "the brightness and the contrast.",
    "One frame: the input, the plain student, the control, the student trained on rank, and "
    "the zoo's ours.")

# %% [markdown]
# Rank alone may bend the contrast, in either direction: one number per clip leaves it free. In the paper, and in the zoo's
# `student-ours`, the residual loss stands beside it and holds the picture in place. If nothing moved in your run,
# $\lambda_{rank}$ was small for this resolution (the norm is raw and grows with the picture); notebook 07 shows how to choose it.

# %%
final = {name: torch.linalg.svdvals(in_common(y)).cpu() for name, y in results.items()}
figures.show(
    figures.spectra(final),
    "Did the tail of the students move towards the input's, or only their first value?",
    "Singular values of input, plain student, control, briefly trained student and the zoo's ours.")
for name in ("rank, briefly trained", "student-ours"):
    v, base = final[name], final["control, Eq. 1 alone"]
    print(f"{name:22} against the control: first value {v[0] / base[0] - 1:+.0%}, tail {v[1:].sum() / base[1:].sum() - 1:+.0%}")
spectrum = low_rank.singular_values(in_common(S0)).flip(0).float().cpu()
assert torch.allclose(spectrum, final["student-plain"], rtol=1e-2, atol=1e-2)

# %% [markdown]
# ## Summary
#
# A steady clip, its motion undone, is $K$ times one picture, a matrix of rank one. Flicker shows in the singular values after the first.
# The nuclear norm makes that trainable, at the price of a $K \times K$ eigenvalue problem. But its slope is nearly that of brightness, and its
# tail is full of holes, so it needs company: Eq. 1 and the residual loss. What it adds to them, notebook 08 shows.

# %% [markdown]
# ## Exercises
#
# **1.** Use Eq. 10 in section 7: `FrozenTargets(..., rank_from="teacher")`. Which way does the contrast go now?
#
# <details><summary>Hint</summary>
# Section 5 prints whether each norm asks the student's to shrink or to grow.
# </details>
#
# **2.** Plot the share of the tail for $K$ = 2 to 8 frames of the same scene. Why does it grow for the *input* as well?
#
# <details><summary>Hint</summary>
# <code>clip_from_scene(test_scene("temple_2", height, width, K))</code> is a clip of that length; look at the masks.
# </details>
#
# [Next: 7. The total loss](07_total_loss.ipynb)
