"""Training and comparison of classifiers with different paddings (arXiv:1811.11718, section 4)."""
