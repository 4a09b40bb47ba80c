"""Cut off what a crash tore. Go: wal/repair.go"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from minietcd.pkg import fileutil, logutil
from minietcd.pkg.disk import DISK, Disk
from minietcd.pkg.fileutil import File
from minietcd.wal.decoder import Decoder
from minietcd.wal.errors import UnexpectedEOFError, WALError
from minietcd.wal.util import read_wal_names

_COPY_BYTES = 1024 * 1024

log = logutil.get_logger("wal")


def repair(dirpath: Path, disk: Disk = DISK) -> bool:
    """Cut the last segment off behind its last good record, if what follows was torn by a crash.

    The segment as it was is kept beside, ``.broken``. False, and nothing is changed, if it is damaged.

    Go: wal/repair.go#Repair
    """
    f = open_last(dirpath, disk)
    lg = log.with_(path=f.name)
    lg.info("repairing")
    try:
        decoder = Decoder([f])
        for _ in decoder:
            pass
    except UnexpectedEOFError as torn:
        _copy(f, f.name.with_name(f.name.name + ".broken"))
        f.truncate(decoder.last_valid_off)
        fileutil.fsync(f)
        lg = lg.with_(error=torn)
    except WALError as error:
        lg.warning("failed to repair", error=error)
        return False
    finally:
        f.close()
    lg.info("repaired")
    return True


def open_last(dirpath: Path, disk: Disk) -> File:
    """The segment that was written last, for ourselves alone. Go: wal/repair.go#openLast"""
    return fileutil.try_lock_file(dirpath / read_wal_names(dirpath, disk)[-1], os.O_RDWR, disk)


def _copy(source: File, target: Path) -> None:
    source.seek(0)
    with closing(File(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, source.disk)) as copy:
        while data := source.read(_COPY_BYTES):
            copy.write(data)
