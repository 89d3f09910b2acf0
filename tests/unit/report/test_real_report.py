"""A real committed report in a real browser: no error, no request, nothing too wide."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path

import pytest

from causal.kinds import companions_of
from causal.report import HTML, render, rendered_html
from causal.result import load

CHROMIUM = Path("/usr/bin/chromium")
REPORTS = Path(__file__).parents[3] / "reports"
NAME = "help_drug_use"
SECONDS = 90
PROBE = """
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
const empty = [...document.querySelectorAll("section")].filter(s => !s.innerText.trim()).length;
const mark = document.createElement("p");
mark.id = "probed";
mark.textContent = JSON.stringify({wide, empty, figures: document.querySelectorAll("svg").length});
document.body.append(mark);
"""

OF_TABLES = """
for (const fold of document.querySelectorAll("details")) fold.open = true;
const wide = [...document.querySelectorAll(".scroll")].filter(s => s.scrollWidth > s.clientWidth);
const mark = document.createElement("p");
mark.id = "probed";
mark.textContent = JSON.stringify(wide.map(s => s.getAttribute("aria-label")));
document.body.append(mark);
"""
WITH_WIDE_TABLES = ("help_choices", "simulated_meetings_a_week")
"""Reports with a column for fold noise beside long settings, and with one for the truth."""
PAPER = 680  # pixels of A4 between its margins

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}: apt-get install chromium"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render the committed result anew, beside the results of its companions."""
    result = load(REPORTS / NAME / "results.json")
    folder = tmp_path_factory.mktemp("real") / NAME
    render(result, folder, companions_of(result, REPORTS))
    return folder / HTML


def browse(page: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
         f"--user-data-dir={page.parent / 'profile'}", "--disable-background-networking",
         "--disable-component-update", *arguments],
        capture_output=True, text=True, timeout=SECONDS, check=True, cwd=page.parent,
    )  # fmt: skip


def test_a_real_report_opens_without_error_or_request(page: Path) -> None:
    log = page.parent / "net.json"
    done = browse(page, f"--log-net-log={log}", "--dump-dom", page.as_uri())
    assert not re.findall(r".*CONSOLE.*", done.stderr)
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    asked = {
        event["params"]["url"]
        for event in events
        if page.as_uri() in str(event.get("params", {}).get("initiator", ""))
    }
    assert asked <= {page.as_uri()}
    assert done.stdout.count('class="copy"') == done.stdout.count("<table")


@pytest.mark.parametrize("width", [500, 1280])
def test_nothing_of_a_real_report_is_wider_than_the_window(page: Path, width: int) -> None:
    text = re.sub(r"<meta http-equiv=[^>]*>", "", page.read_text(encoding="utf-8"))
    probed = page.parent / f"probe_{width}.html"
    probed.write_text(text.replace("</body>", f"<script>{PROBE}</script></body>"), encoding="utf-8")
    done = browse(page, f"--window-size={width},900", "--dump-dom", probed.as_uri())
    found = json.loads(re.search(r'<p id="probed">(.*?)</p>', done.stdout)[1])
    assert found["wide"] <= 0
    assert found["empty"] == 0
    assert found["figures"] >= 6


def probed_tables(folder: Path, text: str, width: int) -> list[str]:
    """Name the tables of which something is out of sight in a window of a width."""
    text = re.sub(r"<meta http-equiv=[^>]*>", "", text)
    probed = folder / "tables.html"
    probed.write_text(text.replace("</body>", f"<script>{OF_TABLES}</script></body>"), "utf-8")
    done = browse(probed, f"--window-size={width},900", "--hide-scrollbars", "--dump-dom",
                  probed.as_uri())  # fmt: skip
    return json.loads(html.unescape(re.search(r'<p id="probed">(.*?)</p>', done.stdout)[1]))


@pytest.mark.parametrize("name", WITH_WIDE_TABLES)
def test_no_column_of_a_table_is_out_of_sight(name: str, tmp_path: Path) -> None:
    result = load(REPORTS / name / "results.json")
    text = rendered_html(result).decode("utf-8")
    assert probed_tables(tmp_path, text, 1200) == []
    assert probed_tables(tmp_path, text, 800) == []
    paper = text.replace("@media print", "@media all").replace("@media screen", "@media speech")
    assert probed_tables(tmp_path, paper, PAPER) == []


def test_a_real_report_prints_on_paper(page: Path) -> None:
    browse(page, f"--print-to-pdf={page.parent / 'page.pdf'}", page.as_uri())
    content = (page.parent / "page.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) >= 4
