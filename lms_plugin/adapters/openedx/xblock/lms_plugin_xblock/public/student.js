/* The learner's part of a course page: shows the hours that the platform's server asked for, and opens the module. */
function LmsPluginStudent(runtime, element, given) {
  "use strict";
  const root = element.jquery ? element[0] : element;
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const every = 60000;
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

  function say(words) {
    part("note").textContent = words;
    part("note").hidden = !words;
  }

  function show(found) {
    if (found.fault) {
      say(found.fault);
      return;
    }
    say("");
    part("standing").hidden = false;
    for (const name of ["title", "film", "hours", "missing"]) {
      part(name).textContent = found[name];
    }
    part("ratio").hidden = found.ratio === null;
    part("ratio").value = found.ratio || 0;
  }

  function failed(answer) {
    say((answer.responseJSON && answer.responseJSON.error) || given.texts.away);
  }

  function refresh(opening) {
    ask("standing", { opening: opening }).done(show).fail(failed);
  }

  /* A fresh hand-over goes by POST, so that it stands in no address and no history. */
  function send(target, found) {
    if (found.fault) {
      say(found.fault);
      return;
    }
    const form = document.createElement("form");
    form.method = "post";
    form.action = found.action;
    form.target = target;
    form.hidden = true;
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "token";
    field.value = found.token;
    form.append(field);
    document.body.append(form);
    form.submit();
    form.remove();
  }

  function openIn(target) {
    ask("open", {}).done((found) => send(target, found)).fail(failed);
    if (timer === null) {
      timer = window.setInterval(() => {
        if (!root.isConnected) {
          window.clearInterval(timer);
        } else if (!document.hidden) {
          refresh(false);
        }
      }, every);
    }
  }

  root.querySelector('[data-action="here"]').addEventListener("click", () => {
    let frame = part("frame").querySelector("iframe");
    if (!frame) {
      frame = document.createElement("iframe");
      frame.name = `lms-plugin-${Math.random().toString(36).slice(2)}`;
      frame.title = given.texts.frame_title;
      frame.allow = "fullscreen; autoplay; picture-in-picture";
      part("frame").append(frame);
    }
    openIn(frame.name);
  });

  root.querySelector('[data-action="window"]').addEventListener("click", () => {
    const name = `lms-plugin-${Math.random().toString(36).slice(2)}`;
    /* Opened at once: a window that opens later than the click is taken for an advertisement. */
    window.open("about:blank", name);
    openIn(name);
  });

  root.querySelector('[data-action="refresh"]').addEventListener("click", () => refresh(false));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && root.isConnected) {
      refresh(false);
    }
  });
  /* Until here a press would have been lost. */
  for (const button of root.querySelectorAll("[data-action]")) {
    button.disabled = false;
  }
  refresh(true);
}
