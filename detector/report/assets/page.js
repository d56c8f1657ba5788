/* The plots and controls of the report. Text out of records reaches a canvas or textContent only, never markup. */
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const times = Array.from({ length: data.n }, (_, i) => data.start + i * data.step);
  const begin = data.start, end = data.start + data.n * data.step;
  const rank = Object.fromEntries(data.severities.map((name, i) => [name, i]));
  const live = new Map();
  data.panels.forEach((panel) => [...panel.r, ...panel.w].forEach((row) => {
    let at = 0;
    row[1] = row[1].map((step) => (at += step));
  }));
  let view = [begin, end];

  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const when = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
  const utc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");
  const short = (text, size) => (text.length > size ? text.slice(0, size - 1) + "…" : text);

  function axes(left, values) {
    const line = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") }, font: "11px system-ui, sans-serif" };
    const dates = [
      [86400, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1],
      [3600, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{YYYY}-{MM}-{DD}", null, null, null, 1],
      [1, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{YYYY}-{MM}-{DD}", null, null, null, 1],
    ];
    return [{ ...line, space: 90, values: dates }, { ...line, size: left, ...(values || {}) }];
  }

  function draw(box, height, series, rows, more) {
    const chart = new uPlot({
      width: Math.max(240, box.clientWidth), height, tzDate: utc, legend: { show: false }, pxAlign: 1,
      cursor: { points: { show: false }, drag: { x: true, y: false, setScale: false } },
      scales: { x: { time: true, range: () => view }, y: more.y || { range: (_, __, most) => [0, Math.max(1, most * 1.05)] } },
      axes: axes(more.left || 48, more.values), series: [{}, ...series], bands: more.bands, hooks: { setSelect: [chosen], ...(more.hooks || {}) },
    }, rows, box);
    chart.root.setAttribute("aria-hidden", "true");
    return chart;
  }

  /* Somebody dragged over a stretch. */
  function chosen(chart) {
    const { left, width } = chart.select;
    if (width < 4) return;
    const from = chart.posToVal(left, "x"), to = chart.posToVal(left + width, "x");
    chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    look(from, to);
  }

  const known = (numbers) => numbers.map((n) => (n < 0 ? null : n));
  const steps = () => uPlot.paths.stepped({ align: 1 });
  const bars = () => uPlot.paths.bars({ size: [0.9, 40], align: 1 });

  const tall = 150, laned = (rows) => 64 + 20 * Math.max(1, rows.length);
  function band(box, panel) {
    return draw(box, tall, [
      { stroke: colour("--band"), width: 1, paths: steps(), points: { show: false } },
      { stroke: colour("--band"), width: 1, paths: steps(), points: { show: false } },
      { stroke: colour("--bar"), width: 1.5, paths: steps(), points: { show: false } },
    ], [times, known(panel.l), known(panel.h), panel.c], { bands: [{ series: [2, 1], fill: colour("--band") }] });
  }

  function failed(box, panel) {
    const counts = panel.f || times.map(() => 0);
    return draw(box, tall, [{ stroke: colour("--mark"), fill: colour("--mark"), paths: bars(), points: { show: false } }], [times, counts], {});
  }

  function lanes(box, rows) {
    const places = rows.map((_, i) => i + 0.5);
    return draw(box, laned(rows), [{ paths: () => null, points: { show: false } }], [times, times.map(() => null)], {
      left: 150,
      y: { dir: -1, range: () => [0, Math.max(1, rows.length)] },
      values: { splits: () => places, values: () => rows.map((row) => short(row[0], 19)), grid: { show: false } },
      hooks: {
        draw: [(chart) => {
          const paint = chart.ctx;
          paint.save();
          paint.beginPath();
          paint.rect(chart.bbox.left, chart.bbox.top, chart.bbox.width, chart.bbox.height);
          paint.clip();
          rows.forEach(([, runs, fresh], i) => {
            paint.fillStyle = colour(fresh ? "--mark" : "--bar");
            const top = chart.valToPos(i + 0.2, "y", true), bottom = chart.valToPos(i + 0.8, "y", true);
            for (let k = 0; k < runs.length; k += 2) {
              const left = chart.valToPos(begin + runs[k] * data.step, "x", true);
              const right = chart.valToPos(begin + runs[k + 1] * data.step, "x", true);
              paint.fillRect(left, top, Math.max(2, right - left), bottom - top);
            }
          });
          paint.restore();
        }],
      },
    });
  }

  function figure(parent, caption, label, height) {
    const outer = document.createElement("figure"), box = document.createElement("div"), words = document.createElement("figcaption");
    words.textContent = caption;
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", label);
    box.style.minHeight = `${height}px`;
    outer.append(words, box);
    parent.append(outer);
  }

  const total = (numbers) => (numbers || []).reduce((sum, n) => sum + n, 0);
  const listed = (rows) => rows.map((row) => row[0] + (row[2] ? " (new)" : "")).join(", ") || "none known";

  /* Tables of agents that are folded, made when one is opened. */
  function tabulate(more, tables) {
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "Details of the agent");
    const row = (parent, cells, name) => {
      const line = parent.insertRow();
      cells.forEach((text) => {
        const cell = document.createElement(name);
        if (name === "th") cell.scope = "col";
        if (typeof text === "number") cell.className = "n";
        cell.textContent = String(text);
        line.append(cell);
      });
    };
    tables.forEach(([title, heads, rows]) => {
      const table = document.createElement("table");
      table.createCaption().textContent = title;
      row(table.createTHead(), heads, "th");
      const body = table.createTBody();
      rows.forEach((cells) => row(body, cells, "td"));
      scroll.append(table);
    });
    more.append(scroll);
  }

  /* Room for the plots of an agent, so that nothing moves away from under a pointer when they are drawn. */
  function frame(details) {
    const panel = data.panels[Number(details.dataset.panel)], box = details.querySelector(".plots");
    if (box.children.length) return;
    const most = panel.c.length ? Math.max(...panel.c) : 0;
    figure(box, "Token requests, and what was expected", `Token requests: ${total(panel.c)} in all, at most ${most} in a bucket`, tall);
    figure(box, "Refused", `Refused token requests: ${total(panel.f || [])} in all`, tall);
    figure(box, "Resources over time", `Resources: ${listed(panel.r)}`, laned(panel.r));
    figure(box, "Networks over time", `Networks: ${listed(panel.w)}`, laned(panel.w));
  }

  function show(details) {
    const panel = data.panels[Number(details.dataset.panel)], more = details.querySelector("[data-more]");
    if (more && !more.querySelector("table")) tabulate(more, panel.m);
    frame(details);
    const [tokens, refused, resources, networks] = details.querySelectorAll(".plots [role=img]");
    live.set(details, [band(tokens, panel), failed(refused, panel), lanes(resources, panel.r), lanes(networks, panel.w)]);
  }

  function hide(details) {
    (live.get(details) || []).forEach((chart) => chart.destroy());
    live.delete(details);
  }

  /* Timeline */
  const tints = ["#7b8794", "#3f7fb5", "#a97f0e", "#d9541a", "#c2181f"];
  const scatter = (chart) => {
    const paint = chart.ctx, size = 4 * devicePixelRatio;
    data.alerts.forEach(([time, severity]) => {
      if (time < view[0] || time > view[1]) return;
      paint.fillStyle = tints[severity];
      paint.beginPath();
      paint.arc(chart.valToPos(time, "x", true), chart.valToPos(severity + 0.5, "y", true), size, 0, 7);
      paint.fill();
    });
  };
  let charts = [];
  function timeline() {
    charts.forEach((chart) => chart.destroy());
    const names = data.severities;
    charts = [
      draw(byId("plot-alerts"), 170, [{ paths: () => null, points: { show: false } }], [times, times.map(() => null)], {
        left: 70, y: { range: () => [0, names.length] },
        values: { splits: () => names.map((_, i) => i + 0.5), values: () => names }, hooks: { draw: [scatter] },
      }),
      draw(byId("plot-requests"), 170, [
        { stroke: colour("--bar"), width: 1.5, paths: steps(), points: { show: false } },
        { stroke: colour("--mark"), width: 1.5, paths: steps(), points: { show: false } },
      ], [times, data.counts, data.failures], { left: 70 }),
    ];
  }

  function look(from, to) {
    const width = Math.min(end - begin, Math.max(data.step * 4, to - from));
    const left = Math.min(Math.max(begin, (from + to - width) / 2), end - width);
    view = [left, left + width];
    [...charts, ...Array.from(live.values()).flat()].forEach((chart) => chart.setScale("x", { min: view[0], max: view[1] }));
    const inside = data.alerts.filter(([time]) => time >= view[0] && time <= view[1]).length;
    byId("range").textContent = `Showing ${when(view[0])} to ${when(view[1])}: ${inside} of ${data.alerts.length} alerts. Blue: token requests; red: refused.`;
    filter();
  }

  function zoom(how) {
    const width = view[1] - view[0], middle = (view[0] + view[1]) / 2;
    if (how === "in") look(middle - width / 4, middle + width / 4);
    if (how === "out") look(middle - width, middle + width);
    if (how === "back") look(view[0] - width / 2, view[1] - width / 2);
    if (how === "on") look(view[0] + width / 2, view[1] + width / 2);
    if (how === "all") look(begin, end);
  }

  /* Alerts */
  const rows = Array.from(document.querySelectorAll("tr[data-n]"));
  const texts = new Map();
  function filter() {
    const wanted = new Set(Array.from(document.querySelectorAll("[data-severity]")).filter((box) => box.checked).map((box) => box.dataset.severity));
    const word = byId("find").value.trim().toLowerCase(), follow = byId("follow").checked;
    let count = 0;
    rows.forEach((row, i) => {
      let visible = wanted.has(row.dataset.s);
      if (visible && follow) visible = data.alerts[i][0] >= view[0] && data.alerts[i][0] <= view[1];
      if (visible && word) {
        if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
        visible = texts.get(row).includes(word);
      }
      if (row.hidden === visible) row.hidden = !visible;
      count += visible;
    });
    byId("shown").textContent = `${count} of ${rows.length} alerts shown.`;
  }

  function goto() {
    const target = location.hash.length > 1 ? byId(decodeURIComponent(location.hash.slice(1))) : null;
    if (!target) return;
    target.hidden = false;
    const inner = target.matches("details") ? target : target.querySelector("details");
    if (inner && target.matches("tr, details")) inner.open = true;
    target.scrollIntoView();
  }

  /* Keys, themes, paper */
  const agents = Array.from(document.querySelectorAll("details.agent"));
  const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (entry.isIntersecting && entry.target.open && !live.has(entry.target)) show(entry.target);
  }), { rootMargin: "300px" });
  function repaint() {
    if (data.n) { timeline(); look(view[0], view[1]); }
    Array.from(live.keys()).forEach((each) => { hide(each); show(each); });
  }
  let folded = [];
  function unfold() {
    folded = Array.from(document.querySelectorAll("details.chain:not([open]), table.alerts details:not([open])")).slice(0, 200);
    folded.forEach((each) => { each.open = true; });
    agents.forEach((each) => { if (each.open && !live.has(each)) show(each); });
    root.dataset.printing = root.dataset.theme || "";
    root.dataset.theme = "light";
    repaint();
  }
  function fold() {
    folded.forEach((each) => { each.open = false; });
    if (root.dataset.printing) root.dataset.theme = root.dataset.printing; else delete root.dataset.theme;
    delete root.dataset.printing;
    repaint();
  }
  agents.forEach((each) => {
    if (each.open) frame(each);
    seen.observe(each);
    each.addEventListener("toggle", () => { if (each.open && !live.has(each)) show(each); });
  });
  document.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => zoom(button.dataset.zoom)));
  byId("zoom").addEventListener("keydown", (event) => {
    const how = { "+": "in", "=": "in", "-": "out", ArrowLeft: "back", ArrowRight: "on", 0: "all" }[event.key];
    if (how && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); zoom(how); }
  });
  document.querySelectorAll("[data-severity], #follow").forEach((box) => box.addEventListener("change", filter));
  byId("find").addEventListener("input", filter);
  byId("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    repaint();
  });
  byId("print").addEventListener("click", () => print());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  addEventListener("beforeprint", unfold);
  addEventListener("afterprint", fold);
  addEventListener("hashchange", goto);
  let later = 0, width = innerWidth;
  addEventListener("resize", () => {
    clearTimeout(later);
    later = setTimeout(() => { if (innerWidth !== width) { width = innerWidth; repaint(); } }, 150);
  });
  repaint();
  filter();
  goto();
  root.dataset.ready = String(Math.round(performance.now()));
})();
