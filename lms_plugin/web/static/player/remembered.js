// Choices of the viewer that outlive the page: sound, captions, speed. A browser may refuse to keep them.

const PREFIX = "player.";

export function recall(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private browsing on a shared computer: the choice holds for this page.
  }
}
