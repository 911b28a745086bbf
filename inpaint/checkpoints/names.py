"""Names of the shipped weights."""

DEFAULT_WEIGHTS = "places2-compact"
