"""From an image and its hole to the filled image."""
