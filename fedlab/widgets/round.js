// The view of a round in motion: fedlab.widgets.round_moment once more, in the browser.

import { make } from "./controls.js";
import { bytes, counted, grouped, quotient } from "./units.js";
import { panel } from "./panel.js";
import { clock, player } from "./roundplayer.js";

const selectedOf = ({ clients, fraction }) => Math.trunc(clients * fraction);
const answersOf = (state) => Math.max(0, selectedOf(state) - state.failing);

// What a round's newest step was, and whose turn in it.
function eventOf(done, selected, answering) {
  if (done === 0) return ["start", 0];
  if (done <= selected) return ["sent", done - 1];
  if (done === selected + 1) return ["trained", 0];
  if (done === 2 * selected + 2) return ["averaged", 0];
  const turn = done - selected - 2;
  return [turn < answering ? "answered" : "silent", turn];
}

// fedlab.widgets.round_moment.moment. Whole numbers as BigInt: the lessons are exact to the byte.
export function moment(state) {
  const [selected, answering] = [selectedOf(state), answersOf(state)];
  const length = 2 * selected + 2;
  const last = selected > 0 ? length * state.rounds : 0;
  const step = Math.min(state.step, last);
  const before = step > 0 ? Math.floor((step - 1) / length) : 0;
  const done = step - before * length;
  const sent = Math.min(done, selected);
  const asked = Math.max(0, Math.min(done - 1 - selected, selected));

  const client = (turn) => (before * selected + turn) % state.clients;
  const clients = Array(state.clients).fill("idle");
  for (let turn = 0; turn < selected; turn += 1) {
    let status = turn < answering ? "done" : "failed";
    if (turn >= asked) status = "update";
    if (done <= selected) status = "model";
    if (turn >= sent) status = "waiting";
    clients[client(turn)] = status;
  }
  const [event, turn] = eventOf(done, selected, answering);
  return {
    step,
    last,
    round: before + 1,
    event,
    client: ["sent", "answered", "silent"].includes(event) ? client(turn) + 1 : 0,
    clients,
    model: answering > 0 ? before + (event === "averaged" ? 1 : 0) : 0,
    down: BigInt(state.outgoing) * BigInt(before * selected + sent),
    up: BigInt(state.incoming) * BigInt(before * answering + Math.min(asked, answering)),
  };
}

const inShort = (size) => bytes(BigInt(size)).split(" (")[0];

function where({ step, last, round }, rounds) {
  const text = `tep ${step} of ${last}`;
  return rounds === 1 ? `S${text}` : `Round ${round} of ${rounds}, s${text}`;
}

function what({ event, client, model }, state) {
  const [selected, answering] = [selectedOf(state), answersOf(state)];
  const averaged = answering
    ? `the server averaged ${counted(answering, "update")} into model ${model}`
    : "no update came, so the server keeps its model 0";
  const went = inShort(state.outgoing);
  const who = `${selected} of ${counted(state.clients, "client")}`;
  return {
    start: `the server holds model 0 and has selected ${who}`,
    sent: `client ${client} has its model`,
    trained: `${counted(selected, "client")} trained, each on data of its own`,
    answered: `the update of client ${client} is back`,
    silent: `client ${client} never answers, though ${went} went to it`,
    averaged,
  }[event];
}

// The words of RoundDemo.readout. Down and up have bars: shares of the larger of the two totals.
export function readout(state) {
  const { clients, fraction, rounds, outgoing, incoming } = state;
  const [selected, answering] = [selectedOf(state), answersOf(state)];
  if (selected === 0) {
    const headline =
      `Nobody is selected: int(${clients} × ${fraction}) is 0. ` +
      "Raise the fraction or the number of clients.";
    return { headline, rows: [] };
  }
  const now = moment(state);
  const silent = (selected - answering) * rounds;
  const downlink = BigInt(outgoing) * BigInt(selected * rounds);
  const uplink = BigInt(incoming) * BigInt(answering * rounds);
  const [soFar, total] = [now.down + now.up, downlink + uplink];
  const larger = [downlink, uplink, 1n].reduce((most, size) => (size > most ? size : most));
  const travelled =
    now.step === now.last ? `all ${bytes(total)}` : `${inShort(soFar)} of ${inShort(total)}`;
  const lost = BigInt(outgoing) * BigInt(silent);
  const cost = silent > 0 ? `; ${inShort(lost)} went out for them` : "";
  const of = (part, whole, colour) =>
    [`${inShort(part)} of ${inShort(whole)}`, { share: quotient(part, larger), colour }];
  const rows = [
    ["Downlink so far", ...of(now.down, downlink, 0)],
    ["Uplink so far", ...of(now.up, uplink, 1)],
    ["Both ways so far", `${bytes(soFar)}, ${grouped(soFar)} B`],
    ["Both ways, the whole run", `${bytes(total)}, ${grouped(total)} B`],
    ["Clients selected each round", `${selected} of ${clients}`],
    ["Updates that never come", `${silent} of ${selected * rounds}${cost}`],
  ];
  const headline = `${where(now, rounds)}: ${what(now, state)}; ${travelled} have travelled.`;
  return { headline, rows };
}

function render({ model, el }, time) {
  const state = (step = model.get("step")) => {
    const settings = model.get("_controls").map(({ trait }) => [trait, model.get(trait)]);
    return { ...Object.fromEntries(settings), step };
  };
  const at = (step) => moment(state(step));
  const sizes = () => {
    const { outgoing, incoming } = state();
    const share = (size) => size / Math.max(outgoing, incoming, 1);
    return [outgoing, incoming].map((size) => ({ share: share(size), text: inShort(size) }));
  };
  const show = player(model, time, at, sizes);
  panel(model, el, () => readout(state()), [show]);
  // the show comes first; its settings stand below it
  const demo = el.lastElementChild;
  demo.classList.add("fedlab-round");
  const settings = demo.firstElementChild.querySelectorAll(":scope > .fedlab-control");
  demo.querySelector("dl").after(make("div", { class: "fedlab-settings" }, ...settings));
  return show.stop;
}

// called once for a model: its views share one clock
export default () => {
  const time = clock();
  return { render: (context) => render(context, time) };
};
