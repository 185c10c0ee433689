"""The page in a real Chromium: no error, nothing loaded, tables that sort and filter, figures that recolour."""

import contextlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from fake_records import record, runs
from test_figures import CLASSES, N, job

from datasets.sequences import Sequences, stratified_split
from reports import page, plots, sections, statistics, style
from reports.data import Data
from reports.reading import write_report

EVIL = "</script><img src=x onerror=alert(1)>"
WIDTHS = {"desktop": 1280, "phone": 360}


@contextlib.contextmanager
def chromium():
    """A headless Chromium; skips, with the reason, where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium isn't installed")
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs):
        pytest.skip("NO BROWSER: the page is not tested; install chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A page of three methods: runs that differ, one that failed with a reason that would break a careless page."""
    folder = tmp_path_factory.mktemp("page")
    rng = np.random.default_rng(0)
    labels = np.arange(N) % 2
    arrays = [rng.normal(3 * label, 1, (4 + i % 8, 2)) for i, label in enumerate(labels)]
    data = Data(Sequences.from_list(arrays, stratified_split(labels, 0, "x")), labels, {})
    name = {"dataset": "speech_commands"}
    records = [
        *runs([0.5, 0.7, 0.6], [0.3, 0.1, 0.2], **name),
        record(seed=3, status="diverged", reason=EVIL, **name),
        *runs([0.9, 0.8], [0.2, 0.1], method="kmeans", vectorization="zero", loss_curve={}, **name),
        *runs([None], [None], method="ddc", vectorization="zero", **name),
    ]
    asked = job(folder, records, data)
    sheet = folder / "data/speech_commands.json"
    sheet.write_text(json.dumps(json.loads(sheet.read_text()) | {"classes": [EVIL, CLASSES[1]]}))
    made = [folder / name for name in ("report.html", "tables", "figures", "clusters")]
    with ThreadPoolExecutor() as beside:
        write_report(asked, *made, beside)
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(written):
    with chromium() as driver:
        driver.set_window_size(1280, 1000)
        driver.get(written.as_uri())
        driver.execute_script("places.forEach(draw)")
        yield driver


def column(browser, name, of=0):
    """Visible cells of a column of a table of the page, by its heading; controls left out."""
    return browser.execute_script(
        "const table = document.querySelectorAll('table')[arguments[1]];"
        "const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent);"
        "const shown = (row) => row.offsetParent && !row.textContent.startsWith('Control');"
        "const rows = [...table.tBodies[0].rows].filter(shown);"
        "return rows.map((row) => row.cells[heads.indexOf(arguments[0])].textContent)",
        name,
        of,
    )


def click_heading(browser, name):
    browser.execute_script(
        "[...document.querySelectorAll('th button')].find((head) => head.textContent === arguments[0]).click()", name
    )


def test_no_error_and_nothing_is_loaded(browser):
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    assert browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)") == []
    drawn = browser.execute_script("return places.map((place) => place.querySelectorAll('.main-svg').length > 0)")
    assert len(drawn) == 6 and all(drawn)  # strips, two scatters, confusion of two methods, losses of one


def test_no_section_is_empty_and_the_digests_are_there(browser):
    empty = "return [...document.querySelectorAll('section')].filter((each) => each.children.length < 2).length"
    assert browser.execute_script(empty) == 0
    shown = browser.find_element("tag name", "main").get_attribute("textContent")
    assert "digest of" in shown and shown.rindex("source") > shown.index("digest of")


@pytest.mark.parametrize(("ways", "places"), [([], 1), (["label"], 1), (["label", "RDDC"], 2)])
def test_a_second_scatter_is_there_where_it_shows_something_else(ways, places):
    drawn = {"scatter/toy": ("seen", {"points": {"ways": ways}})}
    assert "".join(sections.of_dataset("toy", drawn)).count('class="plot"') == places


def test_a_long_name_keeps_both_ends():
    assert plots.short("x" * 40) == "x" * 40
    made = plots.short("<b>" + "x" * 100 + "</b>")
    assert len(made) < 60 and made.startswith("&lt;b&gt;x") and made.endswith("x&lt;/b&gt;") and "…" in made
    assert style.plain("x" * 12, 12) == "x" * 12 and style.plain("x" * 13, 12) == "x" * 11 + "…"


def test_a_chart_shows_ours_its_interval_and_the_published_number():
    drawn = page.forest(0.5, 0.4, 0.75, 0.8)
    assert 'd="M40.0 7H75.0"' in drawn and 'd="M80.0 1V13"' in drawn and 'cx="50.0"' in drawn
    assert "published" not in page.forest(0.5, 0.4, 0.75, np.nan) and "circle" not in page.forest(*[np.nan] * 3, 0.8)


def test_a_cell_is_as_deep_as_its_number():
    assert ["70%" in page.shade(1.0), "35%" in page.shade(0.5), page.shade(0.0), page.shade(np.nan)] == [1, 1, "", ""]


def test_a_chart_stands_in_the_row_of_its_number(monkeypatch):
    """The summary goes by row, the table by data set."""
    monkeypatch.setattr(sections, "forest", lambda ours, *others: f"chart of {ours:.2f}")
    values = {("a", "x"): 0.1, ("b", "x"): 0.2, ("a", "y"): 0.3, ("b", "y"): 0.4}
    summary = pd.DataFrame([{"dataset": name, "accuracy": value} for (name, _), value in values.items()])
    summary[["accuracy_low", "accuracy_high", "published_accuracy"]] = np.nan
    written = {"footnotes": {"results": []}}
    for name in "ab":
        own = [{"method": row, "input": "i", "ours": f"{values[of, row]:.2f}"} for of, row in values if of == name]
        written[f"detail_{name}"] = pd.DataFrame(own)
    shown, _ = sections.results(["a", "b"], summary, written)
    assert all(shown.count(f"<td>chart of {value:.2f}</td><td>{value:.2f}</td>") == 1 for value in values.values())


def test_the_page_counts_ok_runs_and_names_the_digests_of_data_and_source():
    made = [*runs([0.5], [0.1], dataset="mine"), record(dataset="mine", seed=1, status="collapsed", reason="x")]
    made[0]["provenance"] |= {"data_digest": "of data", "source_digest": "of source"}
    made[1]["provenance"] = made[0]["provenance"]
    headline = sections.headline(made, statistics.summarise(made, "test", "train"))
    assert headline == "2 runs, 1 of them ok, in 1 cells."
    assert sections.digests(made).values.tolist() == [["data", "Mine", "of data"], ["source", "RDDC", "of source"]]


def test_the_policy_stops_what_is_not_ours(browser, written):
    with chromium() as driver:
        stranger = written.with_name("stranger.html")
        stranger.write_text(written.read_text().replace("</main>", "</main><script>document.title = 'run'</script>"))
        driver.get(stranger.as_uri())
        assert driver.title != "run" and "Content Security Policy" in driver.get_log("browser")[0]["message"]


def test_a_hostile_name_is_shown_and_not_run(browser):
    assert browser.execute_script("return document.querySelectorAll('img[src=x]').length") == 0
    assert EVIL in column(browser, "reason", 5)
    shown = browser.execute_script("return [...document.querySelectorAll('.legendtext')].map((t) => t.textContent)")
    assert EVIL in shown and "run" in shown


def test_tables_sort_numbers_as_numbers_and_what_is_missing_last(browser):
    given = column(browser, "ours")
    assert given == ["0.70 (0.70) 3/4", "0.85 (0.85)", "failed 0/1"]
    click_heading(browser, "ours")
    assert column(browser, "ours") == given
    click_heading(browser, "ours")
    assert column(browser, "ours") == [given[1], given[0], given[2]]
    click_heading(browser, "ours")
    assert column(browser, "ours") == given
    click_heading(browser, "method")
    assert column(browser, "method") == ["DDC", "k-means", "RDDC"]
    click_heading(browser, "method")
    click_heading(browser, "method")


def test_numbers_are_read_from_what_tables_print(browser):
    texts = ["0.97 (0.93)", "+0.02", "-0.02", "1,400", "± 0.05", "3/20", "–", "failed 0/3"]
    found = browser.execute_script("return arguments[0].map(number).map((value) => isNaN(value) ? null : value)", texts)
    assert found == [0.97, 0.02, -0.02, 1400, 0.05, 3, None, None]


def test_tables_filter_by_word_and_by_choice(browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    search = browser.find_element(By.CSS_SELECTOR, "input[type=search]")
    search.send_keys("ZERO fail")
    assert column(browser, "method") == ["DDC"]
    assert browser.find_element(By.CSS_SELECTOR, ".bar output").text == "1 of 6 rows"
    search.send_keys("\b" * 9)
    assert len(column(browser, "method")) == 3
    choose = Select(browser.find_element(By.CSS_SELECTOR, ".bar select[aria-label=input]"))
    choose.select_by_visible_text("variable length")
    assert column(browser, "method") == ["RDDC"]
    choose.select_by_visible_text("input: all")
    assert len(column(browser, "method")) == 3


def test_a_scatter_is_recoloured(browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    choose = Select(browser.find_elements(By.CSS_SELECTOR, "select[aria-label='colour by']")[0])
    assert [option.text for option in choose.options][1:] == [
        "RDDC, variable length",
        "k-means, zero padding",
        "length",
    ]

    def traces():
        return browser.execute_script(
            "return places.find((place) => place.dataset.way).data"
            ".map(({ name, x, text, marker }) => [name, x.length, text[0], marker.color])"
        )

    by_label = traces()
    assert [(name, count) for name, count, *_ in by_label] == [(plots.text(EVIL), N // 2), (CLASSES[1], N // 2)]
    assert by_label[0][3] != by_label[1][3] and by_label[0][3].startswith("rgb")
    choose.select_by_visible_text("length")
    ((name, count, _, lengths),) = traces()
    assert (name, count) == ("length", N) and set(lengths) == set(range(4, 12))
    choose.select_by_visible_text("k-means, zero padding")
    by_cluster = traces()
    assert [name for name, *_ in by_cluster] == [f"cluster for {plots.text(EVIL)}", f"cluster for {CLASSES[1]}"]
    assert "sequence 0, length 4" in by_cluster[0][2] and "k-means, zero padding: cluster for" in by_cluster[0][2]
    assert [colour for *_, colour in by_cluster] == [colour for *_, colour in by_label]


@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_light_and_dark_fit_any_screen(browser, width, theme):
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.execute_script("places.forEach(draw)")
    widest = browser.execute_script("return document.documentElement.scrollWidth")
    assert widest <= width
    background, ink, drawn = browser.execute_script(
        "const body = getComputedStyle(document.body);"
        "return [body.backgroundColor, body.color, places[0].layout.font.color].map((c) => +c.match(/\\d+/)[0])"
    )
    assert (background > 200 and ink < 60) if theme == "light" else (background < 60 and ink > 200)
    assert drawn == ink
    browser.execute_script("document.querySelector('.theme').click()")
    flipped = browser.execute_script("return +getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (flipped < 60) == (theme == "light")
    browser.execute_script("document.documentElement.style.colorScheme = ''")


def test_without_scripts_the_tables_are_there(written):
    with chromium() as driver:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        driver.get(written.as_uri())
        shown = driver.find_element("tag name", "body").text
        assert "0.70 (0.70) 3/4" in shown and EVIL in shown and page.NO_SCRIPT in shown
        assert not driver.find_elements("css selector", "th button, select")


def test_a_failed_run_is_in_the_strips_with_its_reason(browser):
    (trace,) = browser.execute_script("return places[0].data.filter(({ name }) => name === 'run, not ok')")
    assert len(trace["x"]) == 2 and set(trace["x"]) == {-0.03}
    assert any(plots.text(EVIL) in text for text in trace["text"])
