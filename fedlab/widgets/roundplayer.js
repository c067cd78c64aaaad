// What plays a run: a clock, buttons, and a slider of its steps. No kernel is asked for anything.

import { OURS, control, make } from "./controls.js";
import { taken } from "./notes.js";
import { stage } from "./roundstage.js";

const PACES = { slow: 2000, normal: 1000, fast: 250 };

// Milliseconds for a step.
export const pace = (speed) => PACES[speed];

// Where the views of one model are: at a step, how far on the way to the next, and when.
export const clock = () => ({ step: 0, way: 0, time: 0, draws: new Set() });

// at: (step) => what `moment` says of it, by default of the model's step; sizes: () => of a model
// on its way out and of an update on its way back, each { share, text }. Beside node and refresh it
// has stop, which ends what a view has begun.
export function player(model, time, at, sizes) {
  const picture = stage();
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const send = (changes) => {
    const { step: _, ...notes } = model.get("notes"); // a note about the step before is over
    for (const [trait, value] of Object.entries({ notes, ...changes })) model.set(trait, value);
    model.save_changes();
  };
  // A linked widget may set anything here, as it may in Python: made good before anything reads it.
  // A step beyond the run's last is Python's to take back, and that may be on its way: here `at`
  // shows the last.
  const keep = () => {
    const spec = { low: 0, high: Infinity, perUnit: 1, whole: true };
    const { value, note } = taken(model.get("step"), time.step, spec);
    if (note !== "") send({ step: value, notes: { ...model.get("notes"), step: note } });
  };
  const draw = () => {
    const now = at();
    const way = calm.matches ? 0 : time.way;
    if (way > 0) picture.draw(at(now.step + 1), sizes(), way, now.model);
    else picture.draw(now, sizes(), 1, now.model);
  };

  let frame = null; // none is asked for unless it plays
  const tick = (now) => {
    const { step, last } = at();
    time.way += Math.max(0, now - time.time) / pace(model.get("speed")); // 0 in a second view
    time.time = now;
    frame = requestAnimationFrame(tick);
    if (step >= last) send({ playing: false });
    else if (time.way >= 1) send({ step: step + 1, playing: step + 1 < last });
    else draw();
  };
  const run = () => {
    time.time = performance.now();
    frame = requestAnimationFrame(tick);
  };
  const stop = () => {
    cancelAnimationFrame(frame);
    frame = null;
  };

  const goTo = (step) => {
    time.way = 0;
    send({ playing: false, step: Math.min(Math.max(step, 0), at().last) });
    for (const each of time.draws) each(); // from halfway back to its step, the step is the same
  };
  const play = () => {
    const { step, last } = at();
    if (last === 0) return; // nobody is selected
    if (step === last) goTo(0);
    send({ playing: !model.get("playing") });
  };
  const buttons = {
    play: button("play", "Play", play),
    back: button("back", "Step back", () => goTo(at().step - (time.way > 0 ? 0 : 1))),
    step: button("step", "Step", () => goTo(at().step + 1)),
    again: button("again", "Start again", () => goTo(0)),
  };
  const slider = make("input", { ...OURS, type: "range", min: 0 });
  slider.addEventListener("input", () => goTo(slider.valueAsNumber));
  const speed = control(model, {
    trait: "speed",
    label: "Speed",
    options: Object.keys(PACES).map((name) => [name, name]),
  });

  const note = make("span", { class: "fedlab-note", role: "status" });
  const refresh = () => {
    keep();
    const { step, last } = at();
    const playing = model.get("playing");
    if (step !== time.step) [time.step, time.way] = [step, 0];
    if (playing && frame === null) run();
    if (!playing) stop();
    buttons.play.className = playing ? "fedlab-pause" : "fedlab-play";
    buttons.play.textContent = playing ? "Pause" : "Play";
    buttons.play.setAttribute("aria-disabled", last === 0);
    buttons.back.setAttribute("aria-disabled", step === 0 && time.way === 0);
    buttons.step.setAttribute("aria-disabled", step === last);
    buttons.again.setAttribute("aria-disabled", step === 0);
    [slider.max, slider.value] = [last, step];
    slider.setAttribute("aria-valuetext", `${step} of ${last}`);
    picture.node.classList.toggle("fedlab-playing", playing);
    speed.refresh();
    const said = model.get("notes").step ?? "";
    if (note.textContent !== said) note.textContent = said; // or it is read aloud again
    draw();
  };
  time.draws.add(draw);
  const steps = make("label", {}, "Step", slider);
  const parts = [...Object.values(buttons), speed.node, steps, note];
  const bar = make("div", { class: "fedlab-player" }, ...parts);
  return {
    node: make("div", {}, picture.node, bar),
    refresh,
    stop: () => {
      stop();
      time.draws.delete(draw);
    },
  };
}

function button(name, text, action) {
  const node = make("button", { ...OURS, type: "button", class: `fedlab-${name}` }, text);
  node.addEventListener("click", action);
  return node;
}
