// The server memory demo's view: fedlab.memory.ServerMemory once more, in the browser.

import { bytes, counted, fixed, grouped, percent, quotient } from "./units.js";
import { panel } from "./panel.js";

const NAMES = { list: "list", running: "running mean", tree: "tree", async: "async buffer" };

// Levels of servers that are at work at one time, at most: L when that many terms of
// fan_out^0 + fan_out^1 + … updates have come.
export function treeLevels(updates, fanOut) {
  let [levels, layer, came] = [1, fanOut, 1 + fanOut];
  while (came <= updates) {
    [levels, layer] = [levels + 1, layer * fanOut];
    came += layer;
  }
  return levels;
}

// Whole numbers as BigInt: a million updates pass 2^53, and the lessons are exact to the byte.
export function formula({ model_size, updates, aggregation, rounds, window, fan_out, storage }) {
  const [model, count] = [model_size, updates].map(BigInt);
  const keeps = aggregation === "list";
  const later = rounds > 1;
  const levels = aggregation === "tree" ? treeLevels(updates, fan_out) : 1;
  const stored = { resident: model, mapped: 0n, half: (model + 1n) / 2n }[storage];
  const held = {
    "global model": stored,
    "initial model": later ? stored : 0n,
    "updates kept": keeps ? model * count : 0n,
    "previous round": keeps && later ? model * count : 0n,
    sums: keeps && later ? 0n : model * BigInt(levels),
    "in flight": keeps ? 0n : model * BigInt(Math.min(window, updates)),
  };
  return { held, total: Object.values(held).reduce((sum, size) => sum + size) };
}

// The words of ServerMemoryDemo.readout. A component's bar is a share of the total; a total's bar
// is a share of the largest total.
export function readout(state) {
  const { model_size, updates, aggregation } = state;
  const { held, total } = formula(state);
  const inModels = (size) => grouped(fixed(quotient(size, BigInt(model_size)), 1));
  const components = Object.entries(held).map(([name, size]) => {
    const share = quotient(size, total);
    return [name[0].toUpperCase() + name.slice(1), `${bytes(size)}, ${percent(share)}`, { share }];
  });
  const totals = Object.keys(NAMES).map((way) => formula({ ...state, aggregation: way }).total);
  const largest = totals.reduce((most, size) => (size > most ? size : most));
  const compared = Object.entries(NAMES).map(([way, name], n) => {
    const colour = way === aggregation ? 0 : 1; // the chosen one's is its components' colour
    const look = { share: quotient(totals[n], largest), colour, apart: n === 0 };
    return [`Total, ${name}`, `${bytes(totals[n])}, ${inModels(totals[n])} models`, look];
  });
  const article = aggregation === "async" ? "an" : "a";
  const headline =
    `For ${counted(updates, "participant")} ${article} ${NAMES[aggregation]} takes ` +
    `${bytes(total)} on the server: ${inModels(total)} × the model.`;
  return { headline, rows: [...components, ...compared] };
}

export default { render: ({ model, el }) => panel(model, el, readout) };
