// Bins side by side on a logarithmic scale, and in front of each what is chosen of it.

import { make } from "./controls.js";

// counts: of each bin; ticks: [[share of the axis, label], …]; legend: what counts are, what is
// chosen of them. draw: takes how many of each bin are chosen, or [] where nothing is.
export function histogram(counts, ticks, [all, chosen]) {
  const largest = Math.max(...counts);
  // begins below one, so that a bin of one value has a height
  const height = (count) => (count > 0 ? Math.log(2 * count) / Math.log(2 * largest) : 0);
  const percent = (share) => `${100 * share}%`;
  const bar = (name, count) =>
    make("span", { class: name, style: `height: ${percent(height(count))}` });

  const front = counts.map(() => bar("fedlab-front", 0));
  const bins = counts.map((count, n) => make("div", {}, bar("fedlab-behind", count), front[n]));
  const lines = [];
  for (let power = 1; power <= largest; power *= 10) {
    const style = `bottom: ${percent(height(power))}`;
    const label = make("span", {}, power.toLocaleString("en"));
    lines.push(make("div", { class: "fedlab-line", style }, label));
  }
  const labels = ticks.map(([share, text]) =>
    make("span", { style: `left: ${percent(share)}` }, text),
  );
  const key = (name, text) => make("span", {}, make("i", { class: name }), text);
  const plot = make(
    "div",
    { class: "fedlab-plot" },
    ...lines,
    make("div", { class: "fedlab-bins" }, ...bins),
    make("div", { class: "fedlab-ticks" }, ...labels),
  );
  const caption = make(
    "figcaption",
    {},
    key("fedlab-behind", all),
    key("fedlab-front", chosen),
    make("span", {}, "how many, on a logarithmic scale, by value"),
  );
  // read as one picture: the numbers are in the rows below it
  const about = `Histogram by value, on a logarithmic scale: ${all}, and ${chosen}`;
  const node = make("figure", { role: "img", "aria-label": about }, plot, caption);
  const draw = (some) => {
    for (const [n, each] of front.entries()) each.style.height = percent(height(some[n] ?? 0));
  };
  return { node, draw };
}
