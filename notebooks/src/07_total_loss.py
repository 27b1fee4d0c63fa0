# %% [markdown]
# # 7. The total loss
#
# **You will be able to**
# - write Eq. 13 and read Algorithm 1 beside the code that runs it;
# - choose lambdas from gradient norms instead of copying them;
# - drag a lambda and see what it buys and what it costs.
#
# **You need** notebooks 01 to 06.
# **Time**: about 1 minute on a laptop without a GPU.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Back: 6. Low-rank distillation](06_low_rank_distillation.ipynb) · [Next: 8. Evaluation](08_evaluation.ipynb)

# %%
import copy
import inspect
import math
from itertools import pairwise

import matplotlib.pyplot as plt
import torch

from tutorial_lib import evaluation, settings as config, training, zoo
from tutorial_lib.data.clips import RenderedClips, filmed
from tutorial_lib.data.scenes import test_scene

# %%
from tutorial_lib.losses import low_rank, temporal, total
from tutorial_lib.papers.ofd.roles import ZOO
from tutorial_lib.show import figures, players, widgets

settings, device, style = config.scale(), config.device(), config.style()
torch.manual_seed(settings.seed)
networks = {role: zoo.load(f"{style}-{role}").to(device) for role in ZOO}
judge = evaluation.judge_of(style, settings).to(device)
print(f"scale {settings.name}, {device}")

# %% [markdown]
# ## 1. Four terms, one sum
#
# $$L_{total} = \sum_{t=1}^{K} \big(L_{percep}(x_t) + \lambda_{res} L_{res}(x_t)\big)
# + \sum_{t=2}^{K} \lambda_{temp} L_{temp} + \lambda_{rank} L_{rank}^{input} \qquad (13)$$
#
# Two terms speak about single frames, one about pairs, one about the whole clip. Here is one training clip.

# %%
lesson = settings.but(clips=min(settings.clips, 6), finetune_rate=settings.demo_rate)
clips = RenderedClips(lesson)
frozen = [networks[role] for role in ("teacher-flow", "teacher-plain", "student-plain")]
targets = training.FrozenTargets(clips, *frozen)
clip, target, input_norm = (part.to(device) for part in targets[0])
figures.show(
    figures.images({f"frame {t}": x for t, x in enumerate(clip.frames)}, height=1.5),
    "One training clip: K frames, rendered, so its flow and masks are exact.",
    "The frames of one training clip in a row.")

# %%
def total_by_hand(y):
    """Eq. 13 for the student's frames y (K, 3, H, W) of this clip."""
    flows, masks, K = clip.backward.flows, clip.backward.masks, len(y)
    matrix = low_rank.traceable_matrix(y, clip.from_middle.flows, clip.from_middle.masks)
    return {
        "perceptual": K * judge(y, clip.frames),                          # notebook 01
        "residual": K * (target - y).square().mean(),                     # notebook 05
        "temporal": (K - 1) * temporal.temporal_loss(y[1:], y[:-1], flows, masks),
        "rank": (input_norm - low_rank.nuclear_norm(matrix)).square(),    # notebook 06
    }

# %%
lambdas = {"perceptual": 1.0, "residual": settings.lambda_res,
           "temporal": settings.lambda_temp, "rank": settings.lambda_rank}
student = copy.deepcopy(networks["student-plain"]).requires_grad_(True)
y = student(clip.frames)
by_hand = total_by_hand(y)
terms = total.total_loss(y, clip, judge, settings, target, input_norm)
for name, value in by_hand.items():
    assert torch.isclose(value, terms[name], rtol=1e-4)
    print(f"{name:11} {value:12.5f} x {lambdas[name]:<8g} = {lambdas[name] * value:9.4f}")
weighted = sum(lambdas[name] * value for name, value in by_hand.items())
assert torch.isclose(weighted, terms["total"], rtol=1e-4)

# %% [markdown]
# ## 2. Algorithm 1, line by line
#
# This is the function that trains the zoo's students, as it is. The loop around it
# (`loop.train`: Adam, a checkpoint, a progress bar) knows nothing of distillation.

# %%
print(inspect.getsource(training.distill))

# %% [markdown]
# | line of Algorithm 1 | here |
# |---|---|
# | 1 initialise $N_S$ | `copy.deepcopy(student_plain)` |
# | 3 a clip at random | `torch.randint` from the step's own generator |
# | 5–7 both teachers, both students, Eq. 5 | `targets[index]`: one remembered picture |
# | 8–10 $L_{percep}$, $L_{temp}$ | in `total_loss` |
# | 12 norm of the input | `targets[index]`, remembered |
# | 13–16 norm of the student, Eq. 11, 13 | in `total_loss` |
# | 17 update | in `loop.train` |

# %% [markdown]
# What else is ours and not the paper's, and does change the result:
#
# - the start, a copy of the plain student, which was drawn to the plain teacher (notebook 05);
# - fewer steps, a rate that decays sooner and stops at a floor;
# - lambdas of our own (section 3), times one factor a style, and a higher style weight beside the losses of steadiness (section 5);
# - a teacher with flow held to the plain teacher's colours (notebook 03);
# - rendered clips with exact flow and masks instead of film.

# %% [markdown]
# "Remembered" changes nothing but half-precision rounding: teachers and plain student are frozen, so what they say about a clip never
# changes.
#
# **Predict, then run.** How many teacher roll-outs does the distillation of this scale need with this, and how many without?

# %%
before = targets.computed
for _ in range(3):
    targets[0]                # the same clip three times more
print(f"computed so far: {before}; three more visits added {targets.computed - before}")
drawn = torch.randint(settings.clips, (settings.distill_steps,))       # a clip at random, every step
print(f"{settings.distill_steps} steps on {settings.clips} clips: {len(drawn.unique())} roll-outs, "
      f"without the memory {len(drawn)}")
assert targets.computed == before

# %% [markdown]
# ## 3. Where do lambdas come from?
#
# The paper has $\lambda_{res} = 4 \cdot 10^8$, $\lambda_{temp} = 10^6$, $\lambda_{rank} = 10^2$; ours are smaller by orders of
# magnitude. A lambda means nothing by itself: it depends on whether a loss is a sum or a mean, on 0..1 or 0..255, and on the
# resolution. Adam even ignores a common factor. A toy:

# %%
def ten_steps_of_adam(factor):
    w = torch.tensor([3.0, -2.0], requires_grad=True)
    adam = torch.optim.Adam([w], lr=0.1)
    for _ in range(10):
        adam.zero_grad()
        (factor * (w**2).sum()).backward()
        adam.step()
    return w.detach()

for factor in (1, 1e6):
    print(f"loss times {factor:>9g}: ends at {ten_steps_of_adam(factor).tolist()}")
assert torch.allclose(ten_steps_of_adam(1), ten_steps_of_adam(1e6), atol=1e-4)

# %% [markdown]
# Only **ratios** count, and what they have to balance is not the values of the terms but their gradients: how hard each one
# pulls at the weights.
#
# **Predict, then run.** Which unweighted term pulls hardest at the start, and by how many powers of ten?

# %%
pull = training.gradient_norms(student, terms)
first = pull["perceptual"]
head = f"{'':11}{'|gradient|':>12}{'lambda':>10}{'weighted':>12}{'share':>8}{'equal at':>11}"
print(head)
for name, norm in pull.items():
    print(f"{name:11}{norm:12.4g}{lambdas[name]:10.3g}{lambdas[name] * norm:12.4g}"
          f"{lambdas[name] * norm / first:8.2%}{first / norm:11.3g}")
hardest, weakest = max(pull, key=pull.get), min(pull, key=pull.get)
weighted = [lambdas[name] * norm for name, norm in pull.items()]
print(f"Hardest: {hardest}, {math.log10(pull[hardest] / pull[weakest]):.1f} powers of ten over {weakest}. "
      f"Times lambda all lie within {math.log10(max(weighted) / min(weighted)):.1f}.")
assert set(pull) == set(lambdas) and all(norm > 0 for norm in pull.values())

# %%
figure, axis = plt.subplots(figsize=(5.4, 2.6))
place = torch.arange(len(pull))
axis.bar(place - 0.2, list(pull.values()), 0.4, color="#bbbbbb", label="unweighted")
axis.bar(place + 0.2, [lambdas[n] * v for n, v in pull.items()], 0.4,
         color=figures.colour("student-ours"), label="times our lambda")
axis.set_yscale("log")
axis.set_xticks(place, list(pull))
axis.set_ylabel("norm of the gradient")
axis.legend(fontsize=8)
figures.show(figure, "Grey bars lie orders of magnitude apart. Do the green ones, times lambda, come closer? "
             "(The last line above.)",
             "Gradient norms of the four terms on a logarithmic scale, unweighted "
             "and weighted.")

# %% [markdown]
# The column "equal at" is the lambda at which a term pulls as hard as Eq. 1. So to carry the paper's *intention* over to
# another setting: take the shares there, not the lambdas. With the paper's perceptual loss (of the order of $10^6$, by our
# estimate), dividing all by $10^6$ gives

# %%
for name, theirs in {"residual": 4e2, "temporal": 1e0, "rank": 1e-4}.items():   # over 1e6
    print(f"{name:9} the paper's {theirs:.0e}, share {theirs * pull[name] / first:8.2%}"
          f"   ours {lambdas[name]:.0e}, share {lambdas[name] * pull[name] / first:8.2%}")

# %% [markdown]
# A share far from ours means that the number does not travel. One that agrees may be an accident of the size: the nuclear norm is raw,
# so the rank's lambda belongs to one resolution. The same clip at twice the size:

# %%
small = low_rank.traceable_matrix(clip.frames, clip.from_middle.flows, clip.from_middle.masks)
large = small.repeat_interleave(4, dim=1)          # every pixel four times: twice the sides
ratio = (low_rank.nuclear_norm(large) / low_rank.nuclear_norm(small)).item()
print(f"nuclear norm x {ratio:.2f}, so the rank loss x {ratio**2:.2f}, at twice the sides")
assert abs(ratio - 2) < 1e-3

# %% [markdown]
# And $K$? The paper tries 3, 4 and 5 frames (its Table 3), finds little gain after 4, and takes 5. A longer clip costs memory and
# time in proportion, and its far frames share fewer traceable pixels with the middle one.
#
# ## 4. A slider
#
# Five short trainings from the same plain student, same clips, same steps. Only $\lambda_{temp}$ differs, times ten each.

# %% [markdown]
# **Predict, then run.** What will the picture look like at the far right, where steadiness outweighs everything? What is
# the steadiest video of all?

# %%
height, width, frames = (64, 96, 3) if settings.name == "smoke" else (128, 256, 6)
scene = filmed(test_scene("alley_2", height, width, frames))
short = lesson.but(clip_length=3, lambda_res=0, lambda_rank=0)
steps = 10 if settings.name == "smoke" else settings.demo_steps // 2
positions, tried, painted = [], {}, []

# %%
def flicker_video(y):
    """Where each frame differs from the next, its motion undone, four times enlarged."""
    pairs = zip(y[1:], y[:-1], scene.forward.flows, scene.forward.masks, strict=True)
    maps = [figures.error_map(torch.stack((after, now)), flow[None], mask[None])
            for after, now, flow, mask in pairs]
    return (4 * torch.stack((*maps, maps[-1]))).clamp(0, 1).expand(-1, 3, -1, -1)

short_clips = RenderedClips(short)
short_targets = training.FrozenTargets(short_clips, *frozen)

# %%
for value in (0, 3, 30, 300, 3000):
    network, history = training.distill(
        frozen[-1], short_targets, judge, short.but(lambda_temp=value), steps=steps)
    with torch.no_grad():
        y = network(scene.frames.to(device)).cpu()
    score = evaluation.score(f"{value}", y, scene, judge)
    tried[score.network] = score
    painted.append(y)
    shown = players.side_by_side({f"lambda_temp {value}": y, "flicker": flicker_video(y)})
    words = (f"e_stab {score.e_stab:.4f}, style {score.style:.4f}, "
             f"content {score.content:.4f}")
    positions.append(widgets.Position(f"{value}", shown, words))
    print(f"lambda_temp {value:4}: {words}, std {score.std:.3f}")

# %%
lab = widgets.LambdaLab("lambda_temp", positions)
lab

# %% [markdown]
# Drag it. On the left the stylized frame, on the right its flicker; play runs through the frames. (On a page without a
# running notebook there is no slider; the figures below show its positions.)

# %%
seen = []
for number in range(len(positions)):
    lab.slider.value = number
    seen.append((lab.picture.value, lab.text.value))
assert len({jpeg for jpeg, _ in seen}) == len({text for _, text in seen}) == 5
assert all((a - b).abs().max() > 0 for a, b in pairwise(painted))
lab.slider.value = 0
below = torch.cat([position.frames[1] for position in positions], 1)
figures.show(
    figures.images({"the five positions": below}, height=6.5),
    "Left the picture, right its flicker, darker from top to bottom. What does the "
    "picture lose on the way?",
    "The five slider positions under each other: stylized frame and flicker map.")

# %%
figures.show(
    figures.tradeoff(tried, control="0", path=list(tried), label="e_stab"),
    "Each point is a position of the slider. Left is better style, down is steadier.",
    "e_stab against style loss for five lambdas, joined by a line.")
calmest = min(tried.values(), key=lambda s: s.e_stab)
without = tried["0"]
print(f"steadiest: lambda_temp {calmest.network}, "
      f"e_stab {calmest.e_stab / without.e_stab - 1:+.0%}, "
      f"style loss {calmest.style / without.style - 1:+.0%}, content loss "
      f"{calmest.content / without.content - 1:+.0%}, contrast {calmest.std / without.std - 1:+.0%} against lambda_temp 0")
one_colour = torch.full_like(scene.frames, 0.5)
print(f"One colour everywhere: e_stab {evaluation.score('one', one_colour, scene, judge).e_stab:.4f}")

# %% [markdown]
# One lambda draws a **curve**, and a single point of it proves nothing: almost any steadiness can be had for enough style. A method is
# better only if its curve lies further to the lower left. That is how to look at the zoo, too.

# %% [markdown]
# ## 5. The zoo's four students on the same plot
#
# Not like against like in one thing: scratch has the style weight of the scale, the three others a higher one (the table below the
# figure prints it), so that the style is not what pays for steadiness. So a lower style loss than scratch's is no merit
# of the method. What the weight does alone is on the frontier of notebook 08.

# %%
roles = ("student-scratch", "student-temp", "student-ours", "student-ours-temp")
with torch.no_grad():
    zoo_videos = {role: networks[role](scene.frames.to(device)).cpu() for role in roles}
scores = {role: evaluation.score(role, y, scene, judge) for role, y in zoo_videos.items()}
figures.show(
    figures.tradeoff({**tried, **scores}, "student-scratch", list(tried), "e_stab"),
    "Grey: the briefly trained curve. In colour: the zoo's students, trained with "
    "all steps. "
    "Lower left of the dotted cross is steadier at better style.",
    "e_stab against style loss for five briefly trained students and the four of the zoo.")

# %%
for role, row in scores.items():
    weights = zoo.manifest(f"{style}-{role}")["settings"]
    used = ", ".join(f"{k} {weights[f'lambda_{k}']:g}" for k in ("res", "temp", "rank"))
    used += f", style {weights['style_weight']:g}"
    print(f"{role:18} {used:39} e_stab {row.e_stab:.4f}  style {row.style:.3f}  "
          f"{evaluation.verdict(row, scores['student-scratch'])}")

# %%
shown = {"input": scene.frames, **{role: zoo_videos[role] for role in roles[:3]}}
players.play(shown, "07_zoo", columns=2)

# %%
slices = {role: figures.time_slice(y, repeat=6) for role, y in zoo_videos.items()}
figures.show(figures.images(slices, columns=1, height=1.0),
             "One row of pixels over time, downwards. Cleaner lines are steadier.",
             "Time slices of the four students of the zoo.")

# %% [markdown]
# One scene and few frames: enough to see, not to conclude. If ours does not lie lower left of scratch here, that is worth
# knowing, and notebook 08 says how to find out whether it holds for all scenes.
#
# ## Summary
#
# Eq. 13 adds four terms; Algorithm 1 is a dozen lines around it. Lambdas are exchange rates between gradients, so measure the gradients
# before you choose them. Every lambda moves along a frontier of steadiness and style; a method is better when it moves the
# frontier.

# %% [markdown]
# ## Exercises
#
# **1.** Build the same slider for $\lambda_{res}$ in 0, 10, 100, 1000, 10000. Does its curve end in a flat picture?
#
# <details><summary>Hint</summary>
# <code>short.but(lambda_temp=0, lambda_res=value)</code>. The target of notebook 05 is not flat.
# </details>
#
# **2.** Choose lambdas so that each term pulls a tenth as hard as Eq. 1, train, and put the point on the plot.
#
# <details><summary>Hint</summary>
# A tenth of the column "equal at".
# </details>
#
# [Next: 8. Evaluation](08_evaluation.ipynb)
