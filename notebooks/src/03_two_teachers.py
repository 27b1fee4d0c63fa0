# %% [markdown]
# # 3. Two teachers: what optical flow buys a network
#
# **You will be able to**
# - say why a network that paints frame by frame flickers, and measure how much;
# - feed a network its own past, with seven input channels instead of three;
# - train a teacher with flow, briefly, from one without;
# - choose between two meanings of "the teacher without flow".
#
# **You need** [notebook 1](01_perceptual_loss.ipynb) and [notebook 2](02_flow_and_warping.ipynb).
# **Time**: about 1 minute on a laptop without a GPU, to run every cell.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Previous: 2. Flow and warping](02_flow_and_warping.ipynb) |
# [Next: 4. The plain student](04_plain_student.ipynb)

# %%
import torch
from tutorial_lib import settings as config, training, zoo
from tutorial_lib.data.clips import RenderedClips, filmed
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.evaluation import e_stab_forward, judge_of
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import warp
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
scene = filmed(film)
plain, with_flow = (zoo.load(f"{style}-{role}") for role in ("teacher-plain", "teacher-flow"))

# %% [markdown]
# ## Why a painter without memory flickers
#
# Take one frame twice, and add a little noise to the second: two frames of a film in which nothing
# happens. *Predict, then run:* the plain teacher paints both. Will the paintings differ more than
# the frames do, or less?

# %%
frame = scene.frames[:1]
noisy = (frame + 0.01 * torch.randn_like(frame)).clamp(0, 1)
changes = {"input": noisy - frame, "teacher-plain": plain(noisy) - plain(frame)}
largest = 4 * changes["input"].std().item()
figures.show(
    figures.images({name: change.abs().mean(1) for name, change in changes.items()},
                   height=1.7, largest=largest),
    "The change of the input and the change it caused, on one scale. Look for places "
    "where a whole tile lights up: there the network made another decision.",
    "Two maps of differences, one of the noise, one of the paintings.",
)
amplification = changes["teacher-plain"].std() / changes["input"].std()
print(f"The painting changed {amplification:.1f} times as much as the frame.")
assert amplification > 0

# %% [markdown]
# A painter has to decide: here a tile, there a joint. Near the border between two decisions a breath
# of noise tips it over. The number printed is the *amplification*; above 1, the film boils more than
# the camera's own noise explains.
#
# ## A teacher that sees its past
#
# The cure of Ruder et al. (reference [34]): give the network its *previous painting*, moved to
# the current frame by flow, and a mask that says where that can be trusted.

# %% [markdown]
# $$y_t = \mathcal N_T\big(x_t,\; M_t \odot W(y_{t-1}, f_t),\; M_t\big)$$
#
# Three channels for the frame, three for the past, one for the mask. Where the mask is 0 the past is
# replaced by the mean colour, which becomes 0 inside.

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
for name, network in {"this scale's": with_flow, "the paper's": Teacher(32, 5)}.items():
    print(f"{name:13} teacher: {sum(p.numel() for p in network.parameters()):10,} parameters")
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
# *Predict, then run:* what will it have learned after so few steps, the colours or the tiles?

# %%
short = settings.but(plain_batch=2, clips=12)  # small, for a demonstration
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
    "Middle: the network trained just now. Right: the one that ships. Look for tiles, "
    "and for the lines of the wall.",
    "A frame, painted by a beginner and by the trained plain teacher.",
)

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
# *Predict, then run:* which of the two terms will fall, and must the other one rise?

# %%
clips = RenderedClips(short)
tuned, history = training.train_teacher(
    plain.to(device), clips, perceptual, short, steps=max(10, settings.demo_steps // 2)
)
with_past = [terms for terms in history if "temporal" in terms]  # stills have no past
figures.show(
    figures.losses(with_past, "from the plain teacher to one with flow"),
    "Look at 'temporal': it starts high, because the plain teacher ignores its past.",
    "Four curves: perceptual, temporal, look and total loss over the steps.",
)
plain.cpu(), tuned.cpu()
assert all(terms["total"] >= 0 for terms in history) and tuned.uses_flow

# %% [markdown]
# ## Side by side
#
# Now the test film, which no network has seen. As for a real film, the flow is *estimated*.

# %%
videos = {
    "input": scene.frames,
    "teacher-plain": stylize_clip(plain, scene.frames),
    f"yours, {len(history)} steps": stylize_clip(tuned.requires_grad_(False), scene.frames),
    "teacher-flow": stylize_clip(with_flow, scene.frames),
}
players.play(videos, "03_two_teachers", columns=2)

# %% [markdown]
# *teacher-plain* and *teacher-flow* are the zoo's; *yours* was fine-tuned above. Look at the bricks
# of the wall. The camera pans slowly, so they should glide, not boil. On GitHub, read the
# time slices instead.

# %%
figures.show(
    figures.images({name: figures.time_slice(v) for name, v in videos.items()},
                   columns=1, height=0.9),
    "One row of pixels, time runs downwards. Look for unbroken slanted lines: bricks "
    "that glide.",
    "Time slices of the input, the plain teacher, the briefly tuned one, and the "
    "teacher with flow.",
)

# %% [markdown]
# The paper's Fig. 4 shows the same as a map: two neighbouring frames, the motion undone, and what
# still differs.

# %%
motion = exact_flows[2:3], exact_masks[2:3]  # frame 3 back into frame 2
maps = {name: figures.error_map(v[2:4], *motion) for name, v in videos.items()}
figures.show(
    figures.images(maps, columns=2, height=1.4, largest=0.5),
    "Bright = restless, on one scale. Look for the wall: the same bricks, twice painted.",
    "Four maps of temporal error.",
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
    "input, flow covers.",
    "Bars of e_stab of the plain teacher, the briefly tuned one and the teacher with "
    "flow.",
)
better = stab["teacher-flow"] < stab["teacher-plain"]
print("With flow the teacher is", "steadier" if better else "NOT steadier", "on this film:",
      f"{stab['teacher-flow'] / stab['teacher-plain'] - 1:+.0%}.")
assert floor > 0 and all(value > 0 for value in stab.values())

# %% [markdown]
# If *yours* is hardly steadier than where it started: it had only a moment. If its style loss rose,
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
# reading is there more to learn?

# %%
readings = {
    "teacher-flow": videos["teacher-flow"],
    "A: its weights, no past": stylize_clip(lambda frame: with_flow(frame), scene.frames),
    "B: teacher-plain": videos["teacher-plain"],
}
rows = judged(readings)
_, without_past, without_training = readings.values()
lesson_a, lesson_b = (videos["teacher-flow"] - v for v in (without_past, without_training))
print(f"\nHow far the teacher with flow is from A: {lesson_a.square().mean().sqrt():.3f}, "
      f"from B: {lesson_b.square().mean().sqrt():.3f}")

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
# If A is nearly as calm as the teacher with flow, then flow did most of its work during *training*:
# a hopeful sign for a student that will never see any. But then the difference from A holds little to
# teach, so this course takes **B**. A large lesson is not always a good one, though: it also contains
# what the fine-tuning changed by chance. Notebook 5 asks what a student can do with it.

# %% [markdown]
# ## What better flow would bring
#
# Our film has *exact* flow. No real film does, so this is an **upper bound**, not a result.

# %%
rows = judged({"estimated flow (DIS)": videos["teacher-flow"],
               "exact flow (upper bound)": exact})
gain = rows["exact flow (upper bound)"][0] / rows["estimated flow (DIS)"][0] - 1
print(f"\nExact flow changes e_stab by {gain:+.0%}.")
assert torch.isfinite(exact).all()

# %% [markdown]
# ## Summary
#
# A painter without memory turns a breath of noise into other tiles: it amplifies. A teacher that
# is given its own previous painting, warped and masked, can agree with it. Fine-tuning starts from a
# plain teacher and adds one temporal term. The difference between the two is what flow does for a
# painter, and it is the only thing that the student is going to be taught.

# %% [markdown]
# ## Exercises
#
# 1. Measure the amplification for noise of .001, .01 and .1, for both teachers. Where is it largest?
#    <details><summary>Hint</summary>A decision that is already tipped cannot tip again.</details>
# 2. Lie to the teacher: give it a past of another film, with mask 1. How many frames until it has
#    forgotten it?
#    <details><summary>Hint</summary>Call <code>with_flow(frame, wrong_past, ones)</code> once, then roll
#    out as above and compare with the honest film.</details>
# 3. Roll out without eroding the mask. Does anything change, and where?
#    <details><summary>Hint</summary>Compare the rims of the walking man in
#    <code>figures.error_map</code>.</details>
#
# [Next: 4. The plain student](04_plain_student.ipynb)
