"""The ``tracer`` program, also ``python -m tracer``."""

import signal

from minietcd.pkg.process import prepare


def main() -> None:
    """Load the program, and run it; from then on Ctrl-C has something to clean up."""
    prepare()
    from tracer import cli

    signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()


if __name__ == "__main__":
    main()
