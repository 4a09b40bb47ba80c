"""Generate the modules beside our .proto files: ``python scripts/proto.py [OUT]`` (OUT: another root)."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent


def generate(out: Path) -> None:
    """Write ``*_pb2.py`` and ``*_pb2.pyi`` of every .proto file, laid out under ``out`` as in the source."""
    sources = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("minietcd/proto/*/*.proto"))
    well_known = files("grpc_tools") / "_proto"
    arguments = [f"-I{ROOT}", f"-I{well_known}", f"--python_out={out}", f"--pyi_out={out}", *sources]
    if protoc.main(["protoc", *arguments]) != 0:
        sys.exit("protoc failed; its messages stand above")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
