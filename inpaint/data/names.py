"""The kinds of data that can be named; light, for command lines."""

DATA_NAMES = ("places2", "celeba-hq", "imagenet", "folder", "wds")
