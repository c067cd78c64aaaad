// The bandwidth demo's view: fedlab.bandwidth.FederatedRun once more, in the browser.

import { bytes, counted, duration, grouped } from "./units.js";
import { panel } from "./panel.js";

// Whole numbers as BigInt: traffic passes 2^53, and the lessons are exact to the byte.
export function formula({ outgoing, incoming, cohort, fraction, rounds }) {
  const clients = BigInt(Math.trunc(cohort * fraction));
  const [out, back, times] = [outgoing, incoming, rounds].map(BigInt);
  return {
    clients,
    downlink: out * clients * times,
    uplink: back * clients * times,
    perRound: (out + back) * clients,
    traffic: (out + back) * clients * times,
  };
}

// The words of BandwidthDemo.readout. Down and up have bars: shares of the larger of the two.
export function readout(state) {
  const { outgoing, incoming, cohort, fraction, rounds, link_mbps } = state;
  const { clients, downlink, uplink, perRound, traffic } = formula(state);
  if (clients === 0n) {
    const headline =
      `Nobody is selected: int(${grouped(cohort)} × ${fraction}) is 0. ` +
      "Raise the fraction or the cohort.";
    return { headline, rows: [] };
  }
  const seconds = (size) => Number(size * 8n) / (link_mbps * 1e6);
  const larger = Math.max(outgoing, incoming, 1);
  const rows = [
    ["Clients per round", `${grouped(clients)} of ${grouped(cohort)}`],
    ["Downlink, all rounds", bytes(downlink), { share: outgoing / larger }],
    ["Uplink, all rounds", bytes(uplink), { share: incoming / larger, colour: 1 }],
    ["Both ways, one round", bytes(perRound)],
    ["Traffic, all rounds", `${bytes(traffic)}, ${grouped(traffic)} B`],
    ["One client's upload, one round", duration(seconds(BigInt(incoming)))],
    ["All traffic through one such link", duration(seconds(traffic))],
  ];
  const headline =
    `(${short(outgoing)} + ${short(incoming)}) × ${counted(clients, "client")} ` +
    `per round × ${counted(rounds, "round")} = ${bytes(traffic)}`;
  return { headline, rows };
}

const short = (size) => bytes(BigInt(size)).split(" (")[0];

export default { render: ({ model, el }) => panel(model, el, readout) };
