"""Which traced functions no page shows, and why not: each has a reason, or is to be shown.

A reason holds for the functions that its patterns match, as ``file.py#Name`` below ``minietcd``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase

from tracer.model import Function
from tracer.pages.words import Words

REASONS = {
    "Nobody has switched on auth, leases, alarms or quotas here: asked, it answers at once.": """
        auth/* lease/* etcdserver/api/v3alarm/* etcdserver/quota.py#* etcdserver/api/v3rpc/quota.py#*
        *.restore_alarms
        """,
    "The old store: members and the version of the cluster stand in it, too, and few look there today.": """
        etcdserver/api/v2store/* etcdserver/api/v2error/* etcdserver/apply_v2.py#* etcdserver/v2_server.py#*
        etcdserver/api/membership/store.py#* etcdserver/api/membership/errors.py#* *.update_attributes
        *#*_from_store *.set_version *#must_detect_downgrade *#update_capability *#decide_cluster_version
        *.update_cluster_version
        """,
    "What becomes of a snapshot between disk and wire; the page on catching up tells when and why.": """
        etcdserver/api/snap/* etcdserver/api/rafthttp/snapshot_sender.py#* *.send_snap *.send_snapshot
        *.send_merged_snap *.report_snapshot *.save_snap *.save_snapshot *.stable_snap_to *.apply_snapshot
        *.become_snapshot
        """,
    "It reads a log again, at a start: by the frames that the page on the WAL takes apart.": """
        wal/decoder.py#* wal/util.py#* wal/wal.py#*
        """,
    "It asks the operating system for something.": "pkg/fileutil.py#*",
    "It keeps members connected: dials, picks an address, asks for a version, notes who is there.": """
        etcdserver/api/rafthttp/* *.raft_handler *.report_unreachable *#version_handler *#is_connected_*
        """,
    "A read goes through client, server and store as a put does; its page shows the difference.": """
        *.get *#op_get *.range *#with_* *.to_range_request *#get_command_func *#get_get_op *.range_keys
        *#_kv_range_handler* *#_sort_kvs *#prune_kvs *.do_serialize *.concurrent_read_tx *.unsafe_range
        *.unsafe_for_each *#unsafe_range *#unsafe_for_each *.linearizable_read_notify *.add_request
        *#warn_of_expensive_read_only_request *#send_msg_read_index_response
        *.committed_entry_in_current_term
        """,
    "A change of members comes from the command to raft as a put does; its page tells the rest.": """
        *member_add* *member_promote* *promote_member* *.add_member *.configure *.is_ready_to_promote_member
        etcdserver/reconfigure.py#* raft/confchange/* *#conf_change_to_msg *.propose_conf_change
        *.apply_conf_change
        """,
    "Heartbeats and ticks go on beside every request, and would hide it.": """
        *.tick *.tick_* *.bcast_heartbeat *.send_heartbeat *.handle_heartbeat *.quorum_active
        """,
    "It sets up or takes down what is shown where it works.": """
        *.__init__ *#new_* *#server *#open* *#restart* *#start_etcd *.start *.stop *.close *.close_notify
        *.serve *.serve_metrics *.serve_peers *#read_wal *.recover *.restore *.restore_* *.release*
        *.set_backend *.set_store *.set_id *.set_lead *.set_range_deleter *.set_hard_state *.initial_state
        *.load_state *.dial_setup_opts *.dial *.go_attach *#load_snapshot *#must_have_backend
        *#must_create_backend_buckets *.add_peer *.remove_peer *.remove_all_peers *.handler *.serve_http
        *.cleanup_snapdir *.unsafe_create_bucket *#is_member_initialized *.is_new_cluster *#print_config
        *#check_* *.validate *#init_* *.close_with_error
        """,
    "It looks something up or copies it, and decides nothing.": """
        *.clone *.id *.ids *.member *.members *.member_ids *.voting_members *.voter_nodes *.slice *.version
        *.cluster_version *.endpoints *.endpoint *.is_leader *.is_started *.status *.revision *.revisions
        *.rev *.changes *.entries *.snapshot *.size *.is_singleton *.is_local_member_learner *.batch_tx
        *.read *.write *.election_ticks *.backend_path *.member_dir *.snap_dir *.wal_dir *.peer_dial_timeout
        *.lookup *#get_progress_copy *#get_status *#get_revision *#is_* *.is_dir *.is_hidden *.is_permanent
        *.cluster *.db_file_path *._db_file_path *.key_index *.active_since *#num_connected_since
        *#get_version* *#cost *.header *#error* *#parse_* *#bytes_to_rev *#members_to_proto_members
        *#server_version *.runlock *.end *.leader_changed_notify *.last_pending_request_ctx
        *#compare_major_minor_version *#print_kv *.check
        """,
    "One of several short steps of what a page shows as one.": """
        raft/log.py#* raft/log_unstable.py#* raft/storage.py#* raft/tracker/* mvcc/* wal/encoder.py#*
        raft/quorum/* pkg/contention.py#* *.process *.step *.notify *.notify_about_first_commit_in_term
        *.reduce_uncommitted_size *.become_candidate *.become_pre_candidate *.send_timeout_now *.move_leader
        *.transfer_leadership *.report_* clientv3/retry_interceptor.py#*
        """,
}


def explained(functions: Iterable[Function]) -> tuple[dict[str, list[Function]], list[Function]]:
    """Those that no page shows, by the first reason that holds; and those without one."""
    found: dict[str, list[Function]] = defaultdict(list)
    rest: list[Function] = []
    for function in functions:
        name = f"{function.file.removeprefix('minietcd/')}#{function.name}"
        reasons = (
            why for why, each in REASONS.items() if any(fnmatchcase(name, one) for one in each.split())
        )
        why = next(reasons, "")
        (found[why] if why else rest).append(function)
    return found, rest


def markdown(functions: Iterable[Function], say: Words) -> str:
    """The report: each reason with its functions, folded; then what has none."""
    found, rest = explained(functions)
    parts = [
        f'??? note "{len(found[why])}: {say(why)}"\n    {_names(found[why])}\n'
        for why in REASONS
        if why in found
    ]
    parts += [f"**{say('Not shown yet, without a reason:')}** {_names(rest)}\n"] * bool(rest)
    return "\n".join(parts)


def _names(functions: list[Function]) -> str:
    return ", ".join(f"`{function.name}`" for function in functions)
