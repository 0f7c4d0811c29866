"""``python -m sdebayes``."""

from sdebayes.cli.app import main

if __name__ == "__main__":
    main()
