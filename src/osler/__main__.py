"""`python -m osler` is the command `osler`."""

import sys

from osler.cli import main

if __name__ == "__main__":
    sys.exit(main())
