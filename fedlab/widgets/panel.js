// What every demo's view shares: a slider and a number field for each control, and the readout.
// Nothing here asks the kernel anything: a drag is answered in the browser and synced afterwards.

const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

// JupyterLab's shortcuts take arrow keys, Enter and letters from an input, unless it says this.
const OURS = { "data-lm-suppress-shortcuts": "true" };

// A slider's stops are the numbers of two digits: 0, 1, … 99, 100, 110, … 990, 1000, 1100, …
export const stop = (index) => {
  const tens = Math.max(0, Math.floor((index - 10) / 90));
  return (index - 90 * tens) * 10 ** tens;
};
export const nearest = (number) => {
  const tens = Math.max(0, Math.floor(Math.log10(number)) - 1);
  return Math.round(number / 10 ** tens) + 90 * tens;
};

const steps = (value, { perUnit, decimals }) => (value * 10 ** decimals) / perUnit;
const fromStop = (index, { perUnit, decimals, low, high }) =>
  Math.min(high, Math.max(low, (stop(index) * perUnit) / 10 ** decimals));
const shown = (value, { perUnit }) => String(value / perUnit);

// What a person typed, as a value within the limits, and a note where it had to be changed.
export function typed(text, current, spec) {
  const { low, high, perUnit, whole } = spec;
  const number = text.trim() === "" ? NaN : Number(text);
  const quoted = text.trim().slice(0, 12) || "nothing";
  const say = (value, note) => ({ value, note: `${quoted} ${note} ${shown(value, spec)}` });
  if (Number.isNaN(number)) return say(current, "is no number; it stays");
  const value = whole ? Math.round(number * perUnit) : number * perUnit;
  if (value < low) return say(low, "is too small; the least is");
  if (value > high) return say(high, "is too large; the most is");
  return value / perUnit === number ? { value, note: "" } : say(value, "is rounded to");
}

function control(model, spec) {
  // random, not counted: every demo on the page has a module, and so a count, of its own
  const id = `fedlab-${Math.random().toString(36).slice(2)}`;
  const label = make("label", { id: `${id}-label`, for: id }, spec.label);
  const slider = make("input", {
    ...OURS,
    type: "range",
    min: Math.max(nearest(steps(spec.low, spec)), spec.low > 0 ? 1 : 0),
    max: nearest(steps(spec.high, spec)),
    step: 1,
    "aria-labelledby": `${id}-label`,
  });
  // text, not number: a number field drops what it cannot read, and we could not say why
  const field = make("input", {
    ...OURS,
    id,
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    "aria-describedby": `${id}-note`,
  });
  const note = make("span", { class: "fedlab-note", id: `${id}-note`, role: "status" });
  const unit = make("span", { class: "fedlab-unit" }, spec.unit);

  let noted; // the value that the note is about
  const set = (value, why = "") => {
    noted = value;
    note.textContent = why;
    model.set(spec.trait, value);
    model.save_changes();
  };
  const read = () => typed(field.value, model.get(spec.trait), spec);
  slider.addEventListener("input", () => set(fromStop(slider.valueAsNumber, spec)));
  field.addEventListener("input", () => {
    const { value, note: why } = read(); // half-typed numbers wait for Enter or for the way out
    if (why === "") set(value);
  });
  const taken = () => {
    if (field.value === shown(model.get(spec.trait), spec)) return; // the note above it stays
    const { value, note: why } = read();
    set(value, why);
    field.value = shown(value, spec);
  };
  field.addEventListener("change", taken);
  // inside a notebook no change event follows Enter
  field.addEventListener("keydown", ({ key }) => key === "Enter" && taken());

  const refresh = () => {
    const value = model.get(spec.trait);
    if (value !== noted) note.textContent = "";
    slider.value = nearest(steps(value, spec));
    slider.setAttribute("aria-valuetext", `${shown(value, spec)} ${spec.unit}`.trim());
    if (typed(field.value, NaN, spec).value !== value) field.value = shown(value, spec);
  };
  const node = make("div", { class: "fedlab-control" }, label, slider, field, unit, note);
  return { node, refresh };
}

// Okabe and Ito's blue and orange, told apart by colour-blind readers too.
const COLOURS = ["#0072b2", "#e69f00"];

// readout: (state) => { headline, rows: [[label, value, its bar from 0 to 1 if it has one], …] }
export function panel(model, el, readout) {
  const specs = model.get("_controls");
  const controls = specs.map((spec) => control(model, spec));
  const headline = make("output", { "aria-live": "polite" });
  const list = make("dl");
  const refresh = () => {
    for (const each of controls) each.refresh();
    const state = Object.fromEntries(specs.map(({ trait }) => [trait, model.get(trait)]));
    const { headline: text, rows } = readout(state);
    if (headline.textContent !== text) headline.textContent = text; // or it is read aloud again
    headline.classList.toggle("fedlab-refusal", rows.length === 0);
    const colours = COLOURS.values();
    list.replaceChildren(...rows.map((row) => line(row, colours)));
  };
  const all = [...controls.map(({ node }) => node), headline, list];
  el.append(make("div", { class: "fedlab-demo" }, make("div", {}, ...all)));
  model.on("change", refresh); // anywidget takes it off again when the view goes
  refresh();
}

function line([name, value, share], colours) {
  const parts = [make("dt", {}, name), make("dd", {}, value)];
  if (share !== undefined) {
    const style = `width: ${100 * share}%; background: ${colours.next().value}`;
    parts.push(make("dd", { "aria-hidden": "true" }, make("span", { class: "fedlab-bar", style })));
  }
  return make("div", {}, ...parts);
}
