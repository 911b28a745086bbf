"""Weight files: reading, writing, converting, exporting."""
