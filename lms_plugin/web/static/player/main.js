// Starts the players of a page.

import { Player } from "./player.js";

for (const root of document.querySelectorAll("[data-player]")) new Player(root);
