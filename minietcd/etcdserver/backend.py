"""Opening the backend, and putting a snapshot's file in its place.

Go: etcdserver/backend.go
"""

from __future__ import annotations

from minietcd.etcdserver.api.snap.errors import NoDBSnapshotError
from minietcd.etcdserver.api.snap.snapshotter import Snapshotter
from minietcd.etcdserver.config import ServerConfig
from minietcd.mvcc.backend.backend import INITIAL_MMAP_SIZE, Backend
from minietcd.mvcc.kvstore import saved_index
from minietcd.raft.raftpb import Snapshot


def open_snapshot_backend(cfg: ServerConfig, ss: Snapshotter, snapshot: Snapshot) -> Backend:
    """Make the database that came with ``snapshot`` the current one, and open it.

    Go: etcdserver/backend.go#openSnapshotBackend
    """
    cfg.disk.rename(ss.db_file_path(snapshot.metadata.index), cfg.backend_path())
    return open_backend(cfg)


def open_backend(cfg: ServerConfig) -> Backend:
    """Raises BackendLockedError when another process has it.

    Left out: waiting for that process to end, because two members on one directory are a mistake.

    Go: etcdserver/backend.go#openBackend
    Go: etcdserver/backend.go#newBackend
    """
    return Backend(
        cfg.backend_path(),
        cfg.backend_batch_interval,
        cfg.backend_batch_limit,
        mmap_size=max(INITIAL_MMAP_SIZE, cfg.quota_backend_bytes * 11 // 10),
        unsafe_no_fsync=cfg.unsafe_no_fsync,
    )


def recover_snapshot_backend(
    cfg: ServerConfig, ss: Snapshotter, oldbe: Backend, snapshot: Snapshot
) -> Backend:
    """The backend that is at least as new as ``snapshot``.

    If the member died after saving the raft snapshot and before its database took the place of the old one,
    that is done now: the log after the snapshot does not fit the old one. Raises ValueError if there is none.

    Go: etcdserver/backend.go#recoverSnapshotBackend
    """
    if snapshot.metadata.index <= saved_index(oldbe):
        return oldbe
    try:
        newbe = open_snapshot_backend(cfg, ss, snapshot)
    except NoDBSnapshotError as err:
        raise ValueError(
            f"database {cfg.backend_path()} is missing or older than the snapshot at index "
            f"{snapshot.metadata.index}, and so is the one that could replace it ({err}); "
            "restore the data directory"
        ) from err
    oldbe.close()
    return newbe
