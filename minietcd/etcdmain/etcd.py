"""From the command line to a running member, and from a signal to the exit code.

Go: etcdmain/etcd.go
Go: etcdmain/main.go
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import platform
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

from minietcd.embed.config import (
    DEFAULT_INITIAL_ADVERTISE_PEER_URLS,
    Config,
    UnsetAdvertiseClientURLsFlagError,
)
from minietcd.embed.config_logging import NOTICE, setup_logging
from minietcd.embed.etcd import Etcd, start_etcd
from minietcd.etcdmain.config import FlagError, MainConfig
from minietcd.pkg.chan import Chan, select
from minietcd.pkg.task import go
from minietcd.version.version import GIT_SHA, VERSION

log = logging.getLogger("etcdmain")

_OBJECTS_BETWEEN_COLLECTIONS = 20_000


class DirType(StrEnum):
    """Whose data a directory holds. Go: etcdmain/etcd.go#dirType"""

    MEMBER = "member"
    PROXY = "proxy"
    EMPTY = "empty"


def main() -> NoReturn:
    """The ``minietcd`` command. Go: etcdmain/main.go#Main"""
    sys.exit(start_etcd_or_die(sys.argv[1:]))


def start_etcd_or_die(arguments: list[str]) -> int:
    """Run a member until a signal or a fault ends it; returns the exit code.

    Go: etcdmain/etcd.go#startEtcdOrProxyV2
    """
    setup_logging("capnslog", "info", ("default",))
    cfg = MainConfig()
    default_initial_cluster = cfg.ec.initial_cluster
    try:
        cfg.parse(arguments, os.environ)
        setup_logging(cfg.ec.logger, cfg.ec.log_level, cfg.ec.log_outputs)
    except BrokenPipeError:  # whoever reads the help has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except (FlagError, ValueError, OSError) as err:
        log.error("error verifying flags, %s. See 'minietcd --help'.", err)
        if isinstance(err, UnsetAdvertiseClientURLsFlagError):
            log.error("Say also which addresses clients can reach this member at: --advertise-client-urls.")
        return 1
    print_greeting()
    cfg.ec.update_default_cluster_from_name(default_initial_cluster)
    if not cfg.ec.dir:
        cfg.ec.dir = f"{cfg.ec.name}.etcd"
        log.warning("no data-dir provided, using default data-dir ./%s", cfg.ec.dir)
    try:
        if (which := identify_data_dir(cfg.ec.dir)) is DirType.MEMBER:
            log.log(NOTICE, "the server is already initialized as member before, starting as etcd member...")
        elif which is DirType.PROXY:
            raise FlagError("the data dir is a v2 proxy's, which minietcd is not")
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            signum = runner.run(run(cfg.ec))
    except Exception as err:
        return die(cfg.ec, err)
    if signum is None:
        return 0
    # As etcd: end by the very signal, so that who waits for this process knows why it ended.
    signal.signal(signum, signal.SIG_DFL)
    signal.raise_signal(signum)
    return 0


async def run(cfg: Config) -> signal.Signals | None:
    """Start a member, and stop it at a signal, which is returned; None if it stopped because it was removed.

    Until it has started, a signal ends the process at once, and a fault does so ever after: to stop in good
    order is for a member that is in order.

    Go: etcdmain/etcd.go#startEtcd
    """
    faults: Chan[Exception | None] = Chan("faults", 1)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: crashed(faults, context))
    e = await start_etcd(cfg)
    spare_collector()
    end = await handle_interrupts(e, faults)
    if not isinstance(end, Exception):
        go(_close(e, faults), "close")
        # What crashes while others stop may be what they wait for.
        end = await faults.recv() or end
    if isinstance(end, Exception):
        code = die(cfg, end)
        logging.shutdown()
        os._exit(code)
    return end


def spare_collector() -> None:
    """Look for garbage seldom, as requests leave next to none, and never again among what start left here."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


async def _close(e: Etcd, closed: Chan[Exception | None]) -> None:
    await e.close()
    closed.try_send(None)


async def handle_interrupts(e: Etcd, faults: Chan[Exception | None]) -> signal.Signals | Exception | None:
    """Wait for a signal, a fault, or the end. Go: pkg/osutil/interrupt_unix.go#HandleInterrupts"""
    signals: Chan[signal.Signals] = Chan("signal.Notify", 1)
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, signals.try_send, signum)
    assert e.server is not None
    chan, end = await select(signals, faults, e.server.stop_notify())
    if chan is e.server.stop_notify():
        return None
    if chan is signals:
        name = {signal.SIGTERM: "terminated", signal.SIGINT: "interrupt"}[end]
        logging.getLogger("pkg/osutil").log(NOTICE, "received %s signal, shutting down...", name)
    fault_or_signal: signal.Signals | Exception = end
    return fault_or_signal


def crashed(faults: Chan[Exception | None], context: dict[str, Any]) -> None:
    """A task died of an exception that was nobody's to catch: what it promised can no longer be kept."""
    error = context.get("exception")
    if isinstance(error, Exception) and "task" in context:
        log.debug("%s", context["message"], exc_info=error)
        faults.try_send(RuntimeError(f"{context['message']}: {type(error).__name__}: {error}"))
    else:
        asyncio.get_running_loop().default_exception_handler(context)


def die(cfg: Config, err: Exception) -> int:
    """Say in one line what was wrong, and where the flags are to blame, which."""
    log.debug("what happened", exc_info=err)
    text = _text(err)
    if "--initial-cluster" in text:
        if cfg.initial_cluster == cfg.initial_cluster_from_name(cfg.name):
            log.info("forgot to set --initial-cluster flag?")
        if str(cfg.ap_urls) == DEFAULT_INITIAL_ADVERTISE_PEER_URLS:
            log.info("forgot to set --initial-advertise-peer-urls flag?")
    log.critical("%s", text)
    return 1


def _text(err: Exception) -> str:
    """What was wrong, and for a file with which."""
    if isinstance(err, OSError) and err.filename and err.strerror:
        return f"{err.filename}: {err.strerror.lower()}"
    return str(err) or type(err).__name__


def identify_data_dir(directory: str) -> DirType:
    """Whose the data is. Raises FlagError if it cannot be told. Go: etcdmain/etcd.go#identifyDataDirOrDie"""
    try:
        names = {path.name for path in Path(directory).iterdir()}
    except FileNotFoundError:
        return DirType.EMPTY
    except OSError as err:
        raise FlagError(f"error listing data dir: {directory} ({(err.strerror or '').lower()})") from err
    for name in sorted(names - {DirType.MEMBER, DirType.PROXY}):
        log.warning(
            "found invalid file/dir %s under data dir %s (Ignore this if you are upgrading etcd)",
            name,
            directory,
        )
    if names >= {DirType.MEMBER, DirType.PROXY}:
        raise FlagError("invalid datadir. Both member and proxy directories exist.")
    return next((which for which in (DirType.MEMBER, DirType.PROXY) if which in names), DirType.EMPTY)


def print_greeting() -> None:
    """Which etcd this is, and on what it runs."""
    log.info("etcd Version: %s", VERSION)
    log.info("Git SHA: %s", GIT_SHA)
    log.info("Python Version: %s", platform.python_version())
    log.info("Python OS/Arch: %s/%s", sys.platform, platform.machine())


def loop_factory() -> Any:
    """uvloop's loop where it can be had, which serves nearly twice as much; else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
