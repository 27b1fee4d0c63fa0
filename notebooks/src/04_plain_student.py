# %% [markdown]
# # 4. The plain student, and two obvious cures
#
# **You will be able to**
# - count what a convolution costs, and say where a student spends most;
# - train one from random weights and see its loss fall;
# - write the temporal loss (Eq. 12), the cure that everybody tries first;
# - write vanilla distillation (Eq. 2), and see why the paper does not copy pictures.
#
# **You need** [notebook 3](03_two_teachers.ipynb).
# **Time**: about 75 minutes to read and work. Every cell together runs about 2 minutes on a laptop without a GPU.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Previous: 3. Two teachers](03_two_teachers.ipynb) |
# [Next: 5. Residual distillation](05_residual_distillation.ipynb)

# %%
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from tutorial_lib import checks, settings as config, training, zoo
from tutorial_lib.data.clips import RenderedClips, filmed
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.evaluation import judge_of, score, sharpness
from tutorial_lib.files import read_json
from tutorial_lib.flow.warp import warp
from tutorial_lib.keep import keep
from tutorial_lib.networks.student import Student
from tutorial_lib.show import figures, players
from tutorial_lib.speed import PAPER
from tutorial_lib.stylize import stylize_clip

settings, device, style = config.scale(), config.device(), config.style()
torch.manual_seed(settings.seed)
print(f"Scale: {settings.name}, style: {style}, training on: {device.type}")

# %%
height, width = min(settings.evaluation_height, 128), min(settings.evaluation_width, 300)
scene = filmed(test_scene("bandage_2", height, width, settings.evaluation_frames))
frame = scene.frames[:1]
roles = ("teacher-flow", "teacher-plain", "student-plain", "student-scratch", "student-temp")
networks = {role: zoo.load(f"{style}-{role}") for role in roles}

# %% [markdown]
# ## One frame in, one frame out
#
# The student is ReCoNet's network (Gao et al. 2018, reference [9], after Johnson et al. 2016): two halvings, *residual
# blocks* (two convolutions, added to what came in), two doublings. Its *width* is the number of
# maps before the first halving; each halving doubles it. The paper says "similar network architecture with ReCoNet" and
# names no size; width 48 and 4 blocks are ReCoNet's.
#
# What does it cost? Nearly all of it is convolutions. A small one first: five numbers, a window of three.

# %%
row, window = [1, 2, 3, 4, 5], [1, 2, 1]
padded = [0, *row, 0]
for i in range(len(row)):
    products = [f"{weight}*{number}" for weight, number in zip(window, padded[i:i + 3], strict=True)]
    print(" + ".join(products), "=", sum(weight * number for weight, number in zip(window, padded[i:i + 3], strict=True)))
print(f"{len(row)} numbers come out, {len(window)} products each: {len(row) * len(window)} multiply-adds")

# %% [markdown]
# A *multiply-add* is one product that is added to a sum. In a picture the window is a square of $k \times k$ pixels, several maps
# come in, and several come out: each of them from *all* that come in.
#
# **Yours to write**: `cost`.
#
# <details><summary>Hint 1: one number</summary>How many products are in one number that comes out? It looks at k times k pixels
# in every map that comes in.</details>
# <details><summary>Hint 2: how many of them</summary>Each of the maps that come out has height times width such
# numbers.</details>
# <details><summary>Hint 3: a case to try</summary>From 2 maps to 4, a window of 3 x 3, on 5 x 6 pixels: 18 products for one
# number, and 120 numbers, so 2160.</details>

# %%
def cost(inputs, outputs, size, height, width):
    """The multiply-adds of a convolution, a whole number.

    inputs, outputs: how many maps come in, and out. size: the side of the window. height, width: of the maps that come out.
    """
    ### BEGIN SOLUTION
    return inputs * size * size * outputs * height * width
    ### END SOLUTION


# %% tags=["check"]
checks.cost(cost)

# %% [markdown]
# For a whole network we let PyTorch count, which does it in the same way, layer by layer.
#
# **Predict, then run.** Which saves more, half the width or half the blocks?

# %%
def counted(width, blocks):
    with torch.device("meta"):  # shapes only
        network = Student(width, blocks)
        picture = torch.empty(1, 3, 320, 640)   # the size at which the paper measures speed
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(picture)
    parameters = sum(p.numel() for p in network.parameters())
    return parameters, counter.get_total_flops() / 2e9, counter.get_flop_counts()

# %%
sizes = {"ReCoNet's": (48, 4), "half the width": (24, 4), "half the blocks": (48, 2),
         "this course's": (networks["student-plain"].configuration["width"],
                           networks["student-plain"].configuration["blocks"])}
costs = {name: counted(*size) for name, size in sizes.items()}
for name, (parameters, billions, _) in costs.items():
    print(f"{name:16} {parameters:10,} parameters   {billions:6.1f} billion multiply-adds")
left = {name: costs[name][1] / costs["ReCoNet's"][1] for name in ("half the width", "half the blocks")}
print("What is left of the cost:", ", ".join(f"{name} {share:.0%}" for name, share in left.items()) + ".",
      f"Cheaper: {min(left, key=left.get)}.")
figures.show(
    figures.bars({name: billions for name, (_, billions, _) in costs.items()},
                 "billion multiply-adds for one frame of 640 x 320"),
    "Look for width: the cost grows with its square, with the blocks only in part.",
    "Bars of the multiply-adds of four students.",
)
assert costs["ReCoNet's"][0] == 3_098_307

# %% [markdown]
# **Question.** A convolution of a residual block reads and writes equally many maps. Both are halved. What is left of its
# cost?
#
# <details><summary>A. Half.</summary>That would be so if only the maps that come out were halved. Each of them looks at half
# as many, too.</details>
# <details><summary>B. A quarter.</summary>Right: half as many numbers to compute, and half as many products in each. The whole
# student keeps a bit more, because its first layer still reads three colours, and its last still paints
# three.</details>
# <details><summary>C. An eighth.</summary>Two factors of two are there, not three: the window and the pixels stay as they
# are.</details>

# %% [markdown]
# Can that be the network which the paper timed? A multiply-add is two operations.

# %%
P100 = 9.3   # TFLOP/s in float32, as NVIDIA states it (10.6 in the version with NVLink)
needed = 2 * costs["ReCoNet's"][1] * PAPER["student_fps"] / 1000
print(f"The paper's {PAPER['student_fps']} frames a second would take {needed:.1f} TFLOP/s; "
      f"its {PAPER['hardware']} has at most {P100}, which is {P100 / needed * PAPER['student_fps']:.0f} frames.")

# %% [markdown]
# Not in single precision and with convolutions as we count them. So their student is narrower, or runs in half precision with a
# convolution that multiplies less (Winograd's). The paper does not say. Its ratio of speeds is of their networks, not of
# these.

# %%
parts = costs["ReCoNet's"][2]
names = {"down": "two halvings", "blocks": "residual blocks",
         "up": "two doublings", "out": "output layer"}
shares = {label: sum(parts[f"Student.body.{part}"].values()) / 2e9
          for part, label in names.items()}
figures.show(
    figures.bars(shares, "billion multiply-adds"),
    "Where ReCoNet spends its multiply-adds. Look at the residual blocks: small "
    "pictures, many channels.",
    "Bars of multiply-adds of the four parts of the student.",
)

# %% [markdown]
# ## Train one, for a moment
#
# From random weights, on single pictures, with Eq. 1. **Predict, then run.** The student has more
# in common with the teacher without flow than you may think. What does it *not* learn here, however long you
# train?

# %%
# Small, for a demonstration.
short = settings.but(plain_batch=2, clips=12, finetune_rate=settings.demo_rate)
perceptual = judge_of(style, settings).to(device)
beginner = training.new_student(short).to(device)
history = keep(training.train_plain)(beginner, perceptual, short, steps=settings.demo_steps)
figures.show(
    figures.losses([{"Eq. 1": terms["perceptual"]} for terms in history],
                   "a student from random weights"),
    "Grey: the loss of every step, each on other pictures. Green: its mean over nine steps. Look for the fall, then for "
    "the slow part: that is where the hours go.",
    "A curve of the perceptual loss, which falls, fast at first.",
)
first, last = (sum(terms["total"] for terms in part) / len(part)
               for part in (history[:3], history[-3:]))
print(f"Eq. 1: {first:.2f} in the first three steps, {last:.2f} in the last three")
assert last < first

# %%
beginner.cpu().requires_grad_(False)
figures.show(
    figures.images({"input": frame, f"yours, {len(history)} steps": beginner(frame),
                    "student-plain of the zoo": networks["student-plain"](frame)}, height=1.5),
    "Middle: the student trained just now. Right: the zoo's, trained for much longer, "
    "and also drawn towards the pictures of the teacher without flow (notebook 5 says why). "
    "Look for whole strokes and for the face.",
    "A frame, painted by a beginner and by the trained plain student.",
)

# %% [markdown]
# The answer to the question: nothing in Eq. 1 has ever compared two frames. So nothing asks for a film that
# does not boil, however long one trains. How much do they boil?

# %%
judge = judge_of(style, settings, "compact")


def measure(videos):
    rows = {name: score(name, video, scene, judge) for name, video in videos.items()}
    print(f"{'':24}{'e_stab':>8}{'style':>8}{'content':>9}{'sharpness':>11}")
    for name, s in rows.items():
        print(f"{name:24}{s.e_stab:8.4f}{s.style:8.3f}{s.content:9.3f}{s.sharpness:11.3f}")
    return rows

# %%
films = {role: stylize_clip(networks[role], scene.frames)
         for role in ("teacher-flow", "student-plain")}
rows = measure(films | {f"yours, {len(history)} steps": stylize_clip(beginner, scene.frames)})
floor = rows["student-plain"].floor
print(f"\nThe input itself has {floor:.4f}.")
steps = zoo.manifest(f"{style}-student-plain")["settings"]["plain_steps"]
for name, count in ((f"yours, {len(history)} steps", len(history)), ("student-plain", steps)):
    print(f"{name}: after {count} steps the student multiplies it by {rows[name].e_stab / floor:.1f}.")
assert floor > 0

# %% [markdown]
# **Question.** Two painted films have the same Eq. 1 in every frame. Which of them flickers less?
#
# <details><summary>A. One cannot say.</summary>Right: Eq. 1 judges each frame alone. Put the frames of a film in any other
# order, and it is the same.</details>
# <details><summary>B. Neither: the same loss, the same film.</summary>Many pictures have the same Eq. 1: the same strokes a bit
# further to the left, for instance. From frame to frame each film may choose another.</details>
# <details><summary>C. The one that is nearer to the original film.</summary>That would be content, and it is in Eq. 1 already. The
# strokes are not in the original at all; where they lie is free.</details>

# %% [markdown]
# ## First cure: ask for it
#
# If two frames should agree, ask for it in the loss. By hand first, in two painted frames of a single row. Everything moved one
# pixel to the right, and on the left something new came in.

# %%
previous = torch.tensor([0.0, 1.0, 0.0, 0.0])
current = torch.tensor([0.8, 0.0, 1.0, 0.5])
flow = torch.zeros(1, 2, 1, 4)
flow[:, 0] = -1      # backward: each pixel was one further to the left
mask = torch.tensor([0.0, 1, 1, 1])     # the first one was outside
warped = warp(previous.reshape(1, 1, 1, 4), flow).flatten()
steps = {"current": current, "previous": previous, "previous, warped": warped, "difference": current - warped,
         "times the mask": mask * (current - warped), "squared": (mask * (current - warped)).square()}
for name, values in steps.items():
    print(f"{name:17}", "  ".join(f"{value:5.2f}" for value in values.tolist()))
print(f"mean of the four: {steps['squared'].mean():.4f}; without the mask {(current - warped).square().mean():.4f}")

# %% [markdown]
# One pixel is charged: the one that is brighter than it was. This is Eq. 12, the *temporal loss*. Many methods have one; ReCoNet's
# also allows for changes of brightness in the film. Flow is needed for training only.
#
# $$\mathcal L_{temp} = \big\| M_t \odot \big(\mathcal N_S(x_t) - W(\mathcal N_S(x_{t-1}), f_t)\big)\big\|^2$$
#
# Between pictures, $\|\cdot\|^2$ is the *mean* of all squares in this course, not their sum. Masked ones count as zeros in it.
#
# **Yours to write**: `temporal_loss`. `warp` is there; the mask is taken as it comes, not eroded.
#
# <details><summary>Hint 1: which frame is warped</summary>The flow lies on the current frame's grid, and says where each of its pixels
# was. So the previous frame is fetched: <code>warp(previous, flow)</code>.</details>
# <details><summary>Hint 2: what the mask multiplies</summary>The difference, as in the toy: where nothing can be traced, nothing
# is charged.</details>
# <details><summary>Hint 3: in PyTorch</summary><code>.square().mean()</code> goes over frames, colours and pixels
# at once.</details>

# %%
def temporal_loss(current, previous, flow, mask):
    """Eq. 12 for N pairs of painted frames, a scalar.

    current, previous: (N, 3, H, W). flow: (N, 2, H, W), from `current` back into `previous`. mask: (N, 1, H, W), 1 = traceable.
    """
    ### BEGIN SOLUTION
    return (mask * (current - warp(previous, flow))).square().mean()
    ### END SOLUTION


# %% tags=["check"]
checks.temporal_loss(temporal_loss)

# %% [markdown]
# Whatever yours does, from here on the notebook takes the course's own. What does Eq. 12 see in a training clip?

# %%
from tutorial_lib.losses.temporal import temporal_loss

clips = RenderedClips(short)
clip = clips[0]
motion = clip.backward.flows, clip.backward.masks
stylized = networks["student-plain"](clip.frames)
flow, mask = (part[:1] for part in motion)  # frame 1 back into frame 0
figures.show(
    figures.images({
        "frame 1": clip.frames[1], "painted 0, warped": warp(stylized[:1], flow),
        "painted 1": stylized[1],
        "masked difference": figures.error_map(stylized[:2], flow, mask),
    }, columns=4, height=1.6),
    "The pieces of Eq. 12 on a training clip. Look for brightness in the last picture: "
    "each bright spot is a complaint.",
    "A frame, two paintings of which one is warped, and a map of their difference.",
)

# %% [markdown]
# **Question.** The mask is 1 everywhere. A hand moves away and uncovers a piece of wall. What does Eq. 12 ask for there?
#
# <details><summary>A. Nothing: the wall did not move.</summary>The flow there is that of the wall, zero. But at that place the frame
# before shows the hand, and that is what the warp fetches.</details>
# <details><summary>B. That the wall be painted as in the frame after.</summary>Eq. 12 only looks back.</details>
# <details><summary>C. That the wall be painted like the hand.</summary>Right: the warp fetches what was to be seen there, the hand.
# A student that obeys paints a ghost behind everything that moves. So the mask is 0 there.</details>

# %% [markdown]
# **Predict, then run.** Which of these has the smallest temporal loss: the film itself, the painted
# film, or a plain grey one?

# %%
grey = torch.full_like(clip.frames, 0.5)
three = {"film": clip.frames, "painted": stylized, "grey": grey}
values = {name: temporal_loss(video[1:], video[:-1], *motion).item() for name, video in three.items()}
for name, value in values.items():
    print(f"{name:8} {value:.6f}")
print(f"Smallest: {min(values, key=values.get)}; largest: {max(values, key=values.get)}.")
assert temporal_loss(grey[1:], grey[:-1], *motion) < 1e-10

# %% [markdown]
# **Grey wins.** The temporal loss by itself would rather not paint at all, and only Eq. 1 holds
# against it. That is the tension to watch.
#
# Below, two students start from the zoo's plain one and are trained for the same few steps on the
# same clips, with the same weights in Eq. 1: one with Eq. 1 alone (the *control*), one with
# $\lambda_{temp} L_{temp}$ beside it.
#
# **Predict, then run.** Which terms fall, and which rise?

# %%
teachers = networks["teacher-flow"].to(device), networks["teacher-plain"].to(device)
start = networks["student-plain"].to(device)
targets = training.FrozenTargets(clips, *teachers, start)
eq1_only = short.but(lambda_res=0.0, lambda_rank=0.0, lambda_temp=0.0)
with_temp = short.but(lambda_res=0.0, lambda_rank=0.0)
few = max(6, settings.demo_steps // 3)
print(f"{few} steps at a rate of {eq1_only.finetune_rate:g} (this scale's long trainings: {settings.finetune_rate:g}). "
      "Adam starts with full steps in every direction, and so few would not mend what large ones break.")
distill = keep(training.distill)      # after a restart "run all" goes on from what was trained
control, _ = distill(start, targets, perceptual, eq1_only, steps=few)
steadier, history = distill(start, targets, perceptual, with_temp, steps=few)

# %%
figures.show(
    figures.losses(history, f"with L_temp, weight {with_temp.lambda_temp:g}"),
    "Each step sees another clip, and clips differ more than a few steps change: hence the jagged "
    "lines. The table below has the same clips before and after, each term per frame, not per clip.",
    "Three curves: perceptual, temporal and total loss.",
)
assert {"perceptual", "temporal", "total"} == set(history[0])

# %%
@torch.no_grad()
def on_the_clips(network):
    """Eq. 1 and Eq. 12, each a mean over the clips of the training."""
    values = torch.zeros(2)
    for i in range(len(clips)):
        part = clips[i].to(device)
        video = network(part.frames)
        temporal = temporal_loss(video[1:], video[:-1], part.backward.flows, part.backward.masks)
        values += torch.stack((perceptual(video, part.frames), temporal)).cpu() / len(clips)
    return dict(zip(("Eq. 1", "L_temp"), values.tolist(), strict=True))


trained = {name: on_the_clips(n) for name, n in (("start", start), ("control", control), ("with L_temp", steadier))}
for name, values in trained.items():
    print(f"{name:12}", "   ".join(f"{term} {value:.4f}" for term, value in values.items()))
for term, value in trained["with L_temp"].items():
    print(f"With L_temp, {term}: {value / trained['start'][term] - 1:+.0%} from the start, "
          f"{value / trained['control'][term] - 1:+.0%} against the control.")
for network in (control, steadier, *networks.values()):
    network.cpu().requires_grad_(False)

# %%
films |= {
    f"control, {few} steps": stylize_clip(control, scene.frames),
    f"yours + L_temp, {few} steps": stylize_clip(steadier, scene.frames),
    "student-scratch": stylize_clip(networks["student-scratch"], scene.frames),
    "student-temp": stylize_clip(networks["student-temp"], scene.frames),
}
rows = measure(films)
figures.show(
    figures.bars({name: s.e_stab for name, s in rows.items()},
                 "e_stab (lower is steadier)", floor),
    "Two steps to look for: from the control to L_temp, a few steps each; and from the zoo's "
    "student-scratch to its student-temp, which had the time.",
    "Bars of e_stab of a teacher with flow and of five students.",
)

# %%
players.play({"input": scene.frames, **films}, "04_plain_student", columns=3)

# %%
slices = {name: figures.time_slice(v) for name, v in {"input": scene.frames, **films}.items()}
figures.show(
    figures.images(slices, columns=1, height=0.8),
    "Time runs downwards. *student-plain*, *student-scratch* and *student-temp* are the zoo's, "
    "the other two students were trained above. Look for vertical lines that stay whole.",
    "Time slices of the input, the teacher with flow and five students.",
)

# %%
def against(name, control):
    """What changes from one row to another, in per cent."""
    changes = (f"{key} {getattr(rows[name], key) / getattr(rows[control], key) - 1:+.0%}"
               for key in ("e_stab", "style", "content"))
    print(f"{name} against {control}: {', '.join(changes)}")


against(f"yours + L_temp, {few} steps", f"control, {few} steps")
against("student-temp", "student-scratch")
roles = ("student-scratch", "student-temp", "student-ours", "student-ours-temp")
weights = {role: zoo.manifest(f"{style}-{role}")["settings"]["style_weight"] for role in roles}
print("The zoo's style weights in Eq. 1:", ", ".join(f"{role} {w:g}" for role, w in weights.items()))
share = rows["student-temp"].e_stab / rows["teacher-flow"].e_stab
print(f"The e_stab of student-temp is {share:.0%} of that of the teacher with flow.")
assert all(s.e_stab > 0 for s in rows.values())

# %% [markdown]
# Read all three numbers. `student-scratch` had as many steps on the same clips as `student-temp`. But not everything else is
# equal: `student-temp` has a higher style weight, as every student with a loss of steadiness has, to buy back the style that
# steadiness costs. What does that weight do alone? `scratch-x2` is the student from scratch with twice the style weight and no
# loss of steadiness (`mosaic`, five scenes):

# %%
kept = next((p / "results" / "frontier.json" for p in (Path.cwd(), *Path.cwd().parents)
             if (p / "results" / "frontier.json").is_file()), None)
points = {row["recipe"]: row for block in (read_json(kept)["blocks"] if kept else ())
          for row in block["rows"] if block["name"] == "mosaic.final.judge_style.points"}
for recipe in ("student-scratch", "scratch-x2", "student-temp"):
    if recipe in points:
        print(f"{recipe:16}", *(f"{key} {points[recipe][key]:.3f}  " for key in ("e_stab", "style", "content")))
if not points:
    print("results/frontier.json is not here; data_scripts/make_tables.py writes it")

# %% [markdown]
# The weight alone buys style with content, and no steadiness. So the steadiness is L_temp's, it costs style, and the weight moves
# the cost on: it is the *content* that pays. This is the rival that distillation has to beat, and a strong one: a teacher is only
# worth having if it shows a *better exchange*.

# %% [markdown]
# ## Second cure: copy the teacher
#
# The teacher with flow is steady and has style. Why not just learn its pictures? To learn from another network is called *distillation*
# (Hinton et al. 2015). Three pixels first: the teacher's stroke is on the second, the student's between the second and the third.

# %%
teacher_row, student_row = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.0, 0.5, 0.5])
difference = teacher_row - student_row
print("difference", difference.tolist(), "  squared", difference.square().tolist(), f"  mean {difference.square().mean():.4f}")

# %% [markdown]
# This is Eq. 2, *vanilla* distillation, again with the mean of the squares:
#
# $$\mathcal L_{vanilla} = \|\mathcal N_T(x, f) - \mathcal N_S(x)\|^2$$
#
# **Yours to write**: `vanilla_distillation_loss`. It must not depend on how many pictures there are, or how large they are.
#
# <details><summary>Hint 1</summary>One mean over everything does it: pictures, colours and pixels.</details>
# <details><summary>Hint 2</summary>First the squares, then their mean; the other way round, too bright would make up for too
# dark.</details>

# %%
def vanilla_distillation_loss(teacher, student):
    """Eq. 2: how far the student's pictures are from the teacher's. Both (N, 3, H, W) -> a scalar."""
    ### BEGIN SOLUTION
    return (teacher - student).square().mean()
    ### END SOLUTION


# %% tags=["check"]
checks.vanilla_distillation_loss(vanilla_distillation_loss)

# %% [markdown]
# **Predict, then run.** The teacher puts a stroke on one of three pixels, each as often. The student cannot tell on which. What is the
# safest picture for it to paint: a stroke in the middle, nothing, or something else?

# %%
from tutorial_lib.losses.residual import vanilla_distillation_loss

places = torch.eye(5)[1:4]      # the stroke on pixel 1, 2 or 3 of 5
guesses = {"a stroke in the middle": places[1], "nothing": torch.zeros(5), "the mean of all three": places.mean(0)}
for name, guess in guesses.items():
    errors = [vanilla_distillation_loss(place, guess).item() for place in places]
    print(f"{name:23}", "  ".join(f"{value:.2f}" for value in guess.tolist()),
          "  Eq. 2:", " ".join(f"{error:.3f}" for error in errors), f"  on average {sum(errors) / 3:.3f}")

# %% [markdown]
# The safest picture is a smear, a third of a stroke on each pixel, though the teacher never painted one. Even nothing at all is safer than
# a stroke in a wrong place. Now with pictures.

# %%
copying = short.but(lambda_percep=0.0, lambda_temp=0.0, lambda_rank=0.0)
vanilla = training.FrozenTargets(
    clips, *(t.to(device) for t in teachers), start.to(device), source="vanilla"
)
copyist, history = distill(start, vanilla, perceptual, copying, steps=2 * few)
# The term is named 'residual': Eq. 2 and Eq. 5 differ only in the picture that is copied.
figures.show(
    figures.losses([{"Eq. 2": terms["residual"]} for terms in history], "copying alone"),
    "Look for the fall, fast at first, then slow: colours are easy to copy, the place of every stroke is not.",
    "The distance from the teacher's pictures falls and levels off.",
)
for network in (copyist, *networks.values()):
    network.cpu().requires_grad_(False)

# %%
copies = {
    "teacher-flow": films["teacher-flow"], "student-plain": films["student-plain"],
    f"copyist, {2 * few} steps": stylize_clip(copyist, scene.frames),
}
measure(copies)
figures.show(
    figures.images({name: v[-1] for name, v in copies.items()}, height=1.6),
    "Left the model, right the copyist. Look for edges: crisp on the left, washed out "
    "on the right?",
    "The last frame by the teacher with flow, the plain student and the copyist.",
)

# %%
top, left = height // 4, width // 4
figures.show(
    figures.images({name: v[-1, :, top:top + height // 2, left:left + width // 3]
                    for name, v in copies.items()}, height=2.4),
    "The same, enlarged. Look at the edges of single strokes.",
    "An enlarged part of the three paintings.",
)
kept = sharpness(copies[f"copyist, {2 * few} steps"]) / sharpness(films["teacher-flow"])
print(f"The copyist has {kept:.0%} of its teacher's sharpness:", "a blur." if kept < 0.9 else "hardly a blur.")
assert kept > 0

# %% [markdown]
# Well below 100 % means blur: where the student cannot place a stroke exactly, the mean of all places costs
# least, and the mean of strokes is a smear. (A blurred film is steady for free, so do not be taken in by its
# $e_{stab}$.) Is it because the student does not see the teacher's *past*? Notebook 5 tries that. If yours
# stayed sharp, its plain student happened to agree with the teacher already; the paper's Fig. 2 shows the
# smear.

# %% [markdown]
# **Question.** Why does a blurred film have a low $e_{stab}$?
#
# <details><summary>A. Because things move less in it.</summary>The motion is the film's, and e_stab undoes it in any case.</details>
# <details><summary>B. Because the edges of strokes, which change most, have become slopes.</summary>Right: an edge that jumps by a
# pixel changes a pixel from dark to bright. A slope that jumps by a pixel changes each pixel a little.</details>
# <details><summary>C. Because blur is a kind of style.</summary>The style loss says otherwise: blurred strokes are not the
# painting's.</details>

# %% [markdown]
# ## Summary
#
# The student sees one frame and costs a fixed amount of multiplications, most of them in its residual
# blocks. Eq. 1 never compares two frames, so it flickers. The temporal loss asks for agreement and pays
# with style; with a higher style weight, in content. Copying the teacher's pictures pixel by pixel blurs. What
# remains is to copy not the pictures, but what training with flow *changed* in them.

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** Break Eq. 12. What is the temporal loss of the *unpainted* clip as it is, without the mask, without the
# warp, and with the flow turned round? Which mistake costs most?
#
# <details><summary>Hint</summary><code>temporal_loss(clip.frames[1:], clip.frames[:-1], *motion)</code> is the first. For the others:
# <code>torch.ones_like(motion[1])</code>,
# <code>torch.zeros_like(motion[0])</code> and <code>-motion[0]</code>.</details>

# %% tags=["solution"]
# Exercise 1: a solution
flow, mask = motion
broken = {"as it is": (flow, mask), "without the mask": (flow, torch.ones_like(mask)),
          "without the warp": (torch.zeros_like(flow), mask), "flow turned round": (-flow, mask)}
found = {name: temporal_loss(clip.frames[1:], clip.frames[:-1], *pair).item() for name, pair in broken.items()}
for name, value in found.items():
    print(f"{name:18} {value:.5f}   {value / found['as it is']:6.1f} times")
errors = {name: (pair[1][:1] * (clip.frames[1:2] - warp(clip.frames[:1], pair[0][:1]))).abs().mean(1)
          for name, pair in broken.items()}
figures.show(
    figures.images(errors, columns=2, height=1.5, largest=0.3),
    "What each of them would complain about in frame 1. Look for rims, and for things that are there twice.",
    "Four maps of what changed from frame to frame: nearly dark; a thin rim around a figure; and twice bright outlines.",
)
print("The film itself did nothing wrong. All but the first would punish it for moving, or for showing something new.")

# %% [markdown]
# **Exercise 2.** A *separable* convolution looks at each map by itself ($k \times k$, one map in, one out) and then mixes the maps
# pixel by pixel ($1 \times 1$). What does it cost, compared with the usual one, in the student's residual blocks?
#
# <details><summary>Hint</summary>The first half is <code>maps</code> times a convolution from 1 map to 1; the second is one from all to all
# with a window of 1. In PyTorch: <code>nn.Conv2d(maps, maps, 3, groups=maps)</code>, then
# <code>nn.Conv2d(maps, maps, 1)</code>.</details>

# %% tags=["solution"]
# Exercise 2: a solution
def multiply_adds(layers, maps):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        layers(torch.zeros(1, maps, 80, 160))      # a quarter of 640 x 320
    return counter.get_total_flops() / 2


for maps in (16, 64, 192):
    usual = nn.Conv2d(maps, maps, 3, padding=1)
    separable = nn.Sequential(nn.Conv2d(maps, maps, 3, padding=1, groups=maps), nn.Conv2d(maps, maps, 1))
    full, less = multiply_adds(usual, maps), multiply_adds(separable, maps)
    print(f"{maps:3} maps: {full / 1e6:6.0f} and {less / 1e6:6.0f} million, {less / full:.1%}; 1/9 + 1/maps is {1 / 9 + 1 / maps:.1%}")
print("Mixing costs 1/9 of the usual one, looking 1/maps of it. Whether a network made so is as many times as fast is another")
print("question: it has to read and write the maps twice.")

# %% [markdown]
# **Exercise 3.** Sweep $\lambda_{temp}$ over powers of ten, and draw $e_{stab}$ against the style loss. Where does the path lead to in the
# end: to grey, or somewhere else?
#
# <details><summary>Hint</summary><code>short.but(lambda_temp=...)</code>, and <code>figures.tradeoff</code> takes the rows of
# <code>measure</code>. Two of the points are there already. Look at the content loss, too.</details>

# %% tags=["solution"]
# Exercise 3: a solution
ends = {"0": f"control, {few} steps", f"{with_temp.lambda_temp:g}": f"yours + L_temp, {few} steps"}
swept, last = {name: rows[row] for name, row in ends.items()}, {name: films[row][-1] for name, row in ends.items()}
for factor in (10, 100):
    strong = with_temp.but(lambda_temp=factor * with_temp.lambda_temp)
    network, _ = distill(start.to(device), targets, perceptual, strong, steps=few)
    name, video = f"{strong.lambda_temp:g}", stylize_clip(network.cpu().requires_grad_(False), scene.frames)
    swept[name], last[name] = score(name, video, scene, judge), video[-1]
figures.show(
    figures.tradeoff(swept, path=list(swept), label="e_stab"),
    f"Points are lambda_temp, each after {few} steps. Look for where the line is steep and where it is flat.",
    "A line that goes down and to the right as lambda_temp grows: steadier, and further from the style.",
)
figures.show(
    figures.images({f"lambda_temp {name}": frame for name, frame in last.items()}, columns=2, height=1.4),
    "The last frames. Look for what takes the place of the strokes.",
    "Four paintings of a frame, under a growing weight of the temporal loss.",
)
for name, s in swept.items():
    print(f"lambda_temp {name:>5}: e_stab {s.e_stab:.4f}, style {s.style:.3f}, content {s.content:.3f}, contrast {s.std:.3f}")
none, *_, most = swept.values()
print(f"From none to most: e_stab {most.e_stab / none.e_stab - 1:+.0%}, style {most.style / none.style - 1:+.0%}, "
      f"content {most.content / none.content - 1:+.0%}, contrast {most.std / none.std - 1:+.0%}.")
print("Grey would have no contrast. Where contrast stays and the content loss falls, strokes give way to what the film shows: its")
print("things are steady, too, and Eq. 1 has nothing against them. Only the style loss holds against it.")

# %% [markdown]
# **Exercise 4.** How narrow can a student be? Train one of a quarter of the width for as many steps as yours, and compare the two by eye
# and by their scores.
#
# <details><summary>Hint</summary><code>training.new_student(short.but(student_width=...))</code>, then
# <code>training.train_plain</code> as above.</details>

# %% tags=["solution"]
# Exercise 4: a solution
quarter = training.new_student(short.but(student_width=short.student_width // 4)).to(device)
keep(training.train_plain)(quarter, perceptual, short, steps=settings.demo_steps)
pair = {f"width {n.configuration['width']}": n.cpu().requires_grad_(False) for n in (beginner, quarter)}
figures.show(
    figures.images({name: network(frame) for name, network in pair.items()}, height=1.6),
    "The same training, two widths. Look for strokes with an edge.",
    "A frame, painted by a wide and by a narrow student after a short training.",
)
for name, network in pair.items():
    s = score(name, stylize_clip(network, scene.frames), scene, judge)
    parameters, billions, _ = counted(network.configuration["width"], short.student_blocks)
    print(f"{name:8} {parameters:8,} parameters, {billions:5.2f} billion multiply-adds, style {s.style:.3f}, "
          f"content {s.content:.3f}, e_stab {s.e_stab:.4f}")
print("A short training says little about a long one, and a narrow network may only be the slower learner.")

# %% [markdown]
# **Exercise 5.** Start the copyist from random weights instead. Does it blur more, and why might it?
#
# <details><summary>Hint</summary><code>training.new_student(short)</code> in the place of <code>start</code>, 2 * few steps, and
# <code>finetune_rate=settings.learning_rate</code>, the rate for fresh weights. The plain student begins with strokes of its own; a
# random one has none.</details>

# %% tags=["solution"]
# Exercise 5: a solution
blank = training.new_student(short).to(device)
from_random, _ = distill(blank, vanilla, perceptual, copying.but(finetune_rate=settings.learning_rate), steps=2 * few)
from_random.cpu().requires_grad_(False)
pair = {f"copyist, {2 * few} steps": copies[f"copyist, {2 * few} steps"], "from random weights": stylize_clip(from_random, scene.frames)}
wanted = films["teacher-flow"]
figures.show(
    figures.images({"teacher-flow": wanted[-1], **{name: v[-1] for name, v in pair.items()}}, height=1.6),
    "Look for strokes in the right picture: it has only ever been told where its mean is wrong.",
    "The last frame by the teacher, by the copyist, and by one that began with random weights.",
)
for name, video in pair.items():
    print(f"{name:22} Eq. 2 {vanilla_distillation_loss(wanted, video):.4f}, "
          f"sharpness {sharpness(video) / sharpness(wanted):.0%} of the teacher's")
print("A random student has no strokes to begin with, and Eq. 2 rewards it for the colours of an area long before it rewards a stroke:")
print("one in a wrong place costs more than none.")

# %% [markdown]
# ## Further reading
#
# - Gao et al., [ReCoNet: real-time coherent video style transfer network](https://arxiv.org/abs/1807.01197) (2018): the student, and a
#   temporal loss that knows of light.
# - Hinton, Vinyals, Dean, [Distilling the knowledge in a neural network](https://arxiv.org/abs/1503.02531) (2015).
# - Mathieu, Couprie, LeCun, [Deep multi-scale video prediction beyond mean square error](https://arxiv.org/abs/1511.05440) (2015): the smear,
#   and other losses.
# - Howard et al., [MobileNets](https://arxiv.org/abs/1704.04861) (2017): separable convolutions.
# - Lavin, Gray, [Fast algorithms for convolutional neural networks](https://arxiv.org/abs/1509.09308) (2015): Winograd's way to multiply less.
#
# [Next: 5. Residual distillation](05_residual_distillation.ipynb)
