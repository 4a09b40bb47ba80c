"""Tables, which only members have so far.

Left out: breaking a cell of more than thirty letters at its blanks, because nothing in these cells has any.

Go: etcdctl/ctlv3/command/printer_table.go
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from minietcd.etcdctl.ctlv3.command.printer_rpc import PrinterRPC, unsupported
from minietcd.proto.etcdserverpb.rpc_pb2 import MemberListResponse


class TablePrinter(PrinterRPC):
    """Prints members as a table; refuses all else. Go: etcdctl/ctlv3/command/printer_table.go#tablePrinter"""

    def __init__(self, out: TextIO) -> None:
        super().__init__(out, unsupported("table"))

    def member_list(self, r: MemberListResponse) -> None:
        """A frame of dashes, the titles, and a row for each member.

        Go: etcdctl/ctlv3/command/printer_table.go#tablePrinter.MemberList
        """
        hdr, rows = make_member_list_table(r)
        hdr = [title.upper() for title in hdr]
        widths = [max(map(len, column)) for column in zip(hdr, *rows, strict=True)]
        rule = "".join(f"+{'-' * (width + 2)}" for width in widths) + "+"
        table = [rule, _line(map(_centered, hdr, widths)), rule]
        table += [_line(map(str.rjust, row, widths)) for row in rows] + [rule]
        print("\n".join(table), file=self.out)


def make_member_list_table(r: MemberListResponse) -> tuple[list[str], list[list[str]]]:
    """The titles of the columns, and a row for each member.

    Go: etcdctl/ctlv3/command/printer.go#makeMemberListTable
    """
    hdr = ["ID", "Status", "Name", "Peer Addrs", "Client Addrs", "Is Learner"]
    rows = [
        [
            f"{m.ID:x}",
            "started" if m.name else "unstarted",
            m.name,
            ",".join(m.peerURLs),
            ",".join(m.clientURLs),
            "true" if m.isLearner else "false",
        ]
        for m in r.members
    ]
    return hdr, rows


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _centered(title: str, width: int) -> str:
    left = (width - len(title)) // 2
    return f"{' ' * left}{title}".ljust(width)
