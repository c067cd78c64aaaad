// The picture of a run: a server, its clients, and between them a lane each for what travels.

import { make } from "./controls.js";

const WORDS = {
  idle: "not selected",
  waiting: "waits",
  model: "has its model",
  update: "has its update",
  done: "answered",
  failed: "no answer",
};
// what a client does while a step is on its way
const DOES = { sent: "receives", trained: "trains", answered: "sends", silent: "is awaited" };

export function stage() {
  const model = make("span");
  const updates = make("span");
  const server = make("div", { class: "fedlab-server" }, make("b", {}, "Server"), model, updates);
  const grid = make("div", { class: "fedlab-lanes" });
  const node = make("figure", { class: "fedlab-stage", role: "img" }, grid, legend());
  let lanes = [];

  // now: what `moment` says of a step; way: how much of that step is done, from 0 to 1; sizes: of
  // what goes out and of what comes back, each { share, text }; version: of the server's model.
  const draw = (now, sizes, way, version) => {
    if (lanes.length !== now.clients.length) {
      lanes = now.clients.map((_, n) => lane(n + 1));
      server.style.gridRow = `1 / span ${lanes.length}`;
      grid.replaceChildren(server, ...lanes.flatMap(({ nodes }) => nodes));
    }
    const words = now.clients.map((status, n) => {
      const moves = way < 1 && (now.client === n + 1 || (now.client === 0 && status !== "idle"));
      const text = (moves && DOES[now.event]) || WORDS[status];
      lanes[n].draw(text, status, now.event, sizes, moves ? way : 1);
      return text;
    });
    const back = words.filter((text) => text === WORDS.done).length;
    const count = now.event === "averaged" && way === 1 ? 0 : back;
    model.textContent = `model ${version}`;
    updates.textContent = count > 0 ? `${count} back` : "";
    if (way < 1) return; // what is read aloud changes once a step
    const clients = words.map((text, n) => `Client ${n + 1}: ${text}.`);
    node.setAttribute("aria-label", `The server has model ${version}. ${clients.join(" ")}`);
  };
  return { node, draw };
}

function lane(number) {
  const down = message("fedlab-down");
  const up = message("fedlab-up");
  const words = make("span");
  const client = make("div", {}, make("b", {}, `Client ${number}`), words);
  const path = make("div", { class: "fedlab-lane" }, down.node, up.node);

  // way: how much is done of the event, if it is this client's
  const draw = (text, status, event, [out, back], way) => {
    const training = event === "trained" && way < 1;
    const gone = event === "averaged" && status === "done"; // into the server's next model
    const lost = status === "failed";
    down.put(out, {
      place: status === "waiting" || status === "idle" ? 0 : event === "sent" ? way : 1,
      seen: status === "model" || training ? 1 : 0,
    });
    up.put(back, {
      place: status !== "done" ? 1 : event === "answered" ? 1 - way : 0,
      seen: gone ? 1 - way : !training && ["update", "done", "failed"].includes(status) ? 1 : 0,
      lost,
    });
    words.textContent = text;
    client.className = `fedlab-client fedlab-${status}`;
    client.style.setProperty("--done", training ? way : 0);
  };
  return { nodes: [path, client], draw };
}

// A box as long as what it carries is large, and beside it how large that is.
function message(name) {
  const box = make("i");
  const label = make("span");
  const node = make("span", { class: `fedlab-message ${name}` }, box, label);
  const put = ({ share, text }, { place, seen, lost = false }) => {
    box.style.setProperty("--share", share);
    label.textContent = lost ? "✕ 0 B" : text;
    node.classList.toggle("fedlab-lost", lost);
    node.style.left = `${100 * place}%`;
    node.style.transform = `translateX(${-100 * place}%)`; // so that it ends where its lane does
    node.style.opacity = seen;
  };
  return { node, put };
}

function legend() {
  const key = (name, text) => make("span", { class: name }, make("i"), text);
  return make(
    "figcaption",
    {},
    key("fedlab-down", "model, from the server to a client"),
    key("fedlab-up", "update, from a client to the server"),
  );
}
