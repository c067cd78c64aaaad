// The device memory demo's view: fedlab.memory.DeviceMemory once more, in the browser.

import { bytes, fixed, grouped, percent, quotient } from "./units.js";
import { panel } from "./panel.js";

const MOMENTS = { sgd: 0n, momentum: 1n, adam: 2n, adamw: 2n }; // numbers kept for each gradient
const STEP = 4n; // and Adam's kind counts its steps in a float32 for each tensor

// Whole numbers as BigInt: a batch's activations pass 2^53, and the lessons are exact to the byte.
// tensors: how many the model has; no control changes it.
export function formula(state) {
  const { optimizer, data, model_size, update_share } = state;
  const names = ["model_size", "activations", "batch", "example", "examples", "tensors"];
  const [model, activations, batch, example, examples, tensors] = names.map((name) =>
    BigInt(state[name]),
  );
  const counters = optimizer.startsWith("adam") ? STEP * tensors : 0n;
  const held = {
    parameters: model,
    gradients: model,
    "optimizer state": model * MOMENTS[optimizer] + counters,
    activations: activations * batch,
    batch: example * batch,
    dataset: data === "resident" ? example * examples : 0n,
    update: BigInt(fixed(model_size * update_share, 0)),
  };
  const total = Object.values(held).reduce((sum, size) => sum + size);
  // activations and batch are gone when the update is built
  const atWork = held.activations + held.batch;
  const training = atWork >= held.update;
  const peak = total - (training ? held.update : atWork);
  return { held, total, peak, training };
}

// The words of DeviceMemoryDemo.readout. A bar is a share of the total.
export function readout(state) {
  const { held, total, peak, training } = formula(state);
  const times = grouped(fixed(quotient(peak, BigInt(state.model_size)), 1));
  const when = training ? "in a training step" : "when the update is built";
  const component = (label, size) => {
    const share = quotient(size, total);
    return [label, `${bytes(size)}, ${percent(share)}`, { share }];
  };
  const rows = [
    component("Parameters", held.parameters),
    component("Gradients", held.gradients),
    component("Optimizer state", held["optimizer state"]),
    component("Activations", held.activations),
    component("Batch", held.batch),
    component("Data set", held.dataset),
    component("Update", held.update),
    ["All together", `${bytes(total)}, ${grouped(total)} B`, { apart: true }],
    ["Peak, held at one time", `${bytes(peak)}, ${grouped(peak)} B`],
  ];
  const headline =
    `At its peak, ${when}, a participant holds ${bytes(peak)}: ${times} × its model.`;
  return { headline, rows };
}

export default { render: ({ model, el }) => panel(model, el, readout) };
