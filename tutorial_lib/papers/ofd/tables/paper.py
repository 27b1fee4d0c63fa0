"""The paper's own numbers, and which of our networks stand for the rows of its tables."""

from tutorial_lib.papers.ofd.roles import CONTROL

# The paper's own numbers: style Candy on MPI Sintel, the five scenes in the order of TEST_SCENES and their sum.
PAPER = {
    "teacher-flow": (0.0560, 0.0751, 0.0489, 0.0956, 0.0679, 0.3435),
    "student-scratch": (0.0746, 0.0887, 0.0575, 0.0997, 0.0815, 0.4019),
    "student-ours": (0.0524, 0.0676, 0.0445, 0.0779, 0.0627, 0.3050),
    "student-temp": (0.0701, 0.0844, 0.0535, 0.0948, 0.0758, 0.3787),
    "student-ours-temp": (0.0506, 0.0643, 0.0423, 0.0770, 0.0596, 0.2938),
    "res": (0.0606, 0.0764, 0.0493, 0.0870, 0.0691, 0.3424),
    "rank": (0.0716, 0.0862, 0.0554, 0.0950, 0.0773, 0.3855),
    "res-rank-teacher": (0.0601, 0.0755, 0.0488, 0.0882, 0.0689, 0.3415),
    "temp-res": (0.0574, 0.0729, 0.0483, 0.0870, 0.0661, 0.3317),
}
PAPER_OTHERS = {
    "Chen et al.": (0.0934, 0.1352, 0.0715, 0.103, 0.1094, 0.5125),
    "Ruder et al.": (0.0252, 0.0512, 0.0195, 0.0407, 0.0361, 0.1727),
}
PAPER_K = {"student-ours": (0.3158, 0.3061, 0.3050), "student-ours-temp": (0.2986, 0.2950, 0.2938)}

TABLE2 = {
    CONTROL: "Student", "res": "+ L_res", "rank": "+ L_rank(input)", "student-ours": "+ L_res + L_rank(input)",
    "res-rank-teacher": "+ L_res + L_rank(teacher)", "student-temp": "Student w/ L_temp",
    "temp-res": "w/ L_temp + L_res", "student-ours-temp": "w/ L_temp + L_res + L_rank(input)",
}
ORDERS = (   # (the steadier row, the other) for every comparison that the paper draws from its Tables 1 and 2
    ("res", CONTROL), ("rank", CONTROL), ("student-ours", CONTROL), ("student-ours", "res"), ("student-ours", "rank"),
    ("student-ours", "res-rank-teacher"), ("student-temp", CONTROL), ("temp-res", "student-temp"),
    ("student-ours-temp", "student-temp"), ("student-ours-temp", "temp-res"), ("student-ours-temp", "student-ours"),
)
TABLE3 = {"student-ours": ("ours-k3", "ours-k4", "student-ours"),
          "student-ours-temp": ("ours-temp-k3", "ours-temp-k4", "student-ours-temp")}
FIG23 = (CONTROL, "vanilla-alone", "res-alone", "student-ours")
