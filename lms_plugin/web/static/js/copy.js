// Buttons that copy an address; they show only where there is a clipboard to copy to.

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const text = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.copied;
      setTimeout(() => (button.textContent = text), 2000);
    });
  }
}
