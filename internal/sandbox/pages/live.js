// Keeps a page up to date: fetches it again while it is looked at, and replaces those parts, marked
// data-live, that the host now draws differently. Without it the page is as good, after a reload.
"use strict";
(() => {
  const parts = (root) => root.querySelectorAll("[data-live]");
  const drawn = new Map(); // name → as the host drew it
  for (const part of parts(document)) drawn.set(part.dataset.live, part.outerHTML);
  if (drawn.size === 0) return;

  // What is folded open stays open: told apart by its summary, and by which of that summary it is.
  const folds = (root) => {
    const seen = new Map();
    return Array.from(root.querySelectorAll("details"), (fold) => {
      const words = fold.querySelector("summary")?.querySelector("b")?.textContent ?? fold.querySelector("summary")?.textContent ?? "";
      seen.set(words, (seen.get(words) ?? 0) + 1);
      return [words + "\n" + seen.get(words), fold];
    });
  };

  // A part in which somebody types or chooses is left alone until they are done.
  const busy = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");

  const replace = (part, next) => {
    const open = new Map(folds(part).map(([key, fold]) => [key, fold.open]));
    for (const [key, fold] of folds(next)) if (open.has(key)) fold.open = open.get(key);
    part.replaceWith(next);
  };

  const look = async () => {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const next = new Map(Array.from(parts(page), (part) => [part.dataset.live, part]));
        for (const part of parts(document)) {
          const name = part.dataset.live, to = next.get(name);
          if (!to || to.outerHTML === drawn.get(name) || busy(part)) continue;
          drawn.set(name, to.outerHTML);
          replace(part, document.adoptNode(to));
        }
      }
      document.body.classList.remove("lost");
    } catch {
      document.body.classList.add("lost");
    }
  };

  const again = async () => {
    if (!document.hidden) await look();
    setTimeout(again, 1000);
  };
  setTimeout(again, 1000);
})();
