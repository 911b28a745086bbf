"""Published figures to stand beside ours: arXiv:1804.07723, table 1."""

PAPER_NAME = "PConv, as published"

# Places2, holes that reach the border, by index into HOLE_BUCKETS: 10-20, 20-30 and 30-40 %.
PAPER: dict[str, dict[int, float]] = {
    "l1": {1: 1.09, 2: 1.88, 3: 2.84},
    "psnr": {1: 28.32, 2: 25.25, 3: 22.89},
    "ssim": {1: 0.870, 2: 0.779, 3: 0.689},
}

PAPER_NOTE = (
    "The published figures are for 512x512 pictures of Places2 and masks of the authors' test "
    "set, which are not those used here; there PConv is 0.8 dB above PatchMatch at 10-20 % and "
    "0.6 dB at 50-60 %. Figures of other sizes, pictures and masks are not comparable one to one: "
    "smaller pictures show more in each pixel and are harder to fill. SSIM definitions differ, "
    "too; the authors do not state theirs."
)
