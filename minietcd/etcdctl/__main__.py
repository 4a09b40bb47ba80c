"""The ``minietcdctl`` program, also ``python -m minietcd.etcdctl``."""

import sys

from minietcd.pkg.process import prepare


def main() -> int:
    """Load the client, and run it. As etcdctl it ends by the signal on Ctrl-C: exit code 130 in a shell."""
    prepare()
    from minietcd.etcdctl import main as etcdctl

    return etcdctl.main()


if __name__ == "__main__":
    sys.exit(main())
