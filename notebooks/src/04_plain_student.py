# %% [markdown]
# # 4. The plain student, and two obvious cures
#
# **You will be able to**
# - say what a student costs, in parameters and in multiplications, and where;
# - train one from random weights and see its loss fall;
# - write the temporal loss (Eq. 12), the cure that everybody tries first;
# - see why copying the teacher's pictures (Eq. 2) is not what the paper does.
#
# **You need** [notebook 3](03_two_teachers.ipynb).
# **Time**: about 1 minute on a laptop without a GPU, to run every cell.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Previous: 3. Two teachers](03_two_teachers.ipynb) |
# [Next: 5. Residual distillation](05_residual_distillation.ipynb)

# %%
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode
from tutorial_lib import settings as config, training, zoo
from tutorial_lib.data.clips import RenderedClips, filmed
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.evaluation import judge_of, score, sharpness
from tutorial_lib.files import read_json
from tutorial_lib.flow.warp import warp
from tutorial_lib.losses.temporal import temporal_loss as library_temporal_loss

# %%
from tutorial_lib.networks.student import Student
from tutorial_lib.show import figures, players
from tutorial_lib.speed import PAPER
from tutorial_lib.stylize import stylize_clip

settings, device, style = config.scale(), config.device(), config.style()
torch.manual_seed(settings.seed)
print(f"Scale: {settings.name}, training on: {device.type}")

# %%
height, width = min(settings.evaluation_height, 128), min(settings.evaluation_width, 300)
scene = filmed(test_scene("bandage_2", height, width, settings.evaluation_frames))
frame = scene.frames[:1]
roles = ("teacher-flow", "teacher-plain", "student-plain", "student-scratch", "student-temp")
networks = {role: zoo.load(f"{style}-{role}") for role in roles}

# %% [markdown]
# ## One frame in, one frame out
#
# The student is ReCoNet's network (Gao et al. 2018, reference [9]), which goes back to Johnson et al. (2016): two
# halvings, residual blocks in the middle, two doublings. No past, no flow, no mask. The paper says "similar network
# architecture with ReCoNet" and names no size; width 48 and 4 blocks are ReCoNet's.
#
# *Predict, then run:* which of the two halves the cost best, half the width or half the blocks?

# %%
def cost(width, blocks):
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
costs = {name: cost(*size) for name, size in sizes.items()}
for name, (parameters, billions, _) in costs.items():
    print(f"{name:16} {parameters:10,} parameters   {billions:6.1f} billion multiplications")
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
    "Where ReCoNet spends its multiplications. Look at the residual blocks: small "
    "pictures, many channels.",
    "Bars of multiply-adds of the four parts of the student.",
)

# %% [markdown]
# ## Train one, for a moment
#
# From random weights, on single pictures, with Eq. 1. *Predict, then run:* the student has more
# in common with the plain teacher than you may think. What does it *not* learn here, however long you
# train?

# %%
# Small, for a demonstration.
short = settings.but(plain_batch=2, clips=12, finetune_rate=settings.demo_rate)
perceptual = judge_of(style, settings).to(device)
beginner = training.new_student(short).to(device)
history = training.train_plain(beginner, perceptual, short, steps=settings.demo_steps)
figures.show(
    figures.losses([{"Eq. 1": terms["perceptual"]} for terms in history],
                   "a student from random weights"),
    "Look for the fall, then for the slow part: that is where the hours go.",
    "The perceptual loss falls, fast at first.",
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
    "and also drawn towards the plain teacher's pictures (notebook 5, section 4, says why). "
    "Look for whole strokes and for the face.",
    "A frame, painted by a beginner and by the trained plain student.",
)

# %% [markdown]
# The answer to the question: nothing in Eq. 1 has ever compared two frames. So nothing asks for a film that
# does not boil, however long one trains. How much is left of it?

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
# ## First cure: ask for it
#
# If two frames should agree, put it into the loss. This is Eq. 12, the *temporal loss*. Many methods have one; ReCoNet's
# also allows for changes of brightness in the film. Flow is needed for training only.
#
# $$\mathcal L_{temp} = \big\| M_t \odot \big(\mathcal N_S(x_t) - W(\mathcal N_S(x_{t-1}), f_t)\big)\big\|^2$$

# %%
def temporal_loss(current, previous, flow, mask):
    return (mask * (current - warp(previous, flow))).square().mean()


clips = RenderedClips(short)
clip = clips[0]
motion = clip.backward.flows, clip.backward.masks
stylized = networks["student-plain"](clip.frames)
ours = temporal_loss(stylized[1:], stylized[:-1], *motion)
assert torch.equal(ours, library_temporal_loss(stylized[1:], stylized[:-1], *motion))

# %%
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
# *Predict, then run:* which of these has the smallest temporal loss: the film itself, the painted
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
# Grey wins. The temporal loss by itself would rather not paint at all, and only Eq. 1 holds
# against it. That is the tension to watch.
#
# Below, two students start from the zoo's plain one and are trained for the same few steps on the
# same clips, with the same weights in Eq. 1: one with Eq. 1 alone (the *control*), one with
# $\lambda_{temp} L_{temp}$ beside it.
#
# *Predict, then run:* which terms fall, and which rise?

# %%
teachers = networks["teacher-flow"].to(device), networks["teacher-plain"].to(device)
start = networks["student-plain"].to(device)
targets = training.FrozenTargets(clips, *teachers, start)
eq1_only = short.but(lambda_res=0.0, lambda_rank=0.0, lambda_temp=0.0)
with_temp = short.but(lambda_res=0.0, lambda_rank=0.0)
few = max(6, settings.demo_steps // 3)
print(f"{few} steps at a rate of {eq1_only.finetune_rate:g} (this scale's long trainings: {settings.finetune_rate:g}). "
      "Adam starts with full steps in every direction, and so few would not mend what large ones break.")
control, _ = training.distill(start, targets, perceptual, eq1_only, steps=few)
steadier, history = training.distill(start, targets, perceptual, with_temp, steps=few)

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
# Read all three numbers. *student-scratch* had as many steps on the same clips. But not everything else is equal:
# student-temp has a higher style weight, as every student with a loss of steadiness has. It buys back the style that steadiness
# costs. What does that weight do alone? A student of `mosaic` that had nothing else (twice the weight, five scenes):

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
# The teacher with flow is steady and has style. Why not just learn its pictures? This is Eq. 2:
#
# $$\mathcal L_{vanilla} = \|\mathcal N_T(x, f) - \mathcal N_S(x)\|^2$$
#
# *Predict, then run:* the teacher puts the edge of a stroke *here*. The student cannot always tell where exactly, and may be two pixels
# off. What is the safest picture for it to paint?

# %%
copying = short.but(lambda_percep=0.0, lambda_temp=0.0, lambda_rank=0.0)
vanilla = training.FrozenTargets(
    clips, *(t.to(device) for t in teachers), start.to(device), source="vanilla"
)
copyist, history = training.distill(start, vanilla, perceptual, copying, steps=2 * few)
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
rows = measure(copies)
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
# ## Summary
#
# The student sees one frame and costs a fixed amount of multiplications, most of them in its residual
# blocks. Eq. 1 never compares two frames, so it flickers. The temporal loss asks for agreement and pays
# with style; with a higher style weight, in content. Copying the teacher's pictures pixel by pixel blurs. What
# remains is to copy not the pictures, but what training with flow *changed* in them.

# %% [markdown]
# ## Exercises
#
# 1. Sweep $\lambda_{temp}$ over three powers of ten and draw $e_{stab}$ against the style loss.
#    <details><summary>Hint</summary><code>short.but(lambda_temp=...)</code>, and
#    <code>figures.tradeoff</code> takes the rows of <code>measure</code>.</details>
# 2. How narrow can a student get? Train widths 8 and 16 for the same number of steps and compare.
#    <details><summary>Hint</summary><code>settings.but(student_width=8)</code>; judge by eye and by
#    <code>score</code>.</details>
# 3. Start the copyist from random weights instead. Does it blur more, and why might it?
#    <details><summary>Hint</summary><code>training.new_student(short)</code>. The plain student begins
#    with strokes of its own; a random one has none.</details>
#
# [Next: 5. Residual distillation](05_residual_distillation.ipynb)
