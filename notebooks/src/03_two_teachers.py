# %% [markdown]
# # 3. Two teachers: what optical flow buys, in training and after it
#
# **You will be able to**
# - show why a network that paints frame by frame flickers, layer by layer;
# - write the roll-out of a teacher that sees its own past, and its loss;
# - measure what flow buys during training, and what it adds once the network is trained;
# - choose between two meanings of "the teacher without flow".
#
# **You need** [notebook 1](01_perceptual_loss.ipynb) and [notebook 2](02_flow_and_warping.ipynb).
# **Time**: about 90 minutes to read and work. Every cell together runs about 1 minute on a laptop without a GPU.
# `OFD_SCALE` sets the size of everything (default `laptop`), `OFD_STYLE` the style.
#
# [Previous: 2. Flow and warping](02_flow_and_warping.ipynb) |
# [Next: 4. The plain student](04_plain_student.ipynb)

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from tutorial_lib import checks, settings as config, training, zoo
from tutorial_lib.data.clips import Clip, Motion, RenderedClips, filmed
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.evaluation import e_stab_forward, instability, judge_of
from tutorial_lib.files import read_json
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import warp
from tutorial_lib.keep import keep

# %%
from tutorial_lib.networks.layers import mean_colour
from tutorial_lib.networks.teacher import Teacher
from tutorial_lib.show import figures, players
from tutorial_lib.show.diagrams.rolling import roll_out as drawn_roll_out
from tutorial_lib.show.diagrams.two_teachers import two_teachers
from tutorial_lib.stylize import stylize_clip

settings, device, style = config.scale(), config.device(), config.style()
torch.manual_seed(settings.seed)
print(f"Scale: {settings.name}, training on: {device.type}")

# %%
height, width = min(settings.evaluation_height, 128), min(settings.evaluation_width, 300)
film = test_scene("alley_2", height, width, settings.evaluation_frames)
far = min(4, settings.evaluation_frames - 1)   # frames apart, for a look at longer times
scene = filmed(film, steps=(1, far))
plain, with_flow = (zoo.load(f"{style}-{role}") for role in ("teacher-plain", "teacher-flow"))

# %% [markdown]
# ## Why a painter without memory flickers
#
# The paper does not ask why. Two suspects: the *camera* (grain, and light that is never
# quite constant) and *motion*. One at a time: the film as it is; its motion without the camera's faults; and its
# first frame, standing still, with grain or with changing light. The painter is the *teacher without flow*, `teacher-plain`
# or $T_0$.
#
# **Predict, then run.** In which does it boil (flicker) most? The number is $e_{stab}$ (notebook 8): how much
# neighbouring frames differ, once their motion is undone.

# %%
def painted(network, frames):
    return torch.cat([network(frame) for frame in frames.split(1)])


def grainy(frame, count):
    """A frame that stands still, each time with other grain: as much as in the film."""
    strength = film.noise * (0.4 + 1.2 * frame).sqrt()
    return torch.cat([(frame + strength * torch.randn_like(frame)).clamp(0, 1) for _ in range(count)])


count = len(scene.frames)
clean = filmed(film, "clean")
frame = clean.frames[:1]
nowhere = torch.zeros(count - 1, 2, height, width)
still = Clip(frame.expand(count, -1, -1, -1), {1: Motion(nowhere, torch.ones_like(nowhere[:, :1]))})
light = torch.linspace(0.9, 1.1, count)[:, None, None, None]

# %%
tried = {"as filmed": (scene.frames, scene), "motion alone": (clean.frames, clean),
         "grain alone": (grainy(frame, count), still),
         "light alone": ((light * still.frames).clamp(0, 1), still)}
boil = {name: (instability(painted(plain, frames), clip), instability(frames, clip))
        for name, (frames, clip) in tried.items()}
print(f"{'':14}{'painted':>9}{'the film itself':>18}")
for name, (after, before) in boil.items():
    print(f"{name:14}{after:9.4f}{before:18.4f}")
worst = max(list(boil)[1:], key=lambda name: boil[name][0])
print(f"\nThe worst suspect by itself: {worst}, {boil[worst][0] / boil['as filmed'][0]:.0%} of the whole.")

# %% [markdown]
# Light hardly matters: *instance norm* brings each map to mean 0 and spread 1, so a common factor is gone. Grain is
# amplified, and still the smaller part. What has motion that a still has not? A toy: a one-dimensional signal, and the filter
# $(-1, 1)$ that looks for an edge at every *second* place, as a convolution with stride 2 does. What is below 0 becomes 0 (ReLU).
#
# By hand: the pairs of 0 1 1 0 give $1 - 0 = 1$ and $0 - 1 = -1$, which becomes 0.

# %% [markdown]
# **Yours to write**: `strided_edges`.
#
# <details><summary>Hint 1</summary>The later of each pair less the earlier one. <code>signal[::2]</code> is every second
# value from the first on.</details>
# <details><summary>Hint 2</summary><code>signal[1::2]</code> is every second one from the second on, and
# <code>.clamp(min=0)</code> is ReLU. (<code>F.conv1d</code> does it as well; it wants the shapes (1, 1, W) and
# (1, 1, 2).)</details>

# %%
def strided_edges(signal):
    """The filter (-1, 1) at every second place of a signal (W,), W even, then ReLU. Returns (W / 2,)."""
    ### BEGIN SOLUTION
    return (signal[1::2] - signal[::2]).clamp(min=0)
    ### END SOLUTION


# %% tags=["check"]
checks.strided_edges(strided_edges)

# %% [markdown]
# From here on as the networks do it, with `conv1d`.
#
# **Predict, then run.** The signal moves by one place, then by two. What becomes of the answers?

# %%
edge = torch.tensor([[[-1.0, 1.0]]])


def strided_edges(signal):
    return F.relu(F.conv1d(signal[None, None], edge, stride=2))[0, 0]


signal = torch.tensor([0.0, 1, 1, 0, 0, 0, 0, 0])
stand, by_one, by_two = (strided_edges(signal.roll(shift)) for shift in range(3))
for shift, answers in enumerate((stand, by_one, by_two)):
    found = f"an edge at step {answers.argmax()}" if answers.any() else "no edge at all"
    print(f"moved by {shift}: {signal.roll(shift).int().tolist()}   answers {answers.int().tolist()}: {found}")
assert torch.equal(by_two[1:], stand[:-1]) and not torch.equal(by_one, stand)

# %% [markdown]
# Moved by two, the same answer stands one place further on. Moved by one, it is gone: the edge *falls between the
# steps*. Our painters halve a picture twice, so their steps are 4 pixels wide. If that is the cause, a still that
# moves by 4 or 8 pixels must be painted alike, and one that moves by 1, 2 or 3 must not.

# %%
margin = 32
large = test_scene("alley_2", height + 2 * margin, width + 2 * margin, 2).frame(0, "clean")


def seen_from(x):
    """A still, cut out of a larger one x pixels further to the right."""
    return large[..., margin:margin + height, margin + x:margin + x + width]


def apart(network, x, rim=12):
    """How far the painting of the moved still is from the moved painting of the still."""
    here, there = network(seen_from(0)), network(seen_from(x))
    difference = here[..., rim:-rim, rim + x:-rim] - there[..., rim:-rim, rim:-rim - x]
    return difference.square().mean().sqrt().item()

# %%
painters = {role: zoo.load(f"{style}-{role}") for role in ("teacher-plain", "student-plain", "student-ours")}
moves = range(9)
errors = {role: [apart(network, x) for x in moves] for role, network in painters.items()}
figure, axis = plt.subplots(figsize=(5.6, 3))
for role, values in errors.items():
    axis.plot(moves, values, marker="o", color=figures.colour(role), label=role)
axis.set(xlabel="pixels that the still has moved", ylabel="difference of the paintings", ylim=(0, None))
axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
figures.show(figure, "A still, moved and painted. Look for the teeth of the saw: every fourth pixel the "
             "painting moves along; between them another one is painted.",
             "Three lines over moves of 0 to 8 pixels, near zero at 0, 4 and 8, and high between.")

# %%
between = [x for x in moves if x % 4]
for role, values in errors.items():
    on_grid, off_grid = (max(values[x] for x in chosen) for chosen in ((4, 8), between))
    print(f"{role:14} moved by 4 or 8: at most {on_grid:.4f}; by anything else: up to {off_grid:.4f}, "
          f"{off_grid / on_grid:.0f} times as much")

# %% [markdown]
# And *where* in the network does the moved still part from the still? Below, what each layer makes of the one is moved back
# and compared with what it makes of the other. Where a layer's steps are 2 or 4 pixels wide, only a multiple of them can be
# moved back; any other move fell "between".

# %%
def layers(network, frame):
    """What the student has computed after each of its layers, the halvings first."""
    x = frame - mean_colour(frame)
    for layer in (*network.body.down, *network.body.blocks, *network.body.up):
        x = layer(x)
        yield x


student = painters["student-plain"]
print("relative difference after each layer of the plain student")
for x in (1, 2, 4):
    row = []
    for here, there in zip(layers(student, seen_from(0)), layers(student, seen_from(x)), strict=True):
        step = width // here.shape[-1]
        if x % step:
            row.append("between")
            continue
        n, rim = x // step, 6
        a, b = here[..., rim:-rim, rim + n:-rim], there[..., rim:-rim, rim:-rim - n]
        row.append(f"{((a - b).square().mean() / a.square().mean()).sqrt():7.3f}")
    print(f"moved by {x}: {' '.join(row)}")

# %% [markdown]
# The first layer has steps of one pixel, and all moves agree. A move by 1 falls between at the first halving, by 2 at the
# second, and what comes after never agrees again; a move by 4 nearly agrees to the end.

# %% [markdown]
# So most of the boiling is **aliasing**: an edge that glides over the grid is another edge to the network from frame to frame, and
# another edge is painted as another stroke. There is no threshold: a quarter of a pixel does a part of what half a pixel does (exercise 1).

# %% [markdown]
# **Question.** A painter halves a picture three times and doubles it three times. A still moves by 4 pixels. Is the
# painting the same one, moved by 4?
#
# <details><summary>A. Yes: 4 is the width of a step.</summary>Of <em>our</em> painters' steps, which halve twice. Each halving
# doubles it.</details>
# <details><summary>B. No: only where it moves by 8, 16, ...</summary>Right: three halvings make steps of 2 · 2 · 2 = 8 pixels, and
# a move by 4 falls between them.</details>
# <details><summary>C. Yes: three halvings see more coarsely, and coarse things do not mind a few pixels.</summary>They see
# larger things, but an edge still lies on a step or between two, and of the possible moves fewer are on the
# grid.</details>

# %% [markdown]
# **Predict, then run.** So blur before each halving, as Zhang (2019) does against just this, and train the student so. How much of
# the boiling will that take off?

# %%
kept = next((p / "results" / "extras.json" for p in (Path.cwd(), *Path.cwd().parents)
             if (p / "results" / "extras.json").is_file()), None)
tried = [row for part in (read_json(kept)["blocks"] if kept else ())
         for row in part["rows"] if part["name"] == "mosaic.final.changes"]
for row in tried:
    if row["recipe"] == "plain-smooth":
        print(f"mosaic, five scenes: the blur takes {-row['gain']:.1%} off e_stab and changes the style loss by "
              f"{row['style_gain']:+.1%}, against the plain student")
if not tried:
    print("results/extras.json is not here; data_scripts/make_tables.py writes it")

# %% [markdown]
# In `mosaic`: little, and it costs style. That is a finding against us, for this student's doublings are smooth, too (bilinear). It
# may be that a network that wants sharp tiles makes again what the blur took away; nobody has measured that here. What is
# certain is the figure above: off the grid, another picture.

# %% [markdown]
# ## A teacher that sees its past
#
# The cure of Ruder et al. (reference [34]): give the network its *previous painting*, moved to
# the current frame by flow, and a mask that says where that can be trusted.

# %% [markdown]
# $$y_t = \mathcal N_T\big(x_t,\; M_t \odot W(y_{t-1}, f_t),\; M_t\big)$$
#
# Three channels for the frame, three for the past, one for the mask. Where the mask is 0 the past is
# replaced by the mean colour. The network subtracts that colour from its pictures, and so reads 0 there.
#
# The paper names no layer and no width. The layers are those of Ruder et al. (2018), who built them on
# Johnson et al. (2016); the teachers of our zoo are narrower.

# %%
figures.show(
    two_teachers(),
    "The two teachers of the paper, and how many channels each is given. Look for what differs: not the network, but what "
    "is in four of its seven channels, and how it was trained. The last line is notebook 5.",
    "Two columns. Left: frame (3 channels), zeros (3) and zeros (1) lead into T0, the teacher without flow, and on to its "
    "painting. Right: frame (3), warped past (3) and mask (1) lead into T, the teacher with flow, and on to its painting. "
    "An arrow from T0 to T says: fine-tuned. Both paintings lead to: Delta T = T - T0, what the student is taught.",
)

# %%
flow, mask = film.flow(1, 0), film.mask(1, 0)  # frame 1 back into frame 0
past = warp(with_flow(scene.frames[:1]), flow)
trusted = erode(mask)
fed = trusted * past + (1 - trusted) * mean_colour(past)
figures.show(
    figures.images({
        "the frame": scene.frames[1], "its past, masked": fed, "the mask": trusted,
        "its painting": with_flow(scene.frames[1:2], past, trusted),
    }, columns=2, height=1.4, largest=1),
    "What the teacher is given for the second frame, and what it makes of it. Look for "
    "whether the painting follows its past where the mask is bright.",
    "A frame, the previous painting with grey gaps, a mask, and the new painting.",
)

# %%
first_layer = with_flow.body.down[0].conv.weight
print(f"first layer: {tuple(first_layer.shape)}  (channels out, channels in, height, width)")
for name, network in {"the zoo's": with_flow, "Ruder et al.'s": Teacher(32, 5)}.items():
    print(f"{name:14} teacher: {sum(p.numel() for p in network.parameters()):10,} parameters")
assert first_layer.shape[1] == 7
nothing = torch.zeros_like(frame), torch.zeros_like(mask)
assert torch.equal(with_flow(frame), with_flow(frame, *nothing))

# %% [markdown]
# The last line says: without a past, the teacher is an ordinary image network. That is how a film begins.

# %% [markdown]
# **Question.** Where nothing is known of the past, it is already replaced by the mean colour. Why is the mask given to the
# network as well?
#
# <details><summary>A. So that grey that was painted can be told from grey that means "unknown".</summary>Right: in its three
# channels both are 0. One of the two is to be followed, the other is not.</details>
# <details><summary>B. So that the loss knows which pixels to leave out.</summary>The loss gets its own copy. What the network is
# given is for painting, long after training.</details>
# <details><summary>C. So that the network leaves these pixels as they are.</summary>It paints every pixel of every frame. Where
# the mask is 0 it has the frame to go by and nothing else.</details>

# %% [markdown]
# From the second frame on each painting is the past of the next one: the network *rolls out*.

# %%
figures.show(
    drawn_roll_out(),
    "Three frames x of a film, and their paintings y. Look for the way from each painting to the next one: along the flow, "
    "through the mask, into the teacher.",
    "Three columns. In each, a frame x leads into the teacher T and on to a painting y. Between two columns the flow f and "
    "the mask M come from both frames, and the earlier painting goes through 'warp and mask' into the later T.",
)

# %% [markdown]
# By hand: a film of one pixel, a flash of light, and a toy teacher that paints the mean of the frame and its past.
#
# **Predict, then run.** What will the frames after the flash look like?

# %%
def toy(frame, past=None):
    return frame if past is None else (frame + past) / 2


outputs = []
for x in (0.0, 1.0, 0.0, 0.0, 0.0):
    y = toy(x, outputs[-1]) if outputs else toy(x)
    print(f"the frame is {x:.0f}, its past {f'{outputs[-1]:.4f}' if outputs else 'none':>6}: painted {y:.4f}")
    outputs.append(y)

# %% [markdown]
# Each past holds all pasts before it, ever less of them. What a real teacher forgets, and how fast, is exercise 2.
#
# **Yours to write**: `roll_out`. The mask is shrunk (`erode`, notebook 2) before the teacher gets it; `teacher(frame)`
# paints without a past, `teacher(frame, past, mask)` with one. It masks the past itself.
#
# <details><summary>Hint 1: a list</summary>It begins with the painting of the first frame. Its last element is always the past
# of the next frame, once it is warped.</details>
# <details><summary>Hint 2: which flow?</summary>K frames have K - 1 flows. For frame t it is number t - 1. Slices keep the batch
# dimension: <code>frames[t:t + 1]</code>, <code>flows[t - 1:t]</code>.</details>
# <details><summary>Hint 3: in the end</summary><code>torch.cat(outputs)</code>.</details>

# %%
def roll_out(teacher, frames, flows, masks):
    """The paintings of a clip, each made with the one before it as its past.

    frames: (K, 3, H, W). flows: (K-1, 2, H, W), flows[t - 1] from frame t into frame t - 1. masks: (K-1, 1, H, W), on
    the same grids, not eroded yet. Returns (K, 3, H, W).
    """
    ### BEGIN SOLUTION
    outputs = [teacher(frames[:1])]
    for t in range(1, len(frames)):
        carried = warp(outputs[-1], flows[t - 1:t])
        outputs.append(teacher(frames[t:t + 1], carried, erode(masks[t - 1:t])))
    return torch.cat(outputs)
    ### END SOLUTION


# %% tags=["check"]
checks.roll_out(roll_out)

# %%
from tutorial_lib.networks.teacher import roll_out

times = range(1, len(scene.frames))
exact_flows = torch.cat([film.flow(t, t - 1) for t in times])
exact_masks = torch.cat([film.mask(t, t - 1) for t in times])
exact = roll_out(with_flow, scene.frames, exact_flows, exact_masks)

assert torch.allclose(exact, stylize_clip(with_flow, scene.frames, exact_flows, exact_masks), atol=1e-5)
unlike = (exact - painted(with_flow, scene.frames)).square().mean((1, 2, 3)).sqrt()
print("How far these paintings are from those without a past, frame by frame:")
print([round(value, 3) for value in unlike.tolist()])

# %% [markdown]
# ## Half-way
#
# - A painter without memory boils because things *move*: what glides over the grid of its halvings is another picture to
#   it from frame to frame. Grain adds a part; that light changes adds hardly any.
# - The teacher with flow has four more channels to look at: its own last painting, warped and masked, and the mask.
# - Rolled out, each painting is the past of the next one.
#
# What is left: how it learns to *use* that past, and whether the past is what makes it steady.

# %% [markdown]
# ## Train a teacher without flow, for a moment
#
# First a painter without memory: random weights, single pictures, Eq. 1 and nothing else. We train
# for less than a minute, only to see it happen. (`keep` keeps what was trained: after a restart of the kernel, "run all"
# goes on from there and says so. Delete `build/kept`, and it trains anew.)
#
# **Predict, then run.** What will it have learned after so few steps, the colours or the strokes?

# %%
# Small, for a demonstration.
short = settings.but(plain_batch=2, clips=12, finetune_rate=settings.demo_rate)
perceptual = judge_of(style, settings).to(device)
beginner = training.new_teacher(short).to(device)
history = keep(training.train_plain)(beginner, perceptual, short, steps=settings.demo_steps)
figures.show(
    figures.losses([{"Eq. 1": terms["perceptual"]} for terms in history],
                   "a teacher without flow, its first steps"),
    "Grey: the loss of every step; green: its running mean. Look for the fall at the beginning. Each step sees other "
    "pictures, hence the jagged grey line.",
    "The perceptual loss falls, fast at first.",
)

# %%
first, last = (sum(terms["total"] for terms in part) / len(part)
               for part in (history[:3], history[-3:]))
print(f"Eq. 1: {first:.2f} in the first three steps, {last:.2f} in the last three")
assert last < first
beginner.cpu()
with torch.no_grad():
    attempt = beginner(frame)

# %%
steps = zoo.manifest(f"{style}-teacher-plain")["settings"]["plain_steps"]
figures.show(
    figures.images({"input": frame, f"yours, {len(history)} steps": attempt,
                    f"teacher-plain of the zoo, {steps} steps": plain(frame)}, height=1.5),
    "Middle: the network trained just now. Right: the one that ships. Look for whole strokes, "
    "and for the lines of the wall.",
    "A frame, painted by a beginner and by the trained teacher without flow.",
)

# %%
def style_by_layer(picture):
    """The style loss at each tap of the perceptual network: colours and grain first, whole strokes last."""
    taps = perceptual.features(picture.to(device))
    return {name: perceptual.style_error(name, tap).item() for name, tap in taps.items()}


with torch.no_grad():
    before, yours, best = (style_by_layer(picture) for picture in (frame, attempt, plain(frame)))
way = {name: (before[name] - yours[name]) / (before[name] - best[name]) for name in before}
for name in way:
    print(f"{name}: input {before[name]:.3f}, yours {yours[name]:.3f}, the zoo's {best[name]:.3f}: "
          f"{way[name]:.0%} of the way")
print(f"Learned first: {max(way, key=way.get)}; furthest behind: {min(way, key=way.get)}.")

# %% [markdown]
# ## Teach it to use its past
#
# Now from the *zoo's* teacher without flow. It has the four extra channels, but never saw anything in
# them. The loss asks for two things: be a good painting, and agree with your own warped past.
#
# $$\mathcal L = \mathcal L_{percep}(y_t) + \lambda\, \| M_t \odot (y_t - W(y_{t-1}, f_t)) \|^2$$
#
# The second term by hand, for three pixels of one channel; its norm is a mean over all of them, masked ones too.

# %%
painting, its_past, known = torch.tensor([0.8, 0.4, 0.2]), torch.tensor([0.6, 0.4, 0.9]), torch.tensor([1.0, 1, 0])
gaps = known * (painting - its_past) + 0.0     # + 0.0: no -0 in print
print("gaps, masked:", [round(value, 2) for value in gaps.tolist()])
print(f"squared and averaged: ({gaps[0]**2:.2f} + {gaps[1]**2:.2f} + {gaps[2]**2:.2f}) / 3 = {gaps.square().mean():.4f}")
print(f"times lambda, {settings.lambda_flow:g}: {settings.lambda_flow * gaps.square().mean():.2f}")

# %% [markdown]
# The third pixel differs most and says nothing: it is masked.
#
# **Yours to write**: the loss of one pair of frames. The first is painted without a past, and *detached*: it is given,
# and no gradient goes there. The second is painted with it as its past. `judge(painting, frame)` is Eq. 1. The mask that
# counts, for the teacher and for the loss, is the eroded one.
#
# <details><summary>Hint 1: the order</summary>The previous painting; the same, warped; the new painting; two terms.</details>
# <details><summary>Hint 2: detached</summary><code>teacher(frames[:1]).detach()</code>. The new painting is never
# detached.</details>
# <details><summary>Hint 3: the second term</summary>The difference, times the mask, then
# <code>.square().mean()</code>.</details>

# %%
def loss_of_a_pair(teacher, judge, frames, flow, mask, weight):
    """Eq. 1 of the second painting, plus weight times its masked, squared distance from its own warped past.

    frames: (2, 3, H, W), the earlier one first. flow: (1, 2, H, W), backward, and mask: (1, 1, H, W), both on the second
    frame's grid; the mask is not eroded yet. weight: the lambda. Returns a scalar.
    """
    ### BEGIN SOLUTION
    past = warp(teacher(frames[:1]).detach(), flow)
    mask = erode(mask)
    painting = teacher(frames[1:], past, mask)
    return judge(painting, frames[1:]) + weight * (mask * (painting - past)).square().mean()
    ### END SOLUTION


# %% tags=["check"]
checks.loss_of_a_pair(loss_of_a_pair)

# %% [markdown]
# The course's own, on two frames of the test film. **Predict, then run.** On which side of the sum do the two teachers of the
# zoo differ more?

# %%
def loss_of_a_pair(teacher, judge, frames, flow, mask, weight):
    past = warp(teacher(frames[:1]).detach(), flow)
    mask = erode(mask)
    painting = teacher(frames[1:], past, mask)
    return judge(painting, frames[1:]) + weight * (mask * (painting - past)).square().mean()


pair = scene.frames[:2].to(device), flow.to(device), mask.to(device)
for name, network in {"teacher without flow": plain, "teacher with flow": with_flow}.items():
    with torch.no_grad():
        style_side, both = (loss_of_a_pair(network.to(device), perceptual, *pair, weight).item()
                            for weight in (0.0, settings.lambda_flow))
    network.cpu()
    print(f"{name:21} Eq. 1 {style_side:.3f} + steadiness {both - style_side:.3f} = {both:.3f}")

# %% [markdown]
# **Question.** What would change if the past were *not* detached?
#
# <details><summary>A. The value of the loss.</summary>No: <code>detach()</code> keeps every number. It cuts the way back, the
# gradient's.</details>
# <details><summary>B. Which painting gives way: the previous one would be changed as well, to be easier to agree
# with.</summary>Right. And a roll-out over four frames would need the memory of all four passes. Ruder et al. learn from
# the last frame alone.</details>
# <details><summary>C. The network could not learn to use its past.</summary>It learns that either way: the past goes in as an
# input, and the weights that read it are in the pass of the new painting.</details>

# %% [markdown]
# The training below draws three kinds of sample. Three of five are clips: first the past of a frame is one painting, later
# a roll-out over 2, then over 4 frames, and only the frame after it is learned from. One of five is a still and
# the same still moved, and one a still without any past, so that the teacher remains a good image network.

# %% [markdown]
# **(+) Not in the paper:** a third term, `look`, keeps the colours, averaged over 8x8 patches, near those of the teacher
# without flow. Left alone, fine-tuning may paint a wall red that was blue. Nothing is wrong with that, but the student will learn from
# the *difference* of the two teachers (notebook 5), and that should be flicker, not taste.
#
# **Predict, then run.** Which of the three terms will fall, and must another one rise?

# %%
clips, few = RenderedClips(short), max(10, settings.demo_steps // 2)
tune = keep(training.train_teacher)
tuned, history = tune(plain.to(device), clips, perceptual, short, steps=few)
control, _ = tune(plain, clips, perceptual, short.but(lambda_flow=0.0), steps=few)
with_past = [terms for terms in history if "temporal" in terms]  # stills have no past
figures.show(
    figures.losses(with_past, "from the teacher without flow to one with it"),
    "Look at 'temporal': it starts high, because the teacher without flow ignores its past.",
    "Four curves: perceptual, temporal, look and total loss over the steps.",
)
for network in (plain, tuned, control):
    network.cpu().requires_grad_(False)
third = max(1, len(with_past) // 3)
for name in ("perceptual", "temporal", "look"):
    early, late = (sum(terms[name] for terms in part) / third for part in (with_past[:third], with_past[-third:]))
    print(f"{name:10} mean of the first third {early:.4f}, of the last {late:.4f}: {late / early - 1:+.0%}")
assert all(terms["total"] >= 0 for terms in history) and tuned.uses_flow

# %% [markdown]
# ## Side by side
#
# Now the test film, which no network has seen. As for a real film, the flow is *estimated*. The *control* was tuned like yours,
# as many steps on the same clips, without the temporal term.

# %%
videos = {
    "input": scene.frames,
    "teacher-plain": stylize_clip(plain, scene.frames),
    f"control, {few} steps": stylize_clip(control, scene.frames),
    f"yours, {few} steps": stylize_clip(tuned, scene.frames),
    "teacher-flow": stylize_clip(with_flow, scene.frames),
}
players.play(videos, "03_two_teachers", columns=3)

# %% [markdown]
# *teacher-plain* and *teacher-flow* are the zoo's; the other two were tuned above. Look at the bricks
# of the wall. The camera pans slowly, so they should glide, not boil. On GitHub, read the
# time slices instead.

# %%
figures.show(
    figures.images({name: figures.time_slice(v) for name, v in videos.items()},
                   columns=1, height=0.9),
    "One row of pixels, time runs downwards. Look for unbroken slanted lines: bricks "
    "that glide.",
    "Time slices of the input, the teacher without flow, two briefly tuned ones, and the "
    "teacher with flow.",
)

# %% [markdown]
# The paper's Fig. 4 shows the same as a map: two neighbouring frames, the motion undone, and what
# still differs.

# %%
motion = exact_flows[2:3], exact_masks[2:3]  # frame 3 back into frame 2
maps = {name: figures.error_map(v[2:4], *motion) for name, v in videos.items()}
figures.show(
    figures.images(maps, columns=3, height=1.1, largest=0.5),
    "Bright = restless, on one scale. Look for the wall: the same bricks, twice painted.",
    "Five maps of temporal error.",
)

# %% [markdown]
# Its mean square over the film, under a root, is $e_{stab}$ (Eq. 14, notebook 8). The style loss
# must stand beside it: a painter who stops painting is steady, too.

# %%
judge = judge_of(style, settings, "compact")


def judged(videos):
    rows = {}
    for name, video in videos.items():
        pairs = zip(video[::3].split(1), scene.frames[::3].split(1), strict=True)
        styles = [judge.terms(y, x)["style"].item() for y, x in pairs]
        stab = e_stab_forward(video, scene.forward.flows, scene.forward.masks)
        rows[name] = stab, sum(styles) / len(styles)
        print(f"{name:24} e_stab {rows[name][0]:.4f}   style loss {rows[name][1]:.4f}")
    return rows


rows = judged(videos)
floor = rows["input"][0]

# %%
stab = {name: row[0] for name, row in rows.items() if name != "input"}
figures.show(
    figures.bars(stab, "e_stab (lower is steadier)", floor),
    "Look for how much of the way from the teacher without flow down to the dotted line, the "
    "input, the teacher with flow covers.",
    "Bars of e_stab of the teacher without flow, two briefly tuned ones and the teacher with "
    "flow.",
)
for name, other in ((f"yours, {few} steps", f"control, {few} steps"), ("teacher-flow", "teacher-plain")):
    changes = (f"{what} {new / old - 1:+.0%}"
               for what, new, old in zip(("e_stab", "style loss"), rows[name], rows[other], strict=True))
    print(f"{name} against {other}: {', '.join(changes)}")
assert floor > 0 and all(value > 0 for value in stab.values())

# %% [markdown]
# If *yours* is hardly steadier than its control: it had only a moment. Where the style loss rose,
# you see the price that all of this course is about.
#
# ## Which teacher is "the teacher without flow"?
#
# The paper subtracts a teacher "similar to $\mathcal N_T$" that uses no flow. Two readings:
#
# - **A**: the *same weights* as the teacher with flow, fed with zeros and mask 0 on every frame;
# - **B**: `teacher-plain`, from which it was fine-tuned. In this course the name always means B.

# %% [markdown]
# **Predict, then run.** The difference of the teachers is the lesson for the student. Under which
# reading is there more to learn? And how much of the steadiness is still there without any past?

# %%
readings = {
    "teacher-flow": videos["teacher-flow"],
    "A: its weights, no past": stylize_clip(lambda frame: with_flow(frame), scene.frames),
    "B: teacher-plain": videos["teacher-plain"],
}
rows = judged(readings)
_, without_past, without_training = readings.values()
lesson_a, lesson_b = (videos["teacher-flow"] - v for v in (without_past, without_training))
far_a, far_b = (lesson.square().mean().sqrt().item() for lesson in (lesson_a, lesson_b))
print(f"\nHow far the teacher with flow is from A: {far_a:.3f}, from B: {far_b:.3f}. "
      f"More to learn: under {'A' if far_a > far_b else 'B'}.")
(stab_flow, _), (stab_a, _), (stab_b, _) = rows.values()
share = (stab_b - stab_a) / (stab_b - stab_flow)
print(f"Of what e_stab falls from B to the teacher with flow, {share:.0%} is there in A, without any past.")

# %%
figures.show(
    figures.bars({name: row[0] for name, row in rows.items()}, "e_stab", floor),
    "Look for where A stands: training with a past has changed the weights themselves, "
    "so they may be calmer even without one.",
    "Bars of e_stab of the teacher with flow and of both readings of the teacher "
    "without.",
)

# %%
maps = {f"lesson under {name}": lesson[-1].abs().mean(0, keepdim=True)
        for name, lesson in (("A", lesson_a), ("B", lesson_b))}
figures.show(
    figures.images(maps, height=1.6, largest=0.5),
    "The difference of the teachers on the last frame, under both readings. Look for "
    "which of them leaves more to teach.",
    "Two maps of differences between teachers.",
)

# %% [markdown]
# **Question.** A teacher with flow turns out to be just as steady when its past is taken away. What follows?
#
# <details><summary>A. Flow was of no use: it can be left out from the start.</summary>It was in every step of the training.
# Taking it away afterwards takes back nothing of what was learned.</details>
# <details><summary>B. The measure must be broken: a steadiness that needs no past is impossible.</summary>A network can learn
# to leave out whatever would not agree with the next frame. For that it needs to see no frame but this one.</details>
# <details><summary>C. Flow did its work in training, and the result is in the weights.</summary>Right. What agrees along the
# flow was rewarded, so the weights paint what agrees.</details>

# %% [markdown]
# Where that share is large, flow did its work during *training*: the network has learned not to paint what would not agree with
# the next frame, and that it keeps without any flow. What its past adds at inference is the rest. And over longer times?
#
# **Predict, then run.** Frames that are several frames apart. Does the past help more there, or less?

# %%
print(f"{'e_stab over':26}{'1 frame':>9}{f'{far} frames':>10}")
for name, video in readings.items():
    print(f"{name:26}{instability(video, scene):9.4f}{instability(video, scene, far):10.4f}")
past_near, past_far = (instability(readings["teacher-flow"], scene, gap)
                       / instability(without_past, scene, gap) - 1 for gap in (1, far))
verdict = "harm" if past_far > 0 else "less help" if past_far > past_near else "more help"
print(f"\nThe past changes e_stab by {past_near:+.1%} over 1 frame and by {past_far:+.1%} over {far}. "
      f"Over {far} frames: {verdict}.")

# %% [markdown]
# Where the second number is positive, the past does harm: the painting follows its last frame, errors are handed on, and it
# *drifts*. One film is one film. All five, at the full size of the evaluation, with the networks that ship:

# %%
kept = next((p / "results" / "flow.txt" for p in (Path.cwd(), *Path.cwd().parents)
             if (p / "results" / "flow.txt").is_file()), None)
print(kept.read_text() if kept else "results/flow.txt is not here; data_scripts/measure_flow.py writes it")

# %% [markdown]
# So in `mosaic` and `candy`: nine tenths of the steadiness is in the weights. Between neighbours the past adds a little, about
# twice as much where the flow is exact, and least beside holes, where none is given. Over four frames estimated flow makes
# *every* scene worse, and exact flow helps in one of five. What the past does buy is **style**: without it the weights paint
# steadily, and a worse picture.

# %% [markdown]
# A hopeful sign for a student that will never see any flow: most of the teacher's steadiness needs none at inference. It also
# says what Eq. 5 can distil. Under **B**, which this course takes, $\Delta T = T - T_0$ is what *temporal training* has changed,
# far more than what flow adds at inference; under A only that little would be left to teach. The paper does not tell the two apart.

# %% [markdown]
# ## What better flow would bring
#
# Our film has *exact* flow. No real film does, so this is an **upper bound**, not a result.

# %%
rows = judged({"estimated flow (DIS)": videos["teacher-flow"],
               "exact flow (upper bound)": exact})
gain = rows["exact flow (upper bound)"][0] / rows["estimated flow (DIS)"][0] - 1
print(f"\nExact flow changes e_stab by {gain:+.0%} on this film.")
assert torch.isfinite(exact).all()

# %% [markdown]
# ## Summary
#
# A painter without memory boils because things *move*: between the steps of its halvings an edge is another edge from frame to
# frame. A teacher that is given its own previous painting, warped and masked, learns to agree with it. Most of its
# steadiness is in the weights then, and needs no past; the past keeps the style. So flow is worth more in training than
# afterwards, and what that training changed is the difference which the student is going to be taught.

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** Move the still by a quarter, a half and three quarters of a pixel. Is there a threshold, from which on
# another stroke is painted, or does the difference grow evenly?
#
# <details><summary>Hint</summary>Cut the still out of a scene four times as large and average 4x4 pixels: then a move by one
# of its pixels is a quarter of ours, and nothing is blurred more than anything else. Move the painting of the unmoved
# still in the same way (<code>warp</code>), and leave out the rim.</details>

# %% tags=["solution"]
# Exercise 1: a solution
fine = test_scene("alley_2", 4 * (height + 2 * margin), 4 * (width + 2 * margin), 2).frame(0, "clean")


def quarters(q):
    """The still, seen from q quarters of a pixel further to the right."""
    left = 4 * margin + q
    return F.avg_pool2d(fine[..., 4 * margin:4 * (margin + height), left:left + 4 * width], 4)


def apart_by(picture, moved, q, rim=12):
    flow = torch.zeros(1, 2, height, width)
    flow[:, 0] = q / 4
    gap = (moved - warp(picture, flow))[..., rim:-rim, rim:-rim - 4]
    return gap.square().mean().sqrt().item()


unmoved = plain(quarters(0))
tried_moves = (0, 1, 2, 3, 4, 6, 8, 12, 16)
paintings = [apart_by(unmoved, plain(quarters(q)), q) for q in tried_moves]
stills = [apart_by(quarters(0), quarters(q), q) for q in tried_moves]
figure, axis = plt.subplots(figsize=(5.2, 2.8))
pixels = [q / 4 for q in tried_moves]
axis.plot(pixels, paintings, marker="o", color=figures.colour("teacher-plain"), label="the paintings")
axis.plot(pixels, stills, marker="o", color=figures.colour("input"), linestyle=":", label="the stills")
axis.set(xlabel="pixels that the still has moved", ylabel="difference", ylim=(0, None))
axis.legend(fontsize=9, frameon=False)
figures.show(figure, "Look for a step in the first pixel, or for none. Dotted: what warping itself leaves between the stills.",
             "A curve that rises to a move of 2 pixels and falls to one of 4, and a low dotted curve.")
shares = [paintings[i] / paintings[4] for i in (1, 2, 3)]
print("A quarter, a half, three quarters of a pixel make {:.0%}, {:.0%}, {:.0%} of what a whole one makes.".format(*shares))
print("No threshold: a stroke does not jump, it turns into the other one by and by." if shares[0] > 0.15
      else "The first quarter does little: here is a threshold.")

# %% [markdown]
# **Exercise 2.** Lie to the teacher: for its first frame give it a past from another film, with mask 1. How many frames
# until it has forgotten? And if the lie is plain grey?
#
# <details><summary>Hint</summary>Call <code>with_flow(frame, wrong_past, ones)</code> once, then go on as in
# <code>roll_out</code>, and compare with <code>exact</code>. For grey, remember what instance norm does to a channel that
# is the same everywhere.</details>

# %% tags=["solution"]
# Exercise 2: a solution
def continued(first, trust=erode):
    """The paintings from a first one on."""
    outputs = [first]
    for t in times:
        outputs.append(with_flow(scene.frames[t:t + 1], warp(outputs[-1], exact_flows[t - 1:t]),
                                 trust(exact_masks[t - 1:t])))
    return torch.cat(outputs)


def away(video):
    """How far from the honest paintings, frame by frame."""
    return (video - exact).square().mean((1, 2, 3)).sqrt()


sure = torch.ones_like(exact_masks[:1])
other_film = plain(test_scene("market_6", height, width, 2).frame(0))
lie = away(continued(with_flow(scene.frames[:1], other_film, sure)))
print("lied to by another film:", [round(value, 3) for value in lie.tolist()])
half_gone = next((t for t, value in enumerate(lie) if value < lie[0] / 2), None)
print("Half of it is gone " + (f"after {half_gone} frames" if half_gone else "after none of these frames")
      + f"; after {len(lie) - 1}, {lie[-1] / lie[0]:.0%} of it is still there.")
grey = away(with_flow(scene.frames[:1], torch.full_like(other_film, 0.5), sure))
print(f"lied to by a grey: {grey[0]:.4f}. " + ("A channel that is the same everywhere is what instance norm takes away, "
      "so the mask\nalone, 1 everywhere, tells the teacher nothing." if grey[0] < 1e-3 else "Even that is seen."))

# %% [markdown]
# **Exercise 3.** Roll out without eroding the mask, then without any mask. Predict first: steadier or less steady? Then look at
# *where* the paintings differ, and say why $e_{stab}$ may like what it should not.
#
# <details><summary>Hint</summary><code>instability(video, scene)</code>; it counts only pixels that can be traced. Compare
# with <code>exact</code> where the mask is 0, where erosion took it away, and elsewhere.</details>

# %% tags=["solution"]
# Exercise 3: a solution
first = with_flow(scene.frames[:1])
careless = {"eroded": exact, "not eroded": continued(first, lambda mask: mask),
            "no mask": continued(first, torch.ones_like)}
hole = 1 - exact_masks
taken = exact_masks - erode(exact_masks)
print(f"{'mask':12}{'e_stab':>9}   differs from the eroded one: in holes  beside them  elsewhere")
for name, video in careless.items():
    gap = (video - exact)[1:].square().mean(1, keepdim=True)
    parts = [((gap * where).sum() / where.sum().clamp(min=1)).sqrt().item() for where in (hole, taken, 1 - hole - taken)]
    print(f"{name:12}{instability(video, scene):9.4f}{parts[0]:38.3f}{parts[1]:13.3f}{parts[2]:11.3f}")
steadiness = {name: instability(video, scene) for name, video in careless.items()}
print(f"Steadiest by e_stab: {min(steadiness, key=steadiness.get)}. But e_stab leaves the holes out: what a wrong past does "
      "there, it cannot see.")
last = {f"{name}, last frame": (video - exact)[-1].abs().mean(0, keepdim=True) for name, video in careless.items()
        if name != "eroded"}
figures.show(
    figures.images({"last frame": scene.frames[-1], **last}, columns=1, height=1.2, largest=0.3),
    "How far the paintings are from those with the eroded mask, on the last frame. Look for the rims of the walking man.",
    "The last frame of the film, and two maps of differences.",
)

# %% [markdown]
# **Exercise 4.** A film that stands still, with grain that does not. What does its past do for the teacher? And without
# grain, does the teacher keep its first painting?
#
# <details><summary>Hint</summary><code>grainy(frame, n)</code> is at hand. Nothing moves: the past is the last painting as it
# is, with mask 1. Measure the difference of neighbouring paintings, and the distance to the first one.</details>

# %% tags=["solution"]
# Exercise 4: a solution
def standing(frames, use_past=True):
    outputs = [with_flow(frames[:1])]
    for x in frames[1:].split(1):
        outputs.append(with_flow(x, outputs[-1], sure) if use_past else with_flow(x))
    return torch.cat(outputs)


def changes(video):
    return (video[1:] - video[:-1]).square().mean((1, 2, 3)).sqrt()


noisy = grainy(frame, 12)
calm = {"grain, with its past": standing(noisy), "grain, without": standing(noisy, use_past=False),
        "no grain, with its past": standing(frame.expand(12, -1, -1, -1))}
figure, axis = plt.subplots(figsize=(5.2, 2.8))
for (name, video), dashes in zip(calm.items(), ("-", ":", "--"), strict=True):
    axis.plot(range(1, 12), changes(video), linestyle=dashes, color=figures.colour("teacher-flow"), label=name)
axis.set(xlabel="frame", ylabel="change since the last one", ylim=(0, None))
axis.legend(fontsize=9, frameon=False)
figures.show(figure, "How much a painting of a still changes from frame to frame. Look at the first frames, then at the last.",
             "Three curves over the frames: with a past they fall, without one the curve is level.")
(with_it, without_it, quiet) = (changes(video)[-4:].mean().item() for video in calm.values())
start = changes(calm["no grain, with its past"])[0].item()
drift = (calm["no grain, with its past"][-1] - calm["no grain, with its past"][0]).square().mean().sqrt().item()
print(f"The last frames change by {with_it:.4f} with a past, by {without_it:.4f} without one: the past "
      f"{'calms what grain stirs up' if with_it < without_it else 'does not help against grain'}.")
print(f"Without any grain the painting moves by {start:.4f} at first, by {quiet:.4f} in the end, and in all by {drift:.4f}.")
print("So it leaves its first painting, which had no past, for one that agrees with itself as a past. A still is least steady"
      "\nwhere it begins." if start > 2 * quiet else "It goes on changing.")

# %% [markdown]
# ## Further reading
#
# - Chen, Zhang et al., [Optical flow distillation](https://arxiv.org/abs/2007.05146) (2020): the paper of this course.
# - Ruder, Dosovitskiy, Brox, [Artistic style transfer for videos and spherical images](https://arxiv.org/abs/1708.04538)
#   (2018): the teacher with flow, its mask and its mixed training.
# - Zhang, [Making convolutional networks shift-invariant again](https://arxiv.org/abs/1904.11486) (2019): blur before every
#   halving.
# - Azulay, Weiss, [Why do deep convolutional networks generalize so poorly to small image transformations?
#   ](https://arxiv.org/abs/1805.12177) (2019): the same aliasing, in networks that recognise things.
#
# [Next: 4. The plain student](04_plain_student.ipynb)
