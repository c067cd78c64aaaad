"""The parts of a demo in a browser, by the names that a reader knows, and what is done to them."""

import time


def slider(demo, name):
    return demo.get_by_role("slider", name=name, exact=True)


def number(demo, name):
    return demo.get_by_role("textbox", name=name, exact=True)


def radio(demo, name):
    return demo.get_by_role("radio", name=name, exact=True)


def button(demo, name):
    return demo.get_by_role("button", name=name, exact=True)


def group(demo, name):
    return demo.get_by_role("radiogroup", name=name, exact=True)


def note(demo, name):
    return demo.locator(".fedlab-control", has_text=name).locator(".fedlab-note")


def drag(slider, start, end):
    """Press the mouse on a slider at one share of its width, move it to another, and let go."""
    slider.scroll_into_view_if_needed()
    box, mouse = slider.bounding_box(), slider.page.mouse
    middle = box["y"] + box["height"] / 2
    mouse.move(box["x"] + box["width"] * start, middle)
    mouse.down()
    mouse.move(box["x"] + box["width"] * end, middle, steps=20)
    mouse.up()


def overflowing(demo):
    """What of a demo reaches beyond its border."""
    return demo.evaluate("""demo => {
      const whole = demo.getBoundingClientRect();
      return [...demo.querySelectorAll("*")].filter((node) => {
        const box = node.getBoundingClientRect();
        return box.width > 0 && (box.left < whole.left - 1 || box.right > whole.right + 1);
      }).map((node) => node.outerHTML.slice(0, 200));
    }""")


def set_theme(notebook, theme):
    """Give JupyterLab its theme of this name."""
    notebook.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
    )
    notebook.page.wait_for_function(
        "theme => document.body.dataset.jpThemeName === theme", arg=theme
    )


def until(holds):
    """Wait for what the kernel and the browser need a moment for."""
    deadline = time.monotonic() + 5
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert holds()
