"""Image inpainting with partial convolutions (arXiv:1804.07723, arXiv:1811.11718)."""
