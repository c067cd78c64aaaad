"""From `fedlab demo`'s address, as soon as it is printed, to the demo on the screen.

Each time a server of its own, a browser context without a cache, and a kernel that must start.
"""

import statistics
import time
from datetime import date

from demos import CHROMIUM, chromium
from playwright.sync_api import Browser, sync_playwright
from rich import box
from rich.console import Console
from rich.table import Table

from fedlab.demos import CATALOGUE
from fedlab.demos.serving import serving

TIMES = 3
MOST_SECONDS = 5.0
# resolves in the frame after the one in which the demo's numbers stand
PAINTED = """() => new Promise((painted) => {
  const look = () => document.querySelector(".fedlab-demo output")?.textContent
    ? requestAnimationFrame(painted) : requestAnimationFrame(look);
  look();
})"""


def first_paint(browser: Browser, name: str) -> float:
    """Seconds from the address to the demo's numbers on the screen."""
    with serving("pythia-14m") as server:
        context = browser.new_context(viewport={"width": 1920, "height": 1080})
        page = context.new_page()
        started = time.perf_counter()
        page.goto(server.address(name), wait_until="commit")
        page.evaluate(PAINTED)
        seconds = time.perf_counter() - started
        context.close()
        return seconds


def main() -> None:
    console = Console(width=100)
    title = "First paint of a demo, after its server is up"
    table = Table(title=title, box=box.MARKDOWN, title_justify="left")
    for column in ("demo", "median s", "worst s", "bound s"):
        table.add_column(column, justify="left" if column == "demo" else "right")
    reached = True
    chromium_here = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_here, args=CHROMIUM)
        for entry in CATALOGUE:
            entry.prepare()
            seconds = []
            for number in range(TIMES):
                with console.status(f"{entry.name}, {number + 1} of {TIMES} …"):
                    seconds.append(first_paint(browser, entry.name))
            median = statistics.median(seconds)
            reached &= median < MOST_SECONDS
            table.add_row(entry.name, f"{median:.2f}", f"{max(seconds):.2f}", f"{MOST_SECONDS:.2f}")
        browser.close()
    console.print(table)
    console.print(f"Goal: under {MOST_SECONDS:g} s. Reached: {'yes' if reached else 'no'}.")
    console.print(f"{date.today()}: the median of {TIMES}, a new server, browser and kernel each.")


if __name__ == "__main__":
    main()
