"""What generated pieces say besides names and numbers, in each language of the site.

Code says it in English; on a page in another language the same stands there in that. A page ``name.zh.md``
is in Chinese, ``name.md`` in English.
"""

from __future__ import annotations

from pathlib import PurePath

ENGLISH, CHINESE = "en", "zh"

_CHINESE = {
    "no.": "序",
    "station": "站",
    "who": "谁",
    "ours": "我们的",
    "etcd's": "etcd 的",
    "twins": "对应数",
    "flag": "参数",
    "default": "默认值",
    "what it says": "作用",
    "code": "退出码",
    "etcd's name": "etcd 的名字",
    "who says so": "由谁给出",
    "what it is": "是什么",
    "Packages whose manual follows no file of etcd's": "没有对应文件的包说明",
    "**{} of our {} files** have counterparts among {} files of etcd's, and name {} Go twins.": (
        "**我们的 {1} 个文件里有 {0} 个**在 etcd 里有对应，涉及 etcd 的 {2} 个文件，"
        "一共指明了 {3} 个 Go 里的对应。"
    ),
    "Every Client has one from the start, and no put calls it; ours offers no such service yet.": (
        "每个 Client 一创建就带着它们，但 put 从不调用；我们的客户端还没有这些服务。"
    ),
    "It hands gRPC a logger. Python's logging needs no handing on.": (
        "把 logger 交给 gRPC。Python 的 logging 用不着转交。"
    ),
    "Without a connection, gRPC asks a picker that returns an error; our calls wait in the balancer.": (
        "还没有连接时，gRPC 问的是一个只会返回错误的 picker；我们的调用在 balancer 里等着。"
    ),
    "It chooses among pickers by policy, of which there is one; it is part of our balancer.": (
        "按策略选择 picker，而策略只有一种；在我们这里它是 balancer 的一部分。"
    ),
    "It wraps each transaction to count its puts and bytes for /metrics; our store is not counted.": (
        "给每个事务包一层，为 /metrics 统计 put 的次数和字节数；我们的存储不做这项统计。"
    ),
    "in each": "每一个都有",
    "; ": "；",
    "There is none.": "没有。",
    "put to the leader of three": "三个成员，put 发给 leader",
    "put, one member": "单个成员，put",
    "put to a follower of three": "三个成员，put 发给 follower",
    "linearizable get from three": "三个成员，线性一致读",
    "The request and its answer pass between goroutines of etcd's gRPC library, which were not recorded; "
    "ours shows that way as one hand-off.": (
        "请求和应答要在 etcd 的 gRPC 库自己的几个 goroutine 之间传递，这些 goroutine 没有被记录；"
        "我们把这段路画成一次交接。"
    ),
    "Nothing is handed over here: the leader had counted what other members acknowledged, and kept the "
    "count in memory. It is drawn because what comes next waited for it.": (
        "这里没有交出任何东西：别的成员确认过什么，leader 已经数过，数目留在内存里。"
        "把它画出来，是因为接下来的事等的就是它。"
    ),
    "Nothing is handed over here: when its timer runs out, the backend commits what was written, as "
    "etcd's does. It is drawn to show which writes that commit makes lasting.": (
        "这里没有交出任何东西：和 etcd 一样，定时器一到，backend 就提交写过的内容。把它画出来，"
        "是为了看清这次提交让哪些写入真正留了下来。"
    ),
    "{}: what becomes what, and why": "{}：什么变成什么，为什么",
    "{} through its stations": "{} 的各站",
    "a turn of {}": "{} 的一轮",
    "readyc and advancec take turns on {}": "{} 上 readyc 与 advancec 轮流",
    "`{}` was run while this page was built: {} members, {} leads. What served it: **{} calls** of {} "
    "functions in {} tasks, joined by **{} hand-offs**.": (
        "本页生成时真的运行了 `{}`：{} 个成员，{} 是 leader。为它服务的有 **{} 次调用**，涉及 {} 个函数、"
        "{} 个任务，由 **{} 次交接**连成一条路。"
    ),
    "What `tracer {} -d 2` prints": "`tracer {} -d 2` 打印的内容",
    "The same in words": "文字版",
    "The same as a table": "表格版",
    "marked: what ran on {}": "高亮：在 {} 上执行过的行",
    "CRC-32C of the data of every record so far, this one included": "到这条为止所有记录 data 的 CRC-32C",
    "the term in which it was proposed": "提出时的 term",
    "its place in the log": "在日志里的位置",
    "the last two bytes of the member's id": "成员 id 的最后两个字节",
    "when it started, since 1970; the low 40 bits": "启动时刻，从 1970 年算起；只取低 40 位",
    "how many it has given out since then": "从那时起发出的第几个",
    "the request; raft does not look inside": "请求本身；raft 不看里面",
    "by it the waiting handler is found again": "凭它找回正在等待的 handler",
    "up to here the leader knows it decided": "leader 知道已经定下来的位置",
    "of the record, lowest byte first": "记录的长度，低位字节在前",
    "the highest bit says that there is some": "最高位表示有填充",
    "up to a multiple of eight": "补到八的倍数",
    "of the chunk: the answer to a GET that never ends": "这一块的大小：这是一个永不结束的 GET 的应答",
    "of entries, highest byte first": "条日志，高位字节在前",
    "highest byte first": "高位字节在前",
    "of the entry": "这条日志的长度",
    "free list": "空闲页表",
    "buckets": "bucket 目录",
    "newest": "较新",
    "older": "较旧",
    "free": "空闲",
    "written": "新写",
    "written, instead of {}": "新写，取代第 {} 页",
    "was {}": "原属 {}",
    "The player takes JavaScript; the rest of this page does without.": (
        "播放器需要 JavaScript；本页其余内容不需要。"
    ),
}


class Words:
    """What is said, in one language. Raises KeyError for what nobody has put into it."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, english: str, *parts: object) -> str:
        """``english`` in this language, with ``parts`` in its braces."""
        return (english if self.language == ENGLISH else _CHINESE[english]).format(*parts)


def language(page: PurePath) -> str:
    """Of a page, by its name."""
    return CHINESE if PurePath(page.stem).suffix == f".{CHINESE}" else ENGLISH
