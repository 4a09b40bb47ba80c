"""Which member has raised which alarm.

Go: etcdserver/api/v3alarm/alarms.go
"""

from __future__ import annotations

from collections.abc import Callable

from minietcd.mvcc.backend.backend import Backend
from minietcd.proto.etcdserverpb.rpc_pb2 import AlarmMember, AlarmType

ALARM_BUCKET_NAME = b"alarm"


class AlarmStore:
    """The alarms in force; the backend's bucket has each as a key.

    Go: etcdserver/api/v3alarm/alarms.go#AlarmStore
    """

    def __init__(self, backend: Callable[[], Backend]) -> None:
        """With what ``backend`` holds; it is asked each time, as a snapshot replaces it.

        Go: etcdserver/api/v3alarm/alarms.go#NewAlarmStore
        """
        self._backend = backend
        self._alarms: dict[tuple[int, int], AlarmMember] = {}
        self.restore()

    def activate(self, id: int, alarm: AlarmType) -> AlarmMember:
        """Raise it; raising it twice is raising it once.

        Go: etcdserver/api/v3alarm/alarms.go#AlarmStore.Activate
        """
        if raised := self._alarms.get((alarm, id)):
            return raised
        member = self._alarms[alarm, id] = AlarmMember(memberID=id, alarm=alarm)
        with self._backend().batch_tx() as tx:
            tx.unsafe_put(ALARM_BUCKET_NAME, member.SerializeToString(), b"")
        return member

    def deactivate(self, id: int, alarm: AlarmType) -> AlarmMember | None:
        """Disarm it; None if it was not raised. Go: etcdserver/api/v3alarm/alarms.go#AlarmStore.Deactivate"""
        member = self._alarms.pop((alarm, id), None)
        if member is not None:
            with self._backend().batch_tx() as tx:
                tx.unsafe_delete(ALARM_BUCKET_NAME, member.SerializeToString())
        return member

    def get(self, alarm: AlarmType) -> list[AlarmMember]:
        """Those raised of that kind; of any, for NONE. Go: etcdserver/api/v3alarm/alarms.go#AlarmStore.Get"""
        return [member for member in self._alarms.values() if alarm in (AlarmType.NONE, member.alarm)]

    def restore(self) -> None:
        """Read what the bucket has. Go: etcdserver/api/v3alarm/alarms.go#AlarmStore.restore"""
        with self._backend().batch_tx() as tx:
            tx.unsafe_create_bucket(ALARM_BUCKET_NAME)
            tx.unsafe_for_each(ALARM_BUCKET_NAME, self._add)
        self._backend().force_commit()

    def _add(self, key: bytes, _: bytes) -> None:
        member = AlarmMember.FromString(key)
        self._alarms[member.alarm, member.memberID] = member
