"""Laws of the policy of a page: its own scripts run, nothing else does, and nobody is asked."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from pages import open_page, run

from realign.outputs.csp import sealed

PAGE = "<html><head><title>x</title></head><body><script>let a = 1;</script></body></html>"


def rules(page: str) -> dict[str, str]:
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert found
    return dict(part.strip().split(" ", 1) for part in found[1].split(";"))


def test_every_script_of_a_page_is_allowed_by_its_digest_and_no_other() -> None:
    found = rules(sealed(PAGE))
    own = base64.b64encode(hashlib.sha256(b"let a = 1;").digest()).decode()
    assert found["script-src"] == f"'sha256-{own}'"
    assert found["default-src"] == "'none'"
    assert found["img-src"] == "data:"
    assert rules(sealed(PAGE, images=["https://a.org"]))["img-src"] == "data: https://a.org"
    data = PAGE.replace("<script>", '<script type="application/json">')
    assert rules(sealed(data))["script-src"] == "'none'"


def test_the_policy_is_the_first_thing_in_the_head() -> None:
    assert sealed(PAGE).split("<head>\n")[1].startswith("<meta http-equiv")


@pytest.mark.browser
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["index.html", "map.html"])
def test_what_is_smuggled_into_a_page_does_not_run_and_asks_nobody(
    browser: Any, small_folder: Path, tmp_path: Path, name: str
) -> None:
    html = (small_folder / name).read_text(encoding="utf-8")
    evil = (
        '<img src="data:," onerror="window.bad = 1"><script>window.bad = 2</script>'
        '<img src="https://example.org/x.png"><iframe src="https://example.org/"></iframe>'
    )
    page = tmp_path / name
    page.write_text(html.replace("</body>", f"{evil}</body>"), encoding="utf-8")
    open_page(browser, page)
    told = run(
        browser,
        """window.told = [];
           document.addEventListener("securitypolicyviolation", (e) =>
             window.told.push(e.effectiveDirective));
           fetch("https://example.org/").catch(() => null); return window.bad || null""",
    )
    assert told is None
    browser.execute_async_script("setTimeout(arguments[0], 300)")
    assert run(browser, "return window.bad || null") is None
    assert "connect-src" in run(browser, "return window.told")
    said = " ".join(row["message"] for row in browser.get_log("browser"))
    for kind in ("script", "image", "frame"):
        assert kind in said.lower(), kind
    # the page itself works as ever
    assert run(browser, "return document.querySelectorAll('svg').length") > 3


@pytest.mark.browser
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["index.html", "map.html"])
def test_the_policy_lets_the_page_itself_work(browser: Any, small_folder: Path, name: str) -> None:
    open_page(browser, small_folder / name)
    assert browser.get_log("browser") == []
