// Draws the timeline from the data in the page. A column is some rounds; its height is divided by what the node did.
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const lines = data.timelines;
  const place = document.getElementById("timeline");
  if (!lines.length) return;
  const NS = place.querySelector("svg").namespaceURI;
  const make = (name, attributes, text) => {
    const e = document.createElementNS(NS, name);
    for (const k in attributes) e.setAttribute(k, attributes[k]);
    if (text !== undefined) e.textContent = text;
    return e;
  };
  // [first, rounds, start, computing, sending, waiting, bytes] in nanoseconds, from the first node's start.
  const zero = Math.min(...lines.map((l) => l.started));
  const spans = lines.map((l) => l.spans.map(([first, rounds, start, c, s, w, bytes]) => {
    return { first, rounds, start: start + (l.started - zero) * 1000, parts: [c, s, w], bytes };
  }));
  spans.forEach((list) => list.forEach((s) => { s.end = s.start + s.parts[0] + s.parts[1] + s.parts[2]; }));
  const end = Math.max(1, ...spans.map((list) => (list.length ? list[list.length - 1].end : 0)));
  const kinds = ["compute", "send", "wait"];
  const zoom = document.getElementById("zoom"), shift = document.getElementById("shift");
  const picked = document.getElementById("picked");
  let at = { node: 0, k: 0 };

  const time = (ns) => ns >= 1e9 ? (ns / 1e9).toPrecision(4) + " s" : ns >= 1e6 ? (ns / 1e6).toPrecision(4) + " ms"
    : ns >= 1e3 ? (ns / 1e3).toPrecision(4) + " µs" : Math.round(ns) + " ns";
  const tick = (ns, step) => {
    const [unit, name] = step >= 1e9 ? [1e9, "s"] : step >= 1e6 ? [1e6, "ms"] : step >= 1e3 ? [1e3, "µs"] : [1, "ns"];
    return Math.round(ns / unit * 1000) / 1000 + " " + name;
  };

  function view() {
    const factor = Math.pow(2, Number(zoom.value));
    const width = end / factor;
    const from = (end - width) * Number(shift.value) / 1000;
    return [from, from + width];
  }

  function say() {
    const s = spans[at.node][at.k];
    const rounds = s.rounds === 0 ? "after the last round" : s.rounds === 1 ? "round " + s.first
      : "rounds " + s.first + " to " + (s.first + s.rounds - 1);
    picked.textContent = data.nodes[at.node] + ", " + rounds + ": computing " + time(s.parts[0]) + ", sending "
      + time(s.parts[1]) + ", waiting " + time(s.parts[2]) + "; " + s.bytes.toLocaleString("en") + " bytes sent";
  }

  function draw() {
    const width = Math.max(260, place.clientWidth), left = 62, right = 12, lane = 44, gap = 14, top = 10;
    const height = top + spans.length * (lane + gap) + 24;
    const [from, to] = view();
    const x = (ns) => left + (ns - from) / (to - from) * (width - left - right);
    const svg = make("svg", { viewBox: "0 0 " + width + " " + height, height, tabindex: 0, role: "img",
      "aria-label": "What each node did over time; the table below holds the sums" });
    const raw = (to - from) / Math.max(2, Math.floor((width - left) / 110)), ten = Math.pow(10, Math.floor(Math.log10(raw)));
    const step = [1, 2, 5, 10].map((m) => m * ten).find((s) => s >= raw);
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
      svg.append(make("line", { x1: x(t), x2: x(t), y1: top, y2: height - 20 }));
      const last = x(t) > width - 40;
      svg.append(make("text", { x: x(t), y: height - 6, "text-anchor": last ? "end" : "middle" }, tick(t, step)));
    }
    spans.forEach((list, node) => {
      const y = top + node * (lane + gap);
      svg.append(make("text", { x: 8, y: y + lane / 2 + 4, class: "node" }, data.nodes[node]));
      // Rounds thinner than two pixels are drawn together.
      let k = 0;
      while (k < list.length) {
        const first = list[k], sums = [0, 0, 0];
        let last = first;
        do {
          last = list[k];
          last.parts.forEach((p, i) => { sums[i] += p; });
          k += 1;
        } while (k < list.length && x(list[k].end) - x(first.start) < 2);
        if (last.end < from || first.start > to) continue;
        const x0 = Math.max(left, x(first.start)), x1 = Math.min(width - right, x(last.end));
        const total = sums[0] + sums[1] + sums[2];
        if (!total || x1 <= x0) continue;
        const w = Math.max(.5, x1 - x0 > 6 ? x1 - x0 - 1 : x1 - x0);
        let down = y + lane;
        sums.forEach((part, i) => {
          const h = part / total * lane;
          down -= h;
          if (h > 0) svg.append(make("rect", { x: x0, y: down, width: w, height: h, class: kinds[i] }));
        });
      }
    });
    const s = spans[at.node][at.k];
    if (s.end >= from && s.start <= to) {
      const x0 = Math.max(left, x(s.start)), x1 = Math.min(width - right, Math.max(x(s.end), x(s.start) + 2));
      svg.append(make("rect", { x: x0, y: top + at.node * (lane + gap) - 2, width: Math.max(2, x1 - x0), height: lane + 4, class: "mark" }));
    }
    svg.addEventListener("pointermove", (e) => {
      const box = svg.getBoundingClientRect();
      const node = Math.floor((e.clientY - box.top - top) / (lane + gap));
      const ns = from + (e.clientX - box.left - left) / (width - left - right) * (to - from);
      if (node < 0 || node >= spans.length) return;
      let k = spans[node].findIndex((s) => s.end >= ns);
      if (k < 0) k = spans[node].length - 1;
      if (node !== at.node || k !== at.k) { at = { node, k }; say(); draw(); }
    });
    svg.addEventListener("keydown", (e) => {
      const n = spans.length, moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
      const move = moves[e.key];
      if (!move) return;
      e.preventDefault();
      const node = (at.node + move[0] + n) % n;
      at = { node, k: Math.min(spans[node].length - 1, Math.max(0, at.k + move[1])) };
      say();
      draw();
      place.firstChild.focus();
    });
    place.replaceChildren(svg);
  }
  zoom.addEventListener("input", draw);
  shift.addEventListener("input", draw);
  window.addEventListener("resize", draw);
  document.getElementById("controls").hidden = false;
  say();
  draw();
})();
