"""``python -m minietcd`` is the ``minietcd`` command."""

from minietcd.etcdmain.etcd import main

if __name__ == "__main__":
    main()
