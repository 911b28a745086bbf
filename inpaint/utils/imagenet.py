"""Mean and standard deviation of ImageNet's colours, by which published networks normalise."""

MEAN = (0.485, 0.456, 0.406)  # RGB in [0, 1]
STD = (0.229, 0.224, 0.225)
