"""``python -m ufm``."""

from ufm.commands.main import main

if __name__ == "__main__":
    raise SystemExit(main())
