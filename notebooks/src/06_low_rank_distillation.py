# %% [markdown]
# # 6. Low-rank distillation
#
# **You will be able to**
# - say why a steady clip is a matrix of low rank, and show it in its singular values;
# - compute the nuclear norm of a clip without an SVD (Eq. 6 to 9);
# - name three ways in which the rank loss (Eq. 10, 11) can mislead.
#
# **You need** notebooks 00 to 05, and to have met the singular value decomposition once.
# **Time**: about 75 minutes to read and work. Every cell together runs about 1 minute on a laptop without a GPU.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Back: 5. Residual distillation](05_residual_distillation.ipynb) · [Next: 7. The total loss](07_total_loss.ipynb)

# %%
import copy
import time

import matplotlib.pyplot as plt
import torch

from tutorial_lib import checks, evaluation, settings as config, training, zoo
from tutorial_lib.data.clips import RenderedClips, clip_from_scene
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.flow.warp import warp

# %%
from tutorial_lib.keep import keep
from tutorial_lib.losses import low_rank, temporal
from tutorial_lib.networks.teacher import roll_out
from tutorial_lib.papers.ofd.roles import ZOO
from tutorial_lib.show import figures
from tutorial_lib.show.diagrams import matrix as diagram
from tutorial_lib.show.viewers.rank import rank_viewer

settings, device, style = config.scale(), config.device(), config.style()
device = torch.device("cpu") if device.type == "mps" else device      # Apple's GPUs have no float64
torch.manual_seed(settings.seed)
networks = {role: zoo.load(f"{style}-{role}").to(device) for role in ZOO}
judge = evaluation.judge_of(style, settings).to(device)
print(f"scale {settings.name}, {device}")

# %% [markdown]
# ## 1. A steady clip is made of copies
#
# A toy by hand: a "clip" of two frames, each a row of two pixels, one under the other. The pixels flicker by 1:
#
# $$X = \begin{pmatrix} 2 & 1 \\ 1 & 2 \end{pmatrix} \qquad
# X X^T = \begin{pmatrix} 5 & 4 \\ 4 & 5 \end{pmatrix}$$
#
# In $X X^T$ each frame is multiplied with each: 5 = 2·2 + 1·1, 4 = 2·1 + 1·2. The roots of its eigenvalues are the
# **singular values** of $X$. $X X^T$ only stretches its eigenvectors, here (1, 1) and (1, -1): by which two
# factors, the eigenvalues? And for two equal frames, 2 1 and 2 1?

# %%
for name, X in {"flickering": [[2.0, 1], [1, 2]], "two copies": [[2.0, 1], [2, 1]]}.items():
    X = torch.tensor(X)
    both, change = X @ X.T @ torch.ones(2), X @ X.T @ torch.tensor([1.0, -1])
    print(f"{name}: X X^T times (1, 1) = {both.int().tolist()}, times (1, -1) = {change.int().tolist()}; "
          f"eigenvalues {both[0]:.0f} and {change[0]:.0f}, singular values "
          f"{both[0].sqrt():.3f} and {change[0].sqrt():.3f}")

# %% [markdown]
# The direction (1, 1) is what the two frames share, (1, -1) is what changes from one to the other. Copies have nothing of the
# second kind.
#
# Now a "picture" is a row of 200 numbers, and a "clip" five rows. Three clips: five copies, five copies with a little noise,
# five unrelated rows.
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
    "Singular values, largest first, on a logarithmic scale. Grey lines are clips that belong to no network; markers "
    "tell them apart. Copies have one value; noise raises the others.",
    "Singular values of the three toy clips, one line each.")

# %% [markdown]
# The **rank** counts the singular values $\gamma_i$ above zero (Eq. 8). It has no slope: a little noise and it jumps from 1 to 5. Their
# sum, the **nuclear norm** (Eq. 9), has one:
#
# $$\lVert X \rVert_* = \sum_i \gamma_i$$
#
# It is what can be minimised in the rank's place. For the clips of two frames that you worked out: 3 + 1 = 4, and 3.162.

# %%
for name, values in toy_values.items():
    rank = int((values > 1e-4).sum())
    print(f"{name:15} rank {rank}   nuclear norm {values.sum():7.3f}   "
          f"all but the first {values[1:].sum():6.3f}")

# %% [markdown]
# **Question.** Five copies of a picture, but the third is twice as bright as the others. What is the rank?
#
# <details><summary>A. 5: the clip flickers.</summary>Flicker often raises the rank. This one does not: look at what the rows
# have in common.</details>
# <details><summary>B. 2: one for the copies and one for the bright frame.</summary>It would be 2 if the bright frame were
# <em>another</em> picture. A multiple of a row adds no direction.</details>
# <details><summary>C. 1.</summary>Right: every row is a multiple of one picture. A lamp that goes on and off does not exist for the
# rank. Keep it in mind for section 6.</details>

# %% [markdown]
# ## 2. A clip, its motion undone
#
# Frames of a moving camera are not copies. Undo the motion and they are: warp every frame to the middle one, $\tau$, and
# black out what cannot be traced.

# %%
figures.show(diagram.draw(), "Three frames of 2 x 3 pixels; a number is a colour, and the camera moves by one pixel. Look down a "
             "column of the last grid: where it is not black, its numbers are equal.", diagram.ALT)

# %% [markdown]
# The same with a rendered scene:

# %%
height, width = (64, 96) if settings.name == "smoke" else (128, 256)
film = test_scene("temple_2", height, width, settings.clip_length)
clip = clip_from_scene(film).to(device)       # K frames, exact flow from the middle one
flows, masks = clip.from_middle.flows, clip.from_middle.masks
aligned = low_rank.traceable_matrix(clip.frames, flows, masks).reshape(clip.frames.shape)      # (K, 3, H, W)
tau = len(clip.frames) // 2
print(f"K = {len(clip.frames)}, tau = {tau}; traceable: "
      + ", ".join(f"{mask.mean():.0%}" for mask in masks))

# %%
pairs = {}
for t in (0, tau, len(clip.frames) - 1):
    pairs |= {f"frame {t}": clip.frames[t], f"aligned {t}": aligned[t]}
figures.show(
    figures.images(pairs, columns=2, height=1.4),
    "Left the frames, right the same frames seen from the middle one. Black: not "
    "traceable.",
    "First, middle and last frame of a clip, left as they are, right aligned and masked.")

# %% [markdown]
# Each aligned frame becomes a row: the **traceable matrix** of Eq. 6,
#
# $$X = \big[\mathrm{vec}(R_1), \dots, \mathrm{vec}(R_K)\big]^T, \qquad
# R_t = M_t \odot W_{t \to \tau}(x_t)$$
#
# with $L = 3HW$ columns (the paper counts $HW$ pixels; each has three colours) and a mask $M_t$ *of each frame's own*.
#
# **Yours to write**: `traceable_matrix`. The flows lead from the middle frame into every frame, as `warp` wants them.
#
# <details><summary>Hint 1: the order</summary>The masks lie on the middle frame's grid, as the flows do. So warp first, then
# multiply.</details>
# <details><summary>Hint 2: all frames at once</summary><code>warp(frames, flows)</code> takes the whole clip; a mask (K, 1, H, W) times
# frames (K, 3, H, W) serves all three colours.</details>
# <details><summary>Hint 3: rows</summary><code>x.flatten(1)</code> keeps the first dimension and lays the rest in one
# row.</details>

# %%
def traceable_matrix(frames, flows, masks):
    """Eq. 6: frames (K, 3, H, W), flows (K, 2, H, W) from frame tau into each, masks (K, 1, H, W) -> (K, 3HW)."""
    ### BEGIN SOLUTION
    return (masks * warp(frames, flows)).flatten(1)
    ### END SOLUTION


# %% tags=["check"]
checks.traceable_matrix(traceable_matrix)

# %% [markdown]
# From here on the notebook takes the course's own. Masks of each frame's own are not the only way: a **common** mask keeps
# only what all $K$ frames show.
#
# **Predict, then run.** How far do the later singular values fall when the motion is undone? And which mask leaves the lower ones?

# %%
from tutorial_lib.losses.low_rank import traceable_matrix

common = low_rank.common_mask(masks)          # 1 where every frame can be traced

def traceable(frames):
    """Eq. 6 of this clip, or of what was painted of it: (K, 3, H, W) -> (K, 3HW)."""
    return traceable_matrix(frames, flows, masks)

def in_common(frames):
    """The same with one mask for all frames."""
    return traceable_matrix(frames, flows, common)

matrix = traceable(clip.frames)
print("X has {} rows and {:,} columns".format(*matrix.shape))

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
# as you found for 2 x 2. Squaring costs half the digits, hence `float64`. And a root has no slope at zero, so an eigenvalue of 0
# must be kept a little above it, by a *guard* that is small against the largest.

# %% [markdown]
# **Question.** $X^T X$ has the same eigenvalues that are not zero. Why not take that one?
#
# <details><summary>A. It is the covariance of the pixels, and the mean would have to be subtracted first.</summary>Nothing is
# subtracted in either of the two. Their eigenvalues agree as they stand.</details>
# <details><summary>B. It has as many rows as X has columns.</summary>Right: with 100,000 columns it has ten billion entries, 80 GB in
# float64, for the same K numbers.</details>
# <details><summary>C. It has no gradient.</summary>It has one, as X X^T does. You would only wait for it very long.</details>

# %% [markdown]
# **Yours to write**: `nuclear_norm`, without an SVD of $X$. It must be right for copies of a row, too, *and have a gradient there*:
# that is where training wants to go.
#
# <details><summary>Hint 1: the small matrix</summary><code>X = matrix.double()</code>, then <code>X @ X.T</code>. It is symmetric:
# <code>torch.linalg.eigvalsh</code>.</details>
# <details><summary>Hint 2: roots, then the sum</summary>Not the root of the sum.</details>
# <details><summary>Hint 3: the guard</summary>A zero eigenvalue comes out as 0 or as -1e-15: no slope of the one, no
# root of the other. <code>clamp_min(1e-12)</code> before the root. (1e-14 of the largest eigenvalue would suit any size of picture; but a black clip's
# largest is 0, and so would be the guard.)</details>

# %%
def nuclear_norm(matrix):
    """Eq. 9: the sum of the singular values of (K, L), from the K x K matrix alone -> a scalar."""
    ### BEGIN SOLUTION
    X = matrix.double()                                  # (K, L)
    eigenvalues = torch.linalg.eigvalsh(X @ X.T)         # (K,), ascending
    guard = 1e-14 * eigenvalues[-1].detach() + 1e-300
    return eigenvalues.clamp_min(guard).sqrt().sum().float()
    ### END SOLUTION


# %% tags=["check"]
checks.nuclear_norm(nuclear_norm)

# %%
from tutorial_lib.losses.low_rank import nuclear_norm

by_svd = torch.linalg.svdvals(matrix.double()).sum().float()
print(f"K x K: {nuclear_norm(matrix):.4f}   SVD: {by_svd:.4f}")
assert torch.isclose(nuclear_norm(matrix), by_svd, rtol=1e-5)

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

ratio = seconds(with_svd) / seconds(nuclear_norm)
print(f"forward and backward, the SVD takes {ratio:.1f} times as long")

# %% [markdown]
# ## 4. Flicker raises the tail
#
# The same clip under three networks, each aligned with the *input's* flow. The figure takes the common mask, which shows
# flicker and nothing else; the table has both.
#
# **Predict, then run.** Order the four by their singular values after the first: input, teacher without flow, plain student,
# teacher with flow.

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
    "Singular values of input, teacher with flow, teacher without flow and plain student on a "
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
# **Predict, then run.** Add frames, add flicker, add darkness: which of the three raise the others beside the first singular value,
# relative to it?

# %%
shape = clip.frames.shape
rank_viewer(in_common(videos["student-plain"]).reshape(shape), in_common(clip.frames).reshape(shape))

# %%
rows = in_common(videos["student-plain"])
mean = rows.mean(0)
ways = {"as it is": rows, "two frames fewer": rows[:-2], "twice the flicker": mean + 2 * (rows - mean), "half as bright": rows / 2}
for name, X in ways.items():
    first_value, *others = torch.linalg.svdvals(X).tolist()
    print(f"{name:18} first {first_value:7.2f}   others {sum(others):6.2f}, {sum(others) / first_value:6.2%} of the first")

# %% [markdown]
# ## 5. The loss: whose norm to imitate?
#
# By hand, with the clips of section 1: the wanted clip is two copies, its norm 3.162, and the painted one flickers, its norm 4. The
# loss is the squared difference of the two numbers, 0.702.
#
# The wanted norm is the teacher's (Eq. 10), or the input's (Eq. 11), which the paper prefers because the input is steadier than
# what the teacher makes of it:
#
# $$L_{rank}^T = \big(\lVert X_T \rVert_* - \lVert X_S \rVert_*\big)^2 \qquad
# L_{rank}^{input} = \big(\lVert X_{input} \rVert_* - \lVert X_S \rVert_*\big)^2$$

# %% [markdown]
# **Yours to write**: `rank_loss`, for two matrices. (`nuclear_norm` is there.)
#
# <details><summary>Hint 1</summary>Two numbers first, then their difference, squared. Nothing else of the clips is
# compared.</details>
# <details><summary>Hint 2: a test</summary><code>rank_loss(torch.tensor([[2., 1], [2, 1]]), torch.tensor([[2., 1], [1, 2]]))</code>
# is 0.702.</details>

# %%
def rank_loss(wanted, painted):
    """Eq. 10 or 11 for two matrices (K, L): of the clip that is imitated, and of the student's -> a scalar."""
    ### BEGIN SOLUTION
    return (nuclear_norm(wanted) - nuclear_norm(painted)).square()
    ### END SOLUTION


# %% tags=["check"]
checks.rank_loss(rank_loss)

# %% [markdown]
# The course's own, `low_rank_loss`, takes the two *norms*: the wanted one never changes, so a training computes it once a clip.
#
# **Predict, then run.** Does the student's norm have to grow or to shrink?

# %%
from tutorial_lib.losses.low_rank import low_rank_loss

norm = {name: nuclear_norm(traceable(video)) for name, video in videos.items()}
whose = {"Eq. 10, teacher's": "teacher-flow", "Eq. 11, input's": "input"}
for equation, wanted in whose.items():
    loss = low_rank_loss(norm[wanted], norm["student-plain"])
    way = "shrink" if norm[wanted] < norm["student-plain"] else "grow"
    print(f"{equation:18} norm {norm[wanted]:8.2f}: loss {loss:10.2f}, "
          f"the student's has to {way}")

# %% [markdown]
# **Question.** In some other clip the student's norm is *below* the input's. What does Eq. 11 ask for there?
#
# <details><summary>A. A larger norm: a brighter picture, stronger contrast, or more flicker.</summary>Right. Each of them raises the
# norm, and the loss does not say which is meant.</details>
# <details><summary>B. Less flicker, as always.</summary>Less flicker lowers the norm further, and the loss would rise.</details>
# <details><summary>C. Nothing: the goal is reached.</summary>The difference is squared, so both sides cost. It would be so if only
# norms above the input's were punished.</details>

# %% [markdown]
# **The direction.** "Shrink" can be answered with less flicker; "grow" cannot, and Eq. 11 asks for it wherever the
# painted clip's norm is below the film's. A norm is one number for a whole clip, and very different clips have the same.
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
    loss = low_rank_loss(norm["input"], nuclear_norm(traceable(dimmed))).item()
    error = evaluation.e_stab(dimmed, *motion)
    print(f"times {factor:.1f}: L_rank {loss:10.2f}   e_stab {error:.4f}   "
          f"e_stab / std {error / dimmed.std():.4f}")
best = (norm["input"] / norm["student-plain"]).item()
assert torch.isclose(nuclear_norm(traceable(best * S0)), norm["input"], rtol=1e-3)
print(f"times {best:.3f} L_rank is zero and e_stab {best - 1:+.0%}, yet not one stroke is steadier")

# %%
factors = torch.linspace(0, 2 * max(best, 0.6), 49)     # as far on either side of the bottom
curve = [low_rank_loss(norm["input"], factor * norm["student-plain"]).item()
         for factor in factors]
figure, axis = plt.subplots(figsize=(5, 2.6))
axis.plot(factors, curve, color=figures.colour("student-plain"))
axis.axvline(1, color="#bbbbbb", linestyle=":")
axis.scatter(best, 0, s=40, color="black", zorder=3)
axis.set(xlabel="every frame times this", ylabel="L_rank (Eq. 11)")
axis.spines[["top", "right"]].set_visible(False)
figures.show(figure, "Grey curve: the plain student's clip, times a factor. The bottom of the valley is reached by turning "
             "one knob, brightness. The dotted line is the picture as it is.",
             "Rank loss against a brightness factor: both arms of a parabola that touches zero.")

# %% [markdown]
# A student has weights, not this knob. A number's gradient by all weights, its *slope*, is the way in which training moves them. Compare
# two slopes by their cosine: 1 is the same way, 0 means that the one says nothing of the other.
#
# **Predict, then run.** Is the norm of Eq. 6 nearer to brightness or to flicker (Eq. 12)?

# %%
trained = copy.deepcopy(networks["student-plain"]).requires_grad_(True)
y = trained(clip.frames)
terms = {"norm": nuclear_norm(traceable(y)), "common tail": low_rank.singular_values(in_common(y))[:-1].sum(),
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
holes = {"copies, own masks": masks * copies,
         "copies, a common mask": common * copies}
holes = {name: torch.linalg.svdvals(X.flatten(1)).cpu() for name, X in holes.items()}
for name, v in holes.items():
    print(f"{name:22} tail {v[1:].sum():7.2f}, {v[1:].sum() / v.sum():.1%} of the norm")
tail = own["student-plain"][1:].sum()
print(f"{'student-plain, Eq. 6':22} tail {tail:7.2f}")
assert holes["copies, a common mask"][1:].sum() < 1e-2

# %% [markdown]
# What the copies have is the holes' share: compare it with Eq. 6 of the input in section 2. A student can lower it only by painting
# darker what some frames show and others do not. The paper says nothing of it; `losses.low_rank` follows Eq. 6 as written.

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
distill = keep(training.distill)      # after a restart "run all" goes on from what was trained
ranked, history = distill(frozen[-1], targets, judge, lesson, steps=steps)
control, _ = distill(frozen[-1], targets, judge, lesson.but(lambda_rank=0), steps=steps)
figures.show(
    figures.losses(history, f"lambda_rank = {lesson.lambda_rank:g}, nothing else"),
    "Grey: every step, green: their running mean. The rank term is one squared number a clip and jumps from clip to "
    "clip: follow the mean.",
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
    print(f"{name:22} norm {nuclear_norm(traceable(y)):8.2f}   e_stab {error:.4f}   "
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
    figures.images({name: y[tau] for name, y in results.items()}, columns=2, height=1.4),
    "Briefly trained without and with the rank loss, then the zoo's student. Compare "
    "the brightness and the contrast.",
    "One frame: the input, the plain student, the control, the student trained on rank, and "
    "the zoo's ours.")

# %% [markdown]
# **Question.** A network trained with the rank loss has an `e_stab` that is 10 % lower, and its pictures are 12 % darker. Is it
# steadier?
#
# <details><summary>A. Yes: e_stab is what counts.</summary>e_stab is measured in brightness. Every frame times 0.88, and it falls by
# 12 % without any training.</details>
# <details><summary>B. This does not show it.</summary>Right. Dimming alone would have taken off more. Compare e_stab relative to the
# picture's own contrast, and look at style and content beside it (notebook 8).</details>
# <details><summary>C. No: a rank loss cannot make anything steady.</summary>It can: with the residual loss beside it, which holds the
# picture, it may well take its share from the tail. Each case has to be measured.</details>

# %% [markdown]
# Rank alone may bend the contrast, in either direction: one number per clip leaves it free. In the paper, and in the zoo's
# `student-ours`, the residual loss stands beside it and holds the picture in place. If nothing moved in your run,
# $\lambda_{rank}$ was small for this resolution (the norm is not divided by the number of pixels); notebook 07 shows how to choose it.

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
# **Exercise 1.** Use Eq. 10 in section 7: `FrozenTargets(..., rank_from="teacher")`. Which way do brightness and contrast go now,
# against the same control?
#
# <details><summary>Hint</summary>Section 5 prints how far each norm is from the student's, and whether it has to shrink or to
# grow.</details>

# %% tags=["solution"]
# Exercise 1: a solution
from_teacher = training.FrozenTargets(RenderedClips(lesson), *frozen, rank_from="teacher")
imitates, _ = distill(frozen[-1], from_teacher, judge, lesson, steps=steps)
with torch.no_grad():
    by_teacher = anatomy(imitates(clip.frames))
print(f"against the control{'':15}" + "".join(f"{name:>18}" for name in without))
for name, parts in {"Eq. 11, the input's norm": with_rank, "Eq. 10, the teacher's": by_teacher}.items():
    print(f"{name:34}" + "".join(f"{parts[key] / without[key] - 1:+18.1%}" for key in without))
moved = {whose: abs(parts["brightness"] / without["brightness"] - 1)
         for whose, parts in {"the input's norm": with_rank, "the teacher's norm": by_teacher}.items()}
far = {"the input's norm": norm["input"], "the teacher's norm": norm["teacher-flow"]}
nearer = min(far, key=lambda whose: abs(far[whose] - norm["student-plain"]))
print(f"Nearer to the plain student's, in this scene: {nearer}. Brightness moved less with {min(moved, key=moved.get)}.")

# %% [markdown]
# **Exercise 2.** Plot the share of the tail in the norm for $K$ = 2 to 8 frames of the same scene. Why does it grow for the
# *input* as well? What remains of that with a common mask?
#
# <details><summary>Hint</summary><code>clip_from_scene(test_scene("temple_2", height, width, K))</code> is a clip of that length; look
# at its masks.</details>

# %% tags=["solution"]
# Exercise 2: a solution
lengths, shares = range(2, 9), {"own masks": [], "a common mask": []}
for K in lengths:
    longer = clip_from_scene(test_scene("temple_2", height, width, K))
    middle = longer.from_middle
    for name, mask in {"own masks": middle.masks, "a common mask": low_rank.common_mask(middle.masks)}.items():
        v = torch.linalg.svdvals(traceable_matrix(longer.frames, middle.flows, mask))
        shares[name].append((v[1:].sum() / v.sum()).item())
figure, axis = plt.subplots(figsize=(5, 2.6))
for name, dashes in zip(shares, ("-", "--"), strict=True):
    axis.plot(lengths, shares[name], dashes, marker="o", color=figures.INK, label=f"input, {name}")
axis.set(xlabel="K, frames", ylabel="tail / norm")
axis.set_ylim(bottom=0)
axis.legend(fontsize=8)
axis.spines[["top", "right"]].set_visible(False)
figures.show(figure, "The film itself, unpainted. Black: the input. Look how much of the rise is left when all frames share a mask.",
             "Share of the tail against the number of frames, with own masks and with a common mask.")
for name, values in shares.items():
    print(f"{name:14} tail / norm from {values[0]:.3f} at K = 2 to {values[-1]:.3f} at K = 8")
print("Each frame adds a singular value, and frames further from the middle one hide more. With own masks the holes count;")
print("with a common one only what changes in what is seen: noise, light, and the slight blur of the warp.")

# %% [markdown]
# **Exercise 3.** Shuffle the frames of the plain student's aligned clip in time. What does the nuclear norm do, and what does the mean
# squared change from a frame to the next? Then take a clip that gets steadily brighter, and shuffle that.
#
# <details><summary>Hint</summary>The rows are <code>in_common(S0)</code>; <code>X[[0, 2, 4, 1, 3]]</code> shuffles five of them.
# <code>X.diff(dim=0)</code> is the change.</details>

# %% tags=["solution"]
# Exercise 3: a solution
order = [*range(0, len(S0), 2), *range(1, len(S0), 2)]      # 0 2 4 1 3: neighbours are torn apart
brighter = torch.linspace(0.8, 1.2, len(S0), device=S0.device)[:, None] * in_common(S0)[tau]
for name, X in {"student-plain": in_common(S0), "slowly brighter": brighter}.items():
    mixed = X[order]
    print(f"{name:16} norm {nuclear_norm(X):8.3f}, shuffled {nuclear_norm(mixed):8.3f}   change from frame to frame "
          f"{X.diff(dim=0).square().mean():.5f}, shuffled {mixed.diff(dim=0).square().mean():.5f}")
print("The norm does not know which frame comes first: X X^T is the same, with its rows and columns in another order. A slow")
print("change of light and a hectic one are one and the same to it. Eq. 12 and e_stab do see the order.")

# %% [markdown]
# **Exercise 4.** Cheat: make a clip that flickers about *twice* as much as the plain student's, relative to the picture, and has a
# rank loss of zero. (Use the common mask, for the input's norm as well: then no hole disturbs.)
#
# <details><summary>Hint 1</summary>Work on the rows, <code>X = in_common(S0)</code>. What stays and what flickers are
# <code>X.mean(0)</code> and the rest.</details>
# <details><summary>Hint 2</summary>Double the rest. The norm rises, too. Which knob brings it to that of the
# input?</details>

# %% tags=["solution"]
# Exercise 4: a solution
def restlessness(X):
    """The change from frame to frame, relative to the picture."""
    return (X.diff(dim=0).square().mean().sqrt() / X.square().mean().sqrt()).item()


X, wanted = in_common(S0), nuclear_norm(in_common(clip.frames))
doubled = X.mean(0) + 2 * (X - X.mean(0))
knob = wanted / nuclear_norm(doubled)
for name, rows in {"student-plain": X, "flicker doubled": doubled, "and dimmed": knob * doubled}.items():
    print(f"{name:16} L_rank {low_rank_loss(wanted, nuclear_norm(rows)):10.2f}   "
          f"change from frame to frame, relative: {restlessness(rows):.3f}")
print(f"All frames times {knob:.3f}: the loss of Eq. 11 is gone, and the flicker is not.")

# %% [markdown]
# ## Further reading
#
# - Chen, Zhang et al., [Optical flow distillation](https://arxiv.org/abs/2007.05146) (2020), Sec. 3.3: Eq. 6 to 11.
# - Recht, Fazel, Parrilo, [Guaranteed minimum-rank solutions of linear matrix equations via nuclear norm minimization
#   ](https://arxiv.org/abs/0706.4138) (2007): why the nuclear norm stands in for the rank.
# - Candès, Li, Ma, Wright, [Robust principal component analysis?](https://arxiv.org/abs/0912.3599) (2009): a film as a matrix, a
#   frame a row or column: what stays is of low rank, what moves is sparse.
#
# [Next: 7. The total loss](07_total_loss.ipynb)
