"""`python -m inpaint`, the same as the command `inpaint`."""

import sys

from inpaint.cli import main

sys.exit(main())
