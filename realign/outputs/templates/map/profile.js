"use strict";
// The profile of an option or of one of its roads, linked with the map by a cursor.
realign.profile = (function () {
  var box, svg, select, words, marker = null;
  var pieces = [], zoom = null, cursor = null, frame = null, drag = null;
  var MARGIN = { left: 56, right: 14, top: 12, bottom: 24 };

  // Pieces on one axis: road, from, to, and the chainage at which the piece begins.
  function of(key) {
    var option = realign.option.shown();
    if (key === "*") {
      return option.whole.map(function (piece) {
        return { road: realign.road(piece[0]), from: piece[1], to: piece[2], start: piece[3] };
      });
    }
    var road = realign.road(key === "-" ? "" : key);
    return [{ road: road, from: 0, to: road.length, start: 0 }];
  }

  function span() {
    var last = pieces[pieces.length - 1];
    return [pieces[0].start, last.start + last.to - last.from];
  }

  function piece(x) {
    return pieces.find(function (p) { return x <= p.start + p.to - p.from; }) || pieces[pieces.length - 1];
  }

  function local(x, p) { return Math.max(p.from, Math.min(p.to, p.from + x - p.start)); }

  // Chainage of the existing road beside a point of a piece.
  function beside(p, s) {
    return p.road.key ? p.road.old[0] + (p.road.old[1] - p.road.old[0]) * s / p.road.length : s;
  }

  function sampled(window, width) {
    var out = [];
    pieces.forEach(function (p) {
      var a = Math.max(window[0], p.start), b = Math.min(window[1], p.start + p.to - p.from);
      if (b <= a) { return; }
      var step = Math.max(p.road.step, (window[1] - window[0]) / width);
      var own = [];
      for (var x = a; x < b; x += step) { own.push(x); }
      own.push(b);
      out.push({ piece: p, points: own.map(function (x) {
        var s = local(x, p);
        return { x: x, z: p.road.level(s), g: p.road.ground(s) };
      }) });
    });
    return out;
  }

  function levels(window) {
    var day = realign.days.now();
    return realign.scene.water.filter(function (stage) {
      return day === null || stage.date <= day;
    }).map(function (stage) {
      var own = pieces.map(function (p) {
        var a = beside(p, p.from), b = beside(p, p.to);
        if (b < stage.old[0] || a > stage.old[1]) { return null; }
        var from = p.start, to = p.start + p.to - p.from;
        if (!p.road.key) {
          from = p.start + Math.max(0, stage.old[0] - a);
          to = p.start + Math.min(b, stage.old[1]) - a;
        }
        from = Math.max(from, window[0]);
        to = Math.min(to, window[1]);
        return to > from ? [from, to] : null;
      }).filter(Boolean);
      return { stage: stage, spans: own };
    }).filter(function (each) { return each.spans.length; });
  }

  function even(least) {
    var power = Math.pow(10, Math.floor(Math.log10(least)));
    return [1, 2, 5, 10].map(function (m) { return m * power; })
      .find(function (step) { return step >= least; });
  }

  function render() {
    if (box.hidden || !pieces.length) { return; }
    var width = svg.clientWidth || 800, height = svg.clientHeight || 190;
    var window_ = zoom || span();
    var runs = sampled(window_, width), lines = levels(window_);
    var low = Infinity, high = -Infinity;
    runs.forEach(function (run) {
      run.points.forEach(function (q) {
        low = Math.min(low, q.z, q.g === null ? q.z : q.g);
        high = Math.max(high, q.z, q.g === null ? q.z : q.g);
      });
    });
    lines.forEach(function (each) {
      if (each.stage.level < high + 300) { high = Math.max(high, each.stage.level); }
      if (each.stage.level > low - 100) { low = Math.min(low, each.stage.level); }
    });
    var pad = Math.max(5, 0.06 * (high - low));
    low -= pad;
    high += pad;
    frame = { window: window_, low: low, high: high, width: width, height: height };
    svg.textContent = "";
    svg.setAttribute("viewBox", "0 0 " + width + " " + height);
    grid();
    runs.forEach(areas);
    lines.forEach(water);
    runs.forEach(road);
    frame.line = realign.draw("line", { "class": "cursor", y1: MARGIN.top, y2: height - MARGIN.bottom,
      x1: -9, x2: -9 }, svg);
    var stretch = ((width - MARGIN.left - MARGIN.right) / (window_[1] - window_[0])) /
      ((height - MARGIN.top - MARGIN.bottom) / (high - low));
    realign.byId("exaggeration").textContent = "Heights " + realign.number(1 / stretch) + " times enlarged; brown: ground, violet: new road, grey: existing road, blue: lakes, " +
      "ochre: cut, green: fill";
    if (cursor !== null) { put(cursor, false); }
  }

  function px(x) {
    return MARGIN.left + (x - frame.window[0]) / (frame.window[1] - frame.window[0]) *
      (frame.width - MARGIN.left - MARGIN.right);
  }

  function py(z) {
    return MARGIN.top + (frame.high - z) / (frame.high - frame.low) *
      (frame.height - MARGIN.top - MARGIN.bottom);
  }

  function grid() {
    var step = even((frame.high - frame.low) / 4);
    for (var z = Math.ceil(frame.low / step) * step; z <= frame.high; z += step) {
      realign.draw("line", { "class": "grid", x1: MARGIN.left, x2: frame.width - MARGIN.right,
        y1: py(z), y2: py(z) }, svg);
      realign.draw("text", { x: MARGIN.left - 6, y: py(z) + 4, "text-anchor": "end" }, svg)
        .textContent = realign.number(z) + " m";
    }
    var wide = even((frame.window[1] - frame.window[0]) / Math.max(2, frame.width / 110));
    for (var x = Math.ceil(frame.window[0] / wide) * wide; x <= frame.window[1]; x += wide) {
      realign.draw("line", { "class": "grid", x1: px(x), x2: px(x), y1: MARGIN.top,
        y2: frame.height - MARGIN.bottom }, svg);
      realign.draw("text", { x: px(x), y: frame.height - 8, "text-anchor": "middle" }, svg)
        .textContent = realign.station(x);
    }
  }

  function path(points, name, style) {
    return realign.draw("path", Object.assign({ "class": name, d: "M" + points.map(function (q) {
      return q[0].toFixed(1) + " " + q[1].toFixed(1);
    }).join("L") }, style || {}), svg);
  }

  // Cut and fill between ground and grade line, on open road.
  function areas(run) {
    var p = run.piece;
    if (!p.road.g) { return; }
    for (var i = 0; i + 1 < run.points.length; i++) {
      var a = run.points[i], b = run.points[i + 1];
      var form = p.road.form(local((a.x + b.x) / 2, p));
      if (form === 1 || form === 2) { continue; }
      var cut = a.g + b.g > a.z + b.z;
      path([[px(a.x), py(a.z)], [px(b.x), py(b.z)], [px(b.x), py(b.g)], [px(a.x), py(a.g)]],
        cut ? "area cut" : "area fill");
    }
    path(run.points.map(function (q) { return [px(q.x), py(q.g)]; }), "ground");
  }

  function water(each) {
    each.spans.forEach(function (ends, k) {
      path([[px(ends[0]), py(each.stage.level)], [px(ends[1]), py(each.stage.level)]], "water");
      if (k === 0) {
        realign.draw("text", { "class": "level", x: px(ends[0]) + 4, y: py(each.stage.level) - 4 }, svg)
          .textContent = each.stage.dam + " " + realign.number(each.stage.level) + " m, from " +
            each.stage.date;
      }
    });
  }

  function road(run) {
    var p = run.piece;
    path(run.points.map(function (q) { return [px(q.x), py(q.z)]; }), p.road.key ? "grade" : "grade old");
    p.road.parts.forEach(function (part) {
      if (!part[2]) { return; }
      var from = Math.max(part[0], p.from), to = Math.min(part[1], p.to);
      var a = Math.max(p.start + from - p.from, frame.window[0]);
      var b = Math.min(p.start + to - p.from, frame.window[1]);
      if (b <= a) { return; }
      var look = realign.option.look(realign.scene.forms[part[2]].key);
      var own = [];
      for (var k = 0; k <= 8; k++) {
        var x = a + (b - a) * k / 8;
        own.push([px(x), py(p.road.level(local(x, p)))]);
      }
      var drawn = path(own, "structure", { stroke: look.color, "stroke-width": Math.max(2, Math.min(look.weight, px(b) - px(a))),
        "stroke-dasharray": look.dashArray || "none" });
      realign.draw("title", {}, drawn).textContent = realign.scene.forms[part[2]].name +
        (part[3] ? " " + part[3] : "") + ", " + realign.km(part[1] - part[0]);
    });
  }

  function describe(x) {
    var p = piece(x), s = local(x, p), z = p.road.level(s), g = p.road.ground(s);
    var out = [];
    if (p.road.key) {
      out.push(p.road.key + " " + realign.station(s),
        "existing road beside " + realign.station(realign.old.nearest(p.road.at(s)).s));
    } else {
      out.push("existing " + realign.station(s));
    }
    if (pieces.length > 1) { out.unshift("new chainage " + realign.station(x)); }
    out.push("level " + realign.number(z, 1) + " m");
    if (g !== null) {
      out.push("ground " + realign.number(g, 1) + " m",
        (z < g ? "cut " : "fill ") + realign.number(Math.abs(z - g), 1) + " m");
    }
    var d = Math.min(25, p.road.length / 4), a = Math.max(0, s - d), b = Math.min(p.road.length, s + d);
    out.push("grade " + realign.number(100 * (p.road.level(b) - p.road.level(a)) / (b - a), 1) + " %");
    out.push(realign.scene.forms[p.road.form(s)].name.toLowerCase());
    return out.join("  \u00b7  ");
  }

  // Put the cursor on the profile and its marker on the map.
  function put(x, pan) {
    cursor = x;
    var p = piece(x), place = p.road.at(local(x, p));
    if (!marker) {
      marker = L.circleMarker(place, Object.assign(realign.option.look("cursor"),
        { pane: "cursor", radius: 8, interactive: false }));
    }
    marker.setLatLng(place).addTo(realign.map);
    if (pan && !realign.map.getBounds().pad(-0.1).contains(place)) { realign.map.panTo(place); }
    if (frame && frame.line) {
      frame.line.setAttribute("x1", px(x));
      frame.line.setAttribute("x2", px(x));
    }
    words.textContent = describe(x);
    svg.setAttribute("aria-valuetext", words.textContent);
    svg.setAttribute("aria-valuenow", Math.round(x));
  }

  function at(event) {
    var area = svg.getBoundingClientRect();
    var part = (event.clientX - area.left - MARGIN.left) / (area.width - MARGIN.left - MARGIN.right);
    return frame.window[0] + Math.max(0, Math.min(1, part)) * (frame.window[1] - frame.window[0]);
  }

  function fill() {
    var option = realign.option.shown();
    var kept = select.value;
    select.textContent = "";
    function add(value, text) {
      var choice = realign.make("option", text);
      choice.value = value;
      select.appendChild(choice);
    }
    add("*", "Whole option, end to end");
    add("-", "Existing road");
    option.links.forEach(function (link) { add(link, link); });
    select.value = Array.prototype.some.call(select.options, function (o) { return o.value === kept; }) ?
      kept : "*";
  }

  function open(key, place) {
    fill();
    if (select.value !== key) { cursor = null; }
    select.value = key;
    pieces = of(select.value || "*");
    zoom = null;
    box.hidden = false;
    var ends = span();
    svg.setAttribute("aria-valuemin", Math.round(ends[0]));
    svg.setAttribute("aria-valuemax", Math.round(ends[1]));
    realign.byId("profile-open").setAttribute("aria-expanded", "true");
    realign.tell("dock");
    render();
    if (place) { follow(place); } else { put(Math.max(ends[0], Math.min(ends[1], cursor || ends[0])), false); }
    realign.tell("state");
  }

  function close() {
    box.hidden = true;
    if (marker) { marker.remove(); }
    realign.byId("profile-open").setAttribute("aria-expanded", "false");
    realign.tell("dock");
    realign.tell("state");
  }

  // Put the cursor where a place on the map is nearest to what the profile shows.
  function follow(place, link) {
    var best = null;
    pieces.forEach(function (p) {
      if (link && p.road.key !== link) { return; }
      var near = p.road.nearest(place);
      if (near.s < p.from - 50 || near.s > p.to + 50) { return; }
      if (!best || near.metres < best.metres) {
        best = { metres: near.metres, x: p.start + Math.max(p.from, Math.min(p.to, near.s)) - p.from };
      }
    });
    if (best) { put(best.x, false); }
  }

  function zoomed(a, b) {
    var ends = span();
    zoom = [Math.max(ends[0], Math.min(a, b)), Math.min(ends[1], Math.max(a, b))];
    if (zoom[1] - zoom[0] < 100) { zoom = null; }
    render();
  }

  function moved(event) {
    if (!frame) { return; }
    put(at(event), false);
    if (drag !== null && Math.abs(event.clientX - drag.x) > 6) {
      var a = px(drag.at), b = px(at(event));
      drag.box = drag.box || realign.draw("rect", { "class": "zoom", y: MARGIN.top,
        height: frame.height - MARGIN.top - MARGIN.bottom }, svg);
      drag.box.setAttribute("x", Math.min(a, b));
      drag.box.setAttribute("width", Math.abs(a - b));
    }
  }

  function keys(event) {
    var ends = zoom || span(), step = (ends[1] - ends[0]) / 200;
    var by = { ArrowLeft: -step, ArrowRight: step, PageDown: -10 * step, PageUp: 10 * step }[event.key];
    if (event.key === "Home") { by = ends[0] - cursor; }
    if (event.key === "End") { by = ends[1] - cursor; }
    if (by === undefined) { return; }
    event.preventDefault();
    put(Math.max(ends[0], Math.min(ends[1], cursor + by)), true);
  }

  function ready() {
    box = realign.byId("profile");
    svg = realign.byId("section");
    select = realign.byId("road");
    words = realign.byId("at");
    select.addEventListener("change", function () {
      open(select.value);
      var p = pieces[0];
      if (pieces.length === 1) {
        realign.option.tell(p.road);
        realign.map.fitBounds(L.latLngBounds(p.road.slice(p.from, p.to)), realign.padding());
      }
    });
    realign.byId("profile-open").addEventListener("click", function () {
      if (box.hidden) { open(select.value || "*"); } else { close(); }
    });
    realign.byId("profile-close").addEventListener("click", close);
    svg.addEventListener("pointermove", moved);
    svg.addEventListener("pointerdown", function (event) {
      drag = { x: event.clientX, at: at(event), box: null };
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointerup", function (event) {
      var own = drag;
      drag = null;
      if (own && own.box) { zoomed(own.at, at(event)); } else { put(at(event), true); }
    });
    svg.addEventListener("dblclick", function () { zoom = null; render(); });
    svg.addEventListener("keydown", keys);
    window.addEventListener("resize", render);
    realign.on("road", function (what) { open(what.link, what.place); });
    realign.on("old road", function (place) {
      open(realign.option.shown().links.length ? "*" : "-", place);
    });
    realign.on("day", render);
    realign.on("hover", function (what) { if (!box.hidden) { follow(what.place, what.link); } });
    realign.on("option", function () {
      fill();
      if (!box.hidden) { open(select.value); }
    });
  }

  return { ready: ready, open: open, close: close, put: put, key: function () {
    return box.hidden ? "" : select.value;
  }, cursor: function () { return cursor; }, marker: function () { return marker; } };
}());
