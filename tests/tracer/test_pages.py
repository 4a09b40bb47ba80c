"""Pages are prose with names in it; what these stand for comes from code and traces, or the build ends."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from runpy import run_path

import pytest
from markdown.extensions.toc import slugify
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.utils.meta import get_data

from minietcd.raft.raft import ROLES
from tracer.model import Function
from tracer.pages import counterparts, manual, terms
from tracer.pages.book import Book, PageError, Recording, write
from tracer.pages.code import UPSTREAM, Code, UnknownError
from tracer.pages.packages import DIRECTORY, TABLES, Names, Writer
from tracer.pages.unshown import REASONS, explained, markdown
from tracer.pages.words import CHINESE, ENGLISH, Words
from tracer.render import statechart
from tracer.scenarios import SCENARIOS
from tracer.site import go_lines
from tracer.source import ROOT

PAGE = PurePosixPath("put/page.md")


@pytest.fixture(scope="module")
def code() -> Code:
    return Code(ROOT, go_lines())


@pytest.fixture(scope="module")
def recording() -> Recording:
    seen = SCENARIOS["put"].watch(lines=True)
    return Recording(seen, SCENARIOS["put"].served(seen))


@pytest.fixture
def book(code: Code, recording: Recording) -> Book:
    return Book(code, {"put": recording}.__getitem__)


def test_a_function_becomes_a_link_to_where_it_stands_and_its_twin_one_to_go(book: Book, code: Code) -> None:
    run = code.find("Node.run")
    assert book.page(PAGE, "See {{Node.run}}.") == (
        f"See [`Node.run`](../source/minietcd/raft/node.md#__codelineno-0-{run.line})"
        '{ title="raft/node.go#node.run" }.'
    )
    assert book.page(PAGE, "{{go Node.run}}").endswith(
        f"/raft/node.go#L{code.symbols['raft/node.go#node.run']})"
    )
    assert book.shown == {"Node.run"}
    assert book.files == {"minietcd/raft/node.py"}


def test_a_field_and_what_is_only_the_tracers_have_their_places_too(book: Book, code: Code) -> None:
    assert code.find("HardState.commit").file == "minietcd/raft/raftpb.py"
    assert code.find("MessageType.MsgApp").line == code.find("MessageType").line + 6
    assert code.find("Span.turn").file == "tracer/model.py"
    assert code.find("Node.run").file == "minietcd/raft/node.py"
    assert "../source/tracer/model.md" in book.page(PAGE, "{{Span.turn}}")
    with pytest.raises(
        UnknownError, match=r"there is no function HardState\.comit \(is it HardState\.commit\?\)"
    ):
        code.find("HardState.comit")


def test_a_page_is_linked_by_its_heading_in_the_language_of_the_page(book: Book) -> None:
    assert book.page(PAGE, "{{see put/09-ready}}") == "[9 · Ready](../put/09-ready.md)"
    there = book.page(PurePosixPath("reference/glossary.zh.md"), "{{see put/17-reply}}")
    assert there == "[17 · 回复](../put/17-reply.md)"


def test_the_words_of_the_glossary_are_sorted_and_have_the_same_anchors_in_each_language() -> None:
    english, chinese = (
        (ROOT / "docs" / "prose" / "reference" / name).read_text(encoding="utf-8").partition("</div>")[0]
        for name in ("glossary.md", "glossary.zh.md")
    )
    words = re.findall(r"^## (.+)$", english, re.MULTILINE)
    assert len(words) > 60
    assert words == sorted(words, key=str.casefold)
    anchors = [slugify(word, "-") for word in words]
    assert re.findall(r"^## .+\{ #(\S+) \}$", chinese, re.MULTILINE) == anchors
    assert set(re.findall(r"\]\(#([\w-]+)\)", english + chinese)) <= set(anchors)
    met = [re.findall(r"\{\{[^}]+\}\}", line) for line in english.splitlines() if line.startswith("{{see")]
    assert met == [
        re.findall(r"\{\{[^}]+\}\}", line) for line in chinese.splitlines() if line.startswith("{{see")
    ]
    assert len(met) == len(words)


def test_a_word_of_the_glossary_is_linked_where_a_page_first_uses_it() -> None:
    meaning = "More than `half`\nof [them](#them)."
    known = terms.read(f"# G\n\n## quorum · 多数 {{ #quorum }}\n\n{meaning}\n\n{{{{see put/14-commit}}}}\n")
    assert known == {"quorum": terms.Term("quorum", "More than half of them.", frozenset({"put/14-commit"}))}
    told = '[quorums](../reference/glossary.md#quorum){ .term title="More than half of them." }'
    others = "# quorum\n\n`quorum` {{quorum}} [quorum](x.md) **quorum**\n\n    quorum\n\n| quorum |\n\n"
    text = f"{others}Two %s. A quorum.\n"
    assert terms.link(text % "quorums", known, "put/09-ready") == text % told
    assert terms.link(text, known, "put/14-commit") == text
    assert terms.link("```\nquorum\n```\n凑齐quorum。", known, "put/x").endswith(" }。")
    assert terms.link("quorum_active, pre-quorum", known, "put/x") == "quorum_active, pre-quorum"


def test_each_word_that_is_linked_stands_in_the_glossary_of_each_language() -> None:
    for name in ("glossary.md", "glossary.zh.md"):
        known = terms.read((ROOT / "docs" / "prose" / "reference" / name).read_text(encoding="utf-8"))
        assert set(terms.LINKED) <= known.keys()
        assert all(
            "{{" not in known[word].meaning and '"' not in known[word].meaning for word in terms.LINKED
        )


def test_a_table_of_states_is_drawn_with_every_change_and_its_reason(book: Book) -> None:
    text = book.page(PAGE, "{{states ROLES}}")
    assert text.count('class="edge"') >= sum(len(to) for to in ROLES.values())
    for here, to in ROLES.items():
        for there, why in to.items():
            assert f"- `{here}` → `{there}`: {why}" in text


def test_a_line_of_chinese_goes_on_without_a_space(book: Book) -> None:
    text = "# 标题\n\n一行\n又一行，\n再一行 etcd\n末行\n\n- 甲\n  乙\n- 丙\n"
    assert book.page(PurePosixPath("page.zh.md"), text) == (
        "# 标题\n\n一行又一行，再一行 etcd\n末行\n\n- 甲乙\n- 丙\n"
    )


def test_a_page_in_chinese_says_the_same_of_the_same_from_one_directory_further_down(book: Book) -> None:
    words = "{{Node.run}} {{listing Node.run put n1}} {{player put Ready}}"
    english, chinese = (book.page(PurePosixPath(name), words) for name in ("put/page.md", "put/page.zh.md"))
    assert english.partition(" ")[0] == chinese.partition(" ")[0]
    assert "marked: what ran on n1" in english
    assert "在 n1 上执行过的行" in chinese
    assert 'src="../../assets/traces/put.json"' in english
    assert 'src="../../../assets/traces/put.json"' in chinese


@pytest.mark.parametrize(
    ("directive", "says"),
    [
        ("graph put n1 Node.propose 1", ">propc 交给 n1 · raft node.run<"),
        ("graph put n1 Raft.step 1", "- propc 从 n1 · gRPC handler 带来 MsgProp"),
        ("turns put n1", "| 接收 `propc` |"),
        ("states ROLES", "- `StateCandidate` → `StateLeader`: 多数投了赞成"),
        ("states STATES", "一次追加被接受"),
        ("overview put", ">n1 (leader)<"),
    ],
)
def test_what_is_drawn_is_told_in_the_language_of_its_page(book: Book, directive: str, says: str) -> None:
    text = book.page(PurePosixPath("put/page.zh.md"), f"{{{{{directive}}}}}")
    assert says in text
    ours = r" (from|to|brings|takes|nothing|sends|receives|offers|majority|shared|followers)\b"
    assert re.findall(ours, re.sub(r"<title>.*?</title>", "", text)) == []


def test_the_overview_leads_into_the_player_of_this_page_or_of_another(book: Book) -> None:
    own = book.page(PurePosixPath("put/page.md"), "{{overview put}}")
    assert re.search(
        r'<a xlink:href="../../source/minietcd/clientv3/kv/#__codelineno-0-\d+" role="link">', own
    )
    assert 'data-from="t1_3" data-to="t2_1"' in own
    assert 'data-scenario="put"' in own
    home = book.page(PurePosixPath("index.zh.md"), "{{overview put put/18-whole}}")
    assert re.search(r'<a xlink:href="put/18-whole/#step=call-\d+" role="link">', home)
    assert "的各站" in home


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{{Node.rum}}", "there is no function Node.rum (is it Node.run?)"),
        ("{{go raft/node.go#node.rum}}", "there is no Go function raft/node.go#node.rum (is it "),
        ("{{program minietcdctl flag}}", "(is it minietcdctl flags?)"),
        ("{{ran minietcdclt put}}", "there is no program minietcdclt (is it minietcdctl?)"),
        ("{{see put/09-redy}}", "there is no page put/09-redy (is it put/09-ready?)"),
        ("{{channel put readycc}}", "there is no channel readycc (is it readyc?)"),
        ("{{figure put call}}", "there is no figure call (is it calls?)"),
        ("{{took put n1 WAL.sink}}", "(is it WAL.sync?)"),
        ("{{listing WAL.cut put n1}}", "there is no line that ran on n1 in WAL.cut"),
        ("{{player put Redy}}", "there is no station or function Redy (is it Ready?)"),
        ("{{graph put n1 Raft.step 2 hole}}", "there is no part of a recording hole (is it whole?)"),
        ("{{got put n1 WAL.save ent}}", "there is no argument of WAL.save ent (is it ents?)"),
        ("{{cases Node.tick}}", "there is no select in tick"),
        ("{{steps STEP_LEADRE}}", "there is no table STEP_LEADRE (is it STEP_LEADER?)"),
        ("{{turns putt n1}}", "there is no scenario putt"),
        ("{{bytes wall put n1}}", "there is no bytes of wall (is it wal?)"),
        ("{{bytes stream put n1 n4}}", "there is no bytes of stream n4 (is it stream n3?)"),
        ("{{pages put n4}}", "there is no bytes left by n4"),
        ("{{value STREAM_BUF}}", "there is no one and only constant STREAM_BUF"),
        ("{{listen Node.run}}", "there is no directive listen (is it listing?)"),
        ("{{took put n1}}", "there is no use of took put n1"),
    ],
)
def test_a_name_that_means_nothing_ends_the_build_with_page_line_and_name(
    book: Book, text: str, complaint: str
) -> None:
    with pytest.raises(PageError) as raised:
        book.page(PAGE, f"# A page\n\nand {text}")
    assert str(raised.value).startswith("put/page.md:3: ")
    assert complaint in str(raised.value)


def test_a_listing_marks_the_lines_that_ran_also_of_a_loop_and_of_what_has_no_twin(
    book: Book, code: Code
) -> None:
    def marked(member: str) -> list[str]:
        place = code.find("RaftNode._handle")
        text = book.page(PAGE, f"{{{{listing RaftNode._handle put {member}}}}}")
        numbers = text.partition('hl_lines="')[2].partition('"')[0].split()
        lines = code.text(place).splitlines()
        return [lines[int(number) - 1].strip() for number in numbers]

    sends, finishes = (
        "self.transport.send(self.process_messages(rd.messages))",
        "elif not await self._finish_follower(rd, ap):",
    )
    assert sends in marked("n1")
    assert finishes not in marked("n1")
    assert finishes in marked("n2")
    assert sends not in marked("n2")


def test_never_is_a_ready_offered_while_an_advance_is_waited_for(book: Book) -> None:
    text = book.page(PAGE, "{{turns put n1}}")
    rows = [line.split("|")[2:6] for line in text.splitlines() if "sends `" in line or "receives `" in line]
    states = [(ready.strip() != "nil", advance.strip() != "nil") for _, _, ready, advance in rows]
    assert (True, True) not in states
    passed = [what.split("`")[1] for what, *_ in rows if "readyc" in what or "advancec" in what]
    assert passed == ["readyc", "advancec"] * 2


def test_each_station_of_the_put_leads_to_the_page_that_tells_of_it(book: Book) -> None:
    _, _, *rows = book.page(PurePosixPath("put/18-whole.md"), "{{stations put}}").splitlines()
    told = [re.fullmatch(r"\[.+\]\((.+\.md)\)", row.split(" | ")[1]) for row in rows]
    assert told and all(page and (ROOT / "docs/prose/put" / page[1]).is_file() for page in told)


def test_a_row_of_the_turns_leads_to_what_the_loop_called_then(book: Book) -> None:
    text = book.page(PAGE, "{{turns put n1}}")
    assert 'data-scenario="put"' in text
    rows = re.findall(r'<a id="t1_\d+" class="own call-(\d+)"', text)
    spans = list(book.record("put").sliced.spans.values())
    called = [spans[int(number) - 1].function.name for number in rows]
    assert called == ["RawNode.accept_ready", "RawNode.advance"] * 2
    there = book.page(PAGE, "{{turns put n1 put/18-whole}}")
    assert f'xlink:href="../../put/18-whole/#step=call-{rows[0]}"' in there


def cells(text: str) -> list[list[str]]:
    """The rows of a table, links left out."""
    plain = re.sub(r"\[(`[^`]+`)\]\([^)]+\)(\{[^}]*\})?", r"\1", text)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in plain.splitlines()]


def test_the_cases_of_a_select_are_told_with_what_makes_a_channel_nil(book: Book) -> None:
    found = {row[1]: (row[0], *row[2:]) for row in cells(book.page(PAGE, "{{cases Node.run}}"))}
    assert found["`recvc`"] == ("⇐", "—", "—")
    assert found["`readyc`"] == ("⇒", "`self.rn.has_ready()`", "`advancec is not None`")
    assert found["`advancec`"] == ("⇐", "`chan is readyc`", "`chan is advancec`")
    assert found["`propc`"][2].startswith("`not r.has_leader()` · `not await")


def test_what_each_role_does_with_a_message_is_read_from_its_table(book: Book) -> None:
    text = book.page(PAGE, "{{steps STEP STEP_FOLLOWER STEP_LEADER+STEP_LEADER_PROGRESS}}")
    found = {message: does for message, *does in cells(text)}
    assert found["`MsgVote`"] == ["`vote`", "", ""]
    assert found["`MsgProp`"] == ["", "`prop`", "`prop`"]
    assert found["`MsgAppResp`"] == ["", "", "`app_resp`"]


def test_without_a_leader_the_loop_takes_no_proposals(code: Code) -> None:
    whole = SCENARIOS["election"].watch()
    waited = cells(
        Book(code, {"election": Recording(whole, whole)}.__getitem__).page(PAGE, "{{waits election n2}}")
    )
    states = [tuple(row[:3]) for row in waited]
    assert ("nil", "nil", "nil") in states
    assert all("propc" not in came for propc, _, _, came in waited if propc == "nil")
    assert not [state for state in states if state[1:] == ("⇒", "⇐")]


def test_a_restart_applies_only_what_the_backend_lacks(code: Code) -> None:
    whole = SCENARIOS["crash"].watch()
    rows = cells(
        Book(code, {"crash": Recording(whole, whole)}.__getitem__).page(PAGE, "{{applied crash n1}}")
    )
    did = {entry: lives for entry, *lives in rows}
    assert did["6"] == ["`put foo=bar`", "`put foo=bar`"]
    assert did["5"] == ["", "—"]


def test_of_two_who_ask_at_once_each_vote_is_told_in_the_order_in_which_it_was_counted(code: Code) -> None:
    def record(name: str) -> Recording:
        return Recording(seen := SCENARIOS[name].watch(), SCENARIOS[name].served(seen))

    page = Book(code, record).page(PurePosixPath("put/x.md"), "{{polled cold-start}}")
    told = [line.strip("| ").split(" | ")[1:] for line in page.splitlines()]
    assert told == [
        ["n3", "n3", "✓", "`VotePending`"],
        ["n2", "n2", "✓", "`VotePending`"],
        ["n2", "n3", "✗", "`VotePending`"],
        ["n2", "n1", "✓", "`VoteWon`"],
        ["n3", "n2", "✗", "`VotePending`"],
        ["n3", "n1", "✗", "`VoteLost`"],
    ]


def test_a_turn_is_drawn_in_the_order_of_its_calls(book: Book) -> None:
    def order(member: str) -> list[str]:
        words = (
            book.page(PAGE, f"{{{{graph put {member} WAL.save 1}}}}").partition("in words")[2].splitlines()
        )
        return [line for line in words if "- `Transport.send" in line or "- `WAL.save`" in line]

    assert ["send" in line for line in order("n1")] == [True, False]
    assert ["send" in line for line in order("n2")] == [False, True]


def test_a_turn_tells_of_each_call_what_it_returned_or_raised_if_there_is_a_word_for_it(
    book: Book, code: Code
) -> None:
    def record(name: str) -> Recording:
        return Recording(seen := SCENARIOS[name].watch(), SCENARIOS[name].served(seen))

    assert "- `Codec.encode`\n" in book.page(PAGE, "{{graph put n1 Header.fill 2}}")
    gone = Book(code, record).page(PAGE, "{{graph catch-up-snapshot n1 step_leader_heartbeat_resp 6}}")
    assert "- `RaftLog.entries` ✗ CompactedError" in gone


def test_a_turn_can_be_found_by_a_word_of_an_argument(book: Book) -> None:
    told = book.page(PAGE, "{{graph put n1 Raft.step:MsgAppResp 1}}")
    assert "recvc brings MsgAppResp" in told
    assert "propc brings MsgProp" in book.page(PAGE, "{{graph put n1 Raft.step 1}}")


def test_what_a_call_was_given_and_what_it_returned_can_stand_in_a_sentence(book: Book) -> None:
    index = book.page(PAGE, "{{got put n1 WAL.save_entry e}}")
    assert book.page(PAGE, "up to {{gave put n2 RaftLog.maybe_append}}") == f"up to {index}"
    assert book.page(PAGE, "{{got put n1 Raft.step:MsgAppResp m whole}}").endswith(f"→n1 has {index}")


def test_what_no_page_shows_is_listed(book: Book, recording: Recording) -> None:
    assert "Node.propose" in [function.name for function in book.unshown([recording.sliced])]
    book.page(PAGE, "{{Node.propose}}")
    assert "Node.propose" not in [function.name for function in book.unshown([recording.sliced])]


def test_pages_are_written_where_mkdocs_looks_for_them(book: Book, tmp_path: Path) -> None:
    prose = tmp_path / "prose" / "put"
    prose.mkdir(parents=True)
    (prose / "one.md").write_text("It took {{took put n1 WAL.sync}}.")
    assert write(book, tmp_path) == [tmp_path / "put" / "one.md"]
    assert (tmp_path / "put" / "one.md").read_text().startswith("It took 1.")
    (prose / "two.md").write_text("{{Nobody}}")
    with pytest.raises(PageError, match=r"^docs/prose/put/two\.md:1: there is no function Nobody"):
        write(book, tmp_path)


def test_what_stands_above_a_page_can_be_read() -> None:
    """MkDocs says nothing of what cannot, and builds the page without."""
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "prose").rglob("*.md")}
    headed = [path for path, text in texts.items() if text.startswith("---\n")]
    assert len(headed) >= 4
    assert [path for path in headed if not get_data(texts[path])[1]] == []


@pytest.mark.parametrize(
    ("paragraph", "description"),
    [
        ("Of <code>a</code> &amp; b. " + "More. " * 40, "Of a & b." + " More." * 25),
        ("How? " * 4 + "x" * 200 + ". And so on.", "How? " * 4 + "x" * 200 + "."),
        ("谁\n知道？" + "字" * 30 + "。" + "字" * 50 + "。", "谁 知道？" + "字" * 30 + "。"),
        ("There are these:", "There are these"),
    ],
)
def test_a_page_is_described_by_whole_sentences_of_its_beginning(paragraph: str, description: str) -> None:
    described = run_path(str(ROOT / "docs" / "_theme" / "describe.py"))["described"]
    assert described(paragraph) == description


@pytest.mark.parametrize(("site_url", "written"), [("", ""), ("https://example.org/", "<urlset/>")])
def test_a_sitemap_is_written_when_the_site_has_an_address(site_url: str, written: str) -> None:
    config = MkDocsConfig()
    config.load_dict({"site_url": site_url})
    after = run_path(str(ROOT / "docs" / "_theme" / "address.py"))["on_post_template"]
    assert after("<urlset/>", template_name="sitemap.xml", config=config) == written
    assert after("lost", template_name="404.html", config=config) == "lost"


def test_each_package_has_a_page_that_begins_with_its_manual_and_asks_for_each_of_its_files(
    code: Code,
) -> None:
    names = Names(code.root)
    pages = {package.path: package for package in names.packages}
    assert {"minietcd.raft", "minietcd.etcdserver.api.rafthttp", "tracer.pages"} <= pages.keys()
    text = Writer(names, "[{}]".format).page(pages["minietcd.raft"])
    assert (
        text.index("# `minietcd.raft`")
        < text.index("## What it promises")
        < text.index("::: minietcd.raft.log")
    )
    assert "| MsgHup | to ourselves: no word from a leader" in text
    assert "[`Raft.step`][minietcd.raft.raft.Raft.step]" in text
    assert "Go: [raft/doc.go]" in text
    assert text.count("# ") == text.count("## ") + 1


def test_the_index_of_packages_has_each_of_them_once_from_the_top_layer_down(book: Book, code: Code) -> None:
    names = Names(code.root)
    for page in ("packages.md", "packages.zh.md"):
        path = PurePosixPath("reference", page)
        text = book.page(path, (code.root / "docs" / "prose" / path).read_text())
        listed = re.findall(r"^\| .+\]\(packages/([\w.]+)\.md\)<br>", text, re.MULTILINE)
        assert sorted(listed) == sorted(package.path for package in names.packages)
        layers = {package.path: names.layer(package) for package in names.packages}
        assert [layers[path] for path in listed] == sorted(layers.values())
    assert listed.index("minietcd.embed") < listed.index("minietcd.raft") < listed.index("minietcd.pkg")


@pytest.mark.parametrize("package", TABLES)
def test_the_page_of_a_package_shows_the_tables_of_its_code(book: Book, code: Code, package: str) -> None:
    def filled(path: str) -> str:
        return book.page(DIRECTORY / f"{path}.md", TABLES[path])

    names = Names(code.root)
    page = next(each for each in names.packages if each.path == package)
    text = Writer(names, "[{}]".format, filled).page(page)
    assert "<svg" in text and "{{" not in text
    assert text.index("<svg") < text.index("## What is in it")


def test_every_flag_of_each_program_is_told_with_its_default(book: Book) -> None:
    def told(program: str) -> dict[str, str]:
        rows = cells(book.page(PAGE, f"{{{{program {program} flags}}}}"))
        return {row[0]: row[2] for row in rows[2:]}

    assert told("minietcdctl")["`-w`, `--write-out`"] == "`simple`"
    assert told("minietcd")["`--snapshot-count`"] == "`100000`"
    assert told("tracer")["`--members N`"] == "`3`"
    assert told("tracer")["`--dot FILE`"] == told("tracer")["`--seed N`"] == "—"
    text = book.page(PAGE, "{{program minietcdctl commands}}")
    assert "### member promote\n" in text
    assert "minietcdctl member promote <memberID>" in text
    assert "| `--prev-kv` | return the previous key-value pair before modification | `false` |" in text


def test_an_exit_code_is_told_with_the_functions_that_name_it(book: Book) -> None:
    rows = {
        name: (code, who) for code, name, who in cells(book.page(PAGE, "{{program minietcdctl exits}}"))[2:]
    }
    code, who = rows["`ExitBadArgs`"]
    assert code == "128"
    assert "`get_put_op`" in who.split(", ")
    assert rows["`ExitInterrupted`"] == ("5", "—")


def test_an_example_shows_what_the_program_prints_and_with_what_it_fails(book: Book) -> None:
    shown = book.page(PAGE, "{{ran tracer --members 0 get foo}}").splitlines()
    assert shown[1] == "$ tracer --members 0 get foo"
    assert shown[2].startswith("tracer: Invalid value for '--members'")
    assert shown[3:] == ["$ echo $?", "2", "~~~~"]
    shown = book.page(PAGE, "{{answered put foo bar ; get foo ; get}}").splitlines()
    assert shown[1:6] == ["$ minietcdctl put foo bar", "OK", "$ minietcdctl get foo", "foo", "bar"]
    assert shown[-3:] == ["$ echo $?", "128", "~~~~"]


def test_each_file_is_told_with_the_go_files_that_its_docstrings_name(book: Book, tmp_path: Path) -> None:
    path = tmp_path / "minietcd" / "raft" / "log.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        '"""A log.\n\nGo: raft/log.go\n"""\n\ndef last():\n    """Go: raft/log.go#raftLog.lastIndex"""\n'
    )
    assert counterparts.files(tmp_path) == (
        counterparts.File("minietcd/raft/log.py", "A log.", {"raft/log.go": 1}),
    )
    rows = {row[0]: row[1:] for row in cells(book.page(PAGE, "{{counterparts files}}")) if row}
    theirs, twins = rows["`raft/log.py`"]
    assert theirs == "`raft/log.go`"
    assert int(twins) > 20
    assert rows["`raft/raftpb.py`"][0].startswith("`raft/raftpb/raft.pb.go`&nbsp;")
    assert "minietcd/raft/log.py" in book.files


def test_each_file_of_ours_is_like_one_of_etcds_or_is_told_to_be_alone(book: Book) -> None:
    told = [
        row[0].strip("`")
        for what in ("files", "alone", "packages")
        for row in cells(book.page(PAGE, f"{{{{counterparts {what}}}}}"))
        if row and row[0].endswith(".py`")
    ]
    files = [file.path.removeprefix("minietcd/") for file in counterparts.files(ROOT)]
    assert sorted(told) == sorted(files)


def test_what_a_put_goes_through_in_etcd_and_not_here_has_a_reason(book: Book) -> None:
    told = book.page(PAGE, "{{counterparts put}}").splitlines()
    assert {line.removeprefix("- ").partition(" [")[0] for line in told} == counterparts.REASONS.keys()
    with pytest.raises(UnknownError, match=r"there is no reason to be without raft/raft\.go"):
        counterparts.reason("raft/raft.go")
    went = counterparts.passed([UPSTREAM / "put_single.jsonl"])
    assert "raft/node.go#node.Propose" in went["raft/node.go"]
    assert not [file for file in went if file.startswith("vendor/")]


@pytest.mark.parametrize(
    ("docstring", "page"),
    [
        ("Says it.\n\n    Go: raft/log.go#raftLog.append", "Says it.\n"),
        ("Of <all> ``names``.", "Of &lt;all> `names`.\n"),
        ("A.\n\nTold so::\n\n    x = 1\n", "A.\n\nTold so:\n\n    x = 1\n"),
        ("E.\n\nA\n├── B", "E.\n\n    A\n    ├── B\n"),
        ("One:\n- a\n  b\n- c", "One:\n\n- a\n    b\n- c\n"),
        ("A.\n\nThe parts\n    One.\n\n    Two.", "A.\n\n**The parts**\n\nOne.\n\nTwo.\n"),
    ],
)
def test_a_docstring_becomes_markdown(docstring: str, page: str) -> None:
    assert manual.markdown(docstring) == page


def test_what_no_page_shows_has_a_reason_or_is_named() -> None:
    files = {
        "Decoder.decode": "wal/decoder.py",
        "Raft.tick_heartbeat": "raft/raft.py",
        "Raft.hup": "raft/raft.py",
    }
    functions = [Function(name, file=f"minietcd/{file}") for name, file in files.items()]
    found, rest = explained(functions)
    assert [function.name for function in rest] == ["Raft.hup"]
    assert all(reason in REASONS for reason in found)
    text = markdown(functions, Words(ENGLISH))
    assert text.count("??? note") == 2
    assert "without a reason:** `Raft.hup`" in text
    assert not re.search("[a-z]+ [a-z]+", markdown(functions, Words(CHINESE)).replace("??? note", ""))


def test_a_reason_is_broken_between_words_and_chinese_characters() -> None:
    english, chinese = "one two three four five six seven", "甲乙丙丁戊己庚辛壬癸，子丑（开了 check-quorum）"
    text = statechart.dot({"A": {"B": english, "C": chinese}})
    assert r"one two three four five\nsix seven" in text
    assert r"甲乙丙丁戊己庚辛壬癸，子\n丑（开了 check-quorum）" in text
