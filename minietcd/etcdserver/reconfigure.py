"""Changing who is a member: asked of any member, checked against the quorum, done through raft.

Go: etcdserver/server.go
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from minietcd.etcdserver import errors
from minietcd.etcdserver.api.membership.cluster import ConfigChangeContext
from minietcd.etcdserver.api.membership.errors import MembershipError
from minietcd.etcdserver.api.membership.member import Member
from minietcd.etcdserver.cluster_util import promote_member_http
from minietcd.etcdserver.util import is_connected_fully_since, num_connected_since
from minietcd.etcdserver.v3_server import V3Server
from minietcd.pkg.chan import select
from minietcd.pkg.context import Context
from minietcd.pkg.types import id_string
from minietcd.raft import raftpb
from minietcd.raft.raftpb import ConfChange, NodeID

HEALTH_INTERVAL = 5.0
"""Seconds that members must have been connected for before another may come or go."""
_READY_PERCENT = 0.9


@dataclass(slots=True)
class ConfChangeResponse:
    """What became of a change of members. Go: etcdserver/server.go#confChangeResponse"""

    membs: list[Member]
    err: MembershipError | None


class Reconfigure(V3Server):
    """The part of a member that changes who is one. Go: etcdserver/server.go#EtcdServer"""

    def check_membership_operation_permission(self, ctx: Context) -> None:
        """Raise AuthError unless an admin asks.

        Go: etcdserver/server.go#EtcdServer.checkMembershipOperationPermission
        """
        self._auth_store.is_admin_permitted(self.auth_info_from_ctx(ctx))

    async def add_member(self, ctx: Context, memb: Member) -> list[Member]:
        """Let ``memb`` in; the members then. Raises MembershipError, UnhealthyError.

        Go: etcdserver/server.go#EtcdServer.AddMember
        """
        self.check_membership_operation_permission(ctx)
        self.may_add_member(memb)
        kind = raftpb.ConfChangeAddLearnerNode if memb.is_learner else raftpb.ConfChangeAddNode
        context = memb.to_json().encode()
        return await self.configure(ctx, ConfChange(type=kind, node_id=memb.id, context=context))

    def may_add_member(self, memb: Member) -> None:
        """Raise unless the cluster would still have a quorum with one more that is not there yet.

        Go: etcdserver/server.go#EtcdServer.mayAddMember
        """
        if not self.cfg.strict_reconfig_check:
            return
        if not memb.is_learner and not self._cluster.is_ready_to_add_voting_member():
            raise errors.NotEnoughStartedMembersError
        voting = self._cluster.voting_members()
        if not is_connected_fully_since(self.r.transport, self._healthy_since(), self._id, voting):
            raise errors.UnhealthyError

    async def remove_member(self, ctx: Context, id: NodeID) -> list[Member]:
        """Put a member out, for ever. Raises MembershipError, UnhealthyError.

        Go: etcdserver/server.go#EtcdServer.RemoveMember
        """
        self.check_membership_operation_permission(ctx)
        self.may_remove_member(id)
        return await self.configure(ctx, ConfChange(type=raftpb.ConfChangeRemoveNode, node_id=id))

    async def promote_member(self, ctx: Context, id: NodeID) -> list[Member]:
        """Let a learner vote; only the leader knows whether it is ready, so it is asked.

        Raises MembershipError, LearnerNotReadyError.

        Go: etcdserver/server.go#EtcdServer.PromoteMember
        """
        try:
            return await self.promote_member_(ctx, id)
        except errors.NotLeaderError:
            pass
        try:
            async with asyncio.timeout(self.cfg.req_timeout()):
                while True:
                    leader = await self.wait_leader()
                    for url in leader.peer_urls:
                        if (membs := await promote_member_http(url, id, self.peer_rt)) is not None:
                            return membs
        except TimeoutError:
            raise (errors.TimeoutError if self.leader() else errors.NoLeaderError) from None

    async def promote_member_(self, ctx: Context, id: NodeID) -> list[Member]:
        """Raises NotLeaderError too. Go: etcdserver/server.go#EtcdServer.promoteMember"""
        self.check_membership_operation_permission(ctx)
        await self.may_promote_member(id)
        context = ConfigChangeContext(Member(id), is_promote=True).to_json().encode()
        change = ConfChange(type=raftpb.ConfChangeAddNode, node_id=id, context=context)
        return await self.configure(ctx, change)

    async def may_promote_member(self, id: NodeID) -> None:
        """Raise LearnerNotReadyError or NotEnoughStartedMembersError if it may not vote yet.

        Go: etcdserver/server.go#EtcdServer.mayPromoteMember
        """
        await self.is_learner_ready(id)
        if self.cfg.strict_reconfig_check and not self._cluster.is_ready_to_promote_member(id):
            raise errors.NotEnoughStartedMembersError

    async def is_learner_ready(self, id: NodeID) -> None:
        """Raise unless it has nine tenths of the log. Go: etcdserver/server.go#EtcdServer.isLearnerReady"""
        progress = (await self.r.node.status()).progress
        if not progress:
            raise errors.NotLeaderError
        if id in progress and progress[id].match < progress[self._id].match * _READY_PERCENT:
            raise errors.LearnerNotReadyError

    def may_remove_member(self, id: NodeID) -> None:
        """Raise unless those who stay and are connected are a quorum.

        Go: etcdserver/server.go#EtcdServer.mayRemoveMember
        """
        member = self._cluster.member(id)
        if not self.cfg.strict_reconfig_check or (member and member.is_learner):
            return
        if not self._cluster.is_ready_to_remove_voting_member(id):
            raise errors.NotEnoughStartedMembersError
        if id != self._id and self.r.transport.active_since(id) is None:
            return  # it is down, and so no part of the quorum there is
        voting = self._cluster.voting_members()
        active = num_connected_since(self.r.transport, self._healthy_since(), self._id, voting)
        if active - 1 < 1 + (len(voting) - 1) // 2:
            raise errors.UnhealthyError

    async def update_member(self, ctx: Context, memb: Member) -> list[Member]:
        """Give a member other peer URLs. Go: etcdserver/server.go#EtcdServer.UpdateMember"""
        self.check_membership_operation_permission(ctx)
        context = memb.to_json().encode()
        change = ConfChange(type=raftpb.ConfChangeUpdateNode, node_id=memb.id, context=context)
        return await self.configure(ctx, change)

    async def configure(self, ctx: Context, cc: ConfChange) -> list[Member]:
        """Propose ``cc`` and wait until it is applied here; the members then. Raises what kept it from that.

        Go: etcdserver/server.go#EtcdServer.configure
        """
        cc = replace(cc, id=self.req_id_gen.next())
        resp = await self._applied(cc.id, self.r.node.propose_conf_change(ctx, cc))
        assert isinstance(resp, ConfChangeResponse), resp
        if resp.err:
            raise resp.err
        lg = self.lg.with_(raft_conf_change=str(cc.type), raft_conf_change_node_id=id_string(cc.node_id))
        lg.info("applied a configuration change through raft")
        return resp.membs

    async def wait_leader(self) -> Member:
        """Who leads, once somebody does. Raises StoppedError.

        Go: etcdserver/v3_server.go#EtcdServer.waitLeader
        """
        while (leader := self._cluster.member(self.leader())) is None:
            chan, _ = await select(self.leader_changed_notify(), self.done)
            if chan is self.done:
                raise errors.StoppedError
        return leader

    def _healthy_since(self) -> float:
        return asyncio.get_running_loop().time() - HEALTH_INTERVAL
