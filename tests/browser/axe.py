"""axe-core's judgement of a page: what keeps a reader with a screen reader or a keyboard out.

axe.min.js comes with the package axe-playwright-python, so nothing is fetched. Its file is read
here, since the package's own reader takes it for text in the system's encoding.
"""

from importlib.resources import files

RUN = "([context, options]) => axe.run(context, options)"
OPTIONS = {"resultTypes": ["violations"]}
COUNTED = ("serious", "critical")


def serious(page, within="html", without=()):
    """One line for each element that fails a rule seriously or critically; empty when none does.

    page: a Playwright page, loaded
    within: the CSS selector of the part to judge
    without: CSS selectors of parts inside it that are not ours to mend
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    context = {"include": [[within]], "exclude": [[selector] for selector in without]}
    violations = page.evaluate(RUN, [context, OPTIONS])["violations"]
    return [
        f"{rule['id']} ({rule['impact']}) at {' '.join(map(str, node['target']))}: {summary(node)}"
        for rule in violations
        if rule["impact"] in COUNTED
        for node in rule["nodes"]
    ]


def summary(node):
    """What axe says to do, on one line."""
    return " ".join(node["failureSummary"].split())
