# %% [markdown]
# # 9. Space-time distillation
#
# **You will be able to**
# - say why a video cannot simply be made four times as large, and what "small" means (BI, BD);
# - write the attention map of space distillation and one step of the ConvLSTM of time distillation;
# - see a loss report a success that is none, and cure it.
#
# **You need** notebooks 00 to 05; weights from gradients are in 07, the warping error (`e_stab` of an enlargement) in 08.
# **Time**: about 75 minutes to read and work. Every cell together runs about 3 minutes on a laptop without a GPU.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Back: 8. Evaluation](08_evaluation.ipynb) · [Next: 10. Small, fast, yours](10_small_fast_yours.ipynb)

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F

from tutorial_lib import checks, settings as config, zoo
from tutorial_lib.data.clips import filmed
from tutorial_lib.data.degradation import degrade, kernel, upscale_bicubic
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.evaluation import upscaling

# %%
from tutorial_lib.data.pairs import RenderedPairs
from tutorial_lib.evaluation.upscaling_bench import cost
from tutorial_lib.keep import keep
from tutorial_lib.networks.memory import ConvLSTM, Memory
from tutorial_lib.papers.stages import prepared, run
from tutorial_lib.papers.std.roles import TEACHER, ZOO
from tutorial_lib.papers.std.settings import scale
from tutorial_lib.papers.std.stages import new_student, new_teacher
from tutorial_lib.show import figures
from tutorial_lib.stage import Job

settings, device = scale(), config.device()
torch.manual_seed(settings.seed)
print(f"scale {settings.name}, {device}, {settings.degradation}")

# %% [markdown]
# ## 1. One small picture, many large ones
#
# The second paper of this course, *Space-Time Distillation for Video Super-Resolution* (Xiao et al., CVPR 2021), makes videos
# four times as wide and as high. Sixteen pixels come out for each that goes in.
#
# **Work it out on paper.** Two rows of eight pixels, $a$ and $b$ (next cell). Each small pixel is the mean of four. What are the
# two small rows?

# %%
a = torch.tensor([4.0, 4, 4, 4, 8, 8, 8, 8])
b = torch.tensor([2.0, 6, 2, 6, 6, 10, 6, 10])
print("a", a.int().tolist(), "  b", b.int().tolist())

# %%
for name, row in (("a", a), ("b", b)):
    print(f"{name}, small: {row.unflatten(0, (2, 4)).mean(1).int().tolist()}")

# %% [markdown]
# A flat row and a striped one, and their small pictures are the same. Nothing that is given only the small one can tell which it was:
# the problem is *ill-posed*.
#
# **Question.** Half of the time the truth is $a$, half of the time $b$, and a network is trained to have the least squared error.
# What does it answer for $b$'s first four pixels, 2 6 2 6?
#
# <details><summary>A. 2 6 2 6, or 4 4 4 4, as it happens.</summary>A network gives one answer to one input, and the input is the
# same.</details>
# <details><summary>B. 3 5 3 5.</summary>Right: the mean of 4 4 4 4 and 2 6 2 6. It is never right and never far off: half of the
# stripes, which one sees as blur.</details>
# <details><summary>C. 4 4 4 4, to be on the safe side.</summary>Then its squared error is 0 or 4 a pixel, 2 in the mean. Halfway
# between the two it is 1 each time.</details>

# %% [markdown]
# Now with a frame. Onto it go stripes, one pixel bright, one pixel dark.
#
# **Predict, then run.** How many pixels of the *small* picture does that change?

# %%
height, width, frames = settings.evaluation_height, settings.evaluation_width, 5 if settings.name == "smoke" else 8
film = filmed(test_scene("alley_2", height, width, frames), "clean", (-1, 1))
truth = film.frames
stripes = 0.12 * (1 - 2 * (torch.arange(width) % 2))                  # +, -, +, -
calm = 0.15 + 0.7 * truth[:1]                                         # so that nothing is cut off at black and white
striped = calm + stripes
both = [degrade(picture, "BI") for picture in (calm, striped)]        # rounded to 8 bits a colour
inner = [small[..., 2:-2, 2:-2] for small in both]
changed = (inner[0] != inner[1]).float().mean().item()
print(f"The large pictures differ in every pixel by {stripes.abs().max():.2f}; "
      f"of the small ones, borders left out, {changed:.1%} of the numbers differ.")
assert changed < 0.01

# %%
figures.show(
    figures.images({"large": calm[..., :48, :64], "large, with stripes": striped[..., :48, :64], "small": both[0],
                    "small, with stripes": both[1]}, columns=2, height=1.6),
    "Above: a corner of two large pictures. Below: the small pictures of both. Look for any trace of the stripes.",
    "A corner of a frame without and with fine stripes, and the small pictures of both, which are alike.")

# %% [markdown]
# A *video* helps: the next frame shows the same thing, moved by a fraction of a pixel, so its small pixels are sums of others. That
# is why the teacher of this notebook looks along the optical flow into the frames before and after.

# %% [markdown]
# ## 2. What "small" means
#
# Papers make small pictures in one of two ways, and a network learns to undo the one that it was shown:
#
# - **BI**: bicubic, antialiased, as MATLAB's `imresize`;
# - **BD**: a Gaussian blur (sigma 1.6), of which every fourth pixel is kept, the *first* of four.
#
# **Yours to write**: `blur_and_keep`, BD without its border: the pictures come with one already.
#
# <details><summary>Hint 1: a square of weights</summary>The weight of a place is that of its row times that of its column:
# <code>row[:, None] * row</code>.</details>
# <details><summary>Hint 2: each colour by itself</summary><code>conv2d(..., groups=3)</code> takes weights of the shape
# (3, 1, 5, 5): the same square for each colour (<code>expand</code>).</details>
# <details><summary>Hint 3: every fourth pixel</summary><code>stride=4</code>, or <code>[..., ::4, ::4]</code>
# afterwards.</details>

# %%
def blur_and_keep(padded, row):
    """BD: pictures with a border, (N, 3, H + 4, W + 4), and the weights of a row, (5,) -> (N, 3, H / 4, W / 4)."""
    ### BEGIN SOLUTION
    weights = (row[:, None] * row).expand(3, 1, 5, 5)                 # each colour by itself
    return F.conv2d(padded, weights, stride=4, groups=3)
    ### END SOLUTION


# %% tags=["check"]
checks.blur_and_keep(blur_and_keep)

# %% [markdown]
# The course's own, `data.degradation.degrade`, has wider weights and mirrors the border.
#
# **Predict, then run.** A picture is dark on its left, bright on its right, with the edge in the middle. It is made small by BD and
# large again. Is the edge still in the middle?

# %%
edge = (torch.arange(64) >= 32).float().expand(1, 3, 64, 64)
print(f"the weights of a row: BI {len(kernel('BI')[0])}, BD {len(kernel('BD')[0])}")
for name in ("BI", "BD"):
    again = upscale_bicubic(degrade(edge, name))
    bright = again[0, 0, 32].clamp(0, 1).sum().item()
    print(f"{name}: {bright:.2f} of 64 pixels are bright, 32 were; the edge moved by {32 - bright:+.2f} pixels to the right")

# %%
small = degrade(truth, settings.degradation)
for name in ("BI", "BD"):
    found = upscaling.score(upscale_bicubic(degrade(truth, name)).clamp(0, 1), film)
    print(f"bicubic enlargement of {name}: PSNR {found.psnr:.2f} dB, SSIM {found.ssim:.4f}")

# %% [markdown]
# **Question.** A network that was trained on BD is given pictures made by BI. What is the least of its troubles?
#
# <details><summary>A. Everything comes out shifted.</summary>By more than a pixel, as you have just seen: it takes back a shift
# that was not there. For PSNR that is a catastrophe.</details>
# <details><summary>B. It sharpens by the wrong amount.</summary>The two blur by different amounts, so what it takes back is not
# what was done. That can be seen as halos.</details>
# <details><summary>C. It takes longer for a frame.</summary>Right: the time does not depend on what is in the picture. The other
# two are why the two are never mixed, and why a table says which it is of.</details>

# %% [markdown]
# ## 3. A teacher and two students
#
# | | sees | features move |
# |---|---|---|
# | teacher (`sr-teacher`) | the frames of its window, before and after | along the optical flow |
# | three frames (`sr-stacked-...`) | the frame, one before, one after | not at all |
# | recurrent (`sr-recurrent-...`) | the frame, and its own features of the one before | not at all |
#
# The teacher goes through a film in windows as long as its training clips (exercise 4 says why). All three add what they have found
# to the bicubic enlargement. The last feature map before that, at full size, is the paper's
# $F^{SR}$: what will be distilled.

# %%
kinds = {"teacher": new_teacher(settings), "three frames": new_student("stacked", settings),
         "recurrent": new_student("recurrent", settings)}
for name, network in kinds.items():
    price = cost(network)
    print(f"{name:14}{price['parameters']:9,} parameters  {price['multiply_adds'] / 1e3:7.1f} k multiply-adds a small pixel")

# %% [markdown]
# **Question.** Which of the three can enlarge a live picture, frame by frame, as the camera sends it?
#
# <details><summary>A. The teacher: its flow knows where things go.</summary>It looks at later frames as well, and there are none
# yet.</details>
# <details><summary>B. The one with three frames, one frame late.</summary>With the delay of a frame it could, but not as the frame
# comes: the one after it is a third of what it sees.</details>
# <details><summary>C. The recurrent one.</summary>Right: it needs the frame and what it remembers. So it is the one that
# <code>python -m tutorial_lib upscale</code> takes where you name no other.</details>

# %% [markdown]
# ## 4. A short lesson
#
# A teacher and a plain student. The teacher is the zoo's, where it has one; else it is trained just now, briefly, as the student is, on
# a few rendered scenes (none of their photographs is in the film above). What follows needs features that have learned *something*; how
# much, the numbers below say.

# %%
steps = {"smoke": 4, "laptop": 240}.get(settings.name, 600)
lesson = settings.but(clips=min(settings.clips, 12), patches=min(settings.patches, 4), validation_scenes=1,
                      teacher_width=min(settings.teacher_width, 24), teacher_blocks=min(settings.teacher_blocks, 3))
train = keep(run)       # after a restart "run all" goes on from what was trained

def job(role, **networks):
    """A training of the course, on the clips of this lesson."""
    recipe = ZOO[role].recipe
    given = {name: networks[name.removeprefix("sr-")] for name in recipe.needs}
    return prepared(Job(recipe, recipe.settings(lesson), given, RenderedPairs, lesson))

teacher = zoo.load(TEACHER, "upscale").to(device) if TEACHER in zoo.names() else None
if teacher is None or teacher.configuration["tap"] != lesson.tap:     # another scale's cannot be compared
    teacher = train(job(TEACHER), steps=steps).requires_grad_(False)
plain = train(job("sr-recurrent-plain"), steps=steps).requires_grad_(False)

# %%
def enlarged(network, scene=film):
    return upscaling.made_large(network, scene, settings.degradation)

videos = {"bicubic": enlarged(upscaling.BICUBIC), "plain student": enlarged(plain), "teacher": enlarged(teacher)}
for name, video in videos.items():
    found = upscaling.score(video, film)
    print(f"{name:15} PSNR {found.psnr:.2f} dB   SSIM {found.ssim:.4f}   warping error {found.warping:.5f}")
print(f"{'the truth':15} {'':27}   warping error {found.truth_warping:.5f}")

# %% [markdown]
# ## 5. Space: where is there something to do?
#
# Teacher and student need not have the same channels, nor as many. So the paper compares not the features but a *map*: at each
# pixel the sum of their squares,
#
# $$M = \sum_c |F_c|^2 \qquad L_{SD} = \frac{1}{N} \sum_t \lVert M^S_t - M^T_t \rVert^2$$
#
# ($c$ counts the channels, $t$ the $N$ frames of a clip; $S$ is the student's, $T$ the teacher's. The course takes the mean over
# the pixels, too, so that a lambda does not depend on the size.)

# %% [markdown]
# By hand: a feature map of two channels and four pixels, (1, -2, 0, 3) and (-1, 2, 0, 4). What is $M$? And what would the sum
# *without* squares be?

# %%
toy = torch.tensor([[1.0, -2, 0, 3], [-1, 2, 0, 4]])
print("sum of squares", toy.square().sum(0).int().tolist(), "  plain sum", toy.sum(0).int().tolist())

# %% [markdown]
# The plain sum says that nothing happens at the first two pixels, where both channels shout.
#
# **Yours to write**: `attention_map`.
#
# <details><summary>Hint 1: which axis</summary>The features are (K, C, H, W): frames, channels, rows, columns. Add up over
# the channels.</details>
# <details><summary>Hint 2: keep the axis</summary><code>.sum(1, keepdim=True)</code> leaves (K, 1, H, W), a map that figures
# and losses can take.</details>
# <details><summary>Hint 3: in what order</summary>Square first. Signs cancel in a sum.</details>

# %%
def attention_map(features):
    """Where feature maps (K, C, H, W) are active: the sum of squares over the channels, (K, 1, H, W)."""
    ### BEGIN SOLUTION
    return features.square().sum(1, keepdim=True)
    ### END SOLUTION


# %% tags=["check"]
checks.attention_map(attention_map)

# %% [markdown]
# From here on the notebook takes the course's own, whatever yours does. It knows two alternatives as well, the sum of absolute
# values and the largest one.
#
# **Predict, then run.** Write each pixel's feature vector in other axes (a rotation of the channels). Which of the three maps stays the
# same?

# %%
from tutorial_lib.losses.space_time import attention_map

with torch.no_grad():
    T, S = (network(small[None].to(device)) for network in (teacher, plain))
tap = T.tap[0].cpu()                                                  # (K, C, 4h, 4w)
turn, _ = torch.linalg.qr(torch.randn(tap.shape[1], tap.shape[1]))
turned = torch.einsum("dc,kchw->kdhw", turn, tap)
moved = {}
for power in ("square", "absolute", "maximum"):
    before, after = attention_map(tap, power), attention_map(turned, power)
    moved[power] = ((after - before).abs().mean() / before.mean()).item()
    print(f"{power:9} changes by {moved[power]:.1%} of its mean")
assert moved["square"] < 1e-3 < min(moved["absolute"], moved["maximum"])

# %% [markdown]
# Squares give the length of a feature vector, which does not depend on axes. Do not make too much of it: behind a ReLU axes are not
# free. The same network can be written with its channels in another order, which none of the maps minds, or with one channel
# twice as large and its next weights halved, which all three mind.

# %% [markdown]
# What do the maps show? The paper: they "hint the high-frequency video content".
#
# **Predict, then run.** Where will the teacher's map be brightest: in the sky, on edges, or where the bicubic enlargement is
# wrong?

# %%
error = (truth - videos["bicubic"]).abs().mean(1, keepdim=True)      # (K, 1, H, W)
maps = {"teacher": attention_map(T.tap[0]).cpu(), "student": attention_map(S.tap[0]).cpu()}
shown = {"truth": truth[2], "error of bicubic": error[2], **{f"M of the {name}": x[2] for name, x in maps.items()}}
figures.show(
    figures.images(shown, columns=2, height=1.7),
    "One frame. Compare the two maps below with the error above: where is the teacher active, and where not yet the student?",
    "A frame, the error of its bicubic enlargement, and the attention maps of teacher and student.")

# %%
def alike(one, other):
    return torch.corrcoef(torch.stack((one.flatten(), other.flatten())))[0, 1].item()

for name, x in maps.items():
    print(f"the map of the {name} correlates with bicubic's error by {alike(x, error):+.2f}; "
          f"its mean is {x.mean().item():.3f}")
print(f"the two maps correlate with each other by {alike(*maps.values()):+.2f}")
r = alike(maps["teacher"], error)
print(f"The teacher's map explains {r * r:.0%} of how bicubic's error varies (r squared): "
      f"{'a hint, as the paper says, and no more' if r > 0.3 else 'next to nothing'}. "
      "Section 9 asks more: does it tell where a student is worse than its teacher?")

# %% [markdown]
# The means may differ by a factor: one network's features are larger. $L_{SD}$ as the paper has it asks the student for the
# teacher's *size*, too. Divided by its own root mean square, a map says only where (`normalised=True`, tried in section 9).

# %% [markdown]
# ## Half-way
#
# - Many large pictures have one small picture; a loss of squares answers with their mean, which is blur.
# - BI and BD are different questions. A number without its degradation says nothing.
# - $L_{SD}$ compares maps of activity, which need no common channels.
#
# What is still open: the maps are made frame by frame. Where is the *time* in space-time?

# %% [markdown]
# ## 6. Time: a memory that is stepped through
#
# The features $F_1 \dots F_N$ of a clip go, in their order, through one **ConvLSTM**, which teacher and student share. It has a
# memory cell $C$ and an output $h$, maps of the features' size. Four convolutions of $(F_t, h_{t-1})$ give $i, f, o, g$, and
#
# $$C_t = \sigma(f) \odot C_{t-1} + \sigma(i) \odot \tanh(g), \qquad h_t = \sigma(o) \odot \tanh(C_t)$$
#
# By hand, one pixel: $i = f = o = 0$, so every gate is half open, and $\tanh(g)$ is 1, 1, 0 in three frames. What is $C$
# after each?

# %%
cell = 0.0
for t, new in enumerate((1.0, 1.0, 0.0), 1):
    cell = 0.5 * cell + 0.5 * new
    print(f"C_{t} = {cell}")

# %% [markdown]
# **Yours to write**: `lstm_step`. It is given what the four convolutions said, before sigmoid and tanh.
#
# <details><summary>Hint 1: gates</summary><code>torch.sigmoid</code> makes a number from 0 to 1 of i, f and o each; g goes
# through <code>torch.tanh</code>.</details>
# <details><summary>Hint 2: the order</summary>First the new cell, from the old one. h comes from the <i>new</i> cell.</details>
# <details><summary>Hint 3: a test</summary>With i = f = o = 0 and a large g the cell goes 0, 0.5, 0.75, as by
# hand.</details>

# %%
def lstm_step(i, f, o, g, cell):
    """One step of a ConvLSTM, from its four answers and the old cell, all (N, C, H, W) -> (h, the new cell)."""
    ### BEGIN SOLUTION
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell
    ### END SOLUTION


# %% tags=["check"]
checks.lstm_step(lstm_step)

# %% [markdown]
# Three frames of the teacher's features, stepped by hand with the convolution of the course's `ConvLSTM`, and by that itself:

# %%
def step_by_hand(i, f, o, g, cell):
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell

lstm, three = ConvLSTM(tap.shape[1]).requires_grad_(False), tap[None, :3]
h = cell = torch.zeros_like(three[:, 0])
for t in range(3):
    i, f, o, g = lstm.gates(torch.cat((three[:, t], h), 1)).chunk(4, 1)
    h, cell = step_by_hand(i, f, o, g, cell)
    print(f"after frame {t + 1}: largest difference {(cell - lstm(three)[:, t]).abs().max():.1e}")
assert torch.allclose(cell, lstm(three)[:, -1], atol=1e-5)

# %% [markdown]
# $L_{TD} = \lVert C^T_N - C^S_N \rVert^2$ compares the *last* cells: what is left of the whole clip. The course's memory has a purpose
# of its own: it learns, on the teacher's features alone, to tell from its $h$ how the next feature map will *differ* from this one.
# Then it is frozen. (The upper $T$ is the teacher, no transpose.)
#
# **Predict, then run.** Does the cell hold more after the last frame than after the first?

# %%
from tutorial_lib.losses.space_time import has_collapsed, relative_time_loss, spread, time_loss

memory = train(job("sr-memory", teacher=teacher), steps=steps).requires_grad_(False)
with torch.no_grad():
    cells = memory(T.tap).cpu()                                       # (1, K, hidden, 4h, 4w)
held = [(spread(cells[:, t]) / spread(T.tap[:, t].cpu())).item() for t in range(cells.shape[1])]
print("spread of the cells, as a share of the features':", " ".join(f"{share:.3f}" for share in held))
print(f"After the last frame {held[-1] / held[0]:.2f} times as much as after the first.")

# %%
first, last = 0, cells.shape[1] - 1
figures.show(
    figures.images({f"frame {t + 1}": attention_map(cells[:, t])[0] for t in (first, last // 2, last)}, columns=3,
                   height=1.6, largest=attention_map(cells[:, last]).max().item()),
    "What the memory cells hold (the sum of their squares) after the first, a middle and the last frame, on one scale.",
    "Three maps of the memory cells over time.")

# %% [markdown]
# ## 7. A loss that reports a success that is none
#
# In the paper the cell is learned *with* the student: $L_{TD}$ reaches its weights, too. The easiest way to make two memories alike is
# to remember nothing. The toy: a student whose features are free numbers, and $L_{TD}$ alone.

# %%
def played(cell, learns, rounds=200):
    """(L_TD, the spread of the teacher's cells) in every round, and the distance of the last features."""
    random = torch.Generator().manual_seed(3)
    pattern = 2 * F.avg_pool2d(torch.randn(1, 3, 10, 14, generator=random), 3, 1, 1)
    wanted = torch.stack([pattern[..., t:t + 10] for t in range(4)], 1)          # it moves
    mine = (0.3 * torch.randn(1, 4, 3, 10, 10, generator=random)).requires_grad_()
    optimiser = torch.optim.Adam([mine, *(cell.parameters() if learns else ())], lr=0.03)
    told = []
    for _ in range(rounds):
        student, teachers = cell(mine)[:, -1], cell(wanted)[:, -1]
        loss = time_loss(student, teachers)
        told.append((loss.item(), spread(teachers).item()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    ended = cell(mine)[:, -1].detach(), cell(wanted)[:, -1].detach()
    return {"told": told, "relative": relative_time_loss(*ended).item(),
            "collapsed": has_collapsed(ended[1], wanted[:, -1]),
            "apart": (mine - wanted)[:, -1].square().mean().item()}

# %% [markdown]
# **Predict, then run.** Once with a cell that learns with the student, once with one that is frozen as it was drawn. Whose $L_{TD}$
# falls further? Whose student ends nearer to the teacher's features?

# %%
def fresh():
    torch.manual_seed(0)
    return Memory(3)

runs = {"learns with the student": played(fresh(), True), "frozen": played(fresh().requires_grad_(False), False)}
print(f"{'the cell':25}{'L_TD falls to':>14}{'of its spread':>15}{'features apart':>16}   collapsed")
for name, found in runs.items():
    start, end = found["told"][0][0], found["told"][-1][0]
    print(f"{name:25}{end / start:14.1e}{found['relative']:15.1e}{found['apart']:16.3f}   {found['collapsed']}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.8))
for name, found in runs.items():
    for axis, values in zip(axes, zip(*found["told"], strict=True), strict=True):
        axis.semilogy(values, label=name)
axes[0].set(title="L_TD", xlabel="rounds")
axes[1].set(title="spread of the teacher's cells", xlabel="rounds")
axes[0].legend(fontsize=8)
figures.show(figure, "Left: what the loss reports. Right: what the memory still holds. Look for the line that falls in both.",
             "Two plots over the rounds: L_TD, and the spread of the teacher's memory cells, for both cells.")

# %% [markdown]
# The cell that learns wins on the left, and on the right one sees with what. `has_collapsed` asks for the spread, and
# `relative_time_loss` divides by it: a loss that cannot be talked down. The cure is to take the cell out of the game: frozen as it was
# drawn, or (the course's) trained for a purpose that needs a memory, and then frozen. Neither can shrink. Which of them teaches a student
# more is another question (exercise 3 in the toy; `time-random` among what else was tried, in section 9).

# %% [markdown]
# **Question.** The authors freeze their cell as soon as $L_{TD}$ is below $10^{-8}$. What does that prevent?
#
# <details><summary>A. The collapse.</summary>By then it may have happened: a tiny loss is just what a memory of nothing
# gives.</details>
# <details><summary>B. That the cell goes on shrinking from there.</summary>Right, and no more than that. Whether it holds anything at
# that moment, the loss does not say; the spread does.</details>
# <details><summary>C. That the student stops to learn.</summary>With a frozen cell the student goes on learning, but from such a
# small loss there is hardly a gradient.</details>

# %% [markdown]
# ## 8. Space-time distillation, briefly
#
# $$L = L_{rec} + \lambda_1 L_{SD} + \lambda_2 L_{TD}$$
#
# $L_{rec}$ is the *Charbonnier* loss, the mean of $\sqrt{d^2 + 0.001^2}$ over the pixels' differences $d$: nearly $|d|$, so a large
# error counts less than squared. In section 1's question it is as content with 4 and with 2 as with anything between: a median,
# not the mean. It cannot know the stripes either.

# %% [markdown]
# The lambdas come from gradients, as in notebook 07: over all weights $L_{SD}$ and $L_{TD}$ start with about a tenth of the pull of
# $L_{rec}$, the rival, which imitates the teacher's frames, with half. But most of that pull is on the output convolution, which
# only pixels reach: on the other weights a term starts several times as strong as $L_{rec}$, and ends far below it.
#
# The control is the plain student of section 4: same first weights, same patches in the same order, as many steps.

# %%
given = {"teacher": teacher, "memory": memory}
both = train(job("sr-recurrent-both", **given), steps=steps)
rival = train(job("sr-recurrent-imitation", **given), steps=steps)
videos |= {"space-time distillation": enlarged(both), "imitation": enlarged(rival)}

# %%
scores = {name: upscaling.score(video, film) for name, video in videos.items()}
low, high = scores["plain student"].psnr, scores["teacher"].psnr
for name, found in scores.items():
    taught = name in ("space-time distillation", "imitation")
    gain = f"{found.psnr - low:+.3f} dB against the control" if taught else ""
    share = f", {(found.psnr - low) / (high - low):.0%} of the gap" if taught and high - low > 0.2 else ""
    print(f"{name:24} PSNR {found.psnr:.3f}   SSIM {found.ssim:.4f}   warping error {found.warping:.5f}   {gain}{share}".rstrip())
print(f"The gap: {high - low:+.2f} dB" + ("." if high - low > 0.2 else ", too little to speak of shares."))

# %% [markdown]
# So short a training says little, and one seed says nothing about chance: read the sign of what you see as a question. The answer needs full
# trainings, more seeds, and a spread beside every mean (section 9).

# %%
top, left = height // 3, width // 3
crop = (..., slice(top, top + height // 4), slice(left, left + width // 4))
figures.show(
    figures.images({"truth": truth[2][crop], **{name: video[2][crop] for name, video in videos.items()}}, columns=3, height=1.5),
    "Close-ups of one frame. Which lines does the teacher have that the students have not?",
    "The truth, bicubic, and four networks, enlarged.")

# %%
row = height // 2
middle = slice(width // 4, 3 * width // 4)
slices = {name: upscaling.xt_slice(video, row)[None, ..., middle].repeat_interleave(8, 2)
          for name, video in {"truth": truth, **videos}.items()}
figures.show(
    figures.images(slices, columns=2, height=0.9),
    "The middle of one row of pixels, time running downwards. What is steady draws straight lines; what trembles, ragged ones.",
    "Time slices of the truth, bicubic and the networks.")

# %% [markdown]
# ## 9. The results
#
# Full trainings, every method, several seeds, on test scenes of which no photograph was trained on:

# %%
results = next((p / "results" / "std" for p in (Path.cwd(), *Path.cwd().parents)
                if (p / "results" / "std" / "upscaling.txt").is_file()), None)
if results:
    for name in ("upscaling", "claims", "targets"):
        print((results / f"{name}.txt").read_text())
else:
    print("The table is not here yet: python data_scripts/make_tables.py --paper std makes it of the networks that are trained.")

# %% [markdown]
# **What the tables say.** The gap between teacher and student is wide, and no method closes it: what the paper's terms add to the PSNR or
# cost is within the spread of three seeds. A plain student of twice the steps, which takes as much time as both terms, gains more.

# %% [markdown]
# **Why.** Look at the last table. At the first weights $L_{SD}$ and $L_{TD}$ pull where the truth pulls anyway; at a trained student's
# weights no longer. One constant would reach 1 in the columns L_SD and L_TD, and both end near it: the three-frame student learned the
# *size* of the teacher's map. Normalised maps are learned, places and all, and the picture is no better. *Where* the teacher is
# active says little of *what* it saw.

# %% [markdown]
# **Question.** With three times the lambdas (`both-x3`, one seed, validation scenes) the losses of maps and cells end lower, and the
# PSNR is no higher than with `both`. What does that say?
#
# <details><summary>A. The paper is wrong.</summary>Its networks are larger and its films real: this says nothing of them.</details>
# <details><summary>B. Here, more of the terms is not what is missing.</summary>Right, as far as one seed goes: what they ask for is
# learned better, and the picture is not.</details>
# <details><summary>C. Ten times, then, until the test scenes' scores rise.</summary>Then the test scenes have been trained on. Lambdas
# are chosen on validation scenes.</details>

# %% [markdown]
# ## Summary
#
# Four times as large is ill-posed: a loss of squares answers with a mean, one of absolute values with a median, both without the
# stripes. The paper gives a compact network two more things to learn from a large one: *where* it is active (a map of squares) and
# *what is left of the clip* (the last cell of a shared ConvLSTM, which must not satisfy its loss by forgetting). Both are gone after
# the training: the student is as large and as fast as before.

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** Distillation must cost nothing at inference. Compare parameters and multiply-adds of the plain student and of the
# distilled one. Where is the memory?
#
# <details><summary>Hint</summary><code>cost(network)</code>; and look for the memory's weights in
# <code>both.state_dict()</code>.</details>

# %% tags=["solution"]
# Exercise 1: a solution
print("plain    ", cost(plain))
print("distilled", cost(both))
print("the same names of weights:", list(plain.state_dict()) == list(both.state_dict()))
print("The memory was beside the student during the training, and is not in it.")

# %% [markdown]
# **Exercise 2.** Give the plain student small pictures of the *other* degradation. What does that cost, in decibels, against the
# bicubic enlargement of the same pictures?
#
# <details><summary>Hint</summary><code>upscaling.made_large(plain, film, "BD")</code>, and <code>upscaling.BICUBIC</code> in the
# network's place.</details>

# %% tags=["solution"]
# Exercise 2: a solution
for name in ("BI", "BD"):
    by_student, by_bicubic = (upscaling.score(upscaling.made_large(network, film, name), film).psnr
                              for network in (plain, upscaling.BICUBIC))
    print(f"{name}: student {by_student:.2f} dB, bicubic {by_bicubic:.2f} dB, {by_student - by_bicubic:+.2f}")
print(f"It was trained on {settings.degradation}. What it adds is right for that one alone.")

# %% [markdown]
# **Exercise 3.** Play the toy of section 7 with a third cell: one that first learns to tell the next feature map, and is frozen
# then. Is its student nearer to the teacher's features than with the cell that was frozen as it was drawn? Ask three seeds.
#
# <details><summary>Hint</summary><code>Memory.prediction_loss</code>, two hundred steps of Adam at .01, on the toy's own
# <code>wanted</code>; <code>torch.manual_seed</code> before each new cell.</details>

# %% tags=["solution"]
# Exercise 3: a solution
random = torch.Generator().manual_seed(3)
pattern = 2 * F.avg_pool2d(torch.randn(1, 3, 10, 14, generator=random), 3, 1, 1)
wanted = torch.stack([pattern[..., t:t + 10] for t in range(4)], 1)

def told(cell):
    optimiser = torch.optim.Adam(cell.parameters(), lr=0.01)
    for _ in range(200):
        optimiser.zero_grad()
        cell.prediction_loss(wanted).backward()
        optimiser.step()
    return cell

apart = {"learns with the student": [], "frozen": [], "told, then frozen": []}
for seed in range(3):
    for name, found in apart.items():
        torch.manual_seed(seed)
        cell = told(Memory(3)) if name.startswith("told") else Memory(3)
        learns = name.startswith("learns")
        found.append(played(cell.requires_grad_(learns), learns)["apart"])
for name, found in apart.items():
    print(f"{name:25} features apart {', '.join(f'{value:.3f}' for value in found)}   mean {sum(found) / 3:.3f}")
nearest = min(apart, key=lambda name: sum(apart[name]))
print(f"Nearest in the mean: {nearest}. A cell that holds much need not be one through which a student learns much.")

# %% [markdown]
# **Exercise 4.** The teacher goes through a film in windows of five frames, as many as its training clips had. Let it go through
# twelve at once (`teacher.length = 12`) on the scene `bandage_2`. Which frames fall apart, and why those?
#
# <details><summary>Hint</summary><code>quality.psnr(*quality.compared(video, scene.frames))</code> is a number a frame. In which
# direction has a feature gone farthest when it reaches the first frame?</details>

# %% tags=["solution"]
# Exercise 4: a solution
from tutorial_lib import quality

scene, usual = filmed(test_scene("bandage_2", height, width, 12), "clean", (-1, 1)), teacher.length
for teacher.length in (usual, 12):
    by_frame = quality.psnr(*quality.compared(enlarged(teacher, scene), scene.frames))
    print(f"windows of {teacher.length:2}: dB", " ".join(f"{value:.1f}" for value in by_frame.tolist()))
teacher.length = usual
print("What goes backwards has been fed back eleven times when it reaches the first frame; no training has seen more than four.")

# %% [markdown]
# ## Further reading
#
# - Xiao et al., *Space-Time Distillation for Video Super-Resolution* (CVPR 2021): this notebook's paper.
# - Zagoruyko and Komodakis, [Paying more attention to attention](https://arxiv.org/abs/1612.03928) (2017): attention maps to learn
#   from.
# - Shi et al., [Convolutional LSTM network](https://arxiv.org/abs/1506.04214) (2015): the cell.
# - Chan et al., [BasicVSR](https://arxiv.org/abs/2012.02181) (2021): the teacher's design.
