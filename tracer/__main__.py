"""The ``tracer`` program, also ``python -m tracer``."""

import signal
import sys

from minietcd.pkg.process import as_utf8, prepare, speak_utf8


def main() -> None:
    """Load the program, and run it; from then on Ctrl-C has something to clean up."""
    prepare()
    speak_utf8()
    sys.argv[1:] = as_utf8(sys.argv[1:])
    from tracer import cli

    signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()


if __name__ == "__main__":
    main()
