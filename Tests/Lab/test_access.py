"""Whether everybody can use the pages: axe-core, on every page and state."""

import json

import pytest

from lab import tools
from lab.gallery import SCHEMES, STATES, Gallery
from lab.stage import Stage


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("access")) as stage:
        serve = stage.serve("--source", "tone", "--name", "Film night")
        yield stage.keep(Gallery(stage.environment, serve.web_address(), stage.log("chromium")))


@pytest.fixture(scope="module")
def axe():
    return tools.axe()


def findings(browser, axe):
    """What would keep people out, a line each."""
    browser.evaluate(f"(() => {{ {axe}; return true; }})()")
    result = browser.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert result["passes"], "axe looked at nothing"
    return [f"{found['impact']} {found['id']}: {found['help']} {json.dumps(node['target'])} "
            f"{node['failureSummary']}"
            for found in result["violations"] if found["impact"] in ("serious", "critical")
            for node in found["nodes"]]


def test_axe_finds_what_is_wrong(gallery, axe):
    """So that silence means something."""
    gallery.look()
    with gallery.state("ready") as browser:
        browser.evaluate("(document.getElementById('label').textContent = '', true)")
        assert any("button-name" in line for line in findings(browser, axe))


# Every state in both schemes; from right to left every second one, which all have the same layout.
CASES = ([(state, scheme, None) for state in STATES for scheme in SCHEMES]
         + [(state, "dark", "ar") for state in list(STATES)[::2]])


@pytest.mark.parametrize("state, scheme, language", CASES)
def test_everybody_can_use(gallery, axe, state, scheme, language):
    gallery.look(scheme=scheme, language=language)
    with gallery.state(state) as browser:
        direction = "rtl" if language == "ar" else "ltr"
        assert browser.evaluate("document.documentElement.dir") == direction
        assert browser.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
        assert findings(browser, axe) == []
