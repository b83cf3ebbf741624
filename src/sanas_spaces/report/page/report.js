"use strict";
// Marks of plots: hover, touch and arrow keys tell what they stand for; the same candidate is marked in all plots.
(() => {
  const told = JSON.parse(document.getElementById("told").textContent);
  const tip = document.getElementById("tip");
  const lines = (mark) => {
    const text = mark.dataset.tip;
    if (text !== undefined) return [text];
    const one = told.candidates[mark.dataset.n];
    const found = [`candidate ${mark.dataset.n}${one.state === "complete" ? "" : `, ${told.states[one.state] || one.state}`}`];
    if (one.reason) found.push(one.reason);
    one.figures.forEach((figure, i) => { if (figure !== "") found.push(`${told.figures[i]}: ${figure}`); });
    found.push(`tokens ${one.tokens.join(",")}`);
    const groups = new Map();
    told.choices.forEach((choice, i) => {
      const known = groups.get(choice.group) || [];
      groups.set(choice.group, [...known, `${choice.name} ${choice.options[one.tokens[i]]}`]);
    });
    groups.forEach((picks, group) => found.push(`${group}${group && ": "}${picks.join(", ")}`));
    return found;
  };
  const show = (mark) => {
    hide();
    const [first, ...rest] = lines(mark);
    const head = document.createElement("b");
    head.textContent = first;
    tip.replaceChildren(head, ...rest.map((text) => {
      const line = document.createElement("span");
      line.textContent = text;
      return line;
    }));
    tip.hidden = false;
    const box = mark.getBoundingClientRect(), room = tip.getBoundingClientRect();
    const wide = document.documentElement.clientWidth;
    const left = Math.min(Math.max(8, box.left + box.width / 2 - room.width / 2), wide - room.width - 8);
    const above = box.top - room.height - 10;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 8 ? above : Math.min(box.bottom + 10, innerHeight - room.height - 8)}px`;
    const same = mark.dataset.n === undefined ? [mark] : document.querySelectorAll(`.mark[data-n="${mark.dataset.n}"]`);
    same.forEach((one) => one.classList.add("here"));
  };
  const hide = () => {
    tip.hidden = true;
    document.querySelectorAll(".mark.here").forEach((one) => one.classList.remove("here"));
  };
  const middle = (mark) => {
    const box = mark.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };

  document.querySelectorAll("figure svg").forEach((svg) => {
    const marks = [...svg.querySelectorAll(".mark")];
    if (!marks.length) return;
    // a grid is read line by line; points from left to right
    const at = new Map(marks.map((mark) => [mark, Number(mark.getAttribute("x")) || 0]));
    if (marks[0].dataset.n !== undefined) marks.sort((a, b) => at.get(a) - at.get(b));
    marks.forEach((mark, i) => {
      mark.setAttribute("tabindex", i ? "-1" : "0");
      mark.setAttribute("role", "img");
      mark.setAttribute("aria-label", lines(mark).join("; "));
    });
    const go = (mark) => {
      marks.forEach((one) => one.setAttribute("tabindex", one === mark ? "0" : "-1"));
      mark.focus();
    };
    const beside = (mark, down) => {
      const [x, y] = middle(mark);
      const found = marks.map((one) => [one, ...middle(one)]).filter(([, , v]) => (down ? v > y + 2 : v < y - 2));
      const far = ([, u, v]) => Math.abs(v - y) + 3 * Math.abs(u - x);
      return found.length ? found.reduce((a, b) => (far(b) < far(a) ? b : a))[0] : mark;
    };
    svg.addEventListener("keydown", (event) => {
      const place = marks.indexOf(event.target);
      if (place < 0) return;
      const next = {
        ArrowRight: () => marks[Math.min(place + 1, marks.length - 1)],
        ArrowLeft: () => marks[Math.max(place - 1, 0)],
        ArrowDown: () => beside(event.target, true),
        ArrowUp: () => beside(event.target, false),
        Home: () => marks[0],
        End: () => marks[marks.length - 1],
      }[event.key];
      if (event.key === "Escape") hide();
      if (!next) return;
      event.preventDefault();
      go(next());
    });
    svg.addEventListener("focusin", (event) => { if (event.target.classList.contains("mark")) show(event.target); });
    svg.addEventListener("focusout", hide);
    const near = (event) => {
      let found = null, best = 22;
      for (const mark of marks) {
        const [x, y] = middle(mark), far = Math.hypot(x - event.clientX, y - event.clientY);
        if (far < best) { best = far; found = mark; }
      }
      return found;
    };
    let asked = false;
    svg.addEventListener("pointermove", (event) => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        const mark = near(event);
        if (mark) show(mark); else hide();
      });
    });
    svg.addEventListener("pointerleave", () => requestAnimationFrame(hide));
    svg.addEventListener("click", (event) => { const mark = near(event); if (mark) go(mark); });
  });
  addEventListener("scroll", () => { // a mark that got the focus may have been scrolled to
    const mark = document.activeElement;
    if (mark.classList.contains("mark")) show(mark); else hide();
  }, { passive: true });

  document.querySelectorAll("table.sorts").forEach((table) => {
    table.querySelectorAll("th button").forEach((button) => button.addEventListener("click", () => {
      const head = button.parentElement, column = [...head.parentElement.children].indexOf(head);
      const up = head.getAttribute("aria-sort") !== "ascending";
      table.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => row.children[column].dataset.v ?? row.children[column].textContent;
      const order = (a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === "" || y === "") return (x === "") - (y === ""); // what is missing comes last either way
        const numbers = Number(x) - Number(y);
        return (up ? 1 : -1) * (Number.isNaN(numbers) ? x.localeCompare(y) : numbers);
      };
      table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
    }));
  });
})();
