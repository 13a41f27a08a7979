"use strict";
(function () {
  const WHOLE = 10000;
  function anchor(part) { return part < 0.06 ? "left" : part > 0.94 ? "right" : ""; }
  function twoAxis(figure, from, width) {
    const first = Number(BigInt(figure.dataset.first) / 1000n) / 1000;
    const last = Number(BigInt(figure.dataset.last) / 1000n) / 1000;
    const start = first + (last - first) * from / WHOLE;
    const span = (last - first) * width / WHOLE;
    const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4,
      3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 6048e5, 2592e6, 31536e6];
    const svg = figure.querySelector("svg.axis");
    const room = svg.getBoundingClientRect().width || 600;
    const most = Math.max(Math.min(Math.floor(room / 78), 7), 2);
    const step = steps.find(function (s) { return span / s <= most; }) || steps[steps.length - 1];
    svg.replaceChildren();
    for (let at = Math.ceil(start / step) * step; at <= start + span; at += step) {
      const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      const iso = new Date(at).toISOString();
      text.setAttribute("x", ((at - start) / span * 100).toFixed(2) + "%");
      text.setAttribute("y", "14");
      text.setAttribute("class", anchor((at - start) / span));
      text.textContent = step >= 864e5 ? iso.slice(0, 10) : iso.slice(11, step < 1000 ? 23 : 19);
      svg.append(text);
    }
  }
  document.querySelectorAll(".zoom").forEach(function (figure) {
    let from = 0, width = WHOLE;
    function show() {
      width = Math.min(Math.max(width, 1), WHOLE);
      from = Math.min(Math.max(from, 0), WHOLE - width);
      figure.querySelectorAll("svg.plot").forEach(function (svg) {
        svg.setAttribute("viewBox", from + " 0 " + width + " " + svg.dataset.height);
      });
      twoAxis(figure, from, width);
    }
    function zoom(factor, at) {
      const centre = from + width * at;
      width = Math.min(Math.max(width * factor, 1), WHOLE);
      from = centre - width * at;
      show();
    }
    const acts = {
      "in": function () { zoom(0.5, 0.5); }, "out": function () { zoom(2, 0.5); },
      "left": function () { from -= width / 4; show(); },
      "right": function () { from += width / 4; show(); },
      "all": function () { from = 0; width = WHOLE; show(); }
    };
    const keys = { "+": "in", "=": "in", "-": "out", "ArrowLeft": "left", "ArrowRight": "right", "0": "all" };
    figure.addEventListener("keydown", function (event) {
      const act = keys[event.key];
      if (act && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); acts[act](); }
    });
    figure.querySelectorAll("svg.plot").forEach(function (svg) {
      svg.addEventListener("wheel", function (event) {
        if (!event.ctrlKey && !event.shiftKey) { return; }
        event.preventDefault();
        const box = svg.getBoundingClientRect();
        const more = event.deltaY || event.deltaX;
        zoom(more < 0 ? 0.8 : 1.25, (event.clientX - box.left) / box.width);
      }, { passive: false });
      let held = null;
      svg.addEventListener("pointerdown", function (event) {
        if (width < WHOLE && !event.target.closest("a")) { held = event.clientX; svg.setPointerCapture(event.pointerId); }
      });
      svg.addEventListener("pointermove", function (event) {
        if (held === null) { return; }
        from -= (event.clientX - held) / svg.getBoundingClientRect().width * width;
        held = event.clientX;
        show();
      });
      svg.addEventListener("pointerup", function () { held = null; });
    });
    const controls = figure.querySelector(".controls");
    controls.hidden = false;
    controls.querySelectorAll("button").forEach(function (button) {
      button.addEventListener("click", function () { acts[button.dataset.act](); });
    });
    window.addEventListener("resize", show);
    show();
  });
  function opened() {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") { target.open = true; }
  }
  window.addEventListener("hashchange", opened);
  opened();
  const all = document.getElementById("open-all");
  all.parentElement.hidden = false;
  all.addEventListener("click", function () {
    document.querySelectorAll("details").forEach(function (one) { one.open = true; });
  });
})();
