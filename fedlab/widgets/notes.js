// What a control makes of any value: fedlab/widgets/notes.py in the browser.
// Each returns { value, note }: what the control allows, and a note where that is not what came.

const LONGEST = 25; // characters of a text that a note repeats: any number is shorter

function cut(text) {
  const letters = [...text.replace(/[ \t\r\n]+/g, " ").replace(/^ | $/g, "")];
  return letters.slice(0, LONGEST).join("") + (letters.length > LONGEST ? "…" : "");
}

const quoted = (came) => (typeof came === "string" ? `"${cut(came)}"` : "that");

// A value in the trait's own unit, as a program or a linked widget sets it.
export function taken(came, current, spec) {
  if (spec.options) return option(came, current, spec);
  if (typeof came !== "number") return judged(quoted(came), NaN, NaN, current, spec);
  return judged(String(came / spec.perUnit), came, came / spec.perUnit, current, spec);
}

// What a person typed, in the unit that is shown.
export function typed(text, current, spec) {
  if (text.trim() === "") return judged("nothing", NaN, NaN, current, spec);
  const number = Number(text);
  const quote = Number.isNaN(number) ? quoted(text) : cut(text);
  return judged(quote, number * spec.perUnit, number, current, spec);
}

export const shown = (value, { perUnit }) => String(value / perUnit);

// shownNumber: the number in the unit that is shown, from which multiplying it may differ by a bit.
function judged(quote, number, shownNumber, current, spec) {
  const { low, high, perUnit, whole } = spec;
  const say = (value, note) => ({ value, note: `${quote} ${note} ${shown(value, spec)}` });
  if (Number.isNaN(number)) return say(current, "is no number; it stays");
  const value = whole ? Math.round(number) + 0 : number; // (and no minus before a zero)
  if (value < low) return say(low, "is too small; the least is");
  if (value > high) return say(high, "is too large; the most is");
  return value / perUnit === shownNumber ? { value, note: "" } : say(value, "is rounded to");
}

function option(came, current, { options }) {
  const names = options.map(([name]) => name);
  if (names.includes(came)) return { value: came, note: "" };
  const note = `${quoted(came)} is none of ${names.join(", ")}; it stays ${current}`;
  return { value: current, note };
}
