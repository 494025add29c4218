// A form that only carries something on to another site: sent as soon as the page is there, by its button without scripts.

document.querySelector("form[data-send-at-once]")?.submit();
