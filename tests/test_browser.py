"""The app as a candidate uses it: a real server, a real Chromium, a real keyboard."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from tests.loopback import grade_well, held_stream

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
REQUIRED = os.environ.get("EVALUATOR_TEST_BROWSER") == "required"
ANSWER = "Backprop multiplies one Jacobian per layer, so gradients shrink exponentially with depth. Residual connections keep a path open."


class Server:
    def __init__(self, data, **env):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "STREAMLIT_"))}
        self._env |= {"EVALUATOR_DATA_DIR": str(data), "EVALUATOR_GRADER": "embedded", **env}
        self.start()

    def start(self):
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, env=self._env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1)
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the app did not start")

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@pytest.fixture(scope="module")
def server(built_store, tmp_path_factory):
    data = tmp_path_factory.mktemp("browser")
    shutil.copytree(built_store, data / "chroma")
    server = Server(data)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        if REQUIRED:
            pytest.fail("Chromium is required (EVALUATOR_TEST_BROWSER=required) and not installed")
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        options = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ]
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, server):
    page = browser.new_page(viewport={"width": 1000, "height": 1200})
    page.outside = []
    page.on("request", lambda request: page.outside.append(request.url) if server.url.split("//")[1] not in request.url else None)
    page.goto(server.url)
    page.get_by_label("Your answer").wait_for(timeout=60_000)
    yield page
    page.close()


def choose(page, text):
    box = page.get_by_role("combobox", name="Question")
    box.click()
    box.fill(text)  # the list shows only those of the fifty that fit on the screen, so type to find one, as people do
    page.get_by_role("option", name=text).click()
    page.get_by_role("heading", name=text[3:]).wait_for()
    page.locator('[data-test-script-state="notRunning"]').wait_for()
    page.wait_for_function("document.querySelectorAll('textarea').length === 1")


def grade(page):
    page.get_by_role("button", name="Grade my answer").click()
    page.locator(".point").first.wait_for(timeout=30_000)


def test_an_answer_typed_in_a_browser_gets_its_points_and_its_evidence_marked(page):
    choose(page, "2. Describe the vanishing")
    field = page.get_by_label("Your answer")
    field.click()
    page.keyboard.type(ANSWER)
    page.wait_for_function(
        "document.body && [...document.querySelectorAll('*')].some(e => e.shadowRoot?.textContent.includes('18 words'))"
    )
    grade(page)
    assert page.locator(".point").count() == 7
    assert re.fullmatch(r"\d+(\.\d)?", page.get_by_test_id("stMetricValue").inner_text())
    marked = page.get_by_test_id("marked-answer")
    assert marked.locator("mark").count() >= 1
    link = marked.locator("a").first
    link.click()
    assert page.locator(link.get_attribute("href")).is_visible()
    assert field.input_value() == ANSWER
    assert page.outside == []


def test_markup_in_an_answer_stays_text_in_the_browser(page):
    choose(page, "23. What is dropout")
    page.get_by_label("Your answer").fill(
        "<img src=x onerror='window.hit=1'> <b>Units</b> are set to zero at random in each training step."
    )
    grade(page)
    assert page.evaluate("window.hit") is None
    assert page.locator(".answer img, .answer b, .point img").count() == 0
    assert "<b>Units</b>" in page.get_by_test_id("marked-answer").inner_text()


def test_a_typed_answer_outlives_a_killed_server(page, server):
    choose(page, "39. Describe the concept")
    field = page.get_by_label("Your answer")
    field.fill("It tabulates predicted against true classes.")
    field.blur()
    server.kill()
    server.start()
    page.get_by_role("button", name="Grade my answer").wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stConnectionStatus]')")
    assert field.input_value() == "It tabulates predicted against true classes."
    grade(page)
    assert "It tabulates" in page.get_by_test_id("marked-answer").inner_text()


def test_points_of_an_llm_appear_as_they_come_in_and_a_cut_stream_leaves_none(page, loopback, built_store, tmp_path):
    shutil.copytree(built_store, tmp_path / "chroma")
    server = Server(tmp_path, EVALUATOR_GRADER="llm", EVALUATOR_TRIES="1", OPENAI_BASE_URL=loopback.url)
    try:
        page.goto(server.url)
        page.get_by_label("Your answer").fill(ANSWER)
        go_on = threading.Event()
        loopback.script = [held_stream(grade_well, go_on, cut=True)]
        page.get_by_role("button", name="Grade my answer").click()
        page.get_by_text("As it comes in").wait_for()
        page.wait_for_function("[1, 2, 3, 4, 5, 6].includes(document.querySelectorAll('.point').length)")
        assert page.get_by_test_id("stMetricValue").count() == 0
        go_on.set()
        page.get_by_text("Not graded.").wait_for()
        assert page.locator(".point").count() == 0 and page.get_by_label("Your answer").input_value() == ANSWER
        again = threading.Event()
        loopback.script = [held_stream(grade_well, again)]
        page.get_by_role("button", name="Try again").click()
        page.get_by_text("As it comes in").wait_for()
        again.set()
        page.get_by_test_id("stMetricValue").wait_for()
        assert page.locator(".point").count() == 7 and page.get_by_text("As it comes in").count() == 0
    finally:
        server.kill()
