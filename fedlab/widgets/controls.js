// What a reader changes in a demo, drawn: fedlab/widgets/controls.py in the browser.
// Each control is { node, refresh }: what to show, and what to do when the model has changed.

export const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

export const control = (model, spec) => (spec.options ? choice : number)(model, spec);

// JupyterLab's shortcuts take arrow keys, Enter and letters from an input, unless it says this.
const OURS = { "data-lm-suppress-shortcuts": "true" };

// random, not counted: every demo on the page has a module, and so a count, of its own
const newId = () => `fedlab-${Math.random().toString(36).slice(2)}`;

const put = (model, { trait }, value) => {
  model.set(trait, value);
  model.save_changes();
};

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

// A slider and a number field.
function number(model, spec) {
  const id = newId();
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
    put(model, spec, value);
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

// Radio buttons: every option is in sight, and arrow keys go from one to the next.
function choice(model, spec) {
  const id = newId();
  const buttons = spec.options.map(([value]) =>
    make("input", { ...OURS, type: "radio", name: id, value }),
  );
  const options = spec.options.map(([, text], n) => make("label", {}, buttons[n], text));
  for (const button of buttons) {
    button.addEventListener("change", () => put(model, spec, button.value));
  }
  const refresh = () => {
    for (const button of buttons) button.checked = button.value === model.get(spec.trait);
  };
  const label = make("span", { id }, spec.label);
  const group = make("div", { role: "radiogroup", "aria-labelledby": id }, ...options);
  return { node: make("div", { class: "fedlab-control" }, label, group), refresh };
}
