"""The ``minietcd`` program, also ``python -m minietcd``."""

from minietcd.pkg.process import prepare


def main() -> None:
    """Load the server, and run it."""
    prepare()
    from minietcd.etcdmain import etcd

    etcd.main()


if __name__ == "__main__":
    main()
