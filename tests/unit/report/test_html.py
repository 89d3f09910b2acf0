"""``report.html``: the same content as ``report.md``, self-contained, for screen, paper and ear."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from functools import cache, partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from causal.report import HTML, render, rendered, rendered_html
from causal.report.blocks import Fold, GroupedTable, Number, Section, Table
from causal.report.figures import FIGURES, figures
from causal.report.html_blocks import written
from causal.report.html_figures import LABELS, ROLES, inlined, inlined_dag
from causal.report.inline import to_html, to_text
from causal.report.page import compose_page
from causal.report.template import TEMPLATES
from causal.result import Result

DOCUMENTS = ["help_like", "simulated_null", "unbounded", "disjoint", "continuous", "as_ratio"]
VOID = {"meta", "link", "br", "wbr", "hr", "img", "input"}
INLINE = {"code", "strong", "a", "wbr"}
CHROMIUM = Path("/usr/bin/chromium")
SECONDS = 60
CONTRAST = 4.5  # of text and its ground: WCAG 2.2, 1.4.3, level AA
LINE_CONTRAST = 3.0  # of lines that mean something: WCAG 2.2, 1.4.11


class Reader(HTMLParser):
    """Reads a page as a browser must: every tag closed, every id once."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.apart(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.apart(tag)

    def apart(self, tag: str) -> None:
        if tag not in INLINE:
            self.text.append(" ")

    def handle_data(self, data: str) -> None:
        if not {"script", "style", "title"} & set(self.open):
            self.text.append(data)

    def having(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@cache
def page_of(document: str) -> str:
    return rendered_html(Result.model_validate_json(document)).decode("utf-8")


def page(result: Result) -> str:
    return page_of(result.model_dump_json())


def words_of(text: str) -> set[str]:
    return {word.rstrip(".") for word in re.findall(r"[\w.−–]+", text)}


@pytest.fixture
def help_page(help_like: Result) -> str:
    return page(help_like)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_page_is_well_formed_and_every_id_is_there_once(
    name: str, request: pytest.FixtureRequest
) -> None:
    read = Reader(page(request.getfixturevalue(name)))
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in read.tags:
        for key in ("href", "aria-labelledby"):
            value = attributes.get(key) or ""
            if value.startswith("#") or (value and key == "aria-labelledby"):
                assert value.lstrip("#") in ids


def test_the_same_result_gives_the_same_bytes(help_like: Result) -> None:
    assert rendered_html(help_like) == rendered_html(help_like)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_sentence_and_number_of_the_markdown_is_there(
    name: str, request: pytest.FixtureRequest
) -> None:
    result = request.getfixturevalue(name)
    markdown = rendered(result)["report.md"].decode("utf-8")
    told = re.sub(r"<[^>]+>|!\[[^\]]*\]\([^)]*\)|```\w*|\]\([^)]*\)|[#>*|`\[\]\\]|-{2,}:?", " ",
                  html.unescape(markdown))  # fmt: skip
    heard = "".join(Reader(page(result)).text)
    assert words_of(told) <= words_of(heard)


def test_nothing_is_fetched(help_like: Result) -> None:
    text = page(help_like)
    read = Reader(text)
    assert "default-src 'none'" in text
    for tag, attributes in read.tags:
        assert "src" not in attributes
        assert tag not in ("iframe", "object", "embed", "img")
    assert {one["href"] for one in read.having("link")} == {"data:,"}
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_the_policy_lets_this_script_run_and_no_other(help_page: str) -> None:
    script = re.search(r"<script>(.*)</script>", help_page, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in help_page
    assert help_page.count("<script") == 1


def test_hostile_text_stays_text(help_like: Result) -> None:
    hostile = "a | b <script>alert(1)</script> </title> \"x\" 'y' &amp; [t](javascript:alert(1))"
    edges = [one.model_copy(update={"reason": hostile}) for one in help_like.dag.edges]
    dag = help_like.dag.model_copy(update={"edges": edges})
    text = page(
        help_like.model_copy(
            update={"dag": dag, "question": hostile, "specification": hostile,
                    "dataset": help_like.dataset.model_copy(update={"title": hostile})}
        )
    )  # fmt: skip
    Reader(text)
    assert text.count("<script") == 1
    assert not re.search(r'href="javascript', text)


def test_landmarks_headings_and_contents(help_page: str) -> None:
    read = Reader(help_page)
    for tag in ("nav", "main", "header", "footer", "h1"):
        assert len(read.having(tag)) == 1
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    heads = re.findall(r'<h2 id="([^"]+)">', help_page)
    assert re.findall(r'<li><a href="#([^"]+)">', help_page) == heads
    assert read.having("html")[0]["lang"] == "en"


def test_tables_have_captions_and_scopes(help_page: str) -> None:
    read = Reader(help_page)
    tables = read.having("table")
    assert len(tables) >= 7
    assert len(read.having("caption")) == len(tables)
    assert all(one.get("scope") in ("col", "row", "rowgroup") for one in read.having("th"))
    assert all(one.get("tabindex") == "0" and one.get("aria-label")
               for one in read.having("div") if one.get("class") == "scroll")  # fmt: skip


def test_each_number_of_the_ladder_has_its_address(help_like: Result, help_page: str) -> None:
    tree = json.loads(help_like.model_dump_json())
    titles = re.findall(r'title="results\.json (/[^"]+)"', help_page)
    assert len(titles) >= 4 * len(help_like.rungs)
    for i, _ in enumerate(help_like.rungs):
        assert f"/rungs/{i}/estimate" in titles
    for pointer in titles:
        node = tree
        for part in pointer.split("/")[1:]:
            node = node[int(part)] if isinstance(node, list) else node[part]
        assert node is not None


def test_figures_are_described_and_each_arrow_has_reason_and_source(
    help_like: Result, help_page: str
) -> None:
    read = Reader(help_page)
    assert len(read.having("svg")) == 5
    for one in read.having("svg"):
        assert one["role"] in ("img", "group")
        assert len(one["aria-label"].split()) > 6
    drawn = inlined_dag(help_like.dag)
    tips = [html.unescape(one) for one in re.findall(r"<title>(.*?)</title>", drawn, re.DOTALL)]
    arrows = set(re.findall(r'data-arrows="([^"]+)"', drawn))
    named = {html.unescape(pair) for one in arrows for pair in one.split()}
    assert named == {f"{one.cause}>{one.effect}" for one in help_like.dag.edges}
    for one in help_like.dag.edges:
        start = f"{one.cause} → {one.effect}".replace("_", " ")
        told = [tip for tip in tips if start in tip and one.reason.rstrip(".") in tip]
        assert any(one.source in tip for tip in told)


def test_every_figure_has_a_label_of_its_own_that_says_what_it_shows() -> None:
    assert set(LABELS) == set(FIGURES)
    assert len(set(LABELS.values())) == len(FIGURES)
    assert all(len(one.split()) > 6 and one != "Figure" for one in LABELS.values())
    with pytest.raises(KeyError):
        inlined(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unheard_of.svg")


def test_concepts_are_reached_by_the_keyboard(help_like: Result) -> None:
    groups = re.findall(r"<g [^>]*data-concept=[^>]*>", inlined_dag(help_like.dag))
    assert len(groups) == len(help_like.dag.concepts)
    assert all('tabindex="0"' in one and 'role="img"' in one for one in groups)


def test_naming_the_parts_does_not_change_the_committed_figure(help_like: Result) -> None:
    from causal.report.dag_figure import dag_svg

    assert figures(help_like)["dag.svg"] == dag_svg(help_like.dag)
    assert b"arrow:" not in dag_svg(help_like.dag)


def test_every_colour_of_a_figure_follows_light_and_dark(help_like: Result) -> None:
    for name, content in figures(help_like).items():
        assert not re.findall(r"#[0-9a-f]{6}\b", inlined(content, name))


def colours(dark: bool) -> dict[str, str]:
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[dark]))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lo, hi = sorted((luminance(one), luminance(other)))
    return (hi + 0.05) / (lo + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_and_lines_stand_out_in_light_and_dark(dark: bool) -> None:
    found = colours(dark)
    assert set(ROLES.values()) <= set(found)
    for text in ("ink", "quiet", "link", "orange"):
        assert contrast(found[text], found["ground"]) >= CONTRAST
    for fill in ("measured", "proxy", "after", "band", "warn"):
        assert contrast(found["ink"], found[fill]) >= CONTRAST
    for line in ("blue", "orange", "green", "purple"):
        assert contrast(found[line], found["ground"]) >= LINE_CONTRAST


def test_paper_has_a_size_and_cuts_nothing_off() -> None:
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    paper = css[css.index("@media print") :]
    assert "size: A4" in css
    assert "overflow: visible" in paper
    assert "table-header-group" in paper


def test_the_page_is_built_beside_the_report_and_is_not_a_committed_file(
    help_like: Result, tmp_path: Path
) -> None:
    written = render(help_like, tmp_path)
    assert tmp_path / HTML in written
    assert HTML not in rendered(help_like)
    ignored = (Path(__file__).parents[3] / ".gitignore").read_text()
    assert "reports/*/*.html" in ignored


def test_every_table_of_the_page_model_is_rectangular(help_like: Result) -> None:
    def tables(section: Section | Fold) -> Iterator[Table]:
        for block in section.blocks:
            if isinstance(block, Section | Fold):
                yield from tables(block)
            elif isinstance(block, Table):
                yield block
            elif isinstance(block, GroupedTable):
                for _, rows in block.groups:
                    yield Table(block.header, rows, block.right, block.caption)

    every = [one for section in compose_page(help_like, []).sections for one in tables(section)]
    assert len(every) >= 6
    for one in every:
        assert {len(row) for row in one.rows} <= {len(one.header)}
        assert one.caption


@pytest.mark.parametrize(
    ("markdown", "written"),
    [
        ("a `b_c` d", "a <code>b_c</code> d"),
        (r"`a\|b`", "<code>a|b</code>"),
        (r"\*\*no\*\* **yes**", "**no** <strong>yes</strong>"),
        ("[t](tables/x.csv)", '<a href="tables/x.csv">t</a>'),
        ("[t](javascript:x)", "[t](javascript:x)"),
        ("&lt;b> & <10", "&lt;b&gt; &amp; &lt;10"),
        (r"[t\](u)", "[t](u)"),
        ("**Not passed:** smd in `a_b`.", "<strong>Not passed:</strong> smd in <code>a_b</code>."),
    ],
)
def test_inline_markdown_becomes_html(markdown: str, written: str) -> None:
    assert to_html(markdown) == written


def test_no_line_ends_between_a_number_and_its_percent_sign(help_page: str) -> None:
    assert to_html("(95 % CI)") == "(95\u00a0% CI)"
    assert "95\u00a0% interval" in help_page
    assert not re.search(r"\d %", "".join(Reader(help_page).text))


def test_numbers_of_a_cell_may_be_parted_where_their_parts_meet(help_like: Result) -> None:
    cells = [Number("1.03 [0.55, 2.20]", "/a"), Number("SD 0.026, 21 divisions", "/b"),
             Number("0.1 to 0.2", "/c"), "one, two [three]"]  # fmt: skip
    text = written([Table(("Name", *"abcd"), [("row", *cells)], "", "Numbers")], 3, {})
    assert ">1.03 <wbr>[0.55, 2.20]<" in text
    assert ">SD 0.026, <wbr>21 divisions<" in text
    assert '>0.1 <wbr class="narrow">to 0.2<' in text
    assert ">one, two [three]<" in text


def test_tooltips_hold_no_signs() -> None:
    assert to_text("**a** `b` &lt;c> [d](e.md)") == "a b <c> d"


needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}")


@pytest.fixture
def served(tmp_path: Path, help_page: str) -> Iterator[tuple[Path, str, list[str]]]:
    """The page on a local server, so that its requests can be told from the browser's own."""
    asked: list[str] = []

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            asked.append(self.path)

    (tmp_path / HTML).write_text(help_page, encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield tmp_path, f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def browse(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
         f"--user-data-dir={folder / 'profile'}", "--disable-background-networking",
         "--disable-component-update", *arguments],
        capture_output=True, text=True, timeout=SECONDS, check=True, cwd=folder,
    )  # fmt: skip


@needs_chromium
def test_the_browser_reports_no_error_and_asks_for_nothing(
    served: tuple[Path, str, list[str]],
) -> None:
    folder, host, asked = served
    log = folder / "net.json"
    done = browse(folder, f"--log-net-log={log}", "--dump-dom", f"{host}/{HTML}")
    assert not re.findall(r".*CONSOLE.*", done.stderr)
    assert asked == [f"/{HTML}"]
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    ours = {
        event["params"]["url"]
        for event in events
        if host in str(event.get("params", {}).get("initiator", ""))
    }
    assert ours <= {f"{host}/{HTML}"}
    assert done.stdout.count('class="copy"') == done.stdout.count("<table")


@needs_chromium
def test_a_concept_in_focus_shows_its_reasons(
    served: tuple[Path, str, list[str]], help_like: Result
) -> None:
    folder, host, _ = served
    probe = "document.querySelector('[data-concept=mhg]').focus();"
    text = (folder / HTML).read_text(encoding="utf-8")
    text = re.sub(r"<meta http-equiv=[^>]*>", "", text)
    text = text.replace("</body>", f"<script>{probe}</script></body>")
    (folder / "probe.html").write_text(text, encoding="utf-8")
    done = browse(folder, "--dump-dom", f"{host}/probe.html")
    note = re.search(r'<p class="note"[^>]*>(.*?)</p>', done.stdout, re.DOTALL)
    assert note
    said = html.unescape(note[1])
    into = [one for one in help_like.dag.edges if one.effect == "mhg"]
    assert into
    assert all(one.reason.rstrip(".") in said and one.source in said for one in into)
    assert 'class="arrow lit"' in done.stdout


@needs_chromium
def test_the_page_prints(served: tuple[Path, str, list[str]]) -> None:
    folder, host, _ = served
    browse(folder, f"--print-to-pdf={folder / 'page.pdf'}", f"{host}/{HTML}")
    content = (folder / "page.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    sizes = set(re.findall(rb"/MediaBox \[([\d. ]+)\]", content))
    assert {tuple(round(float(one)) for one in size.split()) for size in sizes} == {
        (0, 0, 595, 842)
    }  # A4 in points
