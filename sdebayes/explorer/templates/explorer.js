// What a reader does, and what the picture then shows. Texts reach the page as text nodes only.
"use strict";
(async () => {
  const specification = "THE SPECIFICATION";
  const root = document.getElementById("explorer");
  const part = (role) => root.querySelector(`[data-role="${role}"]`);
  const unpacked = (id) => {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  if (!("DecompressionStream" in window)) {
    part("where").textContent = "The explorer needs a browser of 2023 or later.";
    return;
  }
  const library = document.createElement("script");
  library.textContent = await unpacked("explorer-library"); // Run at once, as the page's policy knows its hash.
  document.head.append(library);
  const facts = JSON.parse(await unpacked("explorer-data"));
  const { texts, states, fields, words } = facts;
  const REACH = 24, NEAR = 1.645, PAUSE = 900, LONGEST = 0.85;
  const shown = { text: 0, step: 0, across: 0, up: 1, field: 0, colour: "" };
  let view = null, timer = null, pointed = null, points = [];

  for (const element of root.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];

  // Numbers of a step, in units of the states.
  const place = (i, k, j) => {
    const written = texts[i].steps.x[k][j];
    return written === null ? null : facts.origin[j] + written * facts.unit[j];
  };
  const spread = (i, k, j) => (texts[i].steps.sd[k][j] ?? 0) * facts.unit[j];
  const length = (i) => texts[i].steps.x.length;
  const known = (i, k) => place(i, k, shown.across) !== null && place(i, k, shown.up) !== null;
  const nearest = (i, k) => k >= length(i) ? length(i) - 1 : Math.max(0, k);

  // What the points, the path and the drift are in the plane that is shown.
  const kind = (i, k) => {
    if (shown.colour === "group") return texts[i].group ?? "";
    if (shown.colour === "regime") return `regime ${texts[i].steps.regime[k]}`;
    return "";
  };
  const everyPoint = () => texts.flatMap((text, i) => text.steps.x.map((_, k) => ({
    i, k, x: place(i, k, shown.across), y: place(i, k, shown.up), by: shown.colour, kind: kind(i, k), surprise: text.steps.surprise[k],
  }))).filter((point) => point.x !== null && point.y !== null);
  const step = (i, k) => {
    const [x, y] = [place(i, k, shown.across), place(i, k, shown.up)];
    const [dx, dy] = [NEAR * spread(i, k, shown.across), NEAR * spread(i, k, shown.up)];
    return { x: x ?? 0, y: y ?? 0, left: x - dx, right: x + dx, low: y - dy, high: y + dy,
      known: known(i, k), past: k <= shown.step, surprise: texts[i].steps.surprise[k] };
  };
  const path = () => texts[shown.text].steps.x.map((_, k) => step(shown.text, k));
  const plane = () => {
    const own = fields[shown.field].planes, [a, b] = [shown.across, shown.up];
    if (own[`${a},${b}`]) return own[`${a},${b}`];
    const turned = own[`${b},${a}`];
    if (!turned) return null;
    const swap = (values) => turned.y.flatMap((_, n) => turned.x.map((_, m) => values[m * turned.y.length + n]));
    return { x: turned.y, y: turned.x, u: swap(turned.v), v: swap(turned.u), certainty: swap(turned.certainty) };
  };
  const arrows = () => {
    const found = plane();
    if (!found) return [];
    const gap = (grid) => grid[1] - grid[0];
    const size = found.u.map((u, n) => Math.hypot(u / gap(found.x), found.v[n] / gap(found.y)));
    const scale = LONGEST / (Math.max(...size) || 1);
    return size.map((_, n) => {
      const x = found.x[Math.floor(n / found.y.length)], y = found.y[n % found.y.length];
      return { x, y, x2: x + scale * found.u[n], y2: y + scale * found.v[n], strength: 0.12 + 0.68 * found.certainty[n] };
    });
  };
  const marks = (list) => list.map((one, n) => ({
    x: one.place[shown.across], y: one.place[shown.up], stable: one.stable, label: String(n + 1),
  }));
  const domain = (name, state) => {
    const all = points.map((point) => point[name]), [low, high] = all.reduce(
      ([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
    const margin = 0.06 * (high - low) || 1;
    return Number.isFinite(low) ? [low - margin, high + margin] : [-1, 1];
  };

  // The picture.
  const colours = () => {
    const style = getComputedStyle(root);
    for (const name of ["ink", "quiet", "line", "paper", "accent", "cloud"])
      view.signal(name, style.getPropertyValue(`--explorer-${name}`).trim());
  };
  const kinds = () => {
    if (shown.colour === "group") return [...new Set(texts.map((text) => text.group ?? ""))].sort();
    if (shown.colour === "regime") return [...new Set(points.map((point) => point.kind))].sort();
    return [];
  };
  const drawAll = () => {
    points = everyPoint();
    view.signal("acrossDomain", domain("x")).signal("upDomain", domain("y"));
    view.signal("acrossTitle", states[shown.across]).signal("upTitle", states[shown.up]).signal("labels", kinds());
    view.signal("remark", plane() ? "" : "no drift was computed for this pair of states");
    view.data("points", points).data("arrows", arrows());
    view.data("equilibria", marks(fields[shown.field].equilibria)).data("places", marks(fields[shown.field].places));
    drawStep();
  };
  const drawStep = () => {
    const now = step(shown.text, shown.step);
    view.data("path", path()).data("step", now.known ? [now] : []).data("pointed", []);
    pointed = null;
    view.runAsync();
    read(shown.text, shown.step, false);
    part("step").max = length(shown.text) - 1;
    part("step").value = shown.step;
    part("step").setAttribute("aria-valuetext", `step ${shown.step + 1} of ${length(shown.text)}`);
    part("text").value = shown.text;
    part("picture").setAttribute("aria-label", `Phase portrait of ${states[shown.across]} and ${states[shown.up]}, ` +
      `with the path of ${texts[shown.text].title} up to step ${shown.step + 1} of ${length(shown.text)}`);
  };

  // The reading beside the picture.
  const write = (value, digits = 2) => value.toFixed(digits).replace("-", "\u2212");
  const read = (i, k, byPointer) => {
    const { steps, title, group } = texts[i];
    const where = [title, `step ${k + 1} of ${length(i)}`];
    if (group !== null) where.push(group);
    if (steps.regime !== null) where.push(`regime ${steps.regime[k]}`);
    const numbers = [...new Set([shown.across, shown.up])].filter((j) => place(i, k, j) !== null).map((j) =>
      `${states[j]} ${write(place(i, k, j))}` + (spread(i, k, j) > 0 ? ` ± ${write(NEAR * spread(i, k, j))} (90 %)` : ""));
    if (steps.time[k] !== null && steps.time[k] !== k) numbers.unshift(`${write(steps.time[k])} ${words.unit}`);
    if (steps.surprise[k] !== null) numbers.push(`surprise ${write(steps.surprise[k], 1)} nats, tail probability ${steps.tail[k]}`);
    part("where").textContent = where.join(", ");
    part("said").textContent = steps.text === null ? "" : steps.text[k];
    part("numbers").textContent = numbers.join("; ");
    part("reading").classList.toggle("pointed", byPointer);
    if (!byPointer && !timer) part("announced").textContent = `${where.join(", ")}. ${part("said").textContent}`;
  };

  // What a reader does.
  const go = (text, k) => {
    shown.text = (text + texts.length) % texts.length;
    shown.step = nearest(shown.text, k);
    drawStep();
  };
  const play = (on) => {
    clearInterval(timer);
    timer = null;
    if (on && shown.step >= length(shown.text) - 1) go(shown.text, 0);
    if (on) timer = setInterval(() => {
      go(shown.text, shown.step + 1);
      if (shown.step >= length(shown.text) - 1) play(false);
    }, PAUSE);
    part("play").textContent = on ? "Pause" : "Play";
    part("play").setAttribute("aria-pressed", String(on));
  };
  const take = (text, k) => { play(false); go(text, k); };
  const keys = {
    ArrowRight: () => take(shown.text, shown.step + 1), ArrowLeft: () => take(shown.text, shown.step - 1),
    ArrowDown: () => take(shown.text + 1, 0), ArrowUp: () => take(shown.text - 1, 0),
    Home: () => take(shown.text, 0), End: () => take(shown.text, length(shown.text) - 1), " ": () => play(!timer),
  };
  const under = (event) => {
    const box = part("picture").getBoundingClientRect(), [left, top] = view.origin();
    const [x, y] = [event.clientX - box.left - left, event.clientY - box.top - top];
    const [across, up] = [view.scale("across"), view.scale("up")];
    let best = null, least = REACH ** 2;
    for (const point of points) {
      const own = (across(point.x) - x) ** 2 + (up(point.y) - y) ** 2;
      if (own < least || (own === least && point.i === shown.text)) [best, least] = [point, own];
    }
    return best;
  };
  const follow = (event) => {
    const found = under(event);
    if (found === pointed) return;
    pointed = found;
    view.data("pointed", found ? [found] : []).runAsync();
    read(found ? found.i : shown.text, found ? found.k : shown.step, Boolean(found));
  };
  const leave = () => {
    if (pointed) { pointed = null; view.data("pointed", []).runAsync(); read(shown.text, shown.step, false); }
  };

  // The lists.
  const fill = (role, entries, chosen, then) => {
    const list = part(role);
    for (const [value, label] of entries) list.append(new Option(label, value, false, String(value) === String(chosen)));
    list.addEventListener("change", () => then(list.value));
  };
  const listPlaces = () => {
    const items = fields[shown.field].places.map((one, n) => {
      const item = document.createElement("li"), list = document.createElement("ul");
      item.append(`${one.stable ? "Stable" : "Unstable"}, in ${Math.round(100 * one.share)} % of the draws`, list);
      for (const [i, k] of one.nearest) {
        const entry = document.createElement("li"), button = document.createElement("button");
        const name = document.createElement("b");
        name.textContent = `${texts[i].title}, step ${k + 1}`;
        button.type = "button";
        button.append(name, texts[i].steps.text === null ? "" : ` ${texts[i].steps.text[k]}`);
        button.addEventListener("click", () => take(i, k));
        entry.append(button);
        list.append(entry);
      }
      return item;
    });
    part("place-list").replaceChildren(...items);
    part("places").hidden = items.length === 0;
  };
  const colourings = [["", "one colour"], ["surprise", "surprise"]];
  if (texts.some((text) => text.group !== null)) colourings.unshift(["group", "group"]);
  if (texts.some((text) => text.steps.regime !== null)) colourings.unshift(["regime", "regime"]);
  shown.colour = colourings[0][0];
  fill("text", texts.map((text, i) => [i, text.title]), 0, (value) => take(Number(value), 0));
  fill("across", states.map((state, j) => [j, state]), 0, (value) => { shown.across = Number(value); drawAll(); });
  fill("up", states.map((state, j) => [j, state]), 1, (value) => { shown.up = Number(value); drawAll(); });
  fill("colour", colourings, shown.colour, (value) => { shown.colour = value; drawAll(); });
  fill("field", fields.map((field, n) => [n, field.title]), 0, (value) => { shown.field = Number(value); listPlaces(); drawAll(); });
  part("field-label").hidden = fields.length < 2;
  listPlaces();

  const picture = part("picture");
  const sized = () => ({ width: picture.clientWidth, height: picture.clientHeight });
  const values = texts.flatMap((text) => text.steps.surprise).filter((value) => value !== null).sort((a, b) => a - b);
  const quantile = (share) => values[Math.floor(share * (values.length - 1))] ?? share;
  const made = await vegaEmbed(picture, { ...specification, ...sized() }, {
    mode: "vega", ast: true, actions: false, renderer: "svg", hover: false, tooltip: false, defaultStyle: false,
  });
  view = made.view;
  view.signal("surpriseDomain", [quantile(0.05), quantile(0.95)]);
  colours();
  drawAll();
  new ResizeObserver(() => view.width(sized().width).height(sized().height).runAsync()).observe(picture);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours(); view.runAsync(); });
  picture.addEventListener("pointermove", follow);
  picture.addEventListener("pointerleave", leave);
  picture.addEventListener("click", (event) => { const found = under(event); if (found) take(found.i, found.k); });
  picture.addEventListener("keydown", (event) => {
    if (keys[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); keys[event.key](); }
  });
  part("back").addEventListener("click", keys.ArrowLeft);
  part("forward").addEventListener("click", keys.ArrowRight);
  part("play").addEventListener("click", keys[" "]);
  part("step").addEventListener("input", (event) => take(shown.text, Number(event.target.value)));
  root.dataset.ready = "true";
})();
