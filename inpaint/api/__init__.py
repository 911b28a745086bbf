"""The HTTP API for programs: `inpaint serve`."""
