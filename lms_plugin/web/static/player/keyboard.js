// Keys of the player. They work only while the focus is inside it, and never while somebody types.

const TYPING = "input:not([type=range]), textarea, select, [contenteditable]";
const PRESSED_BY_SPACE = "button, a, summary";

/** `commands` offers toggle, seekBy, seekTo (ratio), volumeBy, mute, captions, fullscreen, faster and slower. */
const KEYS = {
  " ": (commands) => commands.toggle(),
  k: (commands) => commands.toggle(),
  j: (commands) => commands.seekBy(-10),
  l: (commands) => commands.seekBy(10),
  ArrowLeft: (commands) => commands.seekBy(-5),
  ArrowRight: (commands) => commands.seekBy(5),
  ArrowUp: (commands) => commands.volumeBy(0.1),
  ArrowDown: (commands) => commands.volumeBy(-0.1),
  Home: (commands) => commands.seekTo(0),
  End: (commands) => commands.seekTo(1),
  m: (commands) => commands.mute(),
  c: (commands) => commands.captions(),
  f: (commands) => commands.fullscreen(),
  "<": (commands) => commands.slower(),
  ">": (commands) => commands.faster(),
};

/** `resting()` is true while no key may reach the film. */
export function listenToKeys(root, commands, { resting }) {
  root.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (resting() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest(TYPING)) return;
    if ((key === " " || key === "Enter") && target.closest(PRESSED_BY_SPACE)) return;
    // The volume's own slider keeps its arrows; on the seek slider they mean five seconds, as everywhere.
    if (target.matches("[data-part=volume]") && (key.startsWith("Arrow") || key === "Home" || key === "End")) return;
    const command = /^[0-9]$/.test(key) ? () => commands.seekTo(Number(key) / 10) : KEYS[key.length === 1 ? key.toLowerCase() : key];
    if (!command) return;
    event.preventDefault();
    command(commands);
  });
}
