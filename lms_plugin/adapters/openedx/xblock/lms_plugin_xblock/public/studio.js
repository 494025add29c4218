/* Where an author chooses the module: search as one types, choose, save. */
function LmsPluginStudio(runtime, element, given) {
  "use strict";
  const root = element.jquery ? element[0] : element;
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const pause = 250;
  let chosen = given.chosen;
  let asked = 0;
  let timer = null;

  function ask(handler, data) {
    return window.$.ajax({
      type: "POST",
      url: runtime.handlerUrl(element, handler),
      data: JSON.stringify(data),
      contentType: "application/json",
      dataType: "json",
    });
  }

  function tell(event, data) {
    if (runtime.notify) {
      runtime.notify(event, data);
    }
  }

  function say(words) {
    part("note").textContent = words;
  }

  function failed(answer) {
    say((answer.responseJSON && answer.responseJSON.error) || given.texts.away);
  }

  function choice(module) {
    const label = document.createElement("label");
    const radio = document.createElement("input");
    radio.type = "radio";
    radio.name = "lms-plugin-module";
    radio.value = module.key;
    radio.checked = module.key === chosen;
    radio.addEventListener("change", () => {
      chosen = module.key;
      part("name").value = module.title;
    });
    const minutes = module.film_seconds === null ? "" : Math.round(module.film_seconds / 60);
    const length = minutes === "" ? "" : ` (${given.texts.minutes.replace("{minutes}", Math.max(1, minutes))})`;
    label.append(radio, ` ${module.title} · ${module.programme.title}${length}`);
    return label;
  }

  function show(found) {
    const list = part("list");
    list.replaceChildren();
    say("");
    if (found.fault) {
      say(found.fault);
    } else if (!found.modules.length) {
      say(given.texts.none_found);
    } else {
      list.append(...found.modules.map(choice));
    }
  }

  function search() {
    asked += 1;
    const mine = asked;
    ask("modules", { words: part("words").value })
      .done((found) => mine === asked && show(found))
      .fail(failed);
  }

  part("words").addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(search, pause);
  });

  part("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!chosen) {
      say(given.texts.choose_one);
      return;
    }
    tell("save", { state: "start" });
    ask("choose", { key: chosen, name: part("name").value })
      .done((saved) => {
        say(saved.fault || given.texts.saved);
        tell("save", { state: saved.fault ? "error" : "end" });
      })
      .fail((answer) => {
        failed(answer);
        tell("error", { title: part("note").textContent, message: "" });
      });
  });

  root.querySelector('[data-action="cancel"]').addEventListener("click", () => tell("cancel", {}));
  search();
}
