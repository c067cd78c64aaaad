"""The round in motion in a notebook's cells, and what is asked of its view."""

import json
import re
import time

from demo_view import button, radio, slider

SHOW = (
    "from fedlab.widgets import RoundDemo\n"
    'demo = RoundDemo("pythia-14m", incoming=1_000_000, clients=2)\n'
    "demo"
)
AGAIN = "demo"  # another view of the same model
RESET = (
    "demo.playing = demo.large = False\n"
    "demo.step = demo.failing = 0; demo.clients = 2; demo.rounds = 1\n"
    'demo.fraction = 1; demo.speed = "fast"'
)
SAY = (
    "import json\n"
    "print(json.dumps([demo.step, demo.playing, demo.readout().headline,"
    " dict(demo.readout().rows)]))"
)
DRIVE = "demo.step = 4"
PLAY = "demo.step = 0; demo.playing = True"
FAIL = "demo.failing = 1; demo.step = demo.last - 1"
BEYOND = "demo.step = 99"
SHORTER = "demo.clients = 12; demo.step = 20; demo.clients = 4; demo.step = 2"
NARROW = 'import ipywidgets\nipywidgets.VBox([RoundDemo(clients=12)], layout={"width": "300px"})'
LARGE = "demo.large = True; demo.clients = 12"
LINKED = (
    'box = ipywidgets.FloatText()\nlink = ipywidgets.jslink((box, "value"), (demo, "step"))\nbox'
)
BUSY = (  # until the browser is done
    "import time\nfrom pathlib import Path\n"
    "for _ in range(600):\n    if Path('done').exists():\n        break\n    time.sleep(0.05)"
)
CELLS = [SHOW, RESET, SAY, AGAIN, DRIVE, PLAY, FAIL, BEYOND, NARROW, LARGE, SHORTER, LINKED, BUSY]
# where the messages are that one sees, in percent of their way from the server
PLACES = """demo => [...demo.querySelectorAll(".fedlab-message")]
  .filter((each) => Number(each.style.opacity) > 0).map((each) => parseFloat(each.style.left))"""
# all places in which they are at some frame, until it no longer plays
WATCH = f"""demo => new Promise((done) => {{
  const seen = new Set();
  const look = () => {{
    for (const place of ({PLACES})(demo)) seen.add(place);
    if (demo.querySelector(".fedlab-pause")) requestAnimationFrame(look);
    else done([...seen]);
  }};
  requestAnimationFrame(look);
}})"""
# plays until a message is in the middle of its way, and pauses in the same frame
HALFWAY = f"""demo => new Promise((done) => {{
  const look = () => {{
    const places = ({PLACES})(demo);
    if (!places.some((place) => place > 20 && place < 80)) return requestAnimationFrame(look);
    demo.querySelector(".fedlab-pause").click();
    done(({PLACES})(demo));
  }};
  demo.querySelector(".fedlab-play").click();
  look();
}})"""
# plays to the end; all sentences on the way
SENTENCES = """demo => new Promise((done) => {
  const [said, seen] = [demo.querySelector("output"), []];
  const observer = new MutationObserver(() => seen.push(said.textContent));
  observer.observe(said, { childList: true });
  demo.querySelector(".fedlab-play").click();
  const wait = () => {
    if (demo.querySelector(".fedlab-pause")) return requestAnimationFrame(wait);
    observer.disconnect();
    done(seen);
  };
  wait();
})"""
# counts the frames that demos ask for; JupyterLab asks for some of its own
COUNT = """() => {
  const ask = window.requestAnimationFrame.bind(window);
  window.ticks = 0;
  window.requestAnimationFrame = (what) => {
    if (what.name === "tick") window.ticks += 1;
    return ask(what);
  };
}"""


def round_notebook(open_notebook):
    """The cells, open: the demo twice, and once in a narrow column."""
    notebook = open_notebook(CELLS)
    notebook.page.evaluate(COUNT)
    for cell in (SHOW, RESET, AGAIN, NARROW):
        notebook.run(CELLS.index(cell))
    notebook.page.locator(".fedlab-demo").nth(2).wait_for()
    return notebook


def at_its_beginning(notebook):
    """The first view at the beginning of its run, whatever the test before did to it."""
    notebook.run(CELLS.index(RESET))
    demo = notebook.page.locator(".fedlab-demo").first
    demo.scroll_into_view_if_needed()
    expect_headline(demo, "Step 0 of 6: ")
    agreed(notebook, demo)
    return demo


def expect_headline(demo, start):
    from playwright.sync_api import expect

    expect(demo.locator("output")).to_have_text(re.compile(f"^{re.escape(start)}"))


def agreed(notebook, demo):
    """Python and the view say the same, once the last message came: step and whether it plays."""
    deadline = time.monotonic() + 5
    while True:
        known = json.loads(notebook.run(CELLS.index(SAY)))
        seen = [
            int(slider(demo, "Step").input_value()),
            button(demo, "Pause").count() == 1,
            demo.locator("output").text_content(),
            dict(row.split("\n", 1) for row in demo.locator("dl > div").all_inner_texts()),
        ]
        if known == seen or time.monotonic() > deadline:
            assert known == seen
            return known[:2]


def halfway(demo):
    """Play until a message is on its way; where it is."""
    radio(demo, "slow").check()
    return demo.evaluate(HALFWAY)


def picture(demo):
    return demo.get_by_role("img").get_attribute("aria-label")
