"""Where a page first uses a word of the glossary, it leads there, and says at once what the word means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tracer.pages.words import ENGLISH, language

SECTIONS = ("put", "journeys")
"""Where words are linked: who reads the rest looks things up anyway."""

LINKED = (
    *("backend", "bucket", "cluster id", "compaction", "conf change", "consistent index", "critical path"),
    *("election timeout", "follower", "fsync", "Go twin", "hand-off", "HardState", "heartbeat"),
    *("joint consensus", "key index", "leader", "learner", "lease", "linearizable", "MustSync", "MVCC"),
    *("pre-vote", "quorum", "raftNode", "read index", "request id", "revision", "serializable", "snapshot"),
    *("SoftState", "tombstone", "v2 store", "WAL"),
)
"""Those that nobody takes for everyday words."""

_ENTRY = re.compile(r"^## (.+?)(?: · .+?)?(?: \{ #\S+ \})?\n\n(.+?)\n\n(.+)$", re.MULTILINE | re.DOTALL)
_LEFT_ALONE = (
    r"\A---\n.*?^---$",
    r"^(?P<fence>```|~~~).*?^(?P=fence)",
    r"^(?:#| {4}|[|<]|!!!|\?\?\?)[^\n]*",
    r"`[^`]*`",
    r"\{\{.*?\}\}",
    r"!?\[[^\]]*\]\([^)]*\)",
    r"\*\*.*?\*\*",
    r"<[^>\n]*>",
)
"""What is no running text: heads, code, tables, folded questions, directives, links, what is bold, HTML."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word: its place in the glossary, what it means in one line, and the pages that tell of it."""

    anchor: str
    meaning: str
    told: frozenset[str]


def read(glossary: str) -> dict[str, Term]:
    """The words of a glossary, by the text of its page."""
    found = {}
    words, _, _ = glossary.partition("</div>")
    for part in re.split(r"^(?=## )", words, flags=re.MULTILINE)[1:]:
        entry = _ENTRY.match(part)
        assert entry, f"no entry of a glossary: {part}"
        word, meaning, met = entry.groups()
        anchor = re.sub(r"[^\w-]+", "-", word.lower())
        found[word] = Term(anchor, _plain(meaning), frozenset(re.findall(r"\{\{see (\S+)\}\}", met)))
    return found


def _plain(text: str) -> str:
    """Without links, code and what would end a title."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return " ".join(re.sub(r"[`*]", "", text).replace('"', "'").split())


def link(text: str, terms: Mapping[str, Term], page: str) -> str:
    """``text`` of ``page`` with each word linked where it first comes, unless that page tells of it."""
    left = {word: term for word, term in terms.items() if word in LINKED and page not in term.told}

    def linked(match: re.Match[str]) -> str:
        word = next((each for each in left if match["word"] and _same(each, match["word"])), "")
        if not word:
            return match[0]
        term = left.pop(word)
        address = f"{'../' * page.count('/')}reference/glossary.md#{term.anchor}"
        return f'[{match["word"]}]({address}){{ .term title="{term.meaning}" }}'

    return _pattern().sub(linked, text)


def _pattern() -> re.Pattern[str]:
    words = sorted(LINKED, key=len, reverse=True)
    names = "|".join(f"(?i:{re.escape(word[0])}){re.escape(word[1:])}" for word in words)
    names = names.replace(r"\ ", r"\s")
    word = rf"(?<![A-Za-z0-9_./#-])(?P<word>(?:{names})s?)(?![A-Za-z0-9_-])"
    return re.compile("|".join((*_LEFT_ALONE, word)), re.MULTILINE | re.DOTALL)


def _same(word: str, used: str) -> bool:
    used = " ".join(used.split())
    return used[0].lower() + used[1:] in (word[0].lower() + word[1:] + ending for ending in ("", "s"))


def linker(prose: Path) -> Callable[[PurePosixPath, str], str]:
    """What makes the links of a page below ``prose``, by its name and text, in its language."""
    glossaries = {
        language(path): read(path.read_text(encoding="utf-8"))
        for path in (prose / "reference").glob("glossary*.md")
    }

    def links(name: PurePosixPath, text: str) -> str:
        here = language(name)
        page = name.as_posix().removesuffix(".md").removesuffix("" if here == ENGLISH else f".{here}")
        return link(text, glossaries.get(here, {}), page) if name.parts[0] in SECTIONS else text

    return links
