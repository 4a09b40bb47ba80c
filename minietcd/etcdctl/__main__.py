"""``python -m minietcd.etcdctl`` is ``minietcdctl``."""

import sys

from minietcd.etcdctl.main import main

sys.exit(main())
