// Starts the players of a page.

import { personOf } from "./api.js";
import { openStore } from "./journal.js";
import { Player } from "./player.js";

/** The stretch that the page's address asks for, `?from=SECONDS&to=SECONDS`; null where it asks for none. */
function askedIn(search) {
  const values = new URLSearchParams(search);
  const from = parseFloat(values.get("from"));
  const to = parseFloat(values.get("to"));
  return from >= 0 ? { from, to: to > from ? to : null } : null;
}

const user = personOf(document);
const asked = askedIn(location.search);
const store = await openStore(user);
for (const root of document.querySelectorAll("[data-player]")) new Player(root, { store, user, asked });
