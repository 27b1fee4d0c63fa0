# %% [markdown]
# # 3. Two teachers: what optical flow buys, in training and after it
#
# **You will be able to**
# - say why a network that paints frame by frame flickers, and show it, layer by layer;
# - feed a network its own past, with seven input channels instead of three;
# - train a teacher with flow, briefly, from one without;
# - measure what flow buys during training, and what it adds once the network is trained;
# - choose between two meanings of "the teacher without flow".
#
# **You need** [notebook 1](01_perceptual_loss.ipynb) and [notebook 2](02_flow_and_warping.ipynb).
# **Time**: about 1 minute on a laptop without a GPU, to run every cell.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Previous: 2. Flow and warping](02_flow_and_warping.ipynb) |
# [Next: 4. The plain student](04_plain_student.ipynb)

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from tutorial_lib import settings as config, training, zoo
from tutorial_lib.data.clips import Clip, Motion, RenderedClips, filmed
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.evaluation import e_stab_forward, instability, judge_of
from tutorial_lib.files import read_json
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import warp

# %%
from tutorial_lib.networks.layers import mean_colour
from tutorial_lib.networks.teacher import Teacher, roll_out as library_roll_out
from tutorial_lib.show import figures, players
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
# The first question of the subject, and the paper does not ask it. Two suspects: the *camera* (grain, and light that is never
# quite constant) and *motion*. Tried one at a time: the film as it is; the same motion without the camera's faults; and its
# first frame, standing still, with grain or with changing light.
#
# *Predict, then run:* in which of them does the plain teacher boil most?

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
# Light hardly matters: instance norm divides a common factor out again. Grain is amplified, and still the smaller part. So what has motion
# that a still has not? Take a toy: a signal of one dimension, and the filter $(-1, 1)$ that looks for an edge at every
# *second* place, as a convolution with stride 2 does.
#
# *Predict, then run:* the signal moves by one place, then by two. What becomes of the answers?

# %%
signal = torch.tensor([0.0, 1, 1, 0, 0, 0, 0, 0])
edge = torch.tensor([[[-1.0, 1.0]]])
for shift in range(3):
    moved = signal.roll(shift)
    answers = F.relu(F.conv1d(moved[None, None], edge, stride=2))[0, 0]
    found = f"an edge at step {answers.argmax()}" if answers.any() else "no edge at all"
    print(f"moved by {shift}: {moved.int().tolist()}   answers {answers.int().tolist()}: {found}")
stand, by_one, by_two = (
    F.conv1d(signal.roll(n)[None, None], edge, stride=2) for n in range(3))
assert torch.equal(by_two[..., 1:], stand[..., :-1]) and not torch.equal(by_one, stand)

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
# And *where* in the network do the two part ways? Layer by layer, the moved still beside the still. Where a layer's steps are 2
# or 4 pixels wide, a move that is no multiple of them has no place to be compared with: it fell between.

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
# another edge is painted as another stroke. Nothing tips over: a quarter of a pixel does a part of what half a pixel does (exercise 1).
#
# *Predict, then run:* so blur before each halving, as Zhang (2019) does against just this, and train the student so. How much of
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
# replaced by the mean colour, which becomes 0 inside.
#
# The paper names no layer and no width. This network is the one of Ruder et al. (2018), who built it on
# Johnson et al. (2016).

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
# The last line says: without a past, the teacher is an ordinary image network. That is how a film
# begins. From then on each painting is the past of the next one, and the network *rolls out*.

# %%
def roll_out(teacher, frames, flows, masks):
    outputs = [teacher(frames[:1])]
    for t in range(1, len(frames)):
        carried = warp(outputs[-1], flows[t - 1:t])
        outputs.append(teacher(frames[t:t + 1], carried, erode(masks[t - 1:t])))
    return torch.cat(outputs)


times = range(1, len(scene.frames))
exact_flows = torch.cat([film.flow(t, t - 1) for t in times])
exact_masks = torch.cat([film.mask(t, t - 1) for t in times])
exact = roll_out(with_flow, scene.frames, exact_flows, exact_masks)

# %%
arguments = with_flow, scene.frames, exact_flows, exact_masks
assert torch.equal(exact, library_roll_out(*arguments))
assert torch.allclose(exact, stylize_clip(*arguments), atol=1e-5)

# %% [markdown]
# ## Train a plain teacher, for a moment
#
# First a painter without memory: random weights, single pictures, Eq. 1 and nothing else. We train
# for less than a minute, only to see it happen.
#
# *Predict, then run:* what will it have learned after so few steps, the colours or the strokes?

# %%
# Small, for a demonstration.
short = settings.but(plain_batch=2, clips=12, finetune_rate=settings.demo_rate)
perceptual = judge_of(style, settings).to(device)
beginner = training.new_teacher(short).to(device)
history = training.train_plain(beginner, perceptual, short, steps=settings.demo_steps)
figures.show(
    figures.losses([{"Eq. 1": terms["perceptual"]} for terms in history],
                   "a plain teacher, its first steps"),
    "Look for the fall at the beginning. Each step sees other pictures, hence the "
    "jagged grey line.",
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
    "A frame, painted by a beginner and by the trained plain teacher.",
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
# Now from the *zoo's* plain teacher. It has the four extra channels, but never saw anything in
# them. The loss asks for two things: be a good painting, and agree with your own warped past.
#
# $$\mathcal L = \mathcal L_{percep}(y_t) + \lambda\, \| M_t \odot (y_t - W(y_{t-1}, f_t)) \|^2$$

# %% [markdown]
# Three of five samples are clips, rolled out over 1, 2, then 4 frames; only the last frame is
# learned from. One is a still and the same still moved, and one a still without any past, so that
# it remains a good image network.

# %% [markdown]
# **(+) Not in the paper:** a third term, `look`, keeps the colours, averaged over 8x8 patches, near the plain teacher's. Left
# alone, fine-tuning may paint a wall red that was blue. Nothing is wrong with that, but the student will learn from
# the *difference* of the two teachers (notebook 5), and that should be flicker, not taste.
#
# *Predict, then run:* which of the three terms will fall, and must another one rise?

# %%
clips, few = RenderedClips(short), max(10, settings.demo_steps // 2)
tuned, history = training.train_teacher(plain.to(device), clips, perceptual, short, steps=few)
control, _ = training.train_teacher(plain, clips, perceptual, short.but(lambda_flow=0.0), steps=few)
with_past = [terms for terms in history if "temporal" in terms]  # stills have no past
figures.show(
    figures.losses(with_past, "from the plain teacher to one with flow"),
    "Look at 'temporal': it starts high, because the plain teacher ignores its past.",
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
    "Time slices of the input, the plain teacher, two briefly tuned ones, and the "
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
    "Look for how much of the way from the plain teacher down to the dotted line, the "
    "input, the teacher with flow covers.",
    "Bars of e_stab of the plain teacher, two briefly tuned ones and the teacher with "
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
# - **B**: the plain teacher from which it was fine-tuned.

# %% [markdown]
# *Predict, then run:* the difference of the teachers is the lesson for the student. Under which
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
# Where that share is large, flow did its work during *training*: the network has learned not to paint what would not agree with
# the next frame, and that it keeps without any flow. What its past adds at inference is the rest. And over longer times?
#
# *Predict, then run:* frames that are several frames apart. Does the past help more there, or less?

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
# 1. Move the still by a quarter, a half and three quarters of a pixel. Is there a threshold, from which on another stroke is
#    painted, or does the difference grow evenly?
#    <details><summary>Hint</summary><code>moved = warp(large, torch.full((1, 2, *large.shape[-2:]), 0.0))</code> with
#    <code>x</code> in channel 0 moves the still; move its painting in the same way, and leave out the rim.</details>
# 2. Lie to the teacher: give it a past of another film, with mask 1. How many frames until it has
#    forgotten it?
#    <details><summary>Hint</summary>Call <code>with_flow(frame, wrong_past, ones)</code> once, then roll
#    out as above and compare with the honest film.</details>
# 3. Roll out without eroding the mask. Does anything change, and where?
#    <details><summary>Hint</summary>Compare the rims of the walking man in
#    <code>figures.error_map</code>.</details>
#
# [Next: 4. The plain student](04_plain_student.ipynb)
