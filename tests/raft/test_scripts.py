"""Scripted members, configurations and quorums: ours, etcd's where they are, and those of ``--scripts``.

Each file is a test; ``--rewrite`` puts what comes out into ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RAFT_SCRIPTS
from tests.raft.confchange_env import ConfChangeEnv
from tests.raft.datadriven import Script, ScriptError, replay, rewrite
from tests.raft.interaction import InteractionEnv
from tests.raft.quorum_env import QuorumEnv

ROOT = Path(__file__).parents[2]
OURS = ROOT / "tests/testdata/raft"
ETCDS = ROOT.parent / "shared/upstream/raft-testdata"
ENVS = {"interaction": InteractionEnv, "confchange": ConfChangeEnv, "quorum": QuorumEnv}


def scripts(whose: str, directory: Path) -> Iterator[Any]:
    for folder in RAFT_SCRIPTS:
        for path in sorted((directory / folder).rglob("*.txt")):
            yield pytest.param(folder, path, id=f"{whose}-{path.relative_to(directory)}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "script" not in metafunc.fixturenames:
        return
    directories = {"ours": OURS, "etcd's": ETCDS}
    directories |= {given: Path(given) for given in metafunc.config.getoption("--scripts")}
    params = [param for whose, directory in directories.items() for param in scripts(whose, directory)]
    if not ETCDS.is_dir():
        mark = pytest.mark.skip(reason=f"etcd's scripts are not at hand: there is no {ETCDS}")
        params.append(pytest.param("", ETCDS, id="etcd's", marks=mark))
    metafunc.parametrize(("folder", "script"), params)


def test_a_script_comes_out_as_it_says(folder: str, script: Path, request: pytest.FixtureRequest) -> None:
    try:
        if script.is_relative_to(OURS) and request.config.getoption("--rewrite"):
            rewrite(Script.read(script), ENVS[folder]().handle)
        difference = replay(Script.read(script), ENVS[folder]().handle)
    except ScriptError as error:
        difference = str(error)
    if difference:
        pytest.fail(difference, pytrace=False)
