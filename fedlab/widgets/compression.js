// The compression demo's view. Its numbers are those of the library's codecs: the kernel answers
// each change, and this draws the answer.

import { histogram } from "./histogram.js";
import { panel } from "./panel.js";

function render({ model, el }) {
  const { counts, ticks, legend } = model.get("_given");
  const { node, draw } = histogram(counts, ticks, legend);
  const figure = { node, refresh: () => draw(model.get("_answer").kept) };
  panel(model, el, () => model.get("_answer"), [figure]);
}

export default { render };
