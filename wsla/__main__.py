"""``python -m wsla``."""

from wsla.cli import main

if __name__ == "__main__":
    main()
