"""etcd's flags and ETCD_* variables, read as Go's ``flag`` package reads them.

One table says what each flag is and which field it fills. A flag of etcd's that means nothing here yet is
known all the same: at its default it is accepted, at any other value it is refused with a line that says so.

Left out: ``--config-file``, because flags and variables say all of it.

Go: etcdmain/config.go
Go: pkg/flags/flag.go
"""

from __future__ import annotations

import logging
import platform
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from minietcd.embed.config import Config
from minietcd.pkg import flags, strconv
from minietcd.pkg.types import URLs
from minietcd.version.version import GIT_SHA, VERSION

log = logging.getLogger("etcdmain")
flags_log = logging.getLogger("pkg/flags")


class FlagError(Exception):
    """The flags or variables will not do; the text is etcd's."""


class UsageError(FlagError):
    """These are not flags at all, or not values of them: who typed them may want to know which there are."""


class Flag(NamedTuple):
    """The field that a flag fills, and how its text is read where the field's own kind does not say it."""

    field: str
    usage: str
    parse: Callable[[str], Any] | None = None


def _as_flag[T](parse: Callable[[str], T]) -> Callable[[str], T]:
    """``parse``, but in the words of Go's ``flag`` package, which are fewer than those of ``strconv``."""

    def read(text: str) -> T:
        try:
            return parse(text)
        except ValueError as err:
            reason = "value out of range" if "out of range" in str(err) else "parse error"
            raise ValueError(reason) from None

    return read


def _parse_origins(text: str) -> frozenset[str]:
    return frozenset(flags.unique_urls(text, exception="*"))


_parse_int = _as_flag(partial(strconv.parse_int, base=0))

FLAGS: Mapping[str, Flag] = {
    "name": Flag("name", "What to call this member."),
    "data-dir": Flag("dir", "Directory of all its data (by default NAME.etcd)."),
    "wal-dir": Flag("wal_dir", "Directory of the write-ahead log alone, if elsewhere."),
    "snapshot-count": Flag("snapshot_count", "Entries applied between two snapshots."),
    "heartbeat-interval": Flag("tick_ms", "Milliseconds between two heartbeats."),
    "election-timeout": Flag("election_ms", "Milliseconds without a leader before an election."),
    "initial-election-tick-advance": Flag(
        "initial_election_tick_advance", "Stand for election sooner after a start."
    ),
    "listen-peer-urls": Flag("lp_urls", "Where to listen for the other members."),
    "listen-client-urls": Flag("lc_urls", "Where to listen for clients."),
    "listen-metrics-urls": Flag("listen_metrics_urls", "Where else to show metrics."),
    "max-snapshots": Flag("max_snap_files", "Snapshot files to keep (0: all)."),
    "max-wals": Flag("max_wal_files", "WAL files to keep (0: all)."),
    "quota-backend-bytes": Flag("quota_backend_bytes", "Size of a full backend (0: 2 GiB).", _parse_int),
    "backend-batch-interval": Flag("backend_batch_interval", "Longest time between two commits of it."),
    "backend-batch-limit": Flag(
        "backend_batch_limit", "Most operations between two commits of it.", _parse_int
    ),
    "max-txn-ops": Flag("max_txn_ops", "Most operations in one transaction."),
    "max-request-bytes": Flag("max_request_bytes", "Largest request of a client."),
    "max-concurrent-streams": Flag("max_concurrent_streams", "Calls at a time on a connection."),
    "grpc-keepalive-interval": Flag("grpc_keep_alive_interval", "How often to ask if a client lives."),
    "grpc-keepalive-timeout": Flag("grpc_keep_alive_timeout", "How long its answer may take."),
    "initial-advertise-peer-urls": Flag("ap_urls", "How the other members reach this one."),
    "advertise-client-urls": Flag("ac_urls", "How clients reach this member."),
    "initial-cluster": Flag("initial_cluster", "The members that start the cluster, as NAME=URL,..."),
    "initial-cluster-state": Flag("cluster_state", "'new' or 'existing'.", flags.one_of("new", "existing")),
    "initial-cluster-token": Flag(
        "initial_cluster_token", "Tells this cluster from others with the same URLs."
    ),
    "strict-reconfig-check": Flag("strict_reconfig_check", "Refuse what would lose the quorum."),
    "pre-vote": Flag("pre_vote", "Ask before standing for election."),
    "cors": Flag("cors", "Origins whose pages may ask (*: all).", _parse_origins),
    "host-whitelist": Flag("host_whitelist", "Host names that HTTP requests may be for (*: all)."),
    "logger": Flag("logger", "'capnslog' for lines, 'zap' for JSON."),
    "log-level": Flag("log_level", "debug, info, warn, error, panic or fatal."),
    "log-outputs": Flag("log_outputs", "stderr or stdout; with zap also files."),
    "force-new-cluster": Flag("force_new_cluster", "Unsafe: go on alone with the data of a lost cluster."),
    "unsafe-no-fsync": Flag("unsafe_no_fsync", "Unsafe: do not wait for the disk."),
    "experimental-warning-apply-duration": Flag("experimental_warning_apply_duration", "Time to warn of."),
    "debug": Flag("", "The same as --log-level=debug."),
    "version": Flag("", "Print the version."),
}
"""What has a meaning here."""

_UNSUPPORTED = """
    config-file= discovery= discovery-proxy= discovery-srv= discovery-srv-name= cert-file= key-file=
    client-crl-file= trusted-ca-file= peer-cert-file= peer-key-file= peer-crl-file=
    peer-trusted-ca-file= client-cert-allowed-hostname= peer-cert-allowed-cn=
    peer-cert-allowed-hostname= cipher-suites= log-package-levels= experimental-enable-v2v3=
    client-cert-auth=false peer-client-cert-auth=false auto-tls=false peer-auto-tls=false
    enable-v2=false enable-pprof=false enable-grpc-gateway=false
    experimental-initial-corrupt-check=false experimental-enable-lease-checkpoint=false
    experimental-enable-lease-checkpoint-persist=false
    experimental-peer-skip-client-san-verification=false experimental-backend-bbolt-freelist-type=array
    experimental-compaction-batch-limit=1000 experimental-corrupt-check-time=0s
    experimental-watch-progress-notify-interval=10m auth-token=simple auth-token-ttl=300
    auto-compaction-mode=periodic auto-compaction-retention=0 bcrypt-cost=10 discovery-fallback=proxy
    grpc-keepalive-min-time=5s log-output=default metrics=basic proxy=off proxy-dial-timeout=1000
    proxy-failure-wait=5000 proxy-read-timeout=0 proxy-refresh-interval=30000 proxy-write-timeout=5000
"""
UNSUPPORTED: Mapping[str, str] = dict(pair.split("=") for pair in _UNSUPPORTED.split())
"""What etcd knows and this does not yet, with the value that changes nothing."""

_IGNORED = """
    cluster-active-size cluster-remove-delay cluster-sync-interval config force max-result-buffer
    max-retry-attempts peer-election-timeout peer-heartbeat-interval retry-interval snapshot v vv
"""
IGNORED = frozenset(_IGNORED.split())
"""What etcd itself no longer listens to."""
KNOWN = FLAGS.keys() | UNSUPPORTED.keys() | IGNORED
PARSERS: Mapping[type, Callable[[str], Any]] = {
    bool: _as_flag(strconv.parse_bool),
    int: _as_flag(partial(strconv.parse_uint, base=0)),
    float: _as_flag(strconv.parse_duration),
    str: str,
    tuple: flags.unique_strings,
    frozenset: lambda text: frozenset(flags.unique_strings(text)),
    URLs: partial(flags.unique_urls, exception=""),
}
"""How the kind of a field says its flag is written."""


DEFAULTS = Config()
USAGELINE = """Usage:

  minietcd [flags]
    Start a member.

  minietcd --version
    Show the version of etcd that it is.

  minietcd -h | --help
    Show the flags.
"""


@dataclass(slots=True)
class MainConfig:
    """What a command line comes to. Go: etcdmain/config.go#config"""

    ec: Config = field(default_factory=Config)
    values: dict[str, Any] = field(default_factory=dict)

    def parse(self, arguments: list[str], environ: Mapping[str, str]) -> None:
        """Fill ``ec``. Raises FlagError or ConfigError; ends the process where etcd does.

        Go: etcdmain/config.go#config.parse
        """
        try:
            rest = self.parse_flags(arguments)
        except UsageError as err:
            print(err, USAGELINE, sep="\n", file=sys.stderr)
            sys.exit(2)
        if rest:
            raise FlagError(f"'{rest[0]}' is not a valid flag")
        if self.values.get("version"):
            print_version()
            sys.exit(0)
        self.set_flags_from_env(environ)
        self.config_from_cmd_line()

    def parse_flags(self, arguments: list[str]) -> list[str]:
        """Read flags up to the first word that is none; returns the rest. As Go's ``FlagSet.Parse``."""
        rest = list(arguments)
        while rest and rest[0].startswith("-") and rest[0] != "-":
            argument = rest.pop(0)
            if argument == "--":
                break
            name, equals, text = argument.removeprefix("-").removeprefix("-").partition("=")
            if not name or name[0] in "-=":
                raise UsageError(f"bad flag syntax: {argument}")
            if name in ("h", "help"):
                print(USAGELINE, file=sys.stderr)
                print(flags_line())
                sys.exit(0)
            if name not in KNOWN:
                raise UsageError(f"flag provided but not defined: -{name}")
            if not equals and is_bool(name):
                text = "true"
            elif not equals:
                if not rest:
                    raise UsageError(f"flag needs an argument: -{name}")
                text = rest.pop(0)
            self._set_flag(name, text)
        return rest

    def _set_flag(self, name: str, text: str) -> None:
        try:
            self.set(name, text)
        except ValueError as err:
            kind = (
                f'invalid boolean value "{text}" for' if is_bool(name) else f'invalid value "{text}" for flag'
            )
            raise UsageError(f"{kind} -{name}: {err}") from err

    def set(self, name: str, text: str) -> None:
        """Give flag ``name`` its value. Raises ValueError or FlagError if it cannot have it."""
        if flag := FLAGS.get(name):
            self.values[name] = (flag.parse or PARSERS[type(default_of(flag))])(text)
        elif name in IGNORED:
            flags_log.warning('flag "-%s" is no longer supported - ignoring.', name)
        elif text not in (UNSUPPORTED[name], ""):
            raise FlagError(f"--{name} is a flag of etcd's that minietcd does not support yet")

    def set_flags_from_env(self, environ: Mapping[str, str]) -> None:
        """ETCD_DATA_DIR is ``--data-dir``, unless that is given too. Go: pkg/flags/flag.go#SetFlagsFromEnv"""

        def set_flag(name: str, variable: str, text: str) -> None:
            try:
                self.set(name, text)
            except ValueError as err:
                raise FlagError(f'invalid value "{text}" for {variable}: {err}') from err
            flags_log.info("recognized and used environment variable %s=%s", variable, text)

        names, given = FLAGS.keys() | UNSUPPORTED.keys(), [*self.values]
        try:
            flags.set_flags_from_env("ETCD", names, given, environ, set_flag, flags_log.warning)
        except flags.ShadowedError as err:
            flags_log.critical("%s", err)
            sys.exit(1)

    def config_from_cmd_line(self) -> None:
        """Hand what the flags said on to the server's configuration, and have that check it.

        Go: etcdmain/config.go#config.configFromCmdLine
        """
        for name, value in self.values.items():
            if attribute := FLAGS[name].field:
                setattr(self.ec, attribute, value)
        if self.values.get("debug"):
            self.ec.log_level = "debug"
        if "listen-client-urls" in self.values and "advertise-client-urls" not in self.values:
            self.ec.ac_urls = URLs()
        self.ec.validate()


def is_bool(name: str) -> bool:
    """Whether the flag may stand without a value."""
    return UNSUPPORTED.get(name) == "false" or (name in FLAGS and type(default_of(FLAGS[name])) is bool)


def default_of(flag: Flag) -> Any:
    """What the field is without its flag; a flag without a field is false."""
    return getattr(DEFAULTS, flag.field) if flag.field else False


def print_version() -> None:
    """Which etcd this is, on which Python."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    print(f"etcd Version: {VERSION}\nGit SHA: {GIT_SHA}")
    print(f"Python Version: {platform.python_version()}\nPython OS/Arch: {sys.platform}/{machine}")


def flags_line() -> str:
    """Each flag with its default and what it is for."""
    lines = []
    for name, flag in FLAGS.items():
        lines += [f"  --{name} '{default_text(flag)}'", f"    {flag.usage}"]
    known = textwrap.fill(", ".join(sorted(UNSUPPORTED)), 100, initial_indent="  ", subsequent_indent="  ")
    return "\n".join([*lines, "", "Flags of etcd that cannot be changed here yet:", known, ""])


def default_text(flag: Flag) -> str:
    """The same, as one would type it."""
    value = default_of(flag)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}s"
    return ",".join(value) if isinstance(value, tuple | frozenset) else str(value)
