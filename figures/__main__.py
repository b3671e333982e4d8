"""``python -m figures`` is ``ufm figures``."""

import sys

from ufm.cli import main

if __name__ == "__main__":
    sys.exit(main(["figures", *sys.argv[1:]]))
