// Puts the live view of each demo on the page in the place of its picture and its table.
// window.fedlabDemos: by the demo's name, { controls, view }; view is the module's default export.

(() => {
  "use strict";

  // What a view wants of its model, as anywidget has it, where no kernel listens.
  function modelOf(state) {
    const listeners = [];
    const tell = (event) => {
      for (const [name, call] of listeners) if (name === event) call();
    };
    const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
    return {
      get: (name) => state[name],
      set(name, value) {
        if (same(state[name], value)) return;
        state[name] = value;
        tell(`change:${name}`);
        tell("change");
      },
      on: (event, call) => listeners.push([event, call]),
      save_changes() {},
    };
  }

  function enliven(still) {
    const { controls, view } = window.fedlabDemos[still.dataset.demo];
    const model = modelOf({ ...JSON.parse(still.dataset.state), _controls: controls });
    const el = document.createElement("div");
    const { render } = typeof view === "function" ? view() : view; // as anywidget takes either
    render({ model, el });
    const picture = still.previousElementSibling; // there is none where the demo refuses
    if (picture?.localName === "img") picture.remove();
    still.replaceWith(el);
  }

  for (const still of document.querySelectorAll(".fedlab-still[data-demo]")) {
    try {
      enliven(still);
    } catch (error) {
      console.error(error); // and the still stays
    }
  }
})();
