"""What goes wrong, and when: a plan as plain data, written as a script of one line an event.

::

    seed 17
    members 3
    seconds 10
    2.100 crash leader for 0.400
    3.000 on elected isolate it for 1.500
    7.250 split n1,n2 n3 for 2.000

An event begins at its second, or, ``on`` some occasion, when that is next given after its second. It ends
``for`` so many seconds later, with whatever undoes it; an event without that is over at once. ``leader`` and
``follower`` are whoever is that when the event begins, ``it`` is whom the occasion is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

VERBS = {
    "crash": "WHO [torn]: dies at once, or when it syncs next; of what was not synced some is left",
    "power": "everybody crashes at the same moment",
    "isolate": "WHO: no member hears of it, and it hears of none; clients still do",
    "mute": "WHO: no member hears of it, but it hears them",
    "deaf": "WHO: it hears no member, but they hear it",
    "split": "A,B C,D …: groups that do not hear each other",
    "bridge": "WHO A,B C,D: two groups that do not hear each other, and one that hears both",
    "hide": "WHO: clients do not reach it, members do",
    "noise": "LOSS DOUBLE LATE: of all messages so many are lost, come twice, or come late and out of order",
    "jitter": "SECONDS: everything on the network takes up to so much longer",
    "hang-up": "WHO: its connections break",
    "fsync-fails": "WHO: its disk fails to sync, which ends it",
    "fsync-stalls": "WHO SECONDS: each sync takes so long",
    "disk-full": "WHO: nothing more can be written, which ends it",
    "clock": "WHO RATE: its clock shows so many seconds a second",
    "slow": "WHO SECONDS: each step it takes takes so long",
    "lead": "WHO: leadership is handed to it",
    "learner": "NAME: a new member joins without a vote",
    "promote": "NAME: it gets a vote",
    "remove": "WHO: it is put out, for good",
    "joint": "A,B,C: these vote from now on, and no others, by way of a joint configuration",
    "part": "WHO: it and just enough of the voters to come to be a majority of these are cut off",
}
"""What an event can do, and what it is told."""

OCCASIONS = {
    "elected": "somebody won an election",
    "vote": "somebody gave its vote away",
    "commit": "a leader committed something for the first time in its term",
    "write": "a write was acknowledged to a client; it is the one that leads",
    "snapshot": "somebody was sent a snapshot",
    "joint": "somebody entered a joint configuration",
}
"""What an event can wait for."""

SETTINGS = {
    "seed": "decides all that is left to chance",
    "members": "how many there are at the start",
    "seconds": "how long faults are made, in virtual time",
    "snapshot-count": "entries between snapshots",
    "message-bytes": "of entries in one message, at most, but one entry at least",
    "segment-bytes": "after which the log goes on in another file",
    "election-ticks": "tenths of a second without a leader before an election",
    "pre-vote": "1: candidates ask first whether they could win",
    "strict-reconfig": "1: changes of members wait until all are healthy",
}


class ScriptError(ValueError):
    """A line of a script that says nothing known."""


@dataclass(slots=True, frozen=True)
class Event:
    """One thing that goes wrong; times are in virtual seconds."""

    at: float
    do: str
    args: tuple[str, ...] = ()
    lasts: float = 0.0
    on: str = ""

    def __str__(self) -> str:
        """As a line of a script."""
        words = [f"{self.at:.3f}", *(("on", self.on) if self.on else ()), self.do, *self.args]
        return " ".join(words + ([f"for {self.lasts:.3f}"] if self.lasts else []))

    @staticmethod
    def parse(line: str) -> Event:
        """Raises ScriptError."""
        try:
            at, *words = line.split()
            on = words[1] if words[0] == "on" else ""
            words = words[2:] if on else words
            lasts = float(words[-1]) if words[-2:-1] == ["for"] else 0.0
            event = Event(float(at), words[0], tuple(words[1:-2] if lasts else words[1:]), lasts, on)
        except (ValueError, IndexError) as error:
            raise ScriptError(f"{line!r} is not an event") from error
        if event.do not in VERBS or (on and on not in OCCASIONS):
            raise ScriptError(f"{line!r}: nothing is known of {event.do!r}{on and f' on {on!r}'}")
        return event


@dataclass(slots=True, frozen=True)
class Plan:
    """A whole run: what is set, and the events in their order."""

    seed: int
    members: int = 3
    seconds: float = 10.0
    settings: dict[str, int] = field(default_factory=dict)
    events: tuple[Event, ...] = ()

    def __str__(self) -> str:
        """As a script."""
        head = {"seed": self.seed, "members": self.members, "seconds": f"{self.seconds:g}"} | self.settings
        lines = [f"{name} {value}" for name, value in head.items()] + [*map(str, self.events)]
        return "".join(f"{line}\n" for line in lines)

    @staticmethod
    def parse(script: str) -> Plan:
        """Raises ScriptError. Empty lines, and what comes after a ``#``, say nothing."""
        settings: dict[str, float] = {}
        events = []
        for line in filter(None, (line.partition("#")[0].strip() for line in script.splitlines())):
            if line[0].isdigit():
                events.append(Event.parse(line))
                continue
            name, _, value = line.partition(" ")
            if name not in SETTINGS:
                raise ScriptError(f"{line!r} is neither a setting nor an event")
            settings[name] = float(value)
        seed, members, seconds = (settings.pop(name, 0) for name in ("seed", "members", "seconds"))
        whole = {name: int(value) for name, value in settings.items()}
        return Plan(int(seed), int(members) or 3, seconds or 10.0, whole, tuple(sorted(events, key=_begin)))

    def with_events(self, events: tuple[Event, ...]) -> Plan:
        """The same run with these events."""
        return replace(self, events=events)


def generate(seed: int, members: int | None = None, seconds: float = 10.0) -> Plan:
    """The plan of a seed. Each leaves most kinds of fault out, so that the others can do their worst."""
    rng = Random(f"faults {seed}")
    if members is None:
        members = rng.choice([3, 3, 3, 5])
    settings = {
        "snapshot-count": rng.choice([8, 8, 8, 20, 100_000]),
        "message-bytes": rng.choice([0, 0, 200, 1 << 20]),
        "segment-bytes": rng.choice([4_000, 20_000, 64_000_000]),
        "election-ticks": rng.choice([5, 5, 10]),
        "pre-vote": rng.choice([0, 0, 1]),
        "strict-reconfig": rng.choice([0, 1]),
    }
    favourites = [name for name, scene in SCENES.items() for _ in range(scene.weight)]
    chosen = list(dict.fromkeys(rng.choices(favourites, k=rng.randint(1, 4))))
    if {"members", "joint"} <= set(chosen):  # the server knows nothing of the second
        chosen.remove("members")
    cast = _Cast(rng, [f"n{n + 1}" for n in range(members)])
    events: list[Event] = []
    for scene in chosen:
        every = SCENES[scene].every * rng.choice([0.5, 1.0, 2.0])
        at = rng.uniform(0.5, every)
        while at < seconds:
            events += [_moved(event, at) for event in SCENES[scene].play(cast)]
            at += rng.expovariate(1 / every)
    kept = (event for event in sorted(events, key=_begin) if event.at < seconds)
    return Plan(seed, members, seconds, settings, tuple(kept))


@dataclass(slots=True)
class _Cast:
    """Who is there to have something happen to, and the chance that decides to whom."""

    rng: Random
    names: list[str]
    joined: int = 0

    def anybody(self) -> str:
        return self.rng.choice([*self.names, "leader", "leader", "leader", "follower"])

    def groups(self) -> tuple[str, str]:
        """Two groups of everybody."""
        names = self.rng.sample(self.names, len(self.names))
        cut = self.rng.randint(1, len(names) - 1)
        return ",".join(sorted(names[:cut])), ",".join(sorted(names[cut:]))

    def short(self) -> float:
        """Over before anybody else campaigns."""
        return round(self.rng.uniform(0.02, 0.8), 3)

    def long(self) -> float:
        """Long enough for an election or two."""
        return round(self.rng.uniform(0.8, 5.0), 3)

    def some(self) -> float:
        return self.short() if self.rng.random() < 0.4 else self.long()


@dataclass(slots=True, frozen=True)
class _Scene:
    """A few events that belong together; how many seconds pass, about, from one time to the next; how often a
    seed chooses it."""

    every: float
    play: Callable[[_Cast], Iterator[Event]]
    weight: int = 1


def _crash(cast: _Cast) -> Iterator[Event]:
    torn = ("torn",) if cast.rng.random() < 0.4 else ()
    yield Event(0, "crash", (cast.anybody(), *torn), cast.some())


def _power(cast: _Cast) -> Iterator[Event]:
    yield Event(0, "power", (), cast.short(), on=cast.rng.choice(["", "write", "write", "elected"]))


def _partition(cast: _Cast) -> Iterator[Event]:
    """A cut somewhere; at its worst around a leader whose clock is slow, which trusts in itself for long."""
    kind = cast.rng.choice(["leader"] * 3 + ["isolate", "isolate", "mute", "deaf", "hide", "split", "bridge"])
    if kind == "leader":
        yield Event(0, "clock", ("leader", f"{cast.rng.choice([0.3, 0.7, 1]):g}"), 6.0)
        yield Event(0.001, "isolate", ("leader",), cast.long() + 1)
    elif kind == "split":
        yield Event(0, kind, cast.groups(), cast.long())
    elif kind == "bridge":
        middle, *rest = cast.rng.sample(cast.names, len(cast.names))
        half = (len(rest) + 1) // 2
        yield Event(0, kind, (middle, ",".join(rest[:half]), ",".join(rest[half:])), cast.long())
    else:
        yield Event(0, kind, (cast.anybody(),), cast.long())


def _coup(cast: _Cast) -> Iterator[Event]:
    """Whoever comes to lead is gone again at an awkward moment, several times over."""
    yield Event(0, cast.rng.choice(["isolate", "mute"]), ("leader",), cast.long())
    for n in range(cast.rng.randint(2, 5)):
        on = cast.rng.choice(["elected", "elected", "commit", "commit", "write"])
        do = cast.rng.choice(["crash", "isolate", "isolate", "isolate", "mute"])
        yield Event(0.01 * n, do, ("it",), cast.long() if cast.rng.random() < 0.8 else cast.short(), on=on)


def _turncoat(cast: _Cast) -> Iterator[Event]:
    """In an election, who has voted dies, and is back before it is over; who has won is cut off."""
    loss, late = cast.rng.choice([0, 0, 0.3]), cast.rng.choice([0, 0.3, 0.6])
    yield Event(0, "noise", (f"{loss:g}", "0", f"{late:g}"), 3.0)
    away = round(cast.rng.uniform(0.8, 2.5), 3)
    yield Event(
        0, *cast.rng.choice([("isolate", ("leader",)), ("isolate", ("leader",)), ("power", ())]), away
    )
    for n in range(cast.rng.randint(1, 4)):
        yield Event(0.01 * n, "crash", ("it",), round(cast.rng.uniform(0.01, 0.1), 3), on="vote")
    if cast.rng.random() < 0.8:
        yield Event(0, "isolate", ("it",), cast.long(), on="elected")


def _noise(cast: _Cast) -> Iterator[Event]:
    rates = (f"{cast.rng.choice([0, 0.02, 0.1, 0.3]):g}" for _ in range(3))
    yield Event(0, "noise", tuple(rates), cast.long())


def _network(cast: _Cast) -> Iterator[Event]:
    if cast.rng.random() < 0.5:
        yield Event(0, "jitter", (f"{cast.rng.choice([0.01, 0.05, 0.2]):g}",), cast.long())
    else:
        yield Event(0, "hang-up", (cast.anybody(),))


def _disk(cast: _Cast) -> Iterator[Event]:
    do = cast.rng.choice(["fsync-fails", "fsync-stalls", "fsync-stalls", "disk-full"])
    args = (f"{cast.rng.choice([0.02, 0.2, 1.5]):g}",) if do == "fsync-stalls" else ()
    yield Event(0, do, (cast.anybody(), *args), cast.some())


def _clock(cast: _Cast) -> Iterator[Event]:
    yield Event(0, "clock", (cast.anybody(), f"{cast.rng.choice([0.3, 0.7, 1.5, 3.0]):g}"), 2 * cast.long())


def _slow(cast: _Cast) -> Iterator[Event]:
    yield Event(0, "slow", (cast.anybody(), f"{cast.rng.choice([0.0005, 0.002, 0.01]):g}"), cast.long())


def _straggler(cast: _Cast) -> Iterator[Event]:
    """Somebody is away for so long that it takes a snapshot to help it, and then that does not go well."""
    do, who = cast.rng.choice(["isolate", "crash"]), cast.rng.choice([*cast.names, "follower", "follower"])
    yield Event(0, do, (who,), round(cast.rng.uniform(1.0, 3.0), 3))
    noise = (f"{cast.rng.choice(rates):g}" for rates in ([0, 0, 0.1], [0, 0.5, 0.9, 0.9], [0, 0, 0.3]))
    yield Event(0, "noise", tuple(noise), 6.0)
    if cast.rng.random() < 0.4:
        do = cast.rng.choice(["crash", "crash", "isolate"])
        yield Event(0.5, do, ("it",), cast.short(), on="snapshot")


def _transfer(cast: _Cast) -> Iterator[Event]:
    yield Event(0, "lead", (cast.rng.choice(cast.names),))


def _members(cast: _Cast) -> Iterator[Event]:
    """One comes, is given a vote, and perhaps somebody else goes."""
    if cast.joined == 2:
        return
    cast.joined += 1
    name = f"m{cast.joined}"
    yield Event(0, "learner", (name,))
    yield Event(cast.rng.uniform(0.5, 2), "promote", (name,))
    if cast.rng.random() < 0.7:
        yield Event(cast.rng.uniform(2, 4), "remove", (cast.anybody(),))


def _joint(cast: _Cast) -> Iterator[Event]:
    """Some members alone vote from now on, and mostly the old ones are cut off right then."""
    others = cast.rng.sample(cast.names, max(1, len(cast.names) - 2))
    first = cast.rng.choice([others[0], "leader"])
    yield Event(0, "joint", (",".join([first, *others[1:]]),))
    if cast.rng.random() < 0.7:
        yield Event(0, "part", ("it",), cast.long(), on="joint")
    yield Event(cast.rng.uniform(2, 4), "joint", (",".join(cast.names),))


SCENES = {
    "crash": _Scene(2.0, _crash),
    "power": _Scene(3.0, _power),
    "partition": _Scene(2.5, _partition, 2),
    "coup": _Scene(3.0, _coup, 3),
    "turncoat": _Scene(3.0, _turncoat, 2),
    "noise": _Scene(4.0, _noise),
    "network": _Scene(3.0, _network),
    "disk": _Scene(3.0, _disk),
    "clock": _Scene(5.0, _clock),
    "slow": _Scene(5.0, _slow),
    "straggler": _Scene(5.0, _straggler, 2),
    "transfer": _Scene(2.5, _transfer),
    "members": _Scene(5.0, _members),
    "joint": _Scene(4.0, _joint),
}
"""What a seed chooses from."""


def _moved(event: Event, by: float) -> Event:
    """Later, and to the millisecond, as it is written down."""
    return replace(event, at=round(event.at + by, 3), lasts=round(event.lasts, 3))


def _begin(event: Event) -> float:
    return event.at
