"""The demos where nothing runs: a stored notebook that nobody ran or trusts, and a static page."""

import nbformat
import numpy as np
import pytest

from fedlab.widgets import BandwidthDemo, CompressionDemo, DeviceMemoryDemo, ServerMemoryDemo

pytestmark = pytest.mark.browser

DEMOS = [BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo, CompressionDemo]
# what a picture is drawn as, once it is: [natural size, size on the page, does it fit?]
DRAWN = """async image => {
  await image.decode();
  const box = image.getBoundingClientRect();
  return [image.naturalWidth, image.naturalHeight, box.width, box.height];
}"""
# the widths that a picture's texts really have, and whether one touches the next thing
TOUCHING = """async image => {
  const source = await (await fetch(image.src)).text();
  const svg = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
  document.body.append(document.importNode(svg, true));
  const drawn = document.body.lastChild;
  const parts = [...drawn.querySelectorAll("text, g > rect")].map((node) => {
    const { left, right, top, bottom } = node.getBoundingClientRect();
    return { text: node.textContent, left, right, top, bottom };
  });
  const whole = drawn.getBoundingClientRect();
  drawn.remove();
  const touch = (a, b) =>
    a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom;
  return parts.filter((a, n) => a.text !== "" && (a.right > whole.right || a.left < whole.left ||
    parts.some((b, m) => m !== n && touch(a, b)))).map(({ text }) => text);
}"""


def made():
    update = np.random.default_rng(0).laplace(0, 0.002, (64, 784)).astype("float32")
    demos = [BandwidthDemo("pythia-14m"), DeviceMemoryDemo(), ServerMemoryDemo()]
    demos[0].cohort = -5
    return [*demos, CompressionDemo(update)]


@pytest.fixture(scope="module")
def stored():
    """A lesson as it is stored: the demos' outputs without their views, and no widget state."""
    cells = []
    for demo in made():
        data, metadata = demo._repr_mimebundle_()
        data = {mime: data[mime] for mime in ("text/html", "text/plain")}
        output = nbformat.v4.new_output(
            "execute_result", data=data, metadata=metadata, execution_count=1
        )
        cells.append(nbformat.v4.new_code_cell("demo", outputs=[output], execution_count=1))
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    return notebook


@pytest.fixture(scope="module")
def file(stored, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    nbformat.write(stored, folder / "stored.ipynb")
    return folder / "stored.ipynb"


def test_a_notebook_that_is_not_run_and_not_trusted_shows_pictures_and_tables(open_notebook, file):
    notebook = open_notebook(file)
    page = notebook.page
    assert page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.widgets.every(c => !c.model.trusted)"
    )
    outputs = page.locator(".jp-OutputArea-output")
    for place, demo in enumerate(made()):
        output = outputs.nth(place)
        output.scroll_into_view_if_needed()
        wide, high, width, height = output.locator("img").evaluate(DRAWN)
        assert wide == 720
        assert width <= 720
        assert height / width == pytest.approx(high / wide, rel=0.01)
        said = demo.readout()
        assert output.locator("caption").inner_text() == said.headline
        text = output.locator("table").inner_text()
        for _, value in said.rows:
            assert value in text
    assert "-5 is too small; the least is 1" in outputs.first.inner_text()
    assert notebook.problems() == []


def test_a_static_page_shows_them_without_javascript(browser, stored):
    nbconvert = pytest.importorskip("nbconvert", reason="nbconvert comes with JupyterLab")
    html, _ = nbconvert.HTMLExporter().from_notebook_node(stored)
    # (its own scripts are asked of other machines; without JavaScript none is)
    page = browser.new_context(java_script_enabled=False, offline=True).new_page()
    try:
        page.set_content(html, wait_until="domcontentloaded")
        images = page.locator("img[src^='data:image/svg']")
        assert images.count() == len(DEMOS)
        for image, demo in zip(images.all(), made(), strict=True):
            box = image.bounding_box()
            assert box["width"] > 300
            assert box["height"] > 60
            assert page.get_by_text(demo.readout().headline, exact=True).is_visible()
    finally:
        page.context.close()


@pytest.mark.parametrize("limit", ["low", "high"])
def test_no_text_in_a_picture_touches_another_or_a_bar(browser, limit):
    page = browser.new_page()
    for demo in made():
        for control in demo.controls():
            if hasattr(control, limit):
                setattr(demo, control.name, getattr(control, limit))
        page.set_content(demo._repr_mimebundle_()[0]["text/html"])
        for image in page.locator("img").all():  # none where the demo refuses
            assert image.evaluate(TOUCHING) == []
    page.close()
