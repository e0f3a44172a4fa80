"use strict";
// Tables that sort, weights that may be changed, axes that may be chosen; the page stands without.
(function () {
  var $ = function (id) { return document.getElementById(id); };

  function held(id) {
    var node = $(id);
    return node ? JSON.parse(node.textContent) : null;
  }

  // ------------------------------------------------------------ sorting

  function value(cell) {
    var given = cell.getAttribute("data-value");
    if (given === "inf") { return Infinity; }
    var text = given === null ? cell.textContent.trim() : given;
    var number = text === "" ? NaN : Number(text.replace(/,/g, ""));
    return isNaN(number) ? text.toLowerCase() : number;
  }

  function compare(a, b) {
    if (typeof a !== typeof b) { return typeof a === "number" ? -1 : 1; }
    return a < b ? -1 : a > b ? 1 : 0;
  }

  function sortable(table) {
    var heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      var arrow = document.createElement("span");
      arrow.className = "arrow";
      arrow.setAttribute("aria-hidden", "true");
      button.insertBefore(arrow, button.querySelector("small"));
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        var body = table.tBodies[0];
        Array.from(body.rows).map(function (row, place) {
          return { row: row, key: value(row.cells[column]), place: place };
        }).sort(function (a, b) {
          return (down ? -1 : 1) * compare(a.key, b.key) || a.place - b.place;
        }).forEach(function (each) { body.appendChild(each.row); });
      });
    });
    if (table.hasAttribute("data-sorted")) { heads[0].setAttribute("aria-sort", "ascending"); }
  }

  Array.from(document.querySelectorAll("table.sort")).forEach(sortable);

  // ------------------------------------------------------------ weights

  function weighing() {
    var data = held("decision-data");
    if (!data) { return; }
    var box = $("weighing");
    var table = $("decision");
    var inputs = Array.from(box.querySelectorAll("input"));
    var outputs = Array.from(box.querySelectorAll(".share"));
    var heads = Array.from(table.querySelectorAll(".weight"));
    var weights = data.weights.slice();
    var rows = {};
    Array.from(table.tBodies[0].rows).forEach(function (row) {
      rows[row.getAttribute("data-name")] = row;
    });

    // The weighted sum of parts; of equal totals one that is not beaten first, then by name.
    function ranked(shares) {
      return data.options.map(function (option) {
        var total = option.parts === null ? Infinity
          : option.parts.reduce(function (sum, part, j) { return sum + part * shares[j]; }, 0);
        return { option: option, total: total };
      }).sort(function (a, b) {
        if (a.total !== b.total && !(Math.abs(a.total - b.total) < 1e-12)) {
          return a.total - b.total;
        }
        if (a.option.unbeaten !== b.option.unbeaten) { return a.option.unbeaten ? -1 : 1; }
        return a.option.name < b.option.name ? -1 : 1;
      });
    }

    function show() {
      var sum = weights.reduce(function (a, b) { return a + b; }, 0);
      var changed = weights.some(function (w, j) { return w !== data.weights[j]; });
      var words = $("winner");
      $("reset").hidden = !changed;
      if (!(sum > 0)) {
        outputs.concat(heads).forEach(function (node) { node.textContent = "0.0 %"; });
        words.textContent = "Nothing counts: give at least one objective a weight.";
        return;
      }
      var shares = weights.map(function (w) { return w / sum; });
      [outputs, heads].forEach(function (nodes) {
        nodes.forEach(function (node, j) { node.textContent = (100 * shares[j]).toFixed(1) + " %"; });
      });
      var order = ranked(shares);
      order.forEach(function (each, place) {
        var row = rows[each.option.name];
        row.querySelector(".rank").textContent = place + 1;
        row.className = place === 0 ? "best" : "";
        if (each.option.parts !== null) {
          row.querySelector(".total").textContent = each.total.toFixed(3);
          row.querySelector(".bar").style.width = Math.round(90 * each.total) + "px";
        }
        row.parentNode.appendChild(row);
      });
      words.textContent = "";
      var name = document.createElement("strong");
      name.textContent = order[0].option.title;
      words.appendChild(name);
      words.appendChild(document.createTextNode(" comes first with "
        + (changed ? "your weights." : "the weights of the study.")));
    }

    function back() {
      weights = data.weights.slice();
      inputs.forEach(function (input, j) { input.value = Math.round(100 * weights[j]); });
      show();
    }

    inputs.forEach(function (input, j) {
      input.addEventListener("input", function () {
        weights[j] = Number(input.value) / 100;
        show();
      });
    });
    $("reset").addEventListener("click", back);
    box.querySelector(".sliders").hidden = false;
    box.querySelector(".noscript").hidden = true;
    back();  // browsers keep what was entered before a page is loaded again
  }

  weighing();

  // ------------------------------------------------------------ axes of the cloud

  function cloud() {
    var data = held("front-data");
    var svg = $("cloud");
    if (!data || !svg) { return; }
    var frame = { left: 64, right: 594, top: 14, bottom: 356 };
    var badge = 9;

    function make(tag, about, words) {
      var node = document.createElementNS("http://www.w3.org/2000/svg", tag);
      Object.keys(about).forEach(function (key) { node.setAttribute(key, about[key]); });
      if (words !== undefined) { node.textContent = words; }
      return node;
    }

    function roundStep(least) {
      var power = Math.pow(10, Math.floor(Math.log10(Math.max(least, 1e-6))));
      return [1, 2, 5, 10].map(function (k) { return k * power; })
        .find(function (step) { return step >= least * (1 - 1e-12); });
    }

    function axis(values, start, end) {
      var low = Math.min.apply(null, values);
      var high = Math.max.apply(null, values);
      var step = roundStep(Math.max(high - low, Math.abs(high) * 1e-3, 1e-6) / 5);
      var first = Math.floor(low / step);
      var last = Math.max(Math.ceil(high / step), first + 1);
      var ticks = [];
      for (var k = first; k <= last; k += 1) {
        ticks.push([Number((k * step).toPrecision(10)).toLocaleString("en-US",
          { maximumFractionDigits: 8 }), start + (k - first) / (last - first) * (end - start)]);
      }
      return { ticks: ticks, at: function (v) {
        return start + (v / step - first) / (last - first) * (end - start);
      } };
    }

    // The nearest place beside each dot that is free, as in the drawing that came with the page.
    function placed(dots) {
      var out = [];
      dots.forEach(function (dot) {
        var best = null;
        var widest = -1;
        [17, 26, 36, 48, 62, 80, 100, 125].some(function (far) {
          for (var k = 0; k < 16; k += 1) {
            var turn = 2 * Math.PI * (k + 1.5) / 16;
            var at = [dot[0] + far * Math.sin(turn), dot[1] - far * Math.cos(turn)];
            if (at[0] < frame.left + badge || at[0] > frame.right - badge
                || at[1] < frame.top + badge || at[1] > frame.bottom - badge) { continue; }
            var apart = Math.min.apply(null, out.map(function (b) {
              return Math.hypot(b[0] - at[0], b[1] - at[1]);
            }).concat(Infinity));
            var clear = Math.min.apply(null, dots.map(function (b) {
              return Math.hypot(b[0] - at[0], b[1] - at[1]);
            }));
            if (apart > 2 * badge + 1 && clear > badge + 4) { best = at; return true; }
            if (apart > widest) { widest = apart; best = at; }
          }
          return false;
        });
        out.push(best || dot);
      });
      return out;
    }

    function draw() {
      var a = Number($("axis-x").value);
      var b = Number($("axis-y").value);
      var all = data.points.concat(data.marks.map(function (mark) { return mark[2]; }));
      var x = axis(all.map(function (p) { return p[a]; }), frame.left, frame.right);
      var y = axis(all.map(function (p) { return p[b]; }), frame.bottom, frame.top);
      var grid = svg.querySelector(".grid");
      var marks = svg.querySelector(".marks");
      grid.textContent = "";
      marks.textContent = "";
      x.ticks.forEach(function (tick) {
        grid.appendChild(make("line", { x1: tick[1], x2: tick[1], y1: frame.bottom, y2: frame.top,
          stroke: "#d3d8dd" }));
        grid.appendChild(make("text", { x: tick[1], y: frame.bottom + 16, "text-anchor": "middle" },
          tick[0]));
      });
      y.ticks.forEach(function (tick) {
        grid.appendChild(make("line", { x1: frame.left, x2: frame.right, y1: tick[1], y2: tick[1],
          stroke: "#d3d8dd" }));
        grid.appendChild(make("text", { x: frame.left - 6, y: tick[1] + 4, "text-anchor": "end" },
          tick[0]));
      });
      svg.querySelector(".across").textContent = data.axes[a];
      svg.querySelector(".upward").textContent = data.axes[b];
      svg.setAttribute("aria-label", "Answers that no other beats: " + data.axes[a] + " across, "
        + data.axes[b] + " upward");
      svg.querySelectorAll(".dots path").forEach(function (path, group) {
        path.setAttribute("d", data.points.filter(function (p) {
          return p[p.length - 1] === group;
        }).map(function (p) {
          return "M" + x.at(p[a]).toFixed(1) + " " + y.at(p[b]).toFixed(1) + "h0";
        }).join("") || "M0 0");
      });
      var dots = data.marks.map(function (mark) { return [x.at(mark[2][a]), y.at(mark[2][b])]; });
      var badges = placed(dots);
      dots.forEach(function (dot, i) {
        marks.appendChild(make("line", { "class": "lead", x1: dot[0], y1: dot[1],
          x2: badges[i][0], y2: badges[i][1] }));
      });
      dots.forEach(function (dot, i) {
        var own = data.marks[i][0] === 1 ? " best" : "";
        marks.appendChild(make("circle", { "class": "exact", cx: dot[0], cy: dot[1], r: 4 }));
        marks.appendChild(make("circle", { "class": "badge" + own, cx: badges[i][0],
          cy: badges[i][1], r: badge }));
        marks.appendChild(make("text", { "class": "number" + own, x: badges[i][0],
          y: badges[i][1] + 4, "text-anchor": "middle" }, data.marks[i][0]));
      });
    }

    $("axes").hidden = false;
    ["axis-x", "axis-y"].forEach(function (id) { $(id).addEventListener("change", draw); });
    window.addEventListener("pageshow", draw);  // a page that is loaded again keeps its choice
  }

  cloud();

  // ------------------------------------------------------------ contents

  function contents() {
    var list = $("contents");
    var button = $("contents-button");
    var links = Array.from(list.querySelectorAll("a[href^='#']"));
    var heads = links.map(function (link) { return $(link.getAttribute("href").slice(1)); });
    var back = document.querySelector(".back");
    var at = -1;
    var asked = false;

    function fold(open) {
      button.setAttribute("aria-expanded", String(open));
      list.classList.toggle("shut", !open);
    }

    function place() {
      asked = false;
      var line = window.innerHeight / 4;
      var now = 0;
      heads.forEach(function (head, i) {
        if (head.getBoundingClientRect().top <= line) { now = i; }
      });
      var end = document.documentElement.scrollHeight - window.scrollY - window.innerHeight;
      if (end < 2) { now = heads.length - 1; }
      back.hidden = window.scrollY < window.innerHeight;
      if (now === at) { return; }
      if (at >= 0) { links[at].removeAttribute("aria-current"); }
      at = now;
      links[at].setAttribute("aria-current", "location");
      $("here").textContent = links[at].textContent;
      var box = list.getBoundingClientRect();
      var own = links[at].getBoundingClientRect();
      if (own.top < box.top || own.bottom > box.bottom) {
        list.scrollTop += own.top - box.top - box.height / 2;
      }
    }

    function soon() {
      if (!asked) { asked = true; window.requestAnimationFrame(place); }
    }

    button.hidden = false;
    fold(false);
    button.addEventListener("click", function () {
      fold(button.getAttribute("aria-expanded") === "false");
    });
    list.addEventListener("click", function (event) {
      if (event.target.closest("a")) { fold(false); }
    });
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape" && button.getAttribute("aria-expanded") === "true") {
        fold(false);
        button.focus();
      }
    });
    ["scroll", "resize"].forEach(function (what) {
      window.addEventListener(what, soon, { passive: true });
    });
    place();
  }

  contents();

  // A link into a part that is folded opens it.
  function reveal() {
    var node = location.hash.length > 1 ? $(decodeURIComponent(location.hash.slice(1))) : null;
    for (var up = node; up; up = up.parentElement) { if (up.tagName === "DETAILS") { up.open = true; } }
  }
  window.addEventListener("hashchange", reveal);
  reveal();

  // ------------------------------------------------------------ which chart of several

  Array.from(document.querySelectorAll("[data-choose]")).forEach(function (box) {
    var all = Array.from(document.querySelectorAll("figure[data-of=" + box.dataset.choose + "]"));
    var keys = Array.from(box.querySelectorAll("select"));
    function show() {
      all.forEach(function (figure) {
        figure.hidden = !keys.every(function (key) {
          return figure.dataset[key.dataset.key] === key.value;
        });
      });
    }
    keys.forEach(function (key) { key.addEventListener("change", show); });
    window.addEventListener("pageshow", show);  // a page that is loaded again keeps its choice
    box.hidden = false;
  });

  // ------------------------------------------------------------ bars of the schedule

  Array.from(document.querySelectorAll("details.gantt")).forEach(function (box) {
    var bars = Array.from(box.querySelectorAll(".job"));
    var words = box.querySelector(".readout");

    function tell(bar) {
      bars.forEach(function (each) { each.classList.toggle("told", each === bar); });
      words.textContent = bar.querySelector("title").textContent;
    }

    bars.forEach(function (bar, i) {
      ["focus", "pointerenter", "click"].forEach(function (what) {
        bar.addEventListener(what, function () { tell(bar); });
      });
      bar.addEventListener("keydown", function (event) {
        var step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1,
          Home: -i, End: bars.length - 1 - i }[event.key];
        var next = step === undefined ? undefined : bars[i + step];
        if (!next) { return; }
        event.preventDefault();
        bar.setAttribute("tabindex", "-1");
        next.setAttribute("tabindex", "0");
        next.focus();
      });
    });
  });

  // ------------------------------------------------------------ search of the assumptions

  function filter() {
    var input = $("filter");
    var groups = Array.from(document.querySelectorAll("details.assumed"));
    if (!groups.length) { return; }

    function show() {
      var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      var found = 0;
      groups.forEach(function (group) {
        var own = 0;
        Array.from(group.querySelectorAll("tbody tr")).forEach(function (row) {
          var text = row.textContent.toLowerCase();
          var hit = words.every(function (word) { return text.indexOf(word) >= 0; });
          row.hidden = !hit;
          own += hit ? 1 : 0;
        });
        group.hidden = own === 0;
        group.open = words.length > 0 && own > 0;
        found += own;
      });
      $("found").textContent = words.length ? found + " found" : "";
    }

    input.addEventListener("input", show);
    input.closest("p").hidden = false;
    window.addEventListener("pageshow", show);
  }

  filter();

  // ------------------------------------------------------------ what paper has open

  var shut = [];
  window.addEventListener("beforeprint", function () {
    shut = Array.from(document.querySelectorAll("details.paper:not([open])"));
    shut.forEach(function (each) { each.open = true; });
  });
  window.addEventListener("afterprint", function () {
    shut.forEach(function (each) { each.open = false; });
  });
}());
