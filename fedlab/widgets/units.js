// Numbers as Python says them, to the character: `str(Bytes)`, `duration`, formats, quotients.

const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

// As Python's format(x, ".2f"). toFixed is exact but rounds a tie up, where Python rounds it to
// even; in binary a tie is an odd multiple of 2^-(digits + 1). Rounded up to an odd digit, one less
// is the even one.
export function fixed(x, digits) {
  const text = x.toFixed(digits);
  const tie = (x * 2 ** (digits + 1)) % 2 === 1;
  return tie && "13579".includes(text.at(-1)) ? text.slice(0, -1) + (text.at(-1) - 1) : text;
}

// Commas between thousands, for text of at most two decimals or for a whole number.
export const grouped = (number) => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

// A count with its noun.
export const counted = (number, noun) =>
  `${grouped(number)} ${noun}${Number(number) === 1 ? "" : "s"}`;

// part / whole for BigInts, rounded once, as Python divides whole numbers: 192 bits beyond the
// point, and one more that says whether something is left, so that no tie is seen where none is.
export function quotient(part, whole) {
  const bits = (part << 192n) / whole;
  const rest = (part << 192n) % whole === 0n ? 0n : 1n;
  return Number((bits << 1n) | rest) / 2 ** 193;
}

// As Python's format(share, ".1%").
export const percent = (share) => `${fixed(100 * share, 1)}%`;

// size: a BigInt, since traffic passes 2^53. Both quotients are rounded once, as Python's are.
export function bytes(size) {
  if (size < 1000n) return `${size} B`;
  const last = DECIMAL.length - 1;
  const digits = Math.min(Math.floor((`${size}`.length - 1) / 3), last);
  const inUnits = (power) => fixed(Number(`${size}e-${3 * power}`), 2);
  const power = digits + (digits < last && Number(inUnits(digits)) === 1000); // 1.00 MB, not kB
  const decimal = grouped(inUnits(power));
  const binary = grouped(fixed(Number(size) / 1024 ** power, 2));
  return `${decimal} ${DECIMAL[power]} (${binary} ${BINARY[power]})`;
}

export function duration(seconds) {
  if (Number(fixed(seconds, 1)) < 60) return `${fixed(seconds, 1)} s`;
  const minutes = seconds / 60;
  if (Number(fixed(minutes, 1)) < 60) return `${fixed(minutes, 1)} min`;
  const whole = BigInt(fixed(minutes, 0));
  if (whole / 60n < 48n) return `${whole / 60n} h ${whole % 60n} min`;
  const hours = BigInt(fixed(minutes / 60, 0));
  return `${grouped(hours / 24n)} d ${hours % 24n} h`;
}
