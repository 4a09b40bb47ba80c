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
    "{} from {}": "{} 来自 {}",
    "{} to {}": "{} 交给 {}",
    "{} brings {} from {}": "{0} 从 {2} 带来 {1}",
    "{} takes {} to {}": "{0} 把 {1} 交给 {2}",
    "nothing": "空信号",
    "{} ({})": "{} ({})",
    "{} ({}s)": "{} ({})",
    "shared by {}": "{} 个请求共用",
    "time": "时间",
    "the loop": "循环",
    "about": "内容",
    "`readyc` then": "之后的 `readyc`",
    "`advancec` then": "之后的 `advancec`",
    "sends `{}`": "发送 `{}`",
    "receives `{}`": "接收 `{}`",
    "offers a Ready": "提供 Ready",
    "is waited for": "在等它",
    "a higher term, or somebody leads in it": "有更高的 term，或者这个 term 已有 leader",
    "no leader heard of for an election timeout (with pre-vote)": (
        "一个选举超时没有 leader 的音讯（开了 pre-vote）"
    ),
    "no leader heard of for an election timeout, or told to lead (MsgTimeoutNow)": (
        "一个选举超时没有 leader 的音讯，或被要求接任（MsgTimeoutNow）"
    ),
    "a majority would not vote for it, or somebody leads, or a higher term": (
        "多数不愿投它，或已有 leader，或有更高的 term"
    ),
    "no answer from a majority for an election timeout": "一个选举超时没等到多数的答复",
    "a majority would vote for it": "多数愿意投它",
    "a majority voted against it, or somebody leads, or a higher term": (
        "多数投了反对，或已有 leader，或有更高的 term"
    ),
    "no majority either way for an election timeout (with pre-vote)": (
        "一个选举超时赞成反对都不到多数（开了 pre-vote）"
    ),
    "no majority either way for an election timeout": "一个选举超时赞成反对都不到多数",
    "a majority voted for it": "多数投了赞成",
    "a higher term, or no majority heard of lately (with check-quorum)": (
        "有更高的 term，或近来联系不上多数（开了 check-quorum）"
    ),
    "an append was accepted": "一次追加被接受",
    "what it needs is no longer in the log": "它需要的已不在 log 里",
    "an append was refused, or it could not be reached": "一次追加被拒绝，或联系不上它",
    "the snapshot arrived, or was reported to be lost": "快照到了，或得知快照丢了",
    "Not shown yet, without a reason:": "还没有讲到，也没有理由：",
    "Nobody has switched on auth, leases, alarms or quotas here: asked, it answers at once.": (
        "这里没有启用认证、租约、告警和配额：问到它，它立刻就答。"
    ),
    "The old store: members and the version of the cluster stand in it, too, and few look there today.": (
        "旧的 v2 存储：成员和集群版本也记在里面，如今很少有人去看。"
    ),
    "What becomes of a snapshot between disk and wire; the page on catching up tells when and why.": (
        "快照在磁盘和网络之间的来龙去脉；什么时候发、为什么发，“追上来”那一页讲过。"
    ),
    "It reads a log again, at a start: by the frames that the page on the WAL takes apart.": (
        "启动时把日志读回来：一帧一帧的样子，WAL 那一页拆开讲过。"
    ),
    "It asks the operating system for something.": "只是请操作系统办一件事。",
    "It keeps members connected: dials, picks an address, asks for a version, notes who is there.": (
        "让成员之间保持连接：拨号、选地址、问版本、记下谁在。"
    ),
    "A read goes through client, server and store as a put does; its page shows the difference.": (
        "读走过客户端、server 和存储，和 put 一样；不同之处有专门的一页。"
    ),
    "A change of members comes from the command to raft as a put does; its page tells the rest.": (
        "成员变更从命令到 raft，和 put 一样；其余的有专门的一页。"
    ),
    "Heartbeats and ticks go on beside every request, and would hide it.": (
        "心跳和 tick 一直在每个请求旁边进行，画出来反而会把请求淹没。"
    ),
    "It sets up or takes down what is shown where it works.": "负责搭起来和拆下来；它怎样工作，别处讲过。",
    "It looks something up or copies it, and decides nothing.": "只是查一查、抄一份，不作任何决定。",
    "One of several short steps of what a page shows as one.": "某一页当作一步来讲的事，它是其中的一小步。",
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
