"""Published numbers, BI x4, PSNR on Y in decibels on Vimeo-90K-T and Vid4: of other films, so orders only.

Source: the networks' own papers and the tables of later ones, as collected in public reading notes; the number of
parameters where it is stated there.
"""

ANCHORS = (
    ("bicubic", 31.32, 23.78, None),
    ("FastDVDnet trained with STD", 36.12, 26.14, 2.6e6),
    ("SSL-uni", 36.56, 27.01, 0.5e6),
    ("EDVR-M", 37.09, 27.10, None),
    ("BasicVSR", 37.18, 27.24, None),
)
