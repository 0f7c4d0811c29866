"""The program ``sdebayes``, and ``python -m sdebayes``."""

from sdebayes.cli.interrupts import ctrl_c


def main() -> None:
    """Run the program; Ctrl-C ends it with one line, while it loads as well."""
    ctrl_c.install()
    with ctrl_c.said_at_last():
        from sdebayes.cli.app import app

        app()


if __name__ == "__main__":
    main()
