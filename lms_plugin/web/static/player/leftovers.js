// Sends what the person left on this device when the line was down: questions and, on pages without a film, what was
// watched.

import { Api, personOf } from "./api.js";
import { sendLeft } from "../js/keptquestions.js";
import { openStore } from "./journal.js";
import { Outbox } from "./outbox.js";

addEventListener("online", () => sendLeft(personOf(document)));
sendLeft(personOf(document));

if (!document.querySelector("[data-player]")) {
  const user = personOf(document);
  const store = await openStore(user);
  const outbox = new Outbox({ api: new Api(), store, user, random: Math.random, tell() {} });
  addEventListener("online", () => outbox.pump({ now: true }));
  addEventListener("pagehide", () => store.letGo());
  addEventListener("pageshow", ({ persisted }) => persisted && store.holdAgain());
  await store.takeLeft((entries) => {
    outbox.takeUp(entries);
    outbox.pump();
  });
}
