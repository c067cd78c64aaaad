// What a reader changes in a demo, drawn: fedlab/widgets/controls.py in the browser.
// Each control is { node, refresh }: what to show, and what to do when the model has changed.

import { shown, taken, typed } from "./notes.js";

export const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

export const control = (model, spec) => (spec.options ? choice : number)(model, spec);

// JupyterLab's shortcuts take arrow keys, Enter and letters from an element, unless it says this.
export const OURS = { "data-lm-suppress-shortcuts": "true" };

// random, not counted: every demo on the page has a module, and so a count, of its own
const newId = () => `fedlab-${Math.random().toString(36).slice(2)}`;

// The value before the notes: what a note says is about the value beside it.
const put = (model, { trait }, value, note = "") => {
  const { [trait]: _, ...notes } = model.get("notes");
  if (note !== "") notes[trait] = note;
  model.set(trait, value);
  model.set("notes", notes);
  model.save_changes();
};

// A linked widget may set anything here, as it may in Python: made good before anything reads it.
function keeper(model, spec) {
  let kept = spec.options ? spec.options[0][0] : spec.low;
  return () => {
    const { value, note } = taken(model.get(spec.trait), kept, spec);
    kept = value;
    if (note !== "") put(model, spec, value, note);
    return value;
  };
}

// What is to say about a value, beside it, until there is another one.
function noteOf(model, { trait }, id) {
  const node = make("span", { class: "fedlab-note", id, role: "status" });
  let [said, about] = ["", undefined];
  const refresh = (value) => {
    const now = model.get("notes")[trait] ?? "";
    if (now !== said) [said, about] = [now, value];
    const text = value === about ? said : "";
    if (node.textContent !== text) node.textContent = text; // or it is read aloud again
  };
  return { node, refresh };
}

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
  const note = noteOf(model, spec, `${id}-note`);
  const keep = keeper(model, spec);
  const unit = make("span", { class: "fedlab-unit" }, spec.unit);

  const read = () => typed(field.value, model.get(spec.trait), spec);
  slider.addEventListener("input", () => put(model, spec, fromStop(slider.valueAsNumber, spec)));
  field.addEventListener("input", () => {
    const { value, note: why } = read(); // half-typed numbers wait for Enter or for the way out
    if (why === "") put(model, spec, value);
  });
  const leave = () => {
    if (field.value === shown(model.get(spec.trait), spec)) return; // the note below it stays
    const { value, note: why } = read();
    put(model, spec, value, why);
    field.value = shown(value, spec);
  };
  field.addEventListener("change", leave);
  // inside a notebook no change event follows Enter
  field.addEventListener("keydown", ({ key }) => key === "Enter" && leave());

  const refresh = () => {
    const value = keep();
    note.refresh(value);
    slider.value = nearest(steps(value, spec));
    slider.setAttribute("aria-valuetext", `${shown(value, spec)} ${spec.unit}`.trim());
    if (typed(field.value, NaN, spec).value !== value) field.value = shown(value, spec);
  };
  const node = make("div", { class: "fedlab-control" }, label, slider, field, unit, note.node);
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
  const note = noteOf(model, spec, `${id}-note`);
  const keep = keeper(model, spec);
  const refresh = () => {
    const value = keep();
    note.refresh(value);
    for (const button of buttons) button.checked = button.value === value;
  };
  const label = make("span", { id }, spec.label);
  const about = { role: "radiogroup", "aria-labelledby": id, "aria-describedby": `${id}-note` };
  const group = make("div", about, ...options);
  return { node: make("div", { class: "fedlab-control" }, label, group, note.node), refresh };
}
