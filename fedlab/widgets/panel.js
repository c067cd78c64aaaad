// What every demo's view shares: the controls, the headline, the rows and their bars.
// Nothing here asks the kernel anything: what is changed is shown at once and synced afterwards.

import { OURS, control, make } from "./controls.js";

// Okabe and Ito's blue and orange, told apart by colour-blind readers too; picture.py has them too.
const COLOURS = ["#0072b2", "#e69f00"];

// readout: (state) => { headline, rows: [[label, value, look], …] }. A look, where there is one, has
// share: the length of a bar, from 0 to 1; colour: its index, 0 by default; apart: below a rule.
// pictures: what stands between headline and rows, each { node, refresh } as a control is.
export function panel(model, el, readout, pictures = []) {
  const specs = model.get("_controls");
  const controls = specs.map((spec) => control(model, spec));
  const headline = make("output", { "aria-live": "polite" });
  const list = make("dl");
  const refresh = () => {
    for (const each of [...controls, ...pictures]) each.refresh();
    const state = { ...model.get("_given") };
    for (const { trait } of specs) state[trait] = model.get(trait);
    const { headline: text, rows } = readout(state);
    if (headline.textContent !== text) headline.textContent = text; // or it is read aloud again
    headline.classList.toggle("fedlab-refusal", rows.length === 0);
    list.replaceChildren(...rows.map(line));
    const large = model.get("large");
    demo.classList.toggle("fedlab-large", large);
    type.setAttribute("aria-pressed", large);
  };
  const nodes = (parts) => parts.map(({ node }) => node);
  const type = largeType(model);
  const all = [...nodes(controls), headline, ...nodes(pictures), list, type];
  const demo = make("div", { class: "fedlab-demo" }, make("div", {}, ...all));
  el.append(demo);
  model.on("change", refresh); // anywidget takes it off again when the view goes
  refresh();
}

// For a projector.
function largeType(model) {
  const button = make("button", { ...OURS, type: "button", class: "fedlab-type" }, "Large type");
  button.addEventListener("click", () => {
    model.set("large", !model.get("large"));
    model.save_changes();
  });
  return button;
}

function line([name, value, { share = null, colour = 0, apart = false } = {}]) {
  const parts = [make("dt", {}, name), make("dd", {}, value)];
  if (share !== null) {
    const style = `width: ${100 * share}%; background: ${COLOURS[colour]}`;
    const bars = share > 0 ? [make("span", { class: "fedlab-bar", style })] : [];
    parts.push(make("dd", { class: "fedlab-track", "aria-hidden": "true" }, ...bars));
  }
  return make("div", apart ? { class: "fedlab-apart" } : {}, ...parts);
}
